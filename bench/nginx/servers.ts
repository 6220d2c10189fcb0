import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installNginxDynamic, type NginxDynamicInstallOptions, renderNginxDynamic } from '@baton/drivers'
import { freePorts, type Nginx, type NginxPlace, startNginx } from '@baton/testkit'
import { needProgram } from '../programs.ts'
import type { Upstream } from '../proxy/backend.ts'

/** An nginx in front of some nodes, with the same server block whatever stands behind it. */
export interface NginxUnderTest {
  readonly nginx: Nginx
  readonly url: string
  /** Of the dynamic one's socket and state. */
  readonly stateDir: string
}

export interface NginxSite {
  readonly upstreams: readonly Upstream[]
  readonly workers: number
}

/** Its upstream is Baton's Lua code, as `baton balancer install` writes it. */
export async function startDynamic(site: NginxSite): Promise<NginxUnderTest> {
  return start(site, async (options) => void (await installNginxDynamic(options, AbortSignal.timeout(30_000))))
}

/** Its upstream lists the servers. */
export async function startStatic(site: NginxSite): Promise<NginxUnderTest> {
  return start(site, async (options) => {
    const servers = site.upstreams.map(({ host, port }) => `    server ${host}:${port};`)
    const upstream = [`upstream ${options.name} {`, ...servers, ...keepAliveOf(options), '}\n']
    await writeFile(join(options.include, 'static.conf'), upstream.join('\n'))
  })
}

/** Its upstream's nodes are chosen in turn by Lua, in the phases that Baton's code runs in: what entering them costs, whatever is done there. */
export async function startEmpty(site: NginxSite): Promise<NginxUnderTest> {
  return start(site, async (options) => {
    const hosts = site.upstreams.map(({ host }) => `'${host}'`)
    const conf = `lua_malloc_trim 0;
init_by_lua_block {
  require 'resty.core'
  local set_current_peer = require('ngx.balancer').set_current_peer
  local hosts, last = { ${hosts.join(', ')} }, 0
  package.loaded.empty = {
    choose = function()
      last = last % #hosts + 1
      set_current_peer(hosts[last], ${site.upstreams[0]?.port})
    end,
    log = function() end,
  }
}
log_by_lua_block { package.loaded.empty.log() }
upstream ${options.name} {
  server 0.0.0.1;
  balancer_by_lua_block { package.loaded.empty.choose() }
${keepAliveOf(options).join('\n')}
}
`
    await writeFile(join(options.include, 'empty.conf'), conf)
  })
}

/** Of Baton's upstream: the others are to keep as many connections, for as long. */
function keepAliveOf(options: NginxDynamicInstallOptions): readonly string[] {
  const lines = renderNginxDynamic(options).match(/^ *keepalive.*;$/gm) ?? []
  if (lines.length === 0) throw new Error('the dynamic upstream keeps no connections: nothing to compare with')
  return lines
}

const name = 'bench'

async function start(
  { upstreams, workers }: NginxSite,
  install: (options: NginxDynamicInstallOptions) => Promise<void>,
): Promise<NginxUnderTest> {
  const [port = 0] = await freePorts(1)
  const program = needProgram('nginx')
  const stateDirOf = ({ folder }: Pick<NginxPlace, 'folder'>) => join(folder, 'state')
  const nginx = await startNginx({
    workers,
    http: serverBlock(port),
    async prepare(place) {
      const command = [program, '-p', place.folder, '-c', join(place.folder, 'nginx.conf')]
      const nodes = upstreams.map(({ host, port }, index) => ({
        id: `web-${index + 1}`,
        address: { host, port },
        weight: 1,
      }))
      await install({ name, command, include: place.include, stateDir: stateDirOf(place), listen: null, nodes })
    },
  })
  return { nginx, url: `http://127.0.0.1:${port}`, stateDir: stateDirOf(nginx) }
}

/** `reuseport` spreads the connections over the workers; every answer names its own. */
function serverBlock(port: number): string {
  return `
  server {
    listen 127.0.0.1:${port} reuseport backlog=4096;
    keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
    location / {
      proxy_pass http://${name};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      add_header Bench-Worker $pid;
    }
  }`
}
