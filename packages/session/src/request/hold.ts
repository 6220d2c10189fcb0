import { inspect } from 'node:util'
import { Attributes } from '../attributes.ts'
import { SessionError } from '../errors.ts'
import { type Fields, type Meta, type Principal, principalOf, readMeta, untilDeadline } from '../format/record.ts'
import type { Change, Notes, Stored, Wanted } from '../stores/store.ts'
import type { RequestContext } from './context.ts'

export type Life =
  /** Nothing in the store that is ours; the first attribute begins a session, under a new id. */
  | 'none'
  | 'alive'
  /** Ended while the browser still named it: nothing is written, and the browser's cookie is left alone. */
  | 'dead'
  /** The store could not say, and the route does without: nothing is read, nothing can be written. */
  | 'away'

/**
 * What one request holds of its session: the state that the steps beside this file work on, one at a time. A class, because
 * there is one for each request: its methods are shared, and its fields are all that a read costs.
 */
export class Hold {
  readonly context: RequestContext
  /** Whether the route does without a session while the store is away. */
  readonly isOptional: boolean
  life: Life = 'none'
  /** Of the session that the cookie named, then of the one that this request has; '' for none. */
  key: string
  attributes: Attributes
  /** False once the browser's own id was found. */
  isNew = true
  createdAtMs: number | undefined = undefined
  deadlineMs: number | undefined = undefined
  maxInactiveMs: number
  /** As the store has it. */
  storedInactiveMs: number
  /** The latest version of which we know every attribute. */
  version = 0
  /** The version that this request has written last. */
  written: number | undefined = undefined
  cookie: { readonly set: string } | 'clear' | undefined = undefined
  headIsGone = false
  touchIsDue = false
  /** The app asked for the end, and the store has not confirmed it. */
  endIsWanted = false
  /** Who we are to the store while we have the session's lock. */
  lockHolder: string | undefined = undefined
  /** Told when the app wants another session in the place of this one, as express-session's `regenerate` gives. */
  renewer: Renewer | undefined = undefined
  /** The session's methods, as the app has taken them. */
  methods: Map<string, unknown> | undefined = undefined
  protected steps = 0
  private lastStep: Promise<unknown> | undefined = undefined
  private knownPrincipal: Principal | undefined = undefined
  private principalIsKnown = false

  constructor(context: RequestContext, key: string, isOptional: boolean) {
    this.context = context
    this.key = key
    this.isOptional = isOptional
    this.maxInactiveMs = context.maxInactiveMs
    this.storedInactiveMs = context.maxInactiveMs
    this.attributes = new Attributes(noFields, key, context.cipher)
  }

  /** false: the store has to be asked, with `open`. */
  openNow(want: Wanted | undefined): boolean {
    if (this.key === '') return true
    const stored = this.context.store.peek?.(this.key, want)
    if (stored === undefined) return false
    this.adoptFirst(stored)
    return true
  }

  /** Rejects with SessionError if the store cannot say whether there is a session. */
  async open(want: Wanted | undefined): Promise<void> {
    try {
      const stored = await this.context.store.load(this.key, want)
      if (stored !== undefined) this.adoptFirst(stored)
    } catch (error) {
      if (!this.isOptional || !(error instanceof SessionError) || error.status !== 503) throw error
      this.life = 'away'
    }
  }

  /** The store holds exactly this, under this key. Throws SessionError `session-format`. */
  adopt(key: string, fields: Fields, notes?: Notes): void {
    const meta = notes === undefined ? readMeta(fields, Date.now()) : notedMeta(fields, notes)
    if (meta.state !== 'alive') {
      this.life = meta.state === 'dead' ? 'dead' : 'none'
      return
    }
    this.life = 'alive'
    this.key = key
    this.createdAtMs = meta.createdAtMs
    this.deadlineMs = meta.deadlineMs
    if (this.maxInactiveMs === this.storedInactiveMs) this.maxInactiveMs = meta.maxInactiveMs
    this.storedInactiveMs = meta.maxInactiveMs
    this.version = meta.version
    this.principalIsKnown = false
    this.attributes.rebase(fields, key, notes)
  }

