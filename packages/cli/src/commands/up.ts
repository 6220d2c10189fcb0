import { mkdir } from 'node:fs/promises'
import { BatonError, type Config, formatAddress } from '@baton/core'
import { createSupervisor, type Supervisor } from '@baton/drivers'
import { type KeeperEvent, keepProxyRunning, type ProxyConfig, ProxyError, type ProxyKeeper } from '@baton/proxy'
import { exitCodes } from '../exit-code.ts'
import type { CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { installWhatIsMissing } from '../up/install.ts'
import { createUpLog, type UpLog } from '../up/log.ts'
import { balancerSocket, openWiring, sessionStoreUrl, type Wiring } from '../wiring.ts'
import { openWorkspace } from '../workspace.ts'

/** How long requests in flight may take when all of it stops. */
const stopGraceMs = 30_000

/**
 * `baton up`: the embedded balancer and the nodes' apps, in the foreground. Both are processes of their own that outlive a
 * killed `up`; the next one takes them over. SIGTERM and SIGINT stop everything cleanly, SIGHUP reads baton.yaml anew for
 * the balancer.
 */
export async function up(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  const log = createUpLog({ json: flags.json, terminal, clock: wiring.clock })
  const signals = listenForSignals()
  await mkdir(wiring.stateDir, { recursive: true, mode: 0o700 })
  const supervisor = createNodeSupervisor(wiring, log)
  await supervisor.start()
  let keeper: ProxyKeeper | undefined
  try {
    keeper = await startBalancer(wiring, log)
    await installWhatIsMissing(wiring, log, signals.stop)
    log.say('up.ready', `ready: http://${formatAddress(keeper.address())}`, {
      address: formatAddress(keeper.address()),
    })
    await untilStopped(signals, () => reload(flags.config, keeper!, log))
    log.say('up.stopping', 'stopping: requests in flight end first; once more kills')
    return exitCodes.done
  } finally {
    await keeper?.stop({ graceMs: stopGraceMs, hurry: signals.hurry })
    await supervisor.stop({ hurry: signals.hurry })
    signals.end()
  }
}

function createNodeSupervisor(wiring: Wiring, log: UpLog): Supervisor {
  const { config, stateDir } = wiring
  return createSupervisor({
    stateDir,
    nodes: config.nodes.flatMap(({ id, address, app }) => (app.driver === 'process' ? [{ id, address, app }] : [])),
    sessionsStore: sessionStoreUrl(config, stateDir),
    log: (line) => log.say('up.node', line),
  })
}

async function startBalancer(wiring: Wiring, log: UpLog): Promise<ProxyKeeper> {
  const { config, stateDir } = wiring
  try {
    return await keepProxyRunning({
      config: proxyConfig(config, stateDir),
      folder: stateDir,
      onEvent: (event) => log.say('up.balancer', balancerLine(event)),
    })
  } catch (error) {
    throw error instanceof ProxyError ? new BatonError(error.code, error.message, { cause: error }) : error
  }
}

function proxyConfig(config: Config, stateDir: string): ProxyConfig {
  const { balancer } = config
  const { type, path, status, intervalMs, timeoutMs, rise, fall } = config.health
  return {
    name: config.name,
    listen: balancer.listen,
    admin: balancerSocket(stateDir),
    state: `${stateDir}/balancer.json`,
    nodes: config.nodes.map(({ id, address, weight }) => ({ id, ...address, weight })),
    health: { type, path, status, intervalMs, timeoutMs, rise, fall },
    stopGraceMs,
    trustForwarded: balancer.trustForwarded,
    limits: {
      responseIdleMs: balancer.responseTimeoutMs,
      keepAliveMs: balancer.idleTimeoutMs,
      ...(balancer.maxBodyBytes === null ? {} : { bodyBytes: balancer.maxBodyBytes }),
    },
  }
}

function balancerLine(event: KeeperEvent): string {
  switch (event.type) {
    case 'started':
    case 'adopted':
    case 'replaced':
      return `balancer ${event.type} on ${formatAddress(event.address)} (pid ${event.pid})`
    case 'ended':
      return `balancer (pid ${event.pid}) ended: ${event.how}; started again in ${event.restartInMs} ms`
    case 'start-failed':
      return `balancer could not be started: ${event.error.message}; tried again in ${event.restartInMs} ms`
  }
}

/** A mistake in the new file changes nothing: the balancer goes on as it is. */
async function reload(configFile: string, keeper: ProxyKeeper, log: UpLog): Promise<void> {
  try {
    const { config, stateDir } = await openWorkspace(configFile)
    await keeper.replace(proxyConfig(config, stateDir))
    log.say(
      'up.reloaded',
      'balancer runs with the new configuration; changes of `app` and of nodes take a restart of `baton up`',
    )
  } catch (error) {
    const details = error instanceof BatonError ? (error.log ?? []) : []
    log.say('up.reload-failed', [`not reloaded: ${(error as Error).message}`, ...details].join('\n'))
  }
}

interface Signals {
  /** Aborts at the first SIGTERM or SIGINT. */
  readonly stop: AbortSignal
  /** Aborts at the second. */
  readonly hurry: AbortSignal
  onReload(act: () => void): void
  end(): void
}

function listenForSignals(): Signals {
  const [stop, hurry] = [new AbortController(), new AbortController()]
  let reloadAsked = () => {}
  const onStop = () => (stop.signal.aborted ? hurry.abort() : stop.abort())
  const onHangUp = () => reloadAsked()
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onHangUp)
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    onReload(act) {
      reloadAsked = act
    },
    end() {
      process.off('SIGTERM', onStop).off('SIGINT', onStop).off('SIGHUP', onHangUp)
    },
  }
}

async function untilStopped(signals: Signals, reloadNow: () => Promise<void>): Promise<void> {
  let last = Promise.resolve()
  signals.onReload(() => {
    last = last.then(reloadNow)
  })
  if (!signals.stop.aborted)
    await new Promise((resolve) => signals.stop.addEventListener('abort', resolve, { once: true }))
  signals.onReload(() => {})
  await last
}
