import type { Socket } from 'node:net'
import { createAnswerWriter } from './answer.ts'
import { BadMessage } from './bad-message.ts'
import { type Deadline, type Deadlines, now } from './deadlines.ts'
import { createExchange, type Exchange, type ExchangeClient, type ExchangeContext } from './exchange.ts'
import { createForwardedFields } from './forwarded.ts'
import { createHeadScanner } from './head-scanner.ts'
import { requestHeadFor } from './hop-by-hop.ts'
import { parseRequestHead, type RequestHead } from './message-head.ts'
import { createOutbox } from './outbox.ts'
import { ownSocket } from './socket-events.ts'
import { createTunnel, type Tunnel } from './tunnel.ts'
import { createUpload, type Upload } from './upload.ts'

/** A client's connection: its requests, one after the other. */
export interface ClientConnection {
  /** Closes it unless a request is being answered. */
  closeIdle(): void
  /** Ends an event stream, or an upgraded connection (a WebSocket with the close code 1001, going away). */
  closeLongLived(): void
  destroy(): void
}

export interface ClientConnectionOptions {
  readonly socket: Socket
  readonly context: ExchangeContext
  readonly deadlines: Deadlines
  readonly trustForwarded: boolean
  readonly closed: (connection: ClientConnection) => void
}

const GOING_AWAY = 1001
const SERVICE_RESTART = 1012
const LF = 0x0a
const CR = 0x0d