  /** The store took this change, as this version. */
  wrote(version: number, change: Change): void {
    // Had others written meanwhile, there would be values that we know nothing of.
    if (version === this.version + 1) this.version = version
    this.written = version
    this.touchIsDue = false
    this.attributes.settle(change)
  }

  isAlive(): boolean {
    return this.life === 'alive'
  }

  get principal(): Principal | undefined {
    if (!this.principalIsKnown) {
      this.principalIsKnown = true
      this.knownPrincipal = principalOf(this.attributes.record)
    }
    return this.knownPrincipal
  }

  /** Whose list of sessions this one is on. */
  get owner(): string | undefined {
    const principal = this.principal
    return principal && this.context.ownerOf(principal.name)
  }

  /** The list is to learn that the session lives longer than it thought; undefined where it knows, or there is none. */
  get ownerToTell(): string | undefined {
    if (this.principal === undefined) return undefined
    const isNews = this.touchIsDue || this.maxInactiveMs > this.storedInactiveMs
    return isNews || this.context.listings.isDue(this.key, this.maxInactiveMs) ? this.owner : undefined
  }

  /** For how long the session lives from now on without a request. */
  ttlMs(): number {
    if (this.deadlineMs === undefined) return this.maxInactiveMs
    return Math.max(1, Math.min(this.maxInactiveMs, this.deadlineMs - Date.now()))
  }

  /** The session is no more, as far as this request goes; what is assigned from now on begins another. */
  forget(): void {
    this.life = 'none'
    this.key = ''
    this.isNew = true
    this.createdAtMs = undefined
    this.deadlineMs = undefined
    this.maxInactiveMs = this.context.maxInactiveMs
    this.storedInactiveMs = this.context.maxInactiveMs
    this.touchIsDue = false
    this.lockHolder = undefined
    this.principalIsKnown = false
    this.attributes.reset(noFields, '')
  }

  /** One step at a time: a request may well call `save` and end at once. */
  inOrder<T>(step: (hold: Hold) => Promise<T>): Promise<T> {
    const result = this.lastStep === undefined ? step(this) : this.lastStep.then(() => step(this))
    const done = () => {
      this.steps -= 1
      if (this.steps === 0) this.lastStep = undefined
    }
    this.steps += 1
    this.lastStep = result.then(done, done)
    return result
  }

  /** What console.log shows of a session: it looks at what is behind the proxy. */
  [inspect.custom](): Record<string, unknown> {
    return this.toJSON()
  }

  toJSON(): Record<string, unknown> {
    return this.attributes.toJSON()
  }

  private adoptFirst({ fields, ttlMs, notes }: Stored): void {
    this.adopt(this.key, fields, notes)
    if (this.life !== 'alive') return
    this.isNew = false
    this.touchIsDue = ttlMs < this.ttlMs() - this.maxInactiveMs * 0.05
  }
}

/** Who gives the session to the app, and can give it another. */
export interface Renewer {
  /** Ends the session, and puts an empty one in its place. Rejects with SessionError. */
  renew(): Promise<void>
}

function notedMeta(fields: Fields, notes: Notes): Meta {
  if (notes.meta !== undefined) return untilDeadline(notes.meta, Date.now())
  const meta = readMeta(fields, Date.now())
  if (meta.state === 'alive') notes.meta = meta
  return meta
}

export const noFields: Fields = new Map()

export function refuseIfTooLate(hold: Hold): void {
  if (!hold.headIsGone) return
  throw new SessionError(
    'session-too-late',
    'a new session needs a cookie, and the headers have left: assign the first attribute, or log in, before that',
  )
}

export function refuseIfAway(hold: Hold): void {
  if (hold.life !== 'away') return
  throw new SessionError(
    'session-unavailable',
    'the session store is away, and this route only reads without it: check session.available before writing',
  )
}

export function gone(what: string): SessionError {
  return new SessionError('session-gone', `the session had ended when it was to be ${what}; have the user log in again`)
}
