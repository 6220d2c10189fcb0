import type { HaproxyLintOptions } from '../../../src/balancers/haproxy/lint/site.ts'

type Replacement = readonly [from: string, to: string]

/** The sound haproxy.cfg, and what is replaced in it so that the rule flags it. */
export interface HaproxyCase {
  readonly rule: string
  readonly flagged: readonly Replacement[]
  /** What stands on the line that is named. */
  readonly at: string
  /** Default: none, so that the sound configuration is the mended twin. */
  readonly mended?: readonly Replacement[]
  readonly options?: Partial<HaproxyLintOptions>
}

const socket = 'stats socket /run/haproxy/admin.sock mode 600 level admin'
const loadsState = 'load-server-state-from-file local\n'
const retries = 'retry-on conn-failure'

export const haproxyCases: readonly HaproxyCase[] = [
  { rule: 'socket-missing', flagged: [['/run/haproxy/admin.sock', '/run/haproxy/other.sock']], at: 'global' },
  {
    rule: 'socket-not-admin',
    flagged: [[' level admin', '']],
    at: 'stats socket',
  },
  {
    rule: 'socket-not-admin',
    flagged: [['level admin', 'level operator']],
    at: 'stats socket',
  },
  { rule: 'socket-open', flagged: [['mode 600', 'mode 660']], at: 'stats socket' },
  { rule: 'socket-open', flagged: [['mode 600', 'mode 666']], at: 'stats socket' },
  { rule: 'socket-open', flagged: [['mode 600 ', '']], at: 'stats socket' },
  {
    rule: 'socket-open',
    flagged: [[socket, `${socket}\n    stats socket ipv4@127.0.0.1:9999 level admin`]],
    mended: [[socket, `${socket}\n    stats socket ipv4@127.0.0.1:9999 level user`]],
    at: 'stats socket ipv4@',
  },
  { rule: 'state-not-loaded', flagged: [[loadsState, '']], at: 'backend shop' },
  { rule: 'state-not-loaded', flagged: [['from-file local', 'from-file none']], at: 'load-server-state-from-file' },
  {
    rule: 'state-file-missing',
    flagged: [['from-file local', 'from-file global']],
    mended: [
      ['from-file local', 'from-file global'],
      ['global\n    stats', 'global\n    server-state-file /var/lib/baton/shop.state\n    stats'],
    ],
    at: 'load-server-state-from-file',
  },
  {
    rule: 'state-file-elsewhere',
    flagged: [['server-state-file-name /var/lib/baton/shop.state', '']],
    mended: [
      ['server-state-file-name /var/lib/baton/shop.state', 'server-state-file-name shop.state'],
      ['global\n', 'global\n    server-state-base /var/lib/baton\n'],
    ],
    at: 'load-server-state-from-file',
  },
  { rule: 'hard-stop-after-missing', flagged: [['hard-stop-after 60s', '']], at: 'global' },
  {
    rule: 'backend-missing',
    flagged: [
      ['backend shop\n    balance', 'backend shop-old\n    balance'],
      ['default_backend shop', 'default_backend shop-old'],
    ],
    at: 'global',
    options: { nodes: [] },
  },
  { rule: 'backend-unused', flagged: [['default_backend shop', 'http-request return status 204']], at: 'backend shop' },
  { rule: 'mode-tcp', flagged: [['mode http', 'mode tcp']], at: 'mode tcp' },
  {
    rule: 'server-missing',
    flagged: [['    server web-2 127.0.0.1:3002 weight 10\n', '']],
    at: 'backend shop',
  },
  { rule: 'server-differs', flagged: [['127.0.0.1:3002', '127.0.0.1:3003']], at: 'server web-2' },
  {
    rule: 'server-unknown',
    flagged: [['    server web-1', '    server web-0 127.0.0.1:3000\n    server web-1']],
    at: 'server web-0',
  },
  { rule: 'check-missing', flagged: [['web-2 127.0.0.1:3002', 'web-2 127.0.0.1:3002 no-check']], at: 'server web-2' },
  { rule: 'sticky-backend', flagged: [['balance roundrobin', 'balance source']], at: 'balance source' },
  {
    rule: 'sticky-backend',
    flagged: [[retries, `${retries}\n    cookie NODE insert indirect nocache`]],
    at: 'cookie NODE',
  },
  {
    // A table that only counts binds nobody.
    rule: 'sticky-backend',
    flagged: [[retries, `${retries}\n    stick-table type ip size 1k\n    stick on src`]],
    mended: [
      [retries, `${retries}\n    stick-table type ip size 1k store http_req_rate(10s)\n    http-request track-sc0 src`],
    ],
    at: 'stick on',
  },
  {
    rule: 'node-in-other-backend',
    flagged: [[`backend shop\n    balance`, 'backend old\n    server any localhost:3001\n\nbackend shop\n    balance']],
    at: 'server any',
  },
  {
    rule: 'retry-on-sent',
    flagged: [[retries, 'retry-on all-retryable-errors']],
    mended: [
      [retries, 'retry-on all-retryable-errors\n    http-request disable-l7-retry unless { method GET HEAD OPTIONS }'],
    ],
    at: 'retry-on',
  },
  { rule: 'retry-on-sent', flagged: [[retries, `${retries} empty-response`]], at: 'retry-on' },
  { rule: 'retry-on-sent', flagged: [[retries, `${retries} response-timeout`]], at: 'retry-on' },
  { rule: 'retry-on-sent', flagged: [[retries, `${retries} 503`]], at: 'retry-on' },
  { rule: 'redispatch-missing', flagged: [['option redispatch 1', '']], at: 'backend shop' },
  { rule: 'redispatch-missing', flagged: [['option redispatch 1', 'no option redispatch']], at: 'backend shop' },
  {
    rule: 'idle-outlives-app',
    flagged: [['web-2 127.0.0.1:3002', 'web-2 127.0.0.1:3002 pool-purge-delay 5s']],
    at: 'server web-2',
  },
  {
    rule: 'idle-outlives-app',
    flagged: [
      [retries, `${retries}\n    http-reuse never`],
      ['timeout http-keep-alive 4s', ''],
    ],
    mended: [[retries, `${retries}\n    http-reuse never`]],
    at: 'backend shop',
  },
]
