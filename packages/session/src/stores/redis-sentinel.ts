import { unavailable, within } from './deadline.ts'
import { openRedisClient, type RedisClient } from './redis-client.ts'
import type { RedisServers, ServersOptions } from './redis-servers.ts'
import { oneLink } from './redis-single.ts'
import type { RedisAddress } from './redis-target.ts'

const watchEveryMs = 1_000

/**
 * The master that the sentinels name (https://redis.io/docs/latest/develop/reference/sentinel-clients/), and that says of
 * itself that it is one. It is asked for again with each attempt to connect, and every second: a master that was cut off
 * from its sentinels, and not from us, is left once they have another one. node-redis' own sentinel client sleeps for a
 * second between two attempts, and does not give up.
 */
export function sentinelServers(options: ServersOptions): RedisServers {
  const { target, timeouts, tracking } = options
  const isTracked = tracking !== undefined
  const sentinels = target.addresses.map((address) => sentinel(options, address))
  let newest = -1
  let current: RedisAddress | undefined

  const servers = oneLink(options, {
    async open() {
      current = await master()
      const { login, database } = target
      return openRedisClient({ target, address: current, login, database, connectMs: timeouts.connectMs, isTracked })
    },
    proof: [{ command: ['ROLE'], accepts: (reply) => Array.isArray(reply) && String(reply[0]) === 'master' }],
  })
  const timer = setInterval(() => void watch(), watchEveryMs)
  timer.unref()

  return {
    ...servers,
    async close() {
      clearInterval(timer)
      for (const { close } of sentinels) close()
      await servers.close()
    },
  }

  /**
   * The first answer will do, unless it is older than one we had: a sentinel may have been away during a failover. If all
   * are older, the sentinels were set up anew.
   */
  async function master(): Promise<RedisAddress> {
    const older: Answer[] = []
    const answers = sentinels.map(async ({ ask }) => {
      const answer = await ask()
      if (answer.epoch >= newest) return answer
      older.push(answer)
      throw unavailable('a sentinel does not know the last failover yet')
    })
    const answer = await Promise.any(answers).catch((error: AggregateError) => {
      const [best] = older.sort((a, b) => b.epoch - a.epoch)
      if (best !== undefined) return best
      const [reason] = error.errors
      throw unavailable(`no sentinel names the master: ${reason instanceof Error ? reason.message : 'none answers'}`)
    })
    newest = answer.epoch
    return answer.address
  }

  async function watch(): Promise<void> {
    const before = current
    if (before === undefined || servers.link.client === undefined) return
    const now = await master().catch(() => before)
    if (current === before && !isSame(now, before)) servers.link.renew(new Error('the sentinels have another master'))
  }
}

interface Answer {
  readonly address: RedisAddress
  /** Of the failover that made it the master. */
  readonly epoch: number
}

interface Sentinel {
  ask(): Promise<Answer>
  close(): void
}

function sentinel({ target, timeouts }: ServersOptions, address: RedisAddress): Sentinel {
  let client: RedisClient | undefined
  let connecting: Promise<RedisClient> | undefined

  return {
    async ask() {
      connecting ??= connect()
      try {
        const asked = await within(timeouts.connectMs, 'reach a sentinel', connecting)
        const name = target.masterName
        const [found, facts] = await within(
          timeouts.loadMs,
          'hear from a sentinel',
          Promise.all([
            asked.sendCommand<Buffer[] | null>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]),
            asked.sendCommand<Buffer[]>(['SENTINEL', 'MASTER', name]),
          ]),
        )
        const [host, port] = (found ?? []).map(String)
        if (host === undefined || port === undefined) throw unavailable(`the sentinels know no master ${name}`)
        const at = facts.findIndex((fact, i) => i % 2 === 0 && fact.toString() === 'config-epoch')
        return { address: { host, port: Number(port) }, epoch: Number(facts[at + 1] ?? 0) }
      } catch (error) {
        forget()
        throw error
      }
    },
    close: forget,
  }

  async function connect(): Promise<RedisClient> {
    const { sentinelLogin: login } = target
    const fresh = await openRedisClient({
      target,
      address,
      login,
      database: 0,
      connectMs: timeouts.connectMs,
      isTracked: false,
    })
    client = fresh
    fresh.on('error', () => {
      if (client === fresh) forget()
    })
    await fresh.connect()
    return fresh
  }

  function forget(): void {
    const last = client
    client = undefined
    connecting = undefined
    last?.destroy()
  }
}

function isSame(a: RedisAddress, b: RedisAddress): boolean {
  return 'host' in a && 'host' in b && a.host === b.host && a.port === b.port
}
