import type { Socket } from 'node:net'
import type { Upstream } from '../balancing.ts'
import { hasBody } from './answer.ts'
import { BadMessage } from './bad-message.ts'
import {
  type BodyReader,
  type BodySink,
  createChunkedReader,
  createSizedReader,
  createUntilCloseReader,
} from './body-framing.ts'
import { type Deadline, type Deadlines, now } from './deadlines.ts'
import { createHeadScanner } from './head-scanner.ts'
import type { Limits } from './limits.ts'
import { type Field, parseResponseHead, type ResponseHead } from './message-head.ts'
import { openSocket, type SocketEvents } from './socket-events.ts'

/** A connection to a node. It carries one exchange at a time, and reads the responses. */
export interface NodeConnection {
  readonly upstream: Upstream
  readonly socket: Socket
  /** For how long it had been idle when its exchange began; undefined when it is new. */
  idleForMs(): number | undefined
  /** When it became idle, on the clock of `now()`. */
  idleSince(): number
  /** How long the node says that it keeps idle connections. */
  announcedIdleMs(): number | undefined
  begin(exchange: NodeExchange): void
  /** The exchange is over, and the connection can serve another: it closes itself `forMs` from now, unless one begins. */
  rest(forMs: number): void
  /** Closes it without a further word to its exchange. */
  destroy(): void
  /** Gives the connection away, as it is. */
  handTo(events: SocketEvents): void
}

/** What an exchange hears from the node it talks to. Nothing comes after `complete`, `upgraded` or `failed`. */
export interface NodeExchange extends BodySink {
  /** The method, which decides whether a response has a body. */
  readonly method: string
  connected(): void
  interim(head: ResponseHead): void
  head(head: ResponseHead): void
  /** The response is whole. `reusable`: the connection may serve another request. */
  complete(trailers: readonly Field[], options: { reusable: boolean }): void
  /** All of one read has been told. */
  readEnded(): void
  /** Whether what it was told last, or was told to `upgraded`, has not been written to its end. */
  holdsBytes(): boolean
  /** 101: the connection belongs to another protocol from here on; `rest` is its first bytes. */
  upgraded(head: ResponseHead, rest: Buffer): void
  drained(): void
  failed(failure: NodeFailure): void
}

export interface NodeFailure {
  readonly kind: 'connect' | 'reset' | 'protocol'
  readonly error: Error
}

export interface NodeConnectionOptions {
  readonly upstream: Upstream
  readonly deadlines: Deadlines
  readonly limits: Limits
  /** Called when an idle connection is gone; `byNode`: the node closed it. */
  readonly idleClosed: (connection: NodeConnection, options: { byNode: boolean }) => void
}

