/** A time span, in milliseconds of performance.now(). */
export interface Span {
  readonly from: number
  readonly to: number
}

/** One session as the model knows it. */
export interface ModelSession {
  /** `partial`: a late write may have left something that is no session; whether the key exists is the store's affair. */
  readonly status: 'absent' | 'partial' | 'alive' | 'dead'
  readonly version: number
  /** Everything but `@v` and what belongs to the store (`@e`, `@l`): names to bytes, as latin1. */
  readonly fields: ReadonlyMap<string, string>
  readonly isOwned: boolean
  /** It expires at some moment in this span, unless it is written before. */
  readonly expiry: Span | undefined
  /** All it ever was, for caches. */
  readonly past: readonly { readonly version: number; readonly seen: string }[]
}

/** Keys are numbers here: the how-manieth session of a schedule. All owned sessions have one owner. */
export type Operation =
  | { readonly kind: 'load'; readonly key: number; readonly fresh: boolean; readonly floor: number }
  | {
      readonly kind: 'create'
      readonly key: number
      readonly set: ReadonlyMap<string, string>
      readonly owned: boolean
    }
  | {
      readonly kind: 'commit'
      readonly key: number
      readonly set: ReadonlyMap<string, string>
      readonly remove: readonly string[]
    }
  | {
      readonly kind: 'update'
      readonly key: number
      readonly field: string
      readonly etag: string
      readonly value: string | undefined
    }
  | { readonly kind: 'touch'; readonly key: number; readonly ttlMs: number }
  | {
      readonly kind: 'rotate'
      readonly key: number
      readonly to: number
      readonly set: ReadonlyMap<string, string>
      readonly remove: readonly string[]
      readonly keep: boolean
      /** Of the owner, and so a new beginning for log-out-everywhere. */
      readonly login: boolean
    }
  | { readonly kind: 'destroy'; readonly key: number }
  | { readonly kind: 'destroyAllOf'; readonly except: number | undefined }

export interface Outcome {
  readonly sessions: readonly ModelSession[]
  /** What the store answers then, as `seen` and the other makers of replies write it. */
  readonly reply: string
}

export interface Circumstances {
  /** From the call to now: it happens at some moment in between. */
  readonly span: Span
  /** Some log-out-everywhere was under way at the same time. */
  readonly metKill: boolean
  /** Loads that are not `fresh` may give what once was, from their floor on. */
  readonly isCached: boolean
}

export const absentSession: ModelSession = {
  status: 'absent',
  version: 0,
  fields: new Map(),
  isOwned: false,
  expiry: undefined,
  past: [],
}

/** No clock is exact to the millisecond, and Redis looks at its own once a turn. */
const clockSlackMs = 5
/** What is longer than this never expires within a schedule. */
const longMs = 10_000

/** How an alive session is written in replies. */
export function seen(version: number, fields: ReadonlyMap<string, string>): string {
  let text = `v${version}`
  for (const name of [...fields.keys()].sort()) text += ` ${name}=${fields.get(name)}`
  return text
}

const names = new WeakMap<ModelSession, string>()

/** The same for sessions that nothing can tell apart. */
export function nameOf(session: ModelSession): string {
  let name = names.get(session)
  if (name === undefined) {
    const { status, version, fields, isOwned, expiry, past } = session
    name = `${status} ${isOwned} ${expiry?.from} ${expiry?.to} ${past.length} ${seen(version, fields)}`
    names.set(session, name)
  }
  return name
}

