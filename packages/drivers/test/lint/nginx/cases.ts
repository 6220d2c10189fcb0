// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of nginx and HAProxy look like that
import type { NginxLintOptions } from '../../../src/balancers/nginx/lint/site.ts'
import type { Edit } from '../edits.ts'

/** A sound configuration, and the edits that make it one which the rule flags. */
export interface NginxCase {
  readonly rule: string
  readonly base: 'reload' | 'dynamic'
  readonly flagged: readonly Edit[]
  /** In which file, and what stands on the line that is named. */
  readonly at: readonly [file: string, part: string]
  /** Default: none, so that the sound configuration is the mended twin. */
  readonly mended?: readonly Edit[]
  readonly options?: Partial<NginxLintOptions>
}

const main = 'nginx.conf'
const pool = 'conf.d/baton-shop.conf'
const site = 'sites/shop'

const servers = {
  sound: `    server 127.0.0.1:3001 weight=10 max_fails=0;
    server 127.0.0.1:3002 weight=10 max_fails=0;`,
  oneDown: `    server 127.0.0.1:3001 down;
    server 127.0.0.1:3002;`,
  ejectable: `    server 127.0.0.1:3001;
    server 127.0.0.1:3002 max_fails=3 fail_timeout=30s;`,
}

const luaModules = `load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
`

const finishLine = 'local log = package.loaded["baton.log"] if log then log.finish() end'

