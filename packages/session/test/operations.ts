import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../src/session.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import type { SessionStore } from '../src/stores/store.ts'
import { meant } from './fixtures.ts'

/** What fixtures/operations.json holds; fixtures/README.md says what it means. */
export interface OperationFixtures {
  readonly namespace: string
  readonly userSecret: string
  readonly maxInactiveInterval: number
  readonly id: string
  readonly operations: readonly OperationFixture[]
}

export interface OperationFixture {
  readonly name: string
  readonly absoluteTimeout?: number
  readonly before: Entries
  readonly do: readonly Step[]
  readonly after: Entries
  readonly dead?: readonly string[]
  readonly dropped?: boolean
  readonly cookie: 'new' | 'none' | 'cleared'
}

/** Full Redis keys to what is there. */
export type Entries = Readonly<Record<string, Entry | null>>

export interface Entry {
  /** Of a hash, in hex, or what stands for values that differ each time. */
  readonly fields?: Readonly<Record<string, string | Pattern>>
  /** Of a sorted set: how long until the score. */
  readonly members?: Readonly<Record<string, number>>
  /** Of a string. */
  readonly value?: string
  readonly ttlMs?: number
}

export type Pattern =
  | { readonly written: string; readonly payload: string }
  | { readonly now: 'ms' }
  | { readonly nowPlusMs: number }
  | { readonly text: string }
  | { readonly lock: number }

interface Step {
  readonly set?: string
  readonly setIn?: readonly [string, string]
  readonly value?: unknown
  readonly remove?: string
  readonly read?: string
  readonly update?: string
  readonly add?: number
  readonly consume?: string
  readonly login?: string
  readonly roles?: readonly string[]
  readonly authType?: string
  readonly regenerate?: true
  readonly destroy?: true
  readonly destroyAllOf?: string
  readonly maxInactiveInterval?: number
  readonly lock?: number
  readonly waitMs?: number
  readonly meanwhile?: Entries
  readonly end?: true
  readonly gives?: unknown
  readonly rejects?: string
}

export interface Played {
  /** What each step gave, beside what it was to give. */
  readonly given: readonly (readonly [unknown, unknown])[]
  readonly cookies: readonly string[]
  readonly reported: readonly unknown[]
}

/** Runs one fixture's steps as one request. `put` writes entries behind the session's back. */
export async function play(
  fixtures: OperationFixtures,
  fixture: OperationFixture,
  { store, put }: { store: SessionStore; put: (entries: Entries) => Promise<void> },
): Promise<Played> {
  const { namespace, userSecret, maxInactiveInterval, id } = fixtures
  const { absoluteTimeout } = fixture
  const reported: unknown[] = []
  const sessions = createSessions({
    ...{ store, namespace, userSecret, maxInactiveInterval },
    ...(absoluteTimeout === undefined ? {} : { absoluteTimeout }),
    onError: (error) => reported.push(error),
  })
  const request = { headers: { cookie: `JSESSIONID=${id}` } }
  const opened = await sessions.open(request)
  const given: [unknown, unknown][] = []
  for (const step of fixture.do) {
    const outcome = await run(step, opened.session, sessions, put, () => opened.ended()).catch(
      (error: { code?: string }) => (step.rejects === undefined ? Promise.reject(error) : error.code),
    )
    if ('gives' in step) given.push([outcome, meant(step.gives)])
    if (step.rejects !== undefined) given.push([outcome, step.rejects])
    if (step.end === true) await sleep(50)
  }
  await opened.commit()
  return { given, cookies: sessions.cookiesFor(request, opened), reported }
}

async function run(
  step: Step,
  session: Session,
  sessions: Sessions,
  put: (entries: Entries) => Promise<void>,
  end: () => void,
): Promise<unknown> {
  const { authType, waitMs } = step
  if (step.set !== undefined) session[step.set] = meant(step.value)
  if (step.setIn !== undefined) (session[step.setIn[0]] as Record<string, unknown>)[step.setIn[1]] = step.value
  if (step.remove !== undefined) delete session[step.remove]
  if (step.read !== undefined) return session[step.read]
  if (step.update !== undefined) {
    return session.update(step.update, (current) => (typeof current === 'number' ? current : 0) + (step.add ?? 0))
  }
  if (step.consume !== undefined) return session.consume(step.consume)
  if (step.login !== undefined) {
    await session.login(step.login, { roles: step.roles ?? [], ...(authType === undefined ? {} : { authType }) })
  }
  if (step.regenerate === true) await session.regenerate()
  if (step.destroy === true) await session.destroy()
  if (step.destroyAllOf !== undefined) return sessions.destroyAllOf(step.destroyAllOf)
  if (step.maxInactiveInterval !== undefined) session.maxInactiveInterval = step.maxInactiveInterval
  if (step.lock !== undefined) {
    await session.lock({ leaseMs: step.lock, ...(waitMs === undefined ? {} : { waitMs }) })
  }
  if (step.meanwhile !== undefined) await put(step.meanwhile)
  if (step.end === true) {
    await session.save()
    end()
  }
  return undefined
}
