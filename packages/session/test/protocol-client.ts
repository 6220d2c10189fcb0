import { type OpenOptions, type RequestSession, type Session, SessionError } from '../src/index.ts'
import type { OpenRequest, Sessions } from '../src/sessions.ts'
import { createSessions, type SessionsOptions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { SessionStore } from '../src/stores/store.ts'

/** Several nodes over one store, asked as adapters ask them, without the HTTP between. */
export interface Cluster {
  readonly nodes: readonly Sessions[]
  /** The store that the nodes have: to look into, and to disturb. */
  readonly store: SessionStore
  readonly reported: Error[]
  /** What the stores were asked. */
  readonly calls: string[]
  /** Called before each call of the store; what it throws is what the store answers. */
  disturb: ((method: string) => void | Promise<void>) | undefined
  visitor(cookie?: string): Visitor
  close(): Promise<void>
}

/** A browser's jar, reduced to the one cookie. */
export interface Visitor {
  cookie: string | undefined
  readonly lines: string[]
  /** One request, on a node: gives what `handle` gives, once everything is committed. */
  request<T>(
    node: number,
    handle: (session: Session, opened: RequestSession) => T,
    options?: OpenOptions,
  ): Promise<Awaited<T>>
}

export function startCluster(options: SessionsOptions = {}, size = 2): Cluster {
  const shared = new Map<string, Buffer>()
  const store = memoryStore({ shared, namespace: options.namespace ?? 'app' })
  const reported: Error[] = []
  const calls: string[] = []
  const cluster: Cluster = {
    store,
    reported,
    calls,
    disturb: undefined,
    nodes: Array.from({ length: size }, () =>
      createSessions({ ...options, store: watched(store), onError: (error) => reported.push(error) }),
    ),
    visitor: (cookie) => visitor(cluster, cookie),
    close: () => store.close(),
  }
  return cluster

  function watched(inner: SessionStore): SessionStore {
    return new Proxy(inner, {
      get(target, name) {
        if (name === 'peek') return undefined
        const method: unknown = Reflect.get(target, name)
        if (name === 'health' || typeof method !== 'function') return method
        return async (...args: unknown[]) => {
          calls.push(String(name))
          await cluster.disturb?.(String(name))
          return method.apply(target, args)
        }
      },
    })
  }
}

export function unavailable(): SessionError {
  return new SessionError('session-unavailable', 'the store is away')
}

export function withCode(code: string): unknown {
  return { asymmetricMatch: (error: unknown) => error instanceof SessionError && error.code === code }
}

function visitor(cluster: Cluster, cookie: string | undefined): Visitor {
  const self: Visitor = {
    cookie,
    lines: [],
    async request<T>(
      node: number,
      handle: (session: Session, opened: RequestSession) => T,
      options?: OpenOptions,
    ): Promise<Awaited<T>> {
      const sessions = cluster.nodes[node]!
      const headers = self.cookie === undefined ? {} : { cookie: `JSESSIONID=${self.cookie}` }
      const request: OpenRequest = { headers }
      const opened = await sessions.open(request, options)
      const result = await handle(opened.session, opened)
      await opened.commit()
      self.lines.length = 0
      self.lines.push(...sessions.cookiesFor(request, opened))
      opened.ended()
      for (const line of self.lines) {
        const value = /^JSESSIONID=([^;]*)/.exec(line)?.[1]
        if (value !== undefined) self.cookie = value === '' ? undefined : value
      }
      return result
    },
  }
  return self
}
