import type { Socket } from 'node:net'
import type { Balancing, ExchangeResult, Lease, Upstream } from '../balancing.ts'
import { BadMessage } from './bad-message.ts'
import type { BodyReader } from './body-framing.ts'
import { createChunkedReader, createSizedReader } from './body-framing.ts'
import { type Deadline, now } from './deadlines.ts'
import { httpDate } from './error-page.ts'
import { interimHeadFor, lastChunkFor, responseHeadFor } from './hop-by-hop.ts'
import type { Limits } from './limits.ts'
import type { RequestHead, ResponseHead } from './message-head.ts'
import { hasBody, type NodeConnection, type NodeExchange, type NodeFailure } from './node-connection.ts'
import type { NodePool } from './node-pool.ts'
import { createOutbox, isCongested, type Outbox } from './outbox.ts'

/** One request and its answer: from a client's connection to a node's, and back. */
export interface Exchange {
  /** Leases a node and sends what has been read so far. */
  start(): void
  /** Takes the request's body from `bytes[at]` on; returns the index behind what is the body's. Throws BadMessage. */
  read(bytes: Buffer, at: number): number
  readComplete(): boolean
  /** The request turned out to be bad in its midst. */
  refuse(error: BadMessage): void
  /** The client's connection can take more again. */
  clientDrained(): void
  /** The client is gone. */
  abort(): void
  /** The deadline that this exchange has set has passed. */
  expired(): void
  /** Ends an event stream where it is; false when this exchange is of the kind that ends by itself. */
  closeLongLived(): boolean
}

/** What an exchange needs of the connection its request came on. */
export interface ExchangeClient {
  readonly socket: Socket
  readonly outbox: Outbox
  readonly deadline: Deadline
  pauseReading(): void
  resumeReading(): void
  /** The answer has been written. `keepAlive`: the connection may carry another request. */
  answered(options: { keepAlive: boolean }): void
  /** Nothing has been answered: answer this. */
  answerError(error: { status: number; code: string; message: string }, options: { keepAlive: boolean }): void
  /** An answer has begun and cannot be finished: the client must not take it for whole. */
  cutOff(options: { untilClose: boolean }): void
  /** The client's and the node's connection belong to each other from here on. */
  upgraded(upgrade: Upgraded): void
}

export interface Upgraded {
  readonly node: NodeConnection
  /** What the node has sent behind its 101. */
  readonly nodeBytes: Buffer
  readonly protocol: string
  readonly lease: Lease
  /** Ends the lease, once. */
  ended(): void
}

export interface ExchangeContext {
  readonly balancing: Balancing
  readonly pool: NodePool
  readonly limits: Limits
  readonly log: (line: string) => void
  /** True while the balancer stops: answers close their connections. */
  draining(): boolean
  /** Called with 1 and -1 as leases begin and end. */
  countInflight(change: 1 | -1): void
  /** The Connection and Keep-Alive lines of an answer whose connection stays open. */
  readonly keepAliveLines: string
}

export interface ExchangeOptions {
  readonly request: RequestHead
  /** The request's head as the node gets it. */
  readonly head: string
  readonly client: ExchangeClient
  readonly context: ExchangeContext
}

const NO_UPSTREAMS: readonly Upstream[] = []
/** The safe methods of RFC 9110 9.2.1. PUT and DELETE are idempotent too, but apps are known to think otherwise. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** These say that this machine is short of something, which no other node would change. */
const OWN_SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])

type Phase = 'reading' | 'connecting' | 'sent' | 'answering' | 'over'
type Failure = ExchangeResult['failure']

