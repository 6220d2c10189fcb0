import { readdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { dirname, join } from 'node:path'
import { type Address, BatonError } from '@baton/core'
import { packageFolder } from '../../../package-folder.ts'
import { statePaths } from '../paths.ts'
import { quote } from '../quote.ts'
import { renderServerBlock } from '../server-block.ts'
import { luaString, luaTable } from './lua-text.ts'

export interface DynamicOptions {
  readonly name: string
  /** Names this configuration: `GET /v1/configuration` answers it. */
  readonly token: string
  readonly nodes: readonly DynamicNode[]
  /** Where clients connect; null for who has server blocks of his own with `proxy_pass http://<name>`. */
  readonly listen: Address | null
  /** Absolute path of the folder of the socket and the state file, which nginx's workers write in. */
  readonly stateDir: string
  /** Absolute path of a folder that nginx's workers may read and nobody else writes, beside the configuration: `<include>/baton`. */
  readonly luaDir: string
  /** Whether the user's own configuration says how often the Lua module trims memory: it may be said only once. */
  readonly trimIsSet?: boolean
}

export interface DynamicNode {
  readonly id: string
  /** An IP address: the Lua module resolves no names. */
  readonly host: string
  readonly port: number
  readonly weight: number
}

export interface DynamicFiles {
  /** The text of `<include>/baton-<name>.conf`, below its header. */
  readonly conf: string
  /** What must be there, world-readable, before nginx reads `conf`. Absolute paths. */
  readonly files: readonly { readonly path: string; readonly text: string }[]
}

/**
 * An upstream whose members, weights and states change without a reload, and the admin API for it. Pure but for the Lua
 * files, which come with this package. Fails with `address-not-ip`.
 */
export function renderDynamic(options: DynamicOptions): DynamicFiles {
  const { name, nodes, listen, stateDir, luaDir } = options
  for (const node of nodes) assertIp(node)
  const main = join(luaDir, mainFileOf(options))
  const app = `(package.loaded[${luaString(`baton/${name}`)}] or dofile(${luaString(main)}))`
  const conf = `
# Shared by nginx's workers: ${nodes.length} nodes, their counts and their states.
lua_shared_dict baton_${name} ${dictionaryMiB(nodes.length)}m;

upstream ${name} {
    # Never used: nginx asks for a server, the Lua code chooses the node.
    server 0.0.0.1;
    balancer_by_lua_block { ${app}.balance() }
    # Idle connections to nodes end before Node.js closes them itself, after 5 s.
    keepalive ${idleConnections(nodes.length)};
    keepalive_timeout 4s;
    keepalive_requests 100000;
}

# For baton alone: the folder lets nobody else in.
server {
    listen ${quote(`unix:${statePaths(stateDir).listenSocket}`)};
    access_log off;
    client_max_body_size 64k;
    client_body_buffer_size 64k;
    location / {
        content_by_lua_block { ${app}.admin() }
    }
}
${listen === null ? '' : renderServerBlock({ name, listen })}`
  return {
    conf,
    files: [
      { path: join(dirname(luaDir), sharedConfName), text: sharedConf(options) },
      ...readLua().map(([path, text]) => ({ path: join(luaDir, path), text })),
      { path: main, text: mainFile(options) },
    ],
  }
}

/** The Lua files of one app that another generation than this one wrote: to be removed once this one runs. */
export function isOutdatedFile(fileName: string, { name, token }: Pick<DynamicOptions, 'name' | 'token'>): boolean {
  const [app, , extension] = fileName.split('.')
  return app === name && extension === 'lua' && fileName !== mainFileOf({ name, token })
}

/** http-level `log_by_lua` may stand only once in an nginx, however many apps it has. */
export const sharedConfName = 'baton.conf'

function sharedConf({ trimIsSet = false }: Pick<DynamicOptions, 'trimIsSet'>): string {
  return `# Written by baton, for all of its apps in this nginx.

# Ends what a request has begun: without it requests would seem to be in flight for ever. A server or location with a
# log_by_lua of its own replaces this one, and has to begin with this same line.
log_by_lua_block { local log = package.loaded["baton.log"] if log then log.finish() end }

# Makes nginx keep $request_id through a request: it ties subrequests to their main request. Costs nothing until used.
map $request_id $baton_request_id {
    default $request_id;
}
${trimIsSet ? '' : keepMemory}`
}

const keepMemory = `
# By default the Lua module gives free memory back to the system every 1,000 requests, only to ask for it again at once.
lua_malloc_trim 0;
`

function readLua(): (readonly [path: string, text: string])[] {
  const folder = join(packageFolder(), 'lua/baton')
  const files = readdirSync(folder).sort()
  return files.map((file) => [`baton/${file}`, readFileSync(join(folder, file), 'utf8')])
}

function mainFileOf({ name, token }: Pick<DynamicOptions, 'name' | 'token'>): string {
  // A worker of the configuration before, that has not loaded its own file yet, must not find this one.
  return `${name}.${token}.lua`
}

function mainFile({ name, token, nodes, stateDir, luaDir }: DynamicOptions): string {
  const { listenSocket, adminSocket, stateFile } = statePaths(stateDir)
  const lines = nodes.map(({ id, host, port, weight }) => `    ${luaTable({ id, host, port, weight })},`)
  return `-- Written by baton for ${name}: it will be overwritten.
local folder = ${luaString(`${luaDir}/?.lua;`)}
if not package.path:find(folder, 1, true) then package.path = folder .. package.path end
local app = require('baton.app').create {
  name = ${luaString(name)},
  token = ${luaString(token)},
  state_file = ${luaString(stateFile)},
  sockets = ${luaTable({ listen: listenSocket, admin: adminSocket })},
  nodes = {
${lines.join('\n')}
  },
}
package.loaded[${luaString(`baton/${name}`)}] = app
return app
`
}

/** A node takes some 300 bytes for each worker, and twice as many workers are there during a reload. */
function dictionaryMiB(nodes: number): number {
  return 1 + Math.ceil(nodes / 100)
}

/** Of each worker. nginx looks them through one by one, so that more than needed cost time. */
function idleConnections(nodes: number): number {
  return Math.min(1024, Math.max(64, 2 * nodes))
}

function assertIp({ id, host }: DynamicNode): void {
  if (isIP(host) !== 0) return
  throw new BatonError(
    'address-not-ip',
    `the address of ${id} is the name ${host}, and nginx's Lua resolves no names`,
    {
      hint: `write its IP address in baton.yaml, or use balancer.mode: reload`,
    },
  )
}
