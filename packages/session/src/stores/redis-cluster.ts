import { within } from './deadline.ts'
import { openRedisClient } from './redis-client.ts'
import { type RedisLink, redisLink } from './redis-link.ts'
import { makeRunner } from './redis-runner.ts'
import type { RedisServers, ServersOptions } from './redis-servers.ts'
import { readRedirect, readSlots, slotCount, slotOf } from './redis-slots.ts'
import type { RedisAddress } from './redis-target.ts'

/** Two refreshes of the map are at least this far apart; while a server is looked for, they are made this often. */
const refreshEveryMs = 200

/**
 * A cluster: one link to each master, and a map of slots, which is asked for whenever a server is looked for
 * and found, and after MOVED. node-redis' own cluster client asks anew only after MOVED or ASK, so it never hears of the
 * replica that took over from a master that is silent.
 */
export function clusterServers(options: ServersOptions): RedisServers {
  const { target, timeouts, tracking } = options
  const links = new Map<string, { readonly link: RedisLink; readonly host: string }>()
  const seeds = target.addresses.map(nameOf)
  let owners: (RedisLink | undefined)[] = new Array(slotCount)
  let masters: readonly string[] = []
  let refreshing: Promise<void> | undefined
  let refreshedAt = Number.NEGATIVE_INFINITY
  let isClosed = false
  const linkFor = (key: string) => owners[slotOf(key)] ?? anyLink()
  const runner = makeRunner(timeouts, {
    linkFor,
    redirect(code, reply, from) {
      if (code === 'READONLY' || code === 'CLUSTERDOWN') void refresh()
      const place = code === 'MOVED' || code === 'ASK' ? readRedirect(reply.message) : undefined
      if (place === undefined) return undefined
      const link = linkTo({ host: place.host || hostOf(from), port: place.port })
      if (code === 'MOVED') {
        owners[place.slot] = link
        void refresh()
      }
      return { link, isAsking: code === 'ASK' }
    },
  })
  reachSeeds()

  return {
    isCluster: true,
    run: (kind, key, commands, read) => runner.run(linkFor(key), kind, key, commands, read),
    masters: () => (masters.length === 0 ? seeds : masters),
    runOn: (master, kind, commands, read) => runner.run(links.get(master)?.link ?? anyLink(), kind, '', commands, read),

    /** Down while any master is: its sessions are. */
    health() {
      const known = masters.length === 0 ? [...links.keys()] : masters
      const all = known.flatMap((name) => links.get(name)?.link.health() ?? [])
      const down = all.filter(({ state }) => state === 'down')
      return down.length > 0
        ? { state: 'down', sinceMs: Math.max(...down.map(({ sinceMs }) => sinceMs)) }
        : { state: 'up', sinceMs: Math.min(...all.map(({ sinceMs }) => sinceMs)) }
    },

    async close() {
      isClosed = true
      await Promise.all([...links.values()].map(({ link }) => link.close()))
      runner.close()
    },
  }

  /** Before the map is known, any server will do: it says where a key is. */
  function anyLink(): RedisLink {
    const all = [...links.values()].map(({ link }) => link)
    return all.find(({ client, isAway }) => client !== undefined && !isAway) ?? all[0]!
  }

  function linkTo(address: RedisAddress): RedisLink {
    const name = nameOf(address)
    const known = links.get(name)
    if (known !== undefined) return known.link
    const { login } = target
    const link = redisLink({
      open: () =>
        openRedisClient({
          target,
          address,
          login,
          database: 0,
          connectMs: timeouts.connectMs,
          isTracked: tracking !== undefined,
        }),
      timeouts,
      ...(tracking === undefined ? {} : { tracking }),
      onSeek: () => void refresh(),
      onFound: () => void refresh(),
    })
    links.set(name, { link, host: 'host' in address ? address.host : '' })
    return link
  }

  function hostOf(link: RedisLink): string {
    for (const entry of links.values()) if (entry.link === link) return entry.host
    return ''
  }

  function refresh(): Promise<void> {
    refreshing ??= refreshOnce().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  async function refreshOnce(): Promise<void> {
    const pauseMs = refreshedAt + refreshEveryMs - performance.now()
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
    refreshedAt = performance.now()
    if (isClosed) return
    // Whoever is connected may be frozen, or cut off from the others: the first to answer wins, its map is checked by use.
    const asked = [...links.values()].flatMap(({ link, host }) => {
      if (link.client === undefined) return []
      const slots = within(timeouts.loadMs, 'show its slots', link.client.sendCommand(['CLUSTER', 'SLOTS']))
      return [slots.then((reply) => ({ ranges: readSlots(reply), host }))]
    })
    const first = await Promise.any(asked).catch(() => undefined)
    if (first === undefined) reachSeeds()
    else learn(first.ranges, first.host)
  }

  function reachSeeds(): void {
    if (!isClosed) for (const address of target.addresses) linkTo(address)
  }

  function learn(ranges: ReturnType<typeof readSlots>, askedHost: string): void {
    if (ranges.length === 0 || isClosed) return
    const next: (RedisLink | undefined)[] = new Array(slotCount)
    const names = new Set<string>()
    for (const { from, to, host, port } of ranges) {
      const address = { host: host || askedHost, port }
      names.add(nameOf(address))
      next.fill(linkTo(address), from, to + 1)
    }
    owners = next
    masters = [...names].sort()
    for (const [name, { link }] of links) {
      if (names.has(name)) continue
      links.delete(name)
      void link.close()
    }
  }
}

function nameOf(address: RedisAddress): string {
  return 'host' in address ? `${address.host}:${address.port}` : address.path
}
