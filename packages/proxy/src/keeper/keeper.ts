import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ProxyError } from '../errors.ts'
import { fingerprint, type ProxyConfig, parseProxyConfig } from '../process/config.ts'
import { type Address, type BoundSocket, bindSocket } from '../process/listening-socket.ts'
import { writeAtomically } from '../state/atomic-write.ts'
import { adoptProcess, findRunning, type ProxyProcess, startChild } from './proxy-process.ts'

export interface KeeperOptions {
  readonly config: ProxyConfig
  /** An existing folder for the process' configuration and output: `proxy.json` and `proxy.log`. */
  readonly folder: string
  /** For the log of whoever keeps it. */
  onEvent?(event: KeeperEvent): void
}

export type KeeperEvent =
  | { readonly type: 'started' | 'adopted'; readonly pid: number; readonly address: Address }
  | { readonly type: 'replaced'; readonly pid: number; readonly previous: number; readonly address: Address }
  /** `how`, for example `signal SIGKILL`. */
  | { readonly type: 'ended'; readonly pid: number; readonly how: string; readonly restartInMs: number }
  | { readonly type: 'start-failed'; readonly error: Error; readonly restartInMs: number }

export interface ProxyKeeper {
  /** Where clients connect. */
  address(): Address
  /** Of the process in charge; the last one's while it is being restarted. */
  pid(): number
  /**
   * Starts a new process, of this version and configuration, and retires the old one once the new one serves; the old one
   * finishes what it has in flight for `stopGraceMs`. Resolves when the new one is in charge. Fails with the new one's error,
   * and then the old one goes on.
   */
  replace(config?: ProxyConfig): Promise<void>
  /** Lets requests in flight finish for so long, and ends all processes; when `hurry` aborts, at once. */
  stop(options: { readonly graceMs: number; readonly hurry?: AbortSignal }): Promise<void>
}

/** After a graceful stop that did not end in time. */
const killAfterMs = 5_000

/**
 * Keeps a balancer running in a process of its own, which outlives this one. This process holds the listening socket, so
 * that connections wait in its backlog, and are not refused, while a crashed balancer is started again. A balancer that
 * already runs is adopted; one that runs with another configuration is replaced. Fails as `startProxy` does.
 */