/** All that may happen when the store carries out this operation, log-out-everywhere aside, which is many steps: see `kill`. */
export function outcomesOf(
  op: Exclude<Operation, { kind: 'destroyAllOf' }>,
  sessions: readonly ModelSession[],
  circumstances: Circumstances,
): Outcome[] {
  const outcomes: Outcome[] = []
  const written = circumstances.isCached ? writtenAndRemembered : writtenOver
  const add = (session: ModelSession, reply: string) =>
    outcomes.push({ sessions: sessions.with(op.key, session), reply })
  for (const session of livesOf(sessions[op.key]!, circumstances.span)) {
    const { status, version, fields } = session
    switch (op.kind) {
      case 'load':
        if (status === 'alive') add(session, seen(version, fields))
        else if (status === 'dead') add(session, 'dead')
        else add(session, 'none')
        if (status === 'partial') add(session, 'dead')
        if (circumstances.isCached && !op.fresh) {
          for (const each of session.past) if (each.version >= op.floor) add(session, each.seen)
        }
        break
      case 'create':
        if (status !== 'absent') add(session, 'false')
        if (status === 'absent' || status === 'partial') {
          add(
            written({ ...absentSession, past: session.past }, { version: 1, fields: op.set, isOwned: op.owned }),
            'true',
          )
          if (op.owned && circumstances.metKill) {
            add(ended(session), 'gone')
            add(session, 'gone')
          }
        }
        break
      case 'commit':
        if (status === 'alive') {
          const next = written(session, { version: version + 1, fields: changed(fields, op) })
          add(next, `v${next.version}`)
        } else if (status === 'dead') add(session, 'dead')
        else add({ ...session, status: 'partial', expiry: undefined }, 'dead')
        break
      case 'update': {
        const current = fields.get(op.field)
        if (status !== 'alive') add(session, 'dead')
        else if ((current?.slice(1, 7) ?? '') !== op.etag) add(session, `conflict ${current}`)
        else {
          const change = op.value === undefined ? { set: new Map(), remove: [op.field] } : only(op.field, op.value)
          add(written(session, { version: version + 1, fields: changed(fields, change) }), `done ${version + 1}`)
        }
        break
      }
      case 'touch':
        if (status === 'alive') add({ ...session, expiry: expiryAfter(op.ttlMs, circumstances.span) }, 'ok')
        else {
          add(session, 'ok')
          // Whether that shortens the life of a tombstone is the store's affair.
          if (op.ttlMs < longMs) add({ ...session, expiry: { from: circumstances.span.from, to: Infinity } }, 'ok')
        }
        break
      case 'destroy':
        if (status === 'alive') add(ended(session), 'true')
        else if (status === 'dead') add(session, 'false')
        else add({ ...session, status: 'partial', expiry: undefined }, 'false')
        break
      case 'rotate':
        if (status !== 'alive') add(session, 'dead')
        else {
          const kept = new Map(op.keep ? fields : [...fields].filter(([field]) => !/^(\.|@j\.)/.test(field)))
          const moved = written(absentSession, {
            version: version + 1,
            fields: changed(kept, op),
            isOwned: session.isOwned || op.login,
          })
          const both = (old: ModelSession, next: ModelSession, reply: string) =>
            outcomes.push({ sessions: sessions.with(op.key, old).with(op.to, next), reply })
          both(ended(session), moved, seen(moved.version, moved.fields))
          if (moved.isOwned && circumstances.metKill) {
            for (const reply of ['gone', 'dead']) {
              both(ended(session), ended(moved), reply)
              both(ended(session), absentSession, reply)
            }
          }
        }
        break
    }
  }
  return outcomes
}

/** One step of log-out-everywhere; undefined where it has nothing to do, or may come too late. */
export function kill(session: ModelSession): ModelSession | undefined {
  return session.status === 'alive' && session.isOwned ? ended(session) : undefined
}

/** The session, or what expiry leaves of it, or either. */
export function livesOf(session: ModelSession, span: Span): readonly ModelSession[] {
  const { expiry } = session
  if (expiry === undefined || span.to < expiry.from) return [session]
  const expired = { ...absentSession, past: session.past }
  return span.from > expiry.to ? [expired] : [session, expired]
}

interface Written {
  readonly version: number
  readonly fields: ReadonlyMap<string, string>
  readonly isOwned?: boolean
}

function writtenOver(session: ModelSession, { version, fields, isOwned = session.isOwned }: Written): ModelSession {
  return { status: 'alive', version, fields, isOwned, expiry: undefined, past: session.past }
}

function writtenAndRemembered(session: ModelSession, change: Written): ModelSession {
  const { version, fields } = change
  const past = [...session.past, { version, seen: seen(version, fields) }]
  return { ...writtenOver(session, change), past }
}

function ended(session: ModelSession): ModelSession {
  return { ...session, status: 'dead', fields: new Map(), expiry: undefined }
}

function changed(
  fields: ReadonlyMap<string, string>,
  change: { readonly set: ReadonlyMap<string, string>; readonly remove: readonly string[] },
): ReadonlyMap<string, string> {
  const next = new Map(fields)
  for (const [field, value] of change.set) next.set(field, value)
  for (const field of change.remove) next.delete(field)
  return next
}

function only(field: string, value: string) {
  return { set: new Map([[field, value]]), remove: [] }
}

function expiryAfter(ttlMs: number, span: Span): Span | undefined {
  if (ttlMs >= longMs) return undefined
  return { from: span.from + ttlMs - clockSlackMs, to: span.to + ttlMs + clockSlackMs }
}
