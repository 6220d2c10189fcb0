import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { SessionError } from './errors.ts'

export interface HeadGate {
  /** Called when the headers are about to leave, and when the answer ends. undefined: nothing to wait for. */
  readonly commit: () => Promise<void> | undefined
  /** Called once, after `commit`: the Set-Cookie value to add. */
  readonly cookie: () => string | undefined
  /** What went wrong and cannot be answered any more, or is the app's own mistake. */
  readonly onLateError: (error: unknown) => void
}

type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders'
type Call = readonly [method: Method, args: unknown[]]
/** Node's own methods are overloaded; what the app passes is passed on as it is. */
type Passed = (...args: unknown[]) => unknown

/**
 * Holds back the first byte of an answer until `commit` has settled, and its end as well. To the app the response looks
 * as if it had been sent: `headersSent`, errors for late headers, back-pressure with a `drain` to follow, callbacks at
 * the real write. Where there is nothing to commit, every call goes straight through.
 */
export function holdHead(res: ServerResponse, gate: HeadGate): void {
  const original: Record<Method, Passed> = {
    writeHead: res.writeHead.bind(res) as Passed,
    write: res.write.bind(res) as Passed,
    end: res.end.bind(res) as Passed,
    flushHeaders: res.flushHeaders.bind(res) as Passed,
  }
  let phase: 'passing' | 'holding' | 'refused' = 'passing'
  let headIsDone = false
  let held: Call[] = []
  let needsDrain = false
  let stopPretending = () => {}
  let status = { code: res.statusCode, message: res.statusMessage }

  res.writeHead = ((...args: unknown[]) => call('writeHead', args)) as typeof res.writeHead
  res.write = ((...args: unknown[]) => call('write', args)) as typeof res.write
  res.end = ((...args: unknown[]) => call('end', args)) as typeof res.end
  res.flushHeaders = () => void call('flushHeaders', [])

  function call(method: Method, args: unknown[]): unknown {
    if (phase === 'refused') return swallow(method, args)
    if (phase === 'holding') return hold(method, args)
    // Once the head is done, only the end may find something new to store.
    if (headIsDone && method !== 'end') return original[method](...args)
    let waiting: Promise<void> | undefined
    try {
      waiting = gate.commit()
    } catch (error) {
      waiting = Promise.reject(error)
    }
    if (waiting === undefined) return run(method, args)
    phase = 'holding'
    status = { code: res.statusCode, message: res.statusMessage }
    stopPretending = pretendSent(res, {
      isEnded: () => held.some(([name]) => name === 'end'),
      needsDrain: () => needsDrain,
    })
    waiting.then(release, headIsDone ? releaseLate : refuse).catch(breakOff)
    return hold(method, args)
  }

  function hold(method: Method, args: unknown[]): unknown {
    if (method === 'writeHead' && held.some(([name]) => name === 'writeHead')) throw headersSent('write')
    held.push([method, args])
    if (method === 'write') needsDrain = true
    return method === 'write' ? false : method === 'flushHeaders' ? undefined : res
  }

  /** Makes the held calls; one of them may find something new to store, and hold the rest again. */
  function release(): void {
    const calls = held
    const drainIsAwaited = needsDrain
    held = []
    needsDrain = false
    phase = 'passing'
    stopPretending()
    if (!headIsDone) {
      res.statusCode = status.code
      res.statusMessage = status.message
    }
    let isFull = false
    for (const [method, args] of calls) isFull = call(method, args) === false
    if (drainIsAwaited && !isFull && !res.writableEnded) res.emit('drain')
  }

  function releaseLate(error: unknown): void {
    gate.onLateError(error)
    release()
  }

  /** The answer is void: the error takes its place. */
  function refuse(error: unknown): void {
    const calls = held
    held = []
    stopPretending()
    if (!(error instanceof SessionError) || error.status !== 503) gate.onLateError(error)
    // Ending calls our own writeHead.
    phase = 'passing'
    headIsDone = true
    refuseRequest(res, error, original.end)
    phase = 'refused'
    for (const [method, args] of calls) swallow(method, args)
    if (needsDrain) res.emit('drain')
  }

  /** A held call threw, e.g. for an invalid header: the app that made the call has long gone on. */
  function breakOff(error: unknown): void {
    if (res.headersSent) {
      gate.onLateError(error)
      res.destroy()
    } else {
      refuse(error)
    }
  }

  function run(method: Method, args: unknown[]): unknown {
    if (headIsDone) return original[method](...args)
    headIsDone = true
    const cookie = gate.cookie()
    if (cookie === undefined) return original[method](...args)
    return original[method](...(addCookie(res, method === 'writeHead' ? args : [], cookie) ?? args))
  }

  /** The client has its answer; what the app still sends goes nowhere, and its callbacks are called. */
  function swallow(method: Method, args: unknown[]): unknown {
    const callback = args.findLast((arg) => typeof arg === 'function')
    if (callback !== undefined) process.nextTick(callback as () => void)
    return method === 'write' ? true : method === 'flushHeaders' ? undefined : res
  }
}