export function createClientConnection(options: ClientConnectionOptions): ClientConnection {
  const { socket, context, deadlines } = options
  const { limits } = context
  const scanner = createHeadScanner()
  const forwarded = createForwardedFields({
    address: socket.remoteAddress ?? '',
    trustForwarded: options.trustForwarded,
  })
  const fallbackHost = `${socket.localAddress?.includes(':') ? `[${socket.localAddress}]` : socket.localAddress}:${socket.localPort}`

  let unread: Buffer | undefined
  let working = false
  /** A part of a request's head has arrived. */
  let headBegun = false
  let emptyLineSkipped = false
  let closing = false
  let exchange: Exchange | undefined
  let request: RequestHead | undefined
  let upload: Upload | undefined
  let tunnel: Tunnel | undefined

  socket.allowHalfOpen = true
  socket.setNoDelay(true)
  socket.setKeepAlive(true)

  const deadline: Deadline = { at: now() + limits.keepAliveMs, expire: expired }
  deadlines.add(deadline)

  const owner = ownSocket(socket, {
    data(bytes) {
      if (closing) return false
      unread = unread === undefined ? bytes : Buffer.concat([unread, bytes])
      work()
      return true
    },
    drained() {
      if (exchange !== undefined) {
        exchange.clientDrained()
      } else {
        socket.resume()
        work()
      }
    },
    ended() {
      // A client that closes its half has gone, as far as anybody can tell; nginx and Node.js take it so as well.
      exchange?.abort()
      if (exchange !== undefined) socket.destroy()
      else if (!closing) close()
    },
    closed() {
      exchange?.abort()
      exchange = undefined
      deadlines.delete(deadline)
      options.closed(connection)
    },
  })

  const answer = createAnswerWriter(socket, limits)
  /** For the requests' way to the nodes. */
  const outbox = createOutbox()
  const client: ExchangeClient = {
    answer,
    deadline,
    pauseReading: () => socket.pause(),
    resumeReading() {
      socket.resume()
      work()
    },
    answered({ keepAlive }) {
      exchange = undefined
      request = undefined
      upload = undefined
      if (keepAlive) {
        deadline.at = now() + limits.keepAliveMs
        socket.resume()
        work()
      } else {
        close()
      }
    },
    answerError(error, { keepAlive }) {
      const stays = keepAlive && !context.draining()
      const accept = request?.fields.find((field) => field.key === 'accept')?.value ?? ''
      const headOnly = request?.method === 'HEAD'
      const { status, code, message } = error
      answer.error({ status, code, message, accept, headOnly, keepAlive: stays })
      answer.flush()
      client.answered({ keepAlive: stays })
    },
    cutOff() {
      exchange = undefined
      closing = true
      deadline.at = now() + limits.closingMs
      // Where only the end of the connection ends the answer, an orderly end would make it look whole.
      if (answer.framing() === 'until-close') socket.resetAndDestroy()
      else socket.destroySoon()
    },
    upgraded({ node, nodeBytes, protocol, lease, ended }) {
      exchange = undefined
      deadlines.delete(deadline)
      tunnel = createTunnel({
        client: socket,
        node: node.socket,
        protocol,
        limits,
        deadlines,
        clientClosed: () => options.closed(connection),
        nodeClosed: ended,
      })
      owner.handTo(tunnel.clientEvents)
      node.handTo(tunnel.nodeEvents)
      if (nodeBytes.length > 0) tunnel.nodeEvents.data(nodeBytes)
      const early = unread
      unread = undefined
      if (early !== undefined) tunnel.clientEvents.data(early)
      socket.resume()
      const { close: closeTunnel } = tunnel
      lease.becomesLongLived(() => closeTunnel(SERVICE_RESTART))
    },
  }

  /** Works off what has been read, as far as it goes. */
  function work(): void {
    if (working) return
    working = true
    try {
      while (unread !== undefined && step());
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      unread = undefined
      if (exchange === undefined) client.answerError(error, { keepAlive: false })
      else exchange.refuse(error)
    } finally {
      working = false
    }
  }

  /** False when nothing goes on until something happens. */
  function step(): boolean {
    if (closing || tunnel !== undefined) return false
    if (exchange === undefined) {
      // A client that sends requests and reads no answers is not read from either.
      if (answer.congested()) {
        socket.pause()
        return false
      }
      return readHead()
    }
    if (upload!.complete()) {
      // The next request is there before this one is answered: it waits, and so does whatever follows it.
      socket.pause()
      return false
    }
    readBody(upload!)
    exchange.uploadGrew()
    return true
  }

  function readHead(): boolean {
    skipEmptyLine()
    if (unread === undefined) return false
    const bytes = unread
    const end = scanner.scan(bytes)
    if ((end < 0 ? bytes.length : end) > limits.headBytes) throw tooLarge()
    if (end < 0) {
      if (!headBegun) deadline.at = now() + limits.headerMs
      headBegun = true
      return false
    }

    headBegun = false
    emptyLineSkipped = false
    scanner.reset()
    unread = end === bytes.length ? undefined : bytes.subarray(end)
    request = parseRequestHead(bytes.toString('latin1', 0, Math.max(0, end - 4)), limits)
    const head = requestHeadFor(request, { forwarded: forwarded.lines(request), fallbackHost })
    outbox.clear()
    upload = createUpload({ request, head, outbox, limits })
    // What is here of the body is looked at before a node hears of the request.
    if (unread !== undefined && !upload.complete()) readBody(upload)
    exchange = createExchange({ request, upload, client, context })
    exchange.start()
    return true
  }

  /** One empty line before a request is allowed (RFC 9112 2.2). */
  function skipEmptyLine(): void {
    const bytes = unread!
    if (emptyLineSkipped || bytes[0] !== CR || bytes[1] !== LF) return
    emptyLineSkipped = true
    scanner.reset()
    unread = bytes.length === 2 ? undefined : bytes.subarray(2)
  }

  function readBody(into: Upload): void {
    const bytes = unread!
    const end = into.read(bytes, 0)
    unread = end === bytes.length ? undefined : bytes.subarray(end)
  }

  function tooLarge(): BadMessage {
    return scanner.firstLineEnded()
      ? new BadMessage(431, 'head_too_large', 'The request head is too large.')
      : new BadMessage(414, 'target_too_long', 'The request target is too long.')
  }

  /** Ends this side, and reads over what the client still sends: closing at once would take the answer back (RST). */
  function close(): void {
    closing = true
    unread = undefined
    deadline.at = now() + limits.closingMs
    socket.end()
    socket.resume()
  }

  function expired(): void {
    if (exchange !== undefined) exchange.expired()
    else if (closing) socket.destroy()
    else if (unread === undefined) close()
    else
      client.answerError(
        { status: 408, code: 'head_timeout', message: 'The request did not arrive in time.' },
        { keepAlive: false },
      )
  }

  const connection: ClientConnection = {
    closeIdle() {
      if (exchange === undefined && tunnel === undefined && !closing) close()
    },
    closeLongLived() {
      if (tunnel !== undefined) tunnel.close(GOING_AWAY)
      else exchange?.closeLongLived()
    },
    destroy() {
      socket.destroy()
    },
  }
  return connection
}