export async function keepProxyRunning(options: KeeperOptions): Promise<ProxyKeeper> {
  const { folder, onEvent = () => {} } = options
  // By name, because this code runs from the command line's bundle as well.
  const main = fileURLToPath(import.meta.resolve('@baton/proxy/main'))
  const files = { main, config: join(folder, 'proxy.json'), log: join(folder, 'proxy.log') }
  const stopping = new AbortController()
  const retired = new Set<ProxyProcess>()
  const backOff = createBackOff()
  let config = parseProxyConfig(options.config, 'the configuration of the balancer')
  let bound: BoundSocket | undefined
  let lastAct: Promise<unknown> = Promise.resolve()
  let current!: ProxyProcess
  try {
    await begin()
  } catch (error) {
    stopping.abort()
    throw error
  }

  return {
    address: () => current.address,
    pid: () => current.pid,

    replace: (next) =>
      oneAtATime(async () => {
        if (stopping.signal.aborted)
          throw new ProxyError('stopping', 'the balancer is being stopped: start it again instead')
        await succeed(parseProxyConfig(next ?? config, 'the new configuration of the balancer'))
      }),

    async stop({ graceMs, hurry }) {
      stopping.abort()
      await lastAct
      // Held on to, it would keep new clients waiting until the last request in flight has ended.
      bound?.handle.close()
      await Promise.all([current, ...retired].map((process) => end(process, { graceMs, hurry })))
    },
  }

  async function begin(): Promise<void> {
    const found = await findRunning(config.admin)
    if (found === undefined) return startAnew()
    keep(adoptProcess(config.admin, found))
    onEvent({ type: 'adopted', pid: found.pid, address: found.listen })
    if (found.fingerprint !== fingerprint(config)) await succeed(config)
  }

  async function startAnew(): Promise<void> {
    // Where the configuration says port 0, clients know the port that it was.
    bound ??= await bindSocket(current === undefined ? config.listen : current.address)
    try {
      keep(await start(config, { socket: bound, replace: false }))
      onEvent({ type: 'started', pid: current.pid, address: current.address })
    } catch (error) {
      // Held on to, it would keep clients waiting for nobody where there is nothing to come back.
      if (current === undefined) bound?.handle.close()
      throw error
    }
  }

  async function start(
    wanted: ProxyConfig,
    { socket, replace }: { readonly socket: BoundSocket | undefined; readonly replace: boolean },
  ): Promise<ProxyProcess> {
    await writeAtomically(files.config, `${JSON.stringify(wanted, null, 2)}\n`)
    return startChild({ ...files, admin: wanted.admin, listening: socket?.handle, replace })
  }

  /** A new process takes the current one's place. */
  async function succeed(next: ProxyConfig): Promise<void> {
    if (next.admin !== config.admin) {
      throw new ProxyError(
        'config-invalid',
        'the path of the admin socket cannot change while the balancer runs: stop it first',
      )
    }
    const previous = current
    const staysThere = sameAddress(next.listen, previous.address)
    const socket = staysThere ? bound : await bindSocket(next.listen)
    try {
      if (staysThere && socket === undefined) {
        // An adopted process: it alone has the listening socket.
        await writeAtomically(files.config, `${JSON.stringify(next, null, 2)}\n`)
        keep(await previous.spawnSuccessor(files))
      } else {
        keep(await start(next, { socket, replace: true }))
      }
    } catch (error) {
      if (!staysThere) socket?.handle.close()
      throw error
    }
    if (!staysThere) bound?.handle.close()
    bound = socket
    config = next
    retired.add(previous)
    previous.ended.then(() => retired.delete(previous))
    onEvent({ type: 'replaced', pid: current.pid, previous: previous.pid, address: current.address })
  }

  function keep(process: ProxyProcess): void {
    current = process
    process.ended.then((how) => oneAtATime(() => revive(process, how)))
  }

  /** Until it runs again, or this keeper stops. */
  async function revive(dead: ProxyProcess, how: string): Promise<void> {
    if (current !== dead || stopping.signal.aborted) return
    let restartInMs = backOff.nextMs()
    onEvent({ type: 'ended', pid: dead.pid, how, restartInMs })
    for (;;) {
      await sleep(restartInMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      try {
        // Another keeper may have been quicker.
        await begin()
        return
      } catch (error) {
        restartInMs = backOff.nextMs()
        onEvent({ type: 'start-failed', error: error as Error, restartInMs })
      }
    }
  }

  function oneAtATime<T>(act: () => Promise<T>): Promise<T> {
    const result = lastAct.then(act)
    lastAct = result.catch(() => {})
    return result
  }
}

async function end(
  process: ProxyProcess,
  { graceMs, hurry }: { graceMs: number; hurry: AbortSignal | undefined },
): Promise<void> {
  // One that does not answer is ended below.
  await process.stop({ graceMs }).catch(() => {})
  const kill = () => process.kill()
  const late = setTimeout(kill, graceMs + killAfterMs)
  if (hurry?.aborted) kill()
  hurry?.addEventListener('abort', kill)
  await process.ended
  hurry?.removeEventListener('abort', kill)
  clearTimeout(late)
}

function sameAddress(wanted: Address, actual: Address): boolean {
  return wanted.host === actual.host && (wanted.port === actual.port || wanted.port === 0)
}

/** At once after a first death, then 100 ms, doubled each time up to 5 s; forgotten after half a minute without one. */
function createBackOff(): { nextMs(): number } {
  const forgottenAfterMs = 30_000
  let deaths = 0
  let last = Number.NEGATIVE_INFINITY
  return {
    nextMs() {
      const now = performance.now()
      deaths = now - last > forgottenAfterMs ? 0 : deaths + 1
      last = now
      return deaths === 0 ? 0 : Math.min(5_000, 100 * 2 ** (deaths - 1))
    },
  }
}