/**
 * Answers with the error's status, and leaves every cookie as it is. Headers stay that are not about the answer it
 * replaces. For a response whose headers have not left.
 */
export function refuseRequest(res: ServerResponse, error: unknown, end: Passed = res.end.bind(res) as Passed): void {
  const known = error instanceof SessionError ? error : undefined
  for (const name of res.getHeaderNames()) if (aboutTheAnswer.test(name)) res.removeHeader(name)
  res.statusCode = known?.status ?? 500
  res.statusMessage = ''
  for (const [name, value] of Object.entries(known?.headers ?? {})) res.setHeader(name, value)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  end(
    res.statusCode === 503
      ? 'Your session cannot be reached at the moment. You are still logged in: please try again.\n'
      : 'Something went wrong here. Please try again.\n',
  )
}

const aboutTheAnswer =
  /^(content-(?!security)|etag|last-modified|expires|location|set-cookie|transfer-encoding|trailer|accept-ranges)/i

/** Makes a response whose bytes are held back look sent. Gives what undoes it. */
function pretendSent(res: ServerResponse, held: { isEnded: () => boolean; needsDrain: () => boolean }): () => void {
  const getter = (get: () => unknown) => ({ get, configurable: true })
  const method = (value: () => unknown) => ({ value, configurable: true, writable: true })
  const late = () => {
    throw headersSent('set')
  }
  const pretended: PropertyDescriptorMap = {
    headersSent: getter(() => true),
    writableEnded: getter(held.isEnded),
    writableNeedDrain: getter(held.needsDrain),
    setHeader: method(late),
    setHeaders: method(late),
    appendHeader: method(late),
    removeHeader: method(late),
    // Called by middleware that compresses: the head is on its way already.
    _implicitHeader: method(() => undefined),
  }
  const before = Object.keys(pretended).map((name) => [name, Object.getOwnPropertyDescriptor(res, name)] as const)
  Object.defineProperties(res, pretended)
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(res, name)
      else Object.defineProperty(res, name, descriptor)
    }
  }
}

/**
 * Adds a cookie to those of the app. Where it gives some to writeHead, which would override ours, all of them go there, as
 * one entry; then the new arguments of writeHead are given.
 */
function addCookie(res: ServerResponse, writeHeadArgs: unknown[], cookie: string): unknown[] | undefined {
  const at = writeHeadArgs.findIndex((arg) => typeof arg === 'object' && arg !== null)
  const headers = writeHeadArgs[at] as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined
  // As Node takes them: an object, or a flat list of names and values.
  const pairs = Array.isArray(headers)
    ? headers.flatMap((name, i) => (i % 2 === 0 ? [[String(name), headers[i + 1]] as const] : []))
    : Object.entries(headers ?? {})
  const isCookie = ([name]: readonly [string, unknown]) => name.toLowerCase() === 'set-cookie'
  const own = pairs.filter(isCookie).flatMap(([, value]) => value ?? [])
  if (own.length === 0) {
    res.appendHeader('Set-Cookie', cookie)
    return undefined
  }
  const others = pairs.filter((pair) => !isCookie(pair))
  const all = [...others, ['Set-Cookie', [...own.map(String), cookie]] as const]
  return writeHeadArgs.with(at, Array.isArray(headers) ? all.flat() : Object.fromEntries(all))
}

function headersSent(what: string): Error {
  return Object.assign(new Error(`Cannot ${what} headers after they are sent to the client`), {
    code: 'ERR_HTTP_HEADERS_SENT',
  })
}
