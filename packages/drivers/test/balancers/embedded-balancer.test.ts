import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createEmbeddedBalancer } from '../../src/balancers/embedded/embedded-balancer.ts'
import type { Backend } from './backend.ts'
import { type BalancerRig, describeBalancerContract } from './balancer-contract.ts'

describeBalancerContract('the embedded balancer', { start })

const PROXY = join(import.meta.dirname, '../../../proxy/dist/main.js')

/** The balancer's own process, as `baton up` starts it. */
async function start(backends: readonly Backend[]): Promise<BalancerRig> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-balancer-'))
  const adminSocket = join(dir, 'balancer.sock')
  const configFile = join(dir, 'balancer.json')
  let child = await startProcess({ host: '127.0.0.1', port: 0 })
  let address = await listenAddress(adminSocket)

  async function startProcess(listen: { host: string; port: number }): Promise<ChildProcess> {
    const nodes = backends.map(({ id, host, port, weight }) => ({ id, host, port, weight }))
    const health = {
      type: 'http',
      path: '/health',
      status: [[200, 399]],
      intervalMs: 50,
      timeoutMs: 2_000,
      rise: 2,
      fall: 2,
    }
    const config = { name: 'shop', listen, admin: adminSocket, state: join(dir, 'balancer.state'), nodes, health }
    await writeFile(configFile, JSON.stringify(config))
    return spawnProxy(configFile)
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }

  return {
    get address() {
      return address
    },
    adminSocket,
    connect: () => createEmbeddedBalancer({ socketPath: adminSocket }),
    kill,
    async start() {
      child = await startProcess(address)
      address = await listenAddress(adminSocket)
    },
    async close() {
      await kill()
      await rm(dir, { recursive: true })
    },
  }
}

async function spawnProxy(configFile: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROXY, configFile], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let log = ''
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk))
  const ready = once(child, 'message')
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the balancer did not start:\n${log}`)))
  const [message] = (await Promise.race([ready, ended])) as [{ type: string }]
  ended.catch(() => {})
  if (message.type !== 'ready') throw new Error(`the balancer did not start:\n${log}`)
  return child
}

async function listenAddress(socketPath: string): Promise<{ host: string; port: number }> {
  const asked = request({ socketPath, path: '/v1/nodes', agent: false }).end()
  const [answer] = await once(asked, 'response')
  return (JSON.parse(await text(answer)) as { listen: { host: string; port: number } }).listen
}
