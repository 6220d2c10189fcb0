import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { vi } from 'vitest'
import { freePort, startRedis, type TestRedis } from './redis-server.ts'

/** A master, a replica and three sentinels that call the master `shop` and give it up after half a second of silence. */
export interface TestSentinels {
  readonly url: string
  readonly first: TestRedis
  readonly second: TestRedis
  /** Resolves as soon as a sentinel names this server as the master. */
  hasNamed(server: TestRedis): Promise<void>
  stop(): Promise<void>
}

export async function startSentinels(): Promise<TestSentinels> {
  const first = await startRedis()
  const second = await startRedis({ args: ['--replicaof', '127.0.0.1', String(first.port)] })
  const dir = mkdtempSync(join(tmpdir(), 'baton-sentinel-'))
  const children: ChildProcess[] = []
  const ports = [await freePort(), await freePort(), await freePort()]
  await linkIsUp(second)
  for (const port of ports) {
    const file = join(dir, `${port}.conf`)
    writeFileSync(
      file,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${dir}`,
        `sentinel monitor shop 127.0.0.1 ${first.port} 2`,
        'sentinel down-after-milliseconds shop 500',
        'sentinel failover-timeout shop 3000',
      ].join('\n'),
    )
    children.push(spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }))
  }
  for (const port of ports) await knowsTheOthers(port)

  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/shop`,
    first,
    second,
    async hasNamed(server) {
      const clients = await Promise.all(
        ports.map((port) => createClient({ url: `redis://127.0.0.1:${port}` }).connect()),
      )
      const named = async () => {
        for (const client of clients) {
          const [, port] = await client.sendCommand<string[]>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'shop'])
          if (Number(port) === server.port) return
        }
        throw new Error('it is not the master yet')
      }
      await vi.waitFor(named, { timeout: 20_000, interval: 10 })
      for (const client of clients) client.destroy()
    },
    async stop() {
      for (const child of children) {
        const exit = once(child, 'exit')
        child.kill('SIGKILL')
        await exit
      }
      await Promise.all([first.stop(), second.stop()])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function linkIsUp(replica: TestRedis): Promise<void> {
  const admin = await createClient({ url: replica.url }).connect()
  const isUp = async () => {
    if (!(await admin.info('replication')).includes('master_link_status:up'))
      throw new Error('the replica is not in sync')
  }
  await vi.waitFor(isUp, { timeout: 10_000, interval: 50 })
  admin.destroy()
}

async function knowsTheOthers(port: number): Promise<void> {
  const know = async () => {
    const admin = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2, socket: { reconnectStrategy: false } })
    admin.on('error', () => {})
    try {
      await admin.connect()
      const facts = await admin.sendCommand<string[]>(['SENTINEL', 'MASTER', 'shop'])
      const fact = (name: string) => facts[facts.indexOf(name) + 1]
      if (`${fact('num-other-sentinels')} ${fact('num-slaves')}` !== '2 1') throw new Error('not all are known')
    } finally {
      admin.destroy()
    }
  }
  await vi.waitFor(know, { timeout: 15_000, interval: 50 })
}
