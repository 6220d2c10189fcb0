import { createRequire } from 'node:module'
import cookie from '@fastify/cookie'
import fastify, { type FastifyPluginCallback, type FastifyReply } from 'fastify'
import type { TestApp } from '../app.ts'

/** The parts of `@fastify/session` that tests use. Its published types would claim `request.session`, which is ours here. */
export interface FastifySessionModule extends FastifyPluginCallback<FastifySessionOptions> {
  readonly Store: new () => FastifyStore
}

export interface FastifySessionOptions {
  readonly [option: string]: unknown
}

export interface FastifyStore {
  on(event: string, listener: () => void): this
}

export interface FastifyPeerSession {
  readonly sessionId: string
  readonly encryptedSessionId: string
  readonly cookie: {
    maxAge: number | null
    expires: Date | null
    originalMaxAge: number | null
    secure: boolean | null
  }
  touch(): void
  options(options: object): void
  get(name: string): unknown
  set(name: string, value: unknown): void
  isModified(): boolean
  isSaved(): boolean
  save(): Promise<void>
  reload(): Promise<void>
  destroy(): Promise<void>
  regenerate(keep?: string[]): Promise<void>
  [attribute: string]: unknown
}

export const fastifySession = createRequire(import.meta.url)('@fastify/session') as FastifySessionModule

export interface FastifyPeerRequest {
  session: FastifyPeerSession
  readonly query: Record<string, string>
  readonly body: unknown
}

export type FastifyPeerHandler = (request: FastifyPeerRequest, reply: FastifyReply) => unknown

const secret = 'a secret of at least thirty-two characters'

export async function startFastifySession(
  options: FastifySessionOptions,
  routes: Record<string, FastifyPeerHandler>,
): Promise<TestApp & { errors: unknown[] }> {
  const app = fastify({ trustProxy: true })
  const errors: unknown[] = []
  app.setErrorHandler((error: { status?: number }, _request, reply) => {
    errors.push(error)
    return reply.code(error.status ?? 500).send(String(error))
  })
  await app.register(cookie)
  await app.register(fastifySession, { secret, cookie: { secure: false }, ...options })
  for (const [url, handler] of Object.entries(routes)) {
    app.route({
      method: ['GET', 'POST'],
      url,
      handler: async (request, reply) => (await handler(request as unknown as FastifyPeerRequest, reply)) ?? 'done',
    })
  }
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    origin,
    errors,
    async close() {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
