import { mkdir } from 'node:fs/promises'
import { BatonError } from '@baton/core'
import { createSupervisor, createTomcatKeeper, type Supervisor, type TomcatKeeper } from '@baton/drivers'
import { exitCodes } from '../exit-code.ts'
import type { CommonOptions } from '../options.ts'
import { createRedaction } from '../redaction.ts'
import type { Terminal } from '../terminal.ts'
import { startBalancer, type UpBalancer } from '../up/balancer.ts'
import { installWhatIsMissing } from '../up/install.ts'
import { createUpLog, type UpLog } from '../up/log.ts'
import { openWiring, sessionStoreUrl, tomcatOptions, type Wiring } from '../wiring.ts'
import { openWorkspace } from '../workspace.ts'

/**
 * `baton up`: the nodes' apps and, unless nginx or HAProxy does that, the balancer, in the foreground. All of them are
 * processes of their own that outlive a killed `up`; the next one takes them over. SIGTERM and SIGINT stop everything
 * cleanly, SIGHUP reads baton.yaml anew for the balancer.
 */
export async function up(flags: CommonOptions, terminal: Terminal): Promise<number> {
  const wiring = await openWiring(flags.config)
  const log = createUpLog({ json: flags.json, terminal, clock: wiring.clock })
  const signals = listenForSignals()
  await mkdir(wiring.stateDir, { recursive: true, mode: 0o700 })
  const supervisor = createNodeSupervisor(wiring, log)
  await supervisor.start()
  const tomcats = createKeeper(wiring, log)
  let balancer: UpBalancer | undefined
  try {
    await tomcats.start()
    const started = await startBalancer(wiring, log)
    balancer = started
    await installWhatIsMissing(wiring, log, signals.stop)
    log.say('up.ready', `ready: ${started.entrance}`, { entrance: started.entrance })
    await untilStopped(signals, () => reload(flags.config, started, log))
    log.say('up.stopping', 'stopping: requests in flight end first; once more kills')
    return exitCodes.done
  } finally {
    await balancer?.stop({ hurry: signals.hurry })
    await Promise.all([supervisor.stop({ hurry: signals.hurry }), tomcats.stop({ hurry: signals.hurry })])
    signals.end()
  }
}

function createNodeSupervisor(wiring: Wiring, log: UpLog): Supervisor {
  const { config, stateDir } = wiring
  return createSupervisor({
    stateDir,
    nodes: config.nodes.flatMap(({ id, address, app }) => (app.driver === 'process' ? [{ id, address, app }] : [])),
    sessionsStore: sessionStoreUrl(config, stateDir),
    sessionsNamespace: config.sessions.namespace,
    log: (line) => log.say('up.node', line),
  })
}

function createKeeper(wiring: Wiring, log: UpLog): TomcatKeeper {
  const redact = createRedaction(wiring.config)
  return createTomcatKeeper({
    stateDir: wiring.stateDir,
    nodes: wiring.config.nodes.flatMap((node) => tomcatOptions(node, wiring) ?? []),
    log: (line) => log.say('up.node', redact(line)),
  })
}

/** A mistake in the new file changes nothing: the balancer goes on as it is. */
async function reload(configFile: string, balancer: UpBalancer, log: UpLog): Promise<void> {
  try {
    log.say('up.reloaded', await balancer.reload(await openWorkspace(configFile)))
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
