import { openRedisClient } from './redis-client.ts'
import { type LinkOptions, type RedisLink, redisLink } from './redis-link.ts'
import { makeRunner } from './redis-runner.ts'
import type { RedisServers, ServersOptions } from './redis-servers.ts'

/** One server, under one address. */
export function singleServer(options: ServersOptions): RedisServers {
  const { target, timeouts } = options
  return oneLink(options, {
    open: () =>
      openRedisClient({
        target,
        address: target.addresses[0],
        login: target.login,
        database: target.database,
        connectMs: timeouts.connectMs,
        isTracked: options.tracking !== undefined,
      }),
  })
}

/** All keys on one server, whichever that is: the master that Sentinel names, or the only one. */
export function oneLink(
  options: ServersOptions,
  how: Pick<LinkOptions, 'open' | 'proof'>,
): RedisServers & { link: RedisLink } {
  const { timeouts, tracking } = options
  const link = redisLink({ ...how, timeouts, ...(tracking === undefined ? {} : { tracking }) })
  const runner = makeRunner(timeouts, {
    linkFor: () => link,
    redirect(code, reply, from) {
      // A master that has become a replica: its name, or its sentinels, may lead to the new one.
      return code === 'READONLY' && from.renew(reply) ? { link: from, isAsking: false } : undefined
    },
  })
  return {
    link,
    isCluster: false,
    run: (kind, key, commands, read) => runner.run(link, kind, key, commands, read),
    masters: () => ['master'],
    runOn: (_master, kind, commands, read) => runner.run(link, kind, '', commands, read),
    health: () => link.health(),
    async close() {
      await link.close()
      runner.close()
    },
  }
}