/** Opens a connection; its first exchange hears `connected` or `failed`. */
export function openNodeConnection(options: NodeConnectionOptions, firstExchange: NodeExchange): NodeConnection {
  const { upstream, deadlines, limits } = options
  const scanner = createHeadScanner()
  let exchange: NodeExchange | undefined = firstExchange
  let connected = false
  let unread: Buffer | undefined
  let head: ResponseHead | undefined
  let body: BodyReader | undefined
  let idleSince = 0
  let idleForMs: number | undefined
  let announcedIdleMs: number | undefined

  const deadline: Deadline = { at: Number.POSITIVE_INFINITY, expire: () => leaveIdle({ byNode: false }) }
  deadlines.add(deadline)

  const { socket, owner } = openSocket(upstream, {
    data(bytes) {
      const current = exchange
      if (current === undefined) {
        // It answers what nobody asked: whatever its next answer is, it could not be trusted to be one to the next request.
        leaveIdle({ byNode: false })
        return false
      }
      try {
        read(current, bytes)
      } catch (error) {
        if (!(error instanceof BadMessage)) throw error
        fail({ kind: 'protocol', error })
      }
      return unread !== undefined || current.holdsBytes()
    },
    drained: () => exchange?.drained(),
    ended() {
      if (exchange === undefined) leaveIdle({ byNode: true })
      else if (body !== undefined && head !== undefined && isUntilClose(head)) finish(exchange, { reusable: false })
      else fail({ kind: 'reset', error: new Error('the node closed the connection before its answer was whole') })
    },
    closed(error) {
      deadlines.delete(deadline)
      if (exchange === undefined) leaveIdle({ byNode: true })
      else fail({ kind: connected ? 'reset' : 'connect', error: error ?? new Error('the node closed the connection') })
    },
  })

  socket.on('connect', () => {
    connected = true
    exchange?.connected()
  })

  function read(current: NodeExchange, bytes: Buffer): void {
    const all = unread === undefined ? bytes : Buffer.concat([unread, bytes])
    unread = undefined
    let at = 0
    while (at < all.length) {
      if (body === undefined) {
        const rest = at === 0 ? all : all.subarray(at)
        const end = scanner.scan(rest)
        if ((end < 0 ? rest.length : end) > limits.headBytes) {
          throw new BadMessage(431, 'head_too_large', `The head is larger than ${limits.headBytes} bytes.`)
        }
        if (end < 0) {
          unread = rest
          break
        }
        scanner.reset()
        at += end
        readHead(current, rest, end)
      } else {
        at = body.read(all, at, current)
      }
      if (exchange !== current) return
      if (body?.complete()) {
        finish(current, { reusable: at === all.length })
        return
      }
    }
    current.readEnded()
  }

  function readHead(current: NodeExchange, bytes: Buffer, end: number): void {
    const parsed = parseResponseHead(bytes.toString('latin1', 0, Math.max(0, end - 4)), limits)
    if (parsed.status === 101) {
      exchange = undefined
      current.upgraded(parsed, bytes.subarray(end))
    } else if (parsed.status < 200) {
      current.interim(parsed)
    } else {
      head = parsed
      body = bodyReaderFor(parsed, current.method, limits)
      current.head(parsed)
    }
  }

  function finish(current: NodeExchange, { reusable }: { reusable: boolean }): void {
    const trailers = body!.trailers()
    const clear = head!.keepAlive && !isInDoubt(head!)
    announcedIdleMs = head!.keepAliveMs
    exchange = undefined
    head = undefined
    body = undefined
    socket.resume()
    current.complete(trailers, { reusable: reusable && clear })
  }

  function fail(failure: NodeFailure): void {
    const failed = exchange
    exchange = undefined
    socket.destroy()
    failed?.failed(failure)
  }

  let idle = false
  function leaveIdle({ byNode }: { byNode: boolean }): void {
    socket.destroy()
    if (!idle) return
    idle = false
    options.idleClosed(connection, { byNode })
  }

  const connection: NodeConnection = {
    upstream,
    socket,
    idleForMs: () => idleForMs,
    idleSince: () => idleSince,
    announcedIdleMs: () => announcedIdleMs,
    begin(next) {
      idle = false
      idleForMs = now() - idleSince
      deadline.at = Number.POSITIVE_INFINITY
      exchange = next
    },
    rest(forMs) {
      idle = true
      idleSince = now()
      deadline.at = idleSince + forMs
    },
    destroy() {
      exchange = undefined
      idle = false
      socket.destroy()
    },
    handTo(events) {
      exchange = undefined
      deadlines.delete(deadline)
      owner.handTo(events)
    },
  }
  return connection
}

function bodyReaderFor(head: ResponseHead, method: string, limits: Limits): BodyReader {
  if (!hasBody(head, method)) return createSizedReader(0)
  if (head.chunked) return createChunkedReader(limits)
  return head.contentLength === undefined ? createUntilCloseReader() : createSizedReader(head.contentLength)
}

function isUntilClose(head: ResponseHead): boolean {
  return !head.chunked && head.contentLength === undefined
}

/** A 204 that announces a body may be followed by one (RFC 9110 15.3.5 forbids both). */
function isInDoubt(head: ResponseHead): boolean {
  return head.status === 204 && (head.chunked || (head.contentLength ?? 0) > 0)
}
