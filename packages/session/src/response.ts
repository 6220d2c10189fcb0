import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { SessionError } from './errors.ts'
import { refuseRequest } from './refusal.ts'
import { look, requestMap, requestOf } from './request-map.ts'
import { sharedPrototype } from './shared-prototype.ts'

export interface HeadGate {
  /** Called when the headers are about to leave, and when the answer ends. undefined: nothing to wait for. */
  commit(): Promise<void> | undefined
  /** Called once, after `commit`: the Set-Cookie values to add. */
  cookies(): readonly string[]
  /** What went wrong and cannot be answered any more, or is the app's own mistake. */
  onLateError(error: unknown): void
  /** Called once: the answer has left, or the client has, and everything is committed. */
  ended?(): void
}

type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders'
type Call = readonly [method: Method, args: readonly unknown[]]
/** Node's own methods are overloaded; what the app passes is passed on as it is. */
type Passed = (...args: readonly unknown[]) => unknown

/**
 * Holds back the first byte of an answer until `commit` has settled, and its end as well. To the app the response looks
 * as if it had been sent: `headersSent`, errors for late headers, back-pressure with a `drain` to follow, callbacks at
 * the real write. Where there is nothing to commit, every call goes straight through. An answer that breaks off before
 * its end, because the client went away, is committed when it closes.
 */
export function holdHead(res: ServerResponse, gate: HeadGate): void {
  const known = headOf(res)
  if (known !== undefined) {
    known.gate = joined(known.gate, gate)
    return
  }
  const shared = sharedPrototype(res)
  // Where middleware before us has overridden a method on this response, ours come before it.
  const methods = shared === undefined || isOverridden(res) ? overrideOwn(res) : overriddenOnce(shared)
  heads.set(requestOf(res), new Head(res, gate, methods))
}

const heads = requestMap<Head>()

function headOf(res: ServerResponse): Head | undefined {
  return heads.get(requestOf(res))
}

/** Gives the methods that were there before. */
function overrideOwn(res: ServerResponse): Methods {
  const before = methodsOf(res)
  res.writeHead = own.writeHead
  res.write = own.write
  res.end = own.end
  res.flushHeaders = own.flushHeaders
  res.on('close', closed)
  return before
}

/** The same for all responses. */
const own = {
  writeHead: ownOverride('writeHead'),
  write: ownOverride('write'),
  end: ownOverride('end'),
  flushHeaders: ownOverride('flushHeaders'),
}

function ownOverride<M extends Method>(method: M): ServerResponse[M] {
  return function (this: ServerResponse, ...args: unknown[]): unknown {
    return headOf(this)?.call(method, args)
  } as ServerResponse[M]
}

function closed(this: ServerResponse): void {
  headOf(this)?.close()
}

const methodNames = ['writeHead', 'write', 'end', 'flushHeaders'] as const

const isOverridden = (res: ServerResponse): boolean => methodNames.some((name) => Object.hasOwn(res, name))

const overridden = new WeakMap<object, Methods>()

/** Gives the methods that were there before. Heads that have others are none of its own. */
function overriddenOnce(shared: object): Methods {
  const known = overridden.get(shared)
  if (known !== undefined) return known
  const before = methodsOf(shared as ServerResponse)
  for (const name of methodNames) {
    const value = function (this: ServerResponse, ...args: unknown[]): unknown {
      const head = headOf(this)
      return head?.methods === before ? head.call(name, args) : Reflect.apply(before[name], this, args)
    }
    override(shared, name, value)
  }
  override(shared, 'emit', tellingOfClose((shared as ServerResponse).emit as Passed, before))
  overridden.set(shared, before)
  return before
}

function override(shared: object, name: string, value: unknown): void {
  Object.defineProperty(shared, name, { value, configurable: true, writable: true, enumerable: false })
}

/** Not by a listener of each response: to add one takes half a dozen looks at it, each of which is slow at Express' own. */
function tellingOfClose(emit: Passed, before: Methods) {
  return function (this: ServerResponse, ...args: unknown[]): unknown {
    const head = args[0] === 'close' ? headOf(this) : undefined
    if (head?.methods === before) head.close()
    return Reflect.apply(emit, this, args)
  }
}

type Methods = Readonly<Record<Method, Passed>>

function methodsOf({ writeHead, write, end, flushHeaders }: ServerResponse): Methods {
  return { writeHead, write, end, flushHeaders } as Methods
}