export function createExchange({ request, head, client, context }: ExchangeOptions): Exchange {
  const { balancing, pool, limits, log } = context
  const { deadline, outbox, socket } = client
  const body = requestBodyReader(request, limits)
  const repeatable = body === undefined && SAFE_METHODS.has(request.method)
  const upload = createOutbox()
  const startedAt = now()
  const totalAt = startedAt + limits.totalMs
  upload.text(head)

  let phase: Phase = 'reading'
  let lease: Lease | undefined
  let leasedAt = startedAt
  let tried = NO_UPSTREAMS
  let node: NodeConnection | undefined
  let repeated = false
  let bodyBytes = 0
  let continued = !request.expectsContinue
  let status: number | null = null
  let chunkedOut = false
  let untilCloseOut = false
  let keepAlive = request.keepAlive
  let longLived = false
  let readingPaused = false

  const uploaded = () => body === undefined || body.complete()

  // ---- the way to the node

  function takeLease(next: Lease): void {
    lease = next
    leasedAt = now()
    context.countInflight(1)
    const { upstream } = next
    node = pool.take(nodeSide, { upstream, repeatable })
    if (node === undefined) openConnection(upstream)
    else send()
  }

  function openConnection(upstream: Upstream): void {
    phase = 'connecting'
    deadline.at = Math.min(now() + limits.connectMs, totalAt)
    node = pool.open(nodeSide, upstream)
  }

  function send(): void {
    phase = 'sent'
    flushUpload()
    touch()
  }

  function flushUpload(): void {
    const { socket: nodeSocket } = node!
    upload.flush(nodeSocket)
    if (uploaded()) return
    if (isCongested(nodeSocket)) pauseReading()
    else resumeReading()
  }

  function pauseReading(): void {
    if (readingPaused) return
    readingPaused = true
    client.pauseReading()
  }

  function resumeReading(): void {
    if (!readingPaused) return
    readingPaused = false
    client.resumeReading()
  }

  const uploadSink = {
    body(piece: Buffer) {
      bodyBytes += piece.length
      if (bodyBytes > limits.bodyBytes) throw tooLarge()
      if (request.chunked) upload.text(`${piece.length.toString(16)}\r\n`)
      upload.bytes(piece)
      if (request.chunked) upload.text('\r\n')
    },
  }

  function connectFailed(failure: 'refused' | 'timeout', error: Error): void {
    const { upstream } = lease!
    pool.forget(upstream)
    if (OWN_SHORTAGES.has((error as NodeJS.ErrnoException).code ?? '')) {
      log(`${upstream.id}: cannot connect: ${error.message}`)
      endLease(null)
      answerError(503, 'no_resources', 'The balancer is out of resources.')
      return
    }
    // Not a byte of the request has left, unless this is its repetition: nobody can have processed it.
    tried = [...tried, upstream]
    const next = repeated ? undefined : balancing.lease(tried)
    endLease(failure, { retried: next !== undefined })
    if (next !== undefined) {
      takeLease(next)
      return
    }
    log(`${upstream.id}: cannot connect: ${error.message}`)
    if (failure === 'timeout') answerError(504, 'node_timeout', 'The application did not answer in time.')
    else answerError(502, 'node_unreachable', 'The application cannot be reached.')
  }

  // ---- the way back

  const nodeSide: NodeExchange = {
    method: request.method,
    connected: send,
    interim(response) {
      // An HTTP/1.0 client would take it for the answer.
      if (request.minor === 0) return
      if (response.status === 100) continued = true
      outbox.text(interimHeadFor(response))
    },
    head(response) {
      phase = 'answering'
      status = response.status
      // What is left of the upload then may never be read: only a client that is told so can rely on it.
      keepAlive = request.keepAlive && uploaded() && !context.draining()
      const framing = clientFraming(response)
      outbox.text(responseHeadFor(response, { framing, date: httpDate() }))
      if (response.eventStream && hasBody(response, request.method)) {
        longLived = true
        lease!.becomesLongLived(() => {
          closeStream()
        })
      }
    },
    body(piece) {
      if (chunkedOut) outbox.text(`${piece.length.toString(16)}\r\n`)
      outbox.bytes(piece)
      if (chunkedOut) outbox.text('\r\n')
    },
    complete(trailers, { reusable }) {
      if (chunkedOut) outbox.text(lastChunkFor(trailers))
      if (reusable && uploaded()) pool.put(node!)
      else node!.destroy()
      finish({ keepAlive: keepAlive && uploaded() })
    },
    readEnded() {
      outbox.flush(socket)
      if (isCongested(socket)) node!.socket.pause()
      touch()
    },
    upgraded(response, rest) {
      const { upgrade } = request
      if (upgrade === undefined || !uploaded()) {
        node!.destroy()
        nodeFailed({ kind: 'protocol', error: new Error('101 without having been asked to upgrade') })
        return
      }
      const protocol = response.upgrade ?? upgrade
      status = 101
      phase = 'over'
      const framing = `Connection: upgrade\r\nUpgrade: ${protocol}\r\n`
      outbox.text(responseHeadFor(response, { framing, date: httpDate() }))
      outbox.flush(socket)
      const ended = () => endLease(null)
      client.upgraded({ node: node!, nodeBytes: rest, protocol, lease: lease!, ended })
    },
    drained() {
      if (phase !== 'sent' && phase !== 'answering') return
      resumeReading()
      touch()
    },
    failed: nodeFailed,
  }

  /** How the client learns where this answer ends, and what becomes of its connection. */
  function clientFraming({ contentLength }: ResponseHead): string {
    let length = ''
    if (request.method === 'HEAD' || status === 304) {
      // What a GET would have said (RFC 9110 8.6); there is no body whatever it says.
      if (contentLength !== undefined) length = `Content-Length: ${contentLength}\r\n`
    } else if (status === 204) {
      length = ''
    } else if (contentLength !== undefined) {
      length = `Content-Length: ${contentLength}\r\n`
    } else if (request.minor === 1) {
      chunkedOut = true
      length = 'Transfer-Encoding: chunked\r\n'
    } else {
      untilCloseOut = true
      keepAlive = false
    }
    return length + (keepAlive ? context.keepAliveLines : 'Connection: close\r\n')
  }

  function nodeFailed({ kind, error }: NodeFailure): void {
    if (phase === 'over') return
    const failed = node!
    node = undefined
    if (kind === 'connect') {
      connectFailed('refused', error)
      return
    }
    const { upstream } = failed
    if (phase === 'sent' && kind === 'reset' && failed.idleForMs() !== undefined) {
      pool.closedUnderRequest(failed)
      if (repeatable && !repeated) {
        repeated = true
        upload.text(head)
        openConnection(upstream)
        return
      }
    }
    log(`${upstream.id}: ${error.message}`)
    fail(kind, 502, 'bad_answer', 'The application did not answer properly.')
  }

  // ---- the end

  function fail(failure: Failure, errorStatus: number, code: string, message: string): void {
    node?.destroy()
    endLease(failure)
    if (phase === 'answering') {
      phase = 'over'
      outbox.flush(socket)
      client.cutOff({ untilClose: untilCloseOut })
    } else {
      answerError(errorStatus, code, message)
    }
  }

  function answerError(errorStatus: number, code: string, message: string): void {
    phase = 'over'
    client.answerError({ status: errorStatus, code, message }, { keepAlive: request.keepAlive && uploaded() })
  }

  function finish(options: { keepAlive: boolean }): void {
    phase = 'over'
    outbox.flush(socket)
    endLease(null)
    client.answered(options)
  }

  function endLease(failure: Failure, { retried }: { retried: boolean } = { retried: false }): void {
    if (lease === undefined) return
    const ending = lease
    lease = undefined
    context.countInflight(-1)
    ending.end({ status, failure, retried, durationMs: now() - leasedAt })
  }

  function closeStream(): void {
    if (phase !== 'answering') return
    node!.destroy()
    if (chunkedOut) outbox.text(lastChunkFor([]))
    if (chunkedOut || untilCloseOut) finish({ keepAlive: keepAlive && uploaded() })
    else fail(null, 0, '', '')
  }

  /** Something has moved: whoever is to move next gets its time anew. */
  function touch(): void {
    deadline.at = Math.min(now() + idleLimitMs(), totalAt)
  }

  function idleLimitMs(): number {
    if (waitsForClientBody()) return limits.bodyIdleMs
    if (isCongested(socket)) return limits.sendIdleMs
    return longLived ? limits.longLivedIdleMs : limits.responseIdleMs
  }

  /** A client that waits for 100 (Continue) is not the one who is late. */
  function waitsForClientBody(): boolean {
    return !uploaded() && !readingPaused && (continued || bodyBytes > 0)
  }

  return {
    start() {
      const first = balancing.lease(NO_UPSTREAMS)
      if (first === undefined) answerError(503, 'no_node', 'No application server can take the request now.')
      else takeLease(first)
    },
    read(bytes, at) {
      const end = body!.read(bytes, at, uploadSink)
      if (body!.complete() && request.chunked) upload.text(lastChunkFor(body!.trailers()))
      if (phase === 'sent' || phase === 'answering') {
        flushUpload()
        touch()
      } else if (!body!.complete()) {
        pauseReading()
      }
      return end
    },
    readComplete: uploaded,
    refuse({ status: errorStatus, code, message }) {
      fail(null, errorStatus, code, message)
    },
    clientDrained() {
      node?.socket.resume()
      touch()
    },
    abort() {
      if (phase === 'over') return
      phase = 'over'
      node?.destroy()
      endLease(null)
    },
    expired() {
      if (phase === 'connecting' && now() < totalAt) {
        node!.destroy()
        node = undefined
        connectFailed('timeout', new Error(`no connection within ${limits.connectMs} ms`))
      } else if (now() < totalAt && waitsForClientBody()) {
        fail(null, 408, 'body_timeout', 'The request did not arrive in time.')
      } else if (now() < totalAt && isCongested(socket)) {
        fail(null, 0, '', '')
      } else {
        log(`${lease!.upstream.id}: no answer in time`)
        fail('timeout', 504, 'node_timeout', 'The application did not answer in time.')
      }
    },
    closeLongLived() {
      if (!longLived) return false
      closeStream()
      return true
    },
  }
}

function requestBodyReader(request: RequestHead, limits: Limits): BodyReader | undefined {
  if (request.chunked) return createChunkedReader(limits)
  if (request.contentLength === undefined || request.contentLength === 0) return undefined
  if (request.contentLength > limits.bodyBytes) throw tooLarge()
  return createSizedReader(request.contentLength)
}

function tooLarge(): BadMessage {
  return new BadMessage(413, 'body_too_large', 'The request body is too large.')
}
