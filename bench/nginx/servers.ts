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

/** Its upstream lists the servers, and keeps as many connections to them for as long. */
export async function startStatic(site: NginxSite): Promise<NginxUnderTest> {
  return start(site, async (options) => {
    const keepAlive = renderNginxDynamic(options).match(/^ *keepalive.*;$/gm) ?? []
    if (keepAlive.length === 0) throw new Error('the dynamic upstream keeps no connections: nothing to compare with')
    const servers = site.upstreams.map(({ host, port }) => `    server ${host}:${port};`)
    const upstream = [`upstream ${options.name} {`, ...servers, ...keepAlive, '}\n']
    await writeFile(join(options.include, 'static.conf'), upstream.join('\n'))
  })
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
