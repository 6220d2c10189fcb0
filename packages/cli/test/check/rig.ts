import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatProblems, parseConfig } from '@baton/core'
import { onTestFinished } from 'vitest'
import { type CheckContext, type CheckResult, runChecks } from '../../src/check/index.ts'

/** A folder of its own, gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-check-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A port that was free a moment ago, and that no outgoing connection is given by chance (Linux takes those from 32768 on). */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createTcpServer()
    const bound = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!bound) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** A port that somebody listens on until the end of the test. */
export async function serve(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  return portOf(server)
}

export async function serveHttp(listener: RequestListener, { keepAliveTimeout = 5000 } = {}): Promise<number> {
  const server = createServer(listener)
  server.keepAliveTimeout = keepAliveTimeout
  return serve(server)
}

export interface Site {
  readonly dir: string
  readonly yaml?: string
  readonly app?: string
  readonly ports?: readonly [balancer: number, web1: number, web2: number]
  readonly running?: Partial<CheckContext['running']>
  readonly stateDir?: string
}

/** Runs every check of a configuration with two nodes, web-1 and web-2. */
export async function check({ dir, yaml = '', app = 'command: node server.js', ports, running, stateDir }: Site) {
  const [listen, first, second] = ports ?? [await freePort(), await freePort(), await freePort()]
  const text = `name: shop
balancer: { listen: 127.0.0.1:${listen} }
app: { ${app} }
nodes: { web-1: { address: 127.0.0.1:${first} }, web-2: { address: 127.0.0.1:${second} } }
${yaml}`
  const parsed = parseConfig(text, 'baton.yaml')
  if ('problems' in parsed) throw new Error(formatProblems(parsed.problems))
  await mkdir(dir, { recursive: true })
  return runChecks(parsed.config, {
    dir,
    stateDir: stateDir ?? join(dir, '.baton'),
    running: { balancer: null, nodes: [], ...running },
  })
}

export function only(results: readonly CheckResult[], id: string): CheckResult[] {
  return results.filter((result) => result.id === id)
}

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
