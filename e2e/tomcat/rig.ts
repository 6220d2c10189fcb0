import { basename, join } from 'node:path'
import {
  needServer,
  processesIn,
  type Redis,
  repository,
  type SkippableTest,
  startRedis,
  type Traffic,
} from '@baton/testkit'
import { buildShop } from '../../examples/nginx-tomcat-redis/build.mjs'
import { needFront } from '../balancer-view.ts'
import { openRig, type Rig, type RigOptions } from '../rig.ts'

/** A real nginx or HAProxy before real Tomcats, with sessions in a real Redis. */
export interface TomcatRig extends Rig {
  /** It keeps what it has acknowledged. */
  readonly redis: Redis
  /** Process id of the node's JVM. */
  jvm(node: string): Promise<number>
  /** 100 requests/s of 200 logged-in users, no more than 8 at once: a JVM that has just started is slow. */
  traffic(): Promise<Traffic>
}

export type TomcatFront = 'nginx' | 'haproxy'

export interface TomcatRigOptions extends Omit<RigOptions, 'balancer' | 'app' | 'command' | 'sessions'> {
  /** Default: nginx. */
  readonly balancer?: TomcatFront
  /** Whether the last node is one of Node.js. The source of a release is then a folder, `shopRelease`. */
  readonly mixed?: boolean
}

const home = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'
const example = join(repository, 'examples/nginx-tomcat-redis')
/** Another Tomcat may have another Servlet API. */
const builds = join(example, 'build', ...(process.env.CATALINA_HOME === undefined ? [] : [basename(home)]))

export function shopWar(release: 'v1' | 'v2'): string {
  return join(shopFolder(release), 'shop.war')
}

/** With shop.war for Tomcat, and server.mjs for Node.js. */
export function shopFolder(release: 'v1' | 'v2'): string {
  return join(builds, release)
}

/** Skips the test where something is missing that cannot be brought along. */
export function needTomcatBehind(balancer: TomcatFront): (test: SkippableTest) => void {
  return (test) => {
    needFront(balancer, test)
    for (const name of ['redis-server', 'tomcat', 'javac'] as const) needServer(name, test)
  }
}

/** Compiles the shop where that has not been done, starts everything, and waits until every node serves. */
export async function openTomcatRig({
  balancer = 'nginx',
  mixed = false,
  ...options
}: TomcatRigOptions): Promise<TomcatRig> {
  buildShop({ folder: builds, home })
  const redis = await startRedis({ durable: true })
  try {
    const rig = await openRig({
      balancer,
      source: mixed ? shopFolder('v1') : shopWar('v1'),
      app: { driver: 'tomcat', home, javaOptions },
      ...(mixed ? { nodeFields: nodeFields(options.nodes) } : {}),
      sessions: JSON.stringify({ store: redis.url, namespace: 'shop' }),
      rollout,
      ...options,
    })
    return {
      ...rig,
      redis,
      jvm: async (node) => {
        const found = await processesIn(join(rig.folder, '.baton/nodes', node))
        if (found.length === 1) return found[0]!.pid
        throw new Error(`${found.length} processes of ${node} run: ${JSON.stringify(found)}`)
      },
      traffic: () => rig.traffic({ ratePerSecond: 100, users: 200, clients: 8 }),
      async remove() {
        await rig.remove()
        await redis.stop()
      },
    }
  } catch (error) {
    await redis.stop()
    throw error
  }
}

/** Small and soon there; how fast such a JVM becomes is no matter here. */
const javaOptions = '-Xmx160m -XX:+UseSerialGC -XX:TieredStopAtLevel=1'

/** The quick one of other rigs, with a ramp: at full traffic at once, a JVM that has just started has no time for its users. */
const rollout =
  '{ batch: 1, minAvailable: 50%, drainTimeout: 30s, ramp: [10% for 500ms, 50% for 500ms, 100%], bake: 300ms }'

/** All but the last are as the app section says. */
function nodeFields(nodes: number) {
  return Array.from({ length: nodes }, (_, index) =>
    index === nodes - 1 ? { driver: 'process', command: 'node server.mjs' } : {},
  )
}
