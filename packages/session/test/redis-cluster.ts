import { createClient } from 'redis'
import { vi } from 'vitest'
import { slotOf } from '../src/stores/redis-slots.ts'
import { startRedis, type TestRedis } from './redis-server.ts'

/** Three masters, a third of the slots each, and perhaps a replica of the first. */
export interface TestCluster {
  readonly url: string
  readonly masters: readonly TestRedis[]
  readonly replica: TestRedis | undefined
  /** Which of the masters has the key's slot in the beginning. */
  ownerOf(key: string): number
  /** Sends one command to one server. */
  tell<T>(server: TestRedis, ...command: string[]): Promise<T>
  stop(): Promise<void>
}

export async function startCluster({ withReplica = false } = {}): Promise<TestCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-config-file', 'nodes.conf']
  const start = () => startRedis({ args, isCluster: true })
  const masters = [await start(), await start(), await start()]
  const replica = withReplica ? await start() : undefined
  const all = replica === undefined ? masters : [...masters, replica]
  const first = masters[0]!

  const cluster: TestCluster = {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replica,
    ownerOf: (key) => Math.floor(slotOf(key) / third),
    async tell<T>(server: TestRedis, ...command: string[]) {
      const admin = await createClient({ url: server.url, RESP: 2 }).connect()
      try {
        return await admin.sendCommand<T>(command)
      } finally {
        admin.destroy()
      }
    },
    async stop() {
      await Promise.all(all.map((server) => server.stop()))
    },
  }
  for (const [i, master] of masters.entries()) {
    const last = i === 2 ? 16_383 : third * (i + 1) - 1
    await cluster.tell(master, 'CLUSTER', 'ADDSLOTSRANGE', String(third * i), String(last))
  }
  for (const server of all.slice(1)) {
    await cluster.tell(server, 'CLUSTER', 'MEET', '127.0.0.1', String(first.port), String(first.busPort))
  }
  await agree()
  if (replica !== undefined) {
    await cluster.tell(replica, 'CLUSTER', 'REPLICATE', await cluster.tell(first, 'CLUSTER', 'MYID'))
    await until(replica, ['INFO', 'replication'], /master_link_status:up/)
  }
  return cluster

  async function agree(): Promise<void> {
    for (const server of all) {
      await until(server, ['CLUSTER', 'INFO'], /cluster_state:ok/)
      await until(server, ['CLUSTER', 'INFO'], /cluster_known_nodes:[34]/)
    }
  }

  function until(server: TestRedis, command: readonly string[], answer: RegExp): Promise<void> {
    const isSo = async () => {
      if (!answer.test(await cluster.tell<string>(server, ...command))) throw new Error(`not yet: ${answer}`)
    }
    return vi.waitFor(isSo, { timeout: 20_000, interval: 50 })
  }
}

const third = 5461
