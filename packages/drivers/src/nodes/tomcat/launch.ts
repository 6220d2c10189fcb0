import { mkdir, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, BatonError, formatAddress, type TomcatAppConfig } from '@baton/core'
import type { ReleaseStore } from '../../releases/store.ts'
import { launch } from '../../supervisor/launch.ts'
import { makeBase } from './base.ts'
import type { SessionSettings } from './configuration.ts'
import { openHome } from './home.ts'
import { findJava } from './java.ts'
import type { TomcatLayout } from './layout.ts'
import { logSize, tomcatLog, wordsOfFailure } from './log.ts'
import { findByPidFile, type RunningTomcat } from './process.ts'
import { type TomcatRecord, writeRecord } from './record.ts'
import { findWebapp } from './webapp.ts'

export interface LaunchSettings {
  readonly id: string
  readonly nodeDir: string
  readonly layout: TomcatLayout
  readonly address: Address
  readonly app: TomcatAppConfig
  readonly sessions: SessionSettings | null
  readonly clientPort: number
  readonly releases: ReleaseStore
}

/** How long a process may take from its fork to its own command line. */
const appearsWithinMs = 10_000

/**
 * Makes the base anew and has catalina.sh start a Tomcat with the current release in it. Resolves when the process is there. What
 * stands in the way is found before anything is changed: `release-missing`, `port-taken`, `java-missing` and their like.
 */
export async function launchTomcat(settings: LaunchSettings, record: TomcatRecord): Promise<RunningTomcat> {
  const { id, nodeDir, layout, address, app, sessions, clientPort, releases } = settings
  const release = await releases.current()
  if (release === null) {
    throw new BatonError('release-missing', `node ${id} has no release to start yet`, { hint: 'run baton deploy' })
  }
  const home = await openHome(app.home)
  await findJava({ ...process.env, ...app.env }, home.version)
  const webapp = await findWebapp(await realpath(releases.releaseDir(release)))
  await assertFree(id, address)
  const log = tomcatLog(layout.log)
  await mkdir(dirname(layout.log), { recursive: true, mode: 0o700 })
  await log.rotateIfLarge()
  const logFrom = await logSize(layout.log)
  const { context, javaOptions } = app
  const { secret } = record
  await makeBase(layout, { home, address, context, javaOptions, sessions, clientPort, secret, release, webapp })
  await writeRecord(settings.layout.recordFile, { ...record, logFrom })
  // catalina.sh refuses to start where somebody else has the number by now.
  await rm(layout.pidFile, { force: true })
  await log.note(`starting release ${release}`)
  const out = await log.open()
  try {
    const env = ownEnvironment(settings, release)
    const { exited } = await launch({
      argv: [join(app.home, 'bin', 'catalina.sh'), 'start'],
      cwd: layout.base,
      env,
      logFd: out.fd,
    })
    const how = await exited
    if (how !== 'exit code 0') throw await failed(settings, logFrom, `catalina.sh start ended with ${how}`)
  } finally {
    await out.close()
  }
  const deadline = Date.now() + appearsWithinMs
  while (Date.now() < deadline) {
    const found = await findByPidFile(nodeDir)
    if (found !== null) return found
    await sleep(10)
  }
  throw await failed(settings, logFrom, `Tomcat of ${id} ended as soon as it was started`)
}

async function failed({ layout }: LaunchSettings, logFrom: number, message: string): Promise<BatonError> {
  return new BatonError('app-crashed', message, {
    hint: `see ${layout.log}`,
    log: await wordsOfFailure(layout.log, logFrom),
  })
}

function ownEnvironment({ id, layout, address, app, sessions, releases }: LaunchSettings, release: string) {
  return {
    // Those of another Tomcat, in the environment that baton was started in, are none of this one's.
    CATALINA_OPTS: '',
    CATALINA_OUT_CMD: '',
    ...app.env,
    CATALINA_HOME: app.home,
    CATALINA_BASE: layout.base,
    CATALINA_PID: layout.pidFile,
    CATALINA_OUT: layout.log,
    CATALINA_TMPDIR: join(layout.base, 'temp'),
    CATALINA_LOGGING_CONFIG: '',
    HOST: address.host,
    PORT: String(address.port),
    BATON_NODE: id,
    BATON_RELEASE: release,
    BATON_SHARED: releases.sharedDir,
    ...(sessions === null ? {} : { BATON_SESSION_STORE: sessions.store, BATON_SESSION_NAMESPACE: sessions.namespace }),
  }
}

/** Fails with `port-taken`: said at once, and not by a Tomcat that starts for seconds to find out. */
async function assertFree(id: string, address: Address): Promise<void> {
  const server = createServer()
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve).listen({ ...address, exclusive: true }, () => resolve(null))
  })
  if (error === null) {
    await new Promise((resolve) => server.close(resolve))
    return
  }
  throw new BatonError('port-taken', `${id} cannot listen at ${formatAddress(address)} (${error.code})`, {
    hint: `see who does: ss -ltnp 'sport = :${address.port}'`,
  })
}