/** A class, because there is one for each answer: its methods are shared, and its fields are all that a read costs. */
class Head {
  gate: HeadGate
  private readonly res: ServerResponse
  /** Those of the response that are not ours. */
  readonly methods: Methods
  private phase: 'passing' | 'holding' | 'refused' = 'passing'
  private headIsDone = false
  private isEnded = false
  /** A commit failed after the head had left: it is reported, and not tried at every further call. */
  private isTooLate = false
  private held: Call[] | undefined
  private status: { readonly code: number; readonly message: string } | undefined
  private stopPretending: (() => void) | undefined
  private pending: Promise<void> | undefined
  needsDrain = false

  constructor(res: ServerResponse, gate: HeadGate, methods: Methods) {
    this.res = res
    this.gate = gate
    this.methods = methods
    // Loaded in the midst of an answer: no cookie can be set any more.
    if (look(res, 'headersSent') === true) this.finishHead()
  }

  call(method: Method, args: readonly unknown[]): unknown {
    if (this.phase === 'refused') return this.swallow(method, args)
    if (this.phase === 'holding') return this.hold(method, args)
    // Once the head is done, only the end may find something new to store.
    if (this.headIsDone && (method !== 'end' || this.isTooLate)) return this.pass(method, args)
    let waiting: Promise<void> | undefined
    try {
      waiting = this.gate.commit()
    } catch (error) {
      waiting = Promise.reject(error)
    }
    if (waiting === undefined) return this.run(method, args)
    this.phase = 'holding'
    this.status = { code: this.res.statusCode, message: this.res.statusMessage }
    this.stopPretending = pretendSent(this.res)
    this.pending = waiting
      .then(
        () => this.release(),
        (error: unknown) => (this.headIsDone ? this.releaseLate(error) : this.refuse(error)),
      )
      .catch((error: unknown) => this.breakOff(error))
    return this.hold(method, args)
  }

  get endIsHeld(): boolean {
    return this.held?.some(([method]) => method === 'end') ?? false
  }

  /** The connection is free again, or gone. */
  close(): void {
    let waiting: Promise<void> | undefined
    if (this.phase === 'holding') waiting = this.pending
    else if (this.phase === 'passing' && !this.isEnded) waiting = this.commitLate()
    if (waiting === undefined) this.gate.ended?.()
    else void waiting.then(() => this.gate.ended?.())
  }

  private async commitLate(): Promise<void> {
    try {
      await this.gate.commit()
    } catch (error) {
      this.gate.onLateError(error)
    }
  }

  private pass(method: Method, args: readonly unknown[]): unknown {
    if (method === 'end') this.isEnded = true
    return Reflect.apply(this.methods[method], this.res, args)
  }

  private run(method: Method, args: readonly unknown[]): unknown {
    if (this.headIsDone) return this.pass(method, args)
    const cookies = this.finishHead()
    if (cookies.length === 0) return this.pass(method, args)
    return this.pass(method, addCookies(this.res, method === 'writeHead' ? args : [], cookies) ?? args)
  }

  private finishHead(): readonly string[] {
    this.headIsDone = true
    return this.gate.cookies()
  }

  private hold(method: Method, args: readonly unknown[]): unknown {
    const held = this.held ?? []
    this.held = held
    if (method === 'writeHead' && held.some(([name]) => name === 'writeHead')) throw headersSent('write')
    held.push([method, args])
    if (method === 'write') this.needsDrain = true
    return method === 'write' ? false : method === 'flushHeaders' ? undefined : this.res
  }

  private takeHeld(): readonly Call[] {
    const calls = this.held ?? []
    this.held = undefined
    this.stopPretending?.()
    this.stopPretending = undefined
    return calls
  }

  /** Makes the held calls; one of them may find something new to store, and hold the rest again. */
  private release(): void {
    const { res, status } = this
    const calls = this.takeHeld()
    const drainIsAwaited = this.needsDrain
    this.needsDrain = false
    this.phase = 'passing'
    if (!this.headIsDone && status !== undefined) {
      res.statusCode = status.code
      res.statusMessage = status.message
    }
    let isFull = false
    for (const [method, args] of calls) isFull = this.call(method, args) === false
    if (drainIsAwaited && !isFull && !res.writableEnded) res.emit('drain')
  }

  private releaseLate(error: unknown): void {
    this.isTooLate = true
    this.gate.onLateError(error)
    this.release()
  }

