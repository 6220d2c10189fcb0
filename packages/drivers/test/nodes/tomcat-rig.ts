import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BatonError, type TomcatAppConfig } from '@baton/core'
import { createTomcatNode } from '../../src/nodes/tomcat/node.ts'
import { createTomcat, type TomcatOptions } from '../../src/nodes/tomcat/tomcat.ts'
import { freePort } from './apps.ts'
import type { NodeRig } from './node-contract.ts'
import { makeWar } from './webapps.ts'

/** CATALINA_HOME, or where Debian has it. */
const home = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'

/** Quick to start: these JVMs live for a second. */
const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m', '-Djava.security.egd=file:/dev/urandom']

export interface TomcatRig extends NodeRig {
  readonly options: TomcatOptions
  readonly base: string
}

export interface TomcatRigOptions {
  readonly app?: Partial<TomcatAppConfig>
  readonly more?: Partial<TomcatOptions>
  readonly id?: string
  /** That of another rig, for a second node on one machine. */
  readonly stateDir?: string
}

export async function makeTomcatRig({ app, more, id = 'web-1', stateDir }: TomcatRigOptions = {}): Promise<TomcatRig> {
  const dir = stateDir ?? (await mkdtemp(join(tmpdir(), 'baton tomcat-')))
  const port = await freePort()
  const nodeDir = join(dir, 'nodes', id)
  let newest = 0
  const options: TomcatOptions = {
    id,
    address: { host: '127.0.0.1', port },
    app: {
      driver: 'tomcat',
      home,
      context: '/',
      env: { GREETING: 'hello' },
      stopTimeoutMs: 10_000,
      ...app,
      javaOptions: [...quick, ...(app?.javaOptions ?? [])],
    },
    dir: nodeDir,
    sessions: null,
    ...more,
  }
  const node = createTomcatNode({
    ...options,
    async assertHeld(token) {
      if (token < newest) throw new BatonError('stale-token', 'outdated')
      newest = token
    },
  })
  return {
    node,
    options,
    dir,
    nodeDir,
    base: join(nodeDir, 'base'),
    port,
    app: { release: makeWar, file: 'v1.war', folder: () => join(nodeDir, 'base') },
    call: (token = newest) => ({ token, signal: AbortSignal.timeout(30_000) }),
    async remove() {
      await createTomcat(options).stop(async () => {}, AbortSignal.timeout(20_000))
      await rm(dir, { recursive: true, force: true })
    },
  }
}