export const nginxCases: readonly NginxCase[] = [
  {
    rule: 'keepalive-missing',
    base: 'reload',
    flagged: [[pool, '    keepalive 32;\n', '']],
    at: [pool, 'upstream shop'],
  },
  {
    rule: 'keepalive-outlives-app',
    base: 'reload',
    flagged: [[pool, 'keepalive_timeout 4s', 'keepalive_timeout 5s']],
    at: [pool, 'keepalive_timeout'],
  },
  {
    // The default is a minute.
    rule: 'keepalive-outlives-app',
    base: 'dynamic',
    flagged: [[pool, '    keepalive_timeout 4s;\n', '']],
    at: [pool, 'keepalive 32'],
  },
  {
    rule: 'proxy-http-version',
    base: 'reload',
    flagged: [[site, 'proxy_http_version 1.1;', '']],
    at: [site, 'proxy_pass'],
  },
  {
    rule: 'proxy-http-version',
    base: 'reload',
    flagged: [[site, 'proxy_http_version 1.1;', 'proxy_http_version 1.0;']],
    at: [site, 'proxy_http_version'],
  },
  {
    // A proxy_set_header in the location takes the place of all those of the server.
    rule: 'connection-header',
    base: 'reload',
    flagged: [[site, 'http://shop;', 'http://shop;\n        proxy_set_header Host shop;']],
    mended: [
      [
        site,
        'http://shop;',
        'http://shop;\n        proxy_set_header Host shop;\n        proxy_set_header connection "";',
      ],
    ],
    at: [site, 'proxy_pass'],
  },
  {
    rule: 'connection-header',
    base: 'dynamic',
    flagged: [[site, 'Connection ""', 'Connection close']],
    at: [site, 'Connection close'],
  },
  {
    // The recipe that every tutorial has.
    rule: 'connection-header',
    base: 'reload',
    flagged: [[main, "''      '';", "''      close;"]],
    at: [main, "''      close"],
  },
  {
    rule: 'retry-non-idempotent',
    base: 'reload',
    flagged: [[site, 'upstream off', 'upstream invalid_header non_idempotent']],
    mended: [[site, 'upstream off', 'upstream invalid_header']],
    at: [site, 'proxy_next_upstream'],
  },
  {
    rule: 'retry-on-answer',
    base: 'reload',
    flagged: [[site, 'upstream off', 'upstream http_502 http_503']],
    at: [site, 'proxy_next_upstream'],
  },
  {
    rule: 'retry-on-answer',
    base: 'dynamic',
    flagged: [[site, 'error timeout;', 'error timeout http_502;']],
    mended: [[site, 'error timeout;', 'error timeout non_idempotent;']],
    at: [site, 'proxy_next_upstream'],
  },
  {
    rule: 'retry-after-sent',
    base: 'reload',
    flagged: [[site, 'proxy_next_upstream off', 'proxy_next_upstream error timeout']],
    at: [site, 'proxy_next_upstream'],
  },
  {
    // The default is to retry.
    rule: 'retry-after-sent',
    base: 'reload',
    flagged: [[site, 'proxy_next_upstream off;', '']],
    mended: [[site, 'proxy_next_upstream off;', 'proxy_next_upstream_tries 1;']],
    at: [site, 'proxy_pass'],
  },
  {
    rule: 'down-with-max-fails',
    base: 'reload',
    flagged: [[pool, servers.sound, servers.oneDown]],
    mended: [[pool, servers.sound, servers.oneDown.replace('3002', '3002 max_fails=0')]],
    at: [pool, 'down'],
  },
  {
    rule: 'max-fails-in-pair',
    base: 'reload',
    flagged: [[pool, servers.sound, servers.ejectable]],
    at: [pool, 'server 127.0.0.1:3001'],
  },
  {
    rule: 'sticky-upstream',
    base: 'reload',
    flagged: [[pool, '    keepalive 32', '    ip_hash;\n    keepalive 32']],
    at: [pool, 'ip_hash'],
  },
  {
    // At the top of nginx.conf it would not be read as part of http.
    rule: 'include-missing',
    base: 'reload',
    flagged: [[main, 'events {', 'include baton/*.conf;\n\nevents {']],
    mended: [[main, '    include sites/*;', '    include baton/*.conf;\n    include sites/*;']],
    at: [main, ''],
    options: { include: '/etc/nginx/baton' },
  },
  {
    rule: 'upstream-missing',
    base: 'reload',
    flagged: [
      [pool, 'upstream shop', 'upstream shop-old'],
      [site, 'http://shop;', 'http://shop-old;'],
    ],
    at: [main, ''],
    options: { nodes: [] },
  },
  {
    rule: 'upstream-unused',
    base: 'reload',
    flagged: [[site, 'proxy_pass http://shop;', 'return 204;']],
    at: [pool, 'upstream shop'],
  },
  {
    rule: 'node-in-other-upstream',
    base: 'reload',
    flagged: [[site, 'server {', 'upstream old { server localhost:3001; }\nserver {']],
    at: [site, 'upstream old'],
  },
  {
    rule: 'node-passed-directly',
    base: 'dynamic',
    flagged: [[site, 'location / {', 'location /new { proxy_pass "http://127.0.0.1:3002/"; }\n    location / {']],
    at: [site, 'location /new'],
  },
  {
    rule: 'pass-by-variable',
    base: 'reload',
    flagged: [[site, 'location / {', 'location /any { proxy_pass http://${host}; }\n    location / {']],
    mended: [[site, 'location / {', 'location /any { proxy_pass http://shop$request_uri; }\n    location / {']],
    at: [site, 'location /any'],
  },
  {
    rule: 'worker-shutdown-timeout-missing',
    base: 'reload',
    flagged: [[main, 'worker_shutdown_timeout 60s;', '']],
    at: [main, ''],
  },
  {
    rule: 'worker-shutdown-timeout-missing',
    base: 'dynamic',
    flagged: [[main, 'worker_shutdown_timeout 60s;', '']],
    at: [main, ''],
  },
  {
    rule: 'lua-module-missing',
    base: 'reload',
    flagged: [],
    mended: [[main, 'worker_processes 1;', `${luaModules}worker_processes 1;`]],
    at: [main, ''],
    options: { mode: 'dynamic' },
  },
  {
    rule: 'lua-code-cache-off',
    base: 'dynamic',
    flagged: [[site, 'location / {', 'lua_code_cache off;\n    location / {']],
    at: [site, 'lua_code_cache'],
  },
  {
    rule: 'log-phase-taken',
    base: 'dynamic',
    flagged: [[site, 'location / {', 'log_by_lua_block { ngx.log(ngx.INFO, "}") }\n    location / {']],
    mended: [[site, 'location / {', `log_by_lua_block { ${finishLine} ngx.log(ngx.INFO, "}") }\n    location / {`]],
    at: [site, 'log_by_lua_block'],
  },
  {
    // Elsewhere it may stand.
    rule: 'log-phase-taken',
    base: 'dynamic',
    flagged: [[site, 'proxy_pass', 'log_by_lua_file log.lua;\n        proxy_pass']],
    mended: [[site, 'location / {', 'location /own { log_by_lua_file log.lua; return 204; }\n    location / {']],
    at: [site, 'log_by_lua_file'],
  },
]