  /** The answer is void: the error takes its place. */
  private refuse(error: unknown): void {
    const { res } = this
    const calls = this.takeHeld()
    if (!(error instanceof SessionError) || error.status !== 503) this.gate.onLateError(error)
    // Ending calls our own writeHead.
    this.phase = 'passing'
    this.headIsDone = true
    refuseRequest(res, error, (text) => this.pass('end', [text]))
    this.phase = 'refused'
    for (const [method, args] of calls) this.swallow(method, args)
    if (this.needsDrain) res.emit('drain')
  }

  /** A held call threw, e.g. for an invalid header: the app that made the call has long gone on. */
  private breakOff(error: unknown): void {
    if (this.res.headersSent) {
      this.gate.onLateError(error)
      this.res.destroy()
    } else {
      this.refuse(error)
    }
  }

  /** The client has its answer; what the app still sends goes nowhere, and its callbacks are called. */
  private swallow(method: Method, args: readonly unknown[]): unknown {
    const callback = args.findLast((arg) => typeof arg === 'function')
    if (callback !== undefined) process.nextTick(callback as () => void)
    return method === 'write' ? true : method === 'flushHeaders' ? undefined : this.res
  }
}

/** Two adapters on one answer, e.g. a koa app within an express app. */
function joined(first: HeadGate, second: HeadGate): HeadGate {
  return {
    commit() {
      const [one, other] = [first.commit(), second.commit()]
      return one === undefined || other === undefined ? (one ?? other) : Promise.all([one, other]).then(() => undefined)
    },
    cookies: () => [...first.cookies(), ...second.cookies()],
    onLateError: (error) => second.onLateError(error),
    ended() {
      first.ended?.()
      second.ended?.()
    },
  }
}

function late(): never {
  throw headersSent('set')
}

/** What makes a response whose bytes are held back look sent. */
const pretended: PropertyDescriptorMap = {
  headersSent: { get: () => true, configurable: true },
  writableEnded: {
    get(this: ServerResponse) {
      return headOf(this)?.endIsHeld
    },
    configurable: true,
  },
  writableNeedDrain: {
    get(this: ServerResponse) {
      return headOf(this)?.needsDrain
    },
    configurable: true,
  },
  setHeader: { value: late, configurable: true, writable: true },
  setHeaders: { value: late, configurable: true, writable: true },
  appendHeader: { value: late, configurable: true, writable: true },
  removeHeader: { value: late, configurable: true, writable: true },
  // Called by middleware that compresses: the head is on its way already.
  _implicitHeader: { value: () => undefined, configurable: true, writable: true },
}
const pretendedNames = Object.keys(pretended)

/** Gives what undoes it. */
function pretendSent(res: ServerResponse): () => void {
  const before = pretendedNames.map((name) => Object.getOwnPropertyDescriptor(res, name))
  Object.defineProperties(res, pretended)
  return () => {
    for (const [i, name] of pretendedNames.entries()) {
      const descriptor = before[i]
      if (descriptor === undefined) Reflect.deleteProperty(res, name)
      else Object.defineProperty(res, name, descriptor)
    }
  }
}

/**
 * Adds cookies to those of the app. Where it gives some to writeHead, which would override ours, all of them go there, as
 * one entry; then the new arguments of writeHead are given.
 */
function addCookies(
  res: ServerResponse,
  writeHeadArgs: readonly unknown[],
  cookies: readonly string[],
): readonly unknown[] | undefined {
  const at = writeHeadArgs.findIndex((arg) => typeof arg === 'object' && arg !== null)
  const headers = writeHeadArgs[at] as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined
  // As Node takes them: an object, or a flat list of names and values.
  const pairs = Array.isArray(headers)
    ? headers.flatMap((name, i) => (i % 2 === 0 ? [[String(name), headers[i + 1]] as const] : []))
    : Object.entries(headers ?? {})
  const isCookie = ([name]: readonly [string, unknown]) => name.toLowerCase() === 'set-cookie'
  const own = pairs.filter(isCookie).flatMap(([, value]) => value ?? [])
  if (own.length === 0) {
    res.appendHeader('Set-Cookie', cookies)
    return undefined
  }
  const others = pairs.filter((pair) => !isCookie(pair))
  const all = [...others, ['Set-Cookie', [...own.map(String), ...cookies]] as const]
  return writeHeadArgs.with(at, Array.isArray(headers) ? all.flat() : Object.fromEntries(all))
}

function headersSent(what: string): Error {
  return Object.assign(new Error(`Cannot ${what} headers after they are sent to the client`), {
    code: 'ERR_HTTP_HEADERS_SENT',
  })
}
