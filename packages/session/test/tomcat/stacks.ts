import { createClient, RESP_TYPES } from 'redis'
import { hashOfId } from '../../src/id.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { expressApp } from '../adapters/express.ts'
import { fastifyApp } from '../adapters/fastify.ts'
import { honoApp } from '../adapters/hono.ts'
import { koaApp } from '../adapters/koa.ts'
import { nodeApp } from '../adapters/node.ts'
import type { AdapterApp } from '../adapters/routes.ts'
import type { TestApp } from '../app.ts'
import { startRedis, type TestRedis } from '../redis-server.ts'
import { startTomcat, type TestTomcat } from './tomcat-server.ts'

/** Two Tomcats and an app in each framework of Node.js, over one Redis; no node knows of another. */
export interface Stacks {
  readonly redis: TestRedis
  /** Origins. */
  readonly tomcats: readonly [string, string]
  readonly node: Readonly<Record<Framework, string>>
  /** Of the app in a framework. */
  readonly sessions: Readonly<Record<Framework, Sessions>>
  readonly look: Look
  stop(): Promise<void>
}

/** What stands in Redis of the session with this id. */
export interface Look {
  field(id: string | undefined, name: string): Promise<Buffer | null>
  text(id: string | undefined, name: string): Promise<string | undefined>
  names(id: string | undefined): Promise<string[]>
  ttlMs(id: string | undefined): Promise<number>
  put(id: string | undefined, name: string, value: Buffer): Promise<void>
  expireIn(id: string | undefined, ms: number): Promise<void>
}

export const frameworks = ['express', 'fastify', 'koa', 'hono', 'node:http'] as const
export type Framework = (typeof frameworks)[number]

const namespace = 'across'

/** A test machine may be slow; what is tested is what happens, not how soon. */
export const patient = { connectMs: 10_000, loadMs: 10_000, commitMs: 10_000 }

const apps: Readonly<Record<Framework, AdapterApp>> = {
  express: expressApp,
  fastify: fastifyApp,
  koa: koaApp,
  hono: honoApp,
  'node:http': nodeApp,
}

export async function startStacks(): Promise<Stacks> {
  const redis = await startRedis()
  const closing: (() => Promise<unknown>)[] = [() => redis.stop()]
  const stop = async () => {
    for (const close of closing.toReversed()) await close()
  }
  try {
    const starting = [1, 2].map(() => startTomcat([{ store: redis.url, namespace }]))
    for (const tomcat of starting) closing.push(() => tomcat.then((started) => started.kill()).catch(() => {}))
    const served = frameworks.map((framework) => serveOne(framework, redis.url))
    for (const each of served) closing.push(() => each.then((node) => node.close()).catch(() => {}))
    const nodes = await Promise.all(served)
    const [first, second] = (await Promise.all(starting)) as [TestTomcat, TestTomcat]
    const client = await createClient({ url: redis.url })
      .withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
      .connect()
    closing.push(async () => client.destroy())
    return {
      redis,
      tomcats: [first.origin, second.origin],
      node: byFramework((i) => nodes[i]!.origin),
      sessions: byFramework((i) => nodes[i]!.sessions),
      look: {
        field: (id, name) => client.hGet(key(id), name),
        text: async (id, name) => (await client.hGet(key(id), name))?.toString(),
        names: async (id) => (await client.hKeys(key(id))).map(String).sort(),
        ttlMs: (id) => client.pTTL(key(id)),
        async put(id, name, value) {
          await client.hSet(key(id), name, value)
        },
        async expireIn(id, ms) {
          await client.pExpire(key(id), ms)
        },
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function serveOne(framework: Framework, store: string): Promise<TestApp & { readonly sessions: Sessions }> {
  const sessions = createSessions({ store, namespace, timeouts: patient, onError: () => {} })
  const app = await apps[framework].serve(sessions)
  return {
    origin: app.origin,
    sessions,
    async close() {
      await app.close()
      await sessions.close()
    },
  }
}

function byFramework<T>(pick: (index: number) => T): Readonly<Record<Framework, T>> {
  return Object.fromEntries(frameworks.map((framework, i) => [framework, pick(i)])) as Record<Framework, T>
}

function key(id: string | undefined): string {
  if (id === undefined) throw new Error('the visitor has no session')
  return `${namespace}:s:${hashOfId(id)}`
}
