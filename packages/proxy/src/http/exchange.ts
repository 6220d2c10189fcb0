import type { Balancing, ExchangeResult, Lease, Upstream } from '../balancing.ts'
import { type AnswerWriter, hasBody } from './answer.ts'
import type { BadMessage } from './bad-message.ts'
import { type Deadline, now } from './deadlines.ts'
import type { Limits } from './limits.ts'
import type { RequestHead, ResponseHead } from './message-head.ts'
import type { NodeConnection, NodeExchange, NodeFailure } from './node-connection.ts'
import type { NodePool } from './node-pool.ts'
import { isCongested } from './outbox.ts'
import type { Upload } from './upload.ts'

/** One request and its answer: from a client's connection to a node's, and back. */
export interface Exchange {
  /** Leases a node and sends what has been read so far. */
  start(): void
  /** More of the request has been read into the upload. */
  uploadGrew(): void
  /** The request turned out to be bad in its midst. */
  refuse(error: BadMessage): void
  /** The client's connection can take more again. */
  clientDrained(): void
  /** The client is gone. */
  abort(): void
  /** The deadline that this exchange has set has passed. */
  expired(): void
  /** Ends the answer where it is, if it is an event stream. */
  closeLongLived(): void
}

/** What an exchange needs of the connection its request came on. */
export interface ExchangeClient {
  readonly answer: AnswerWriter
  readonly deadline: Deadline
  pauseReading(): void
  resumeReading(): void
  /** The answer has been written. `keepAlive`: the connection may carry another request. */
  answered(options: { keepAlive: boolean }): void
  /** Nothing has been answered: answer this. */
  answerError(error: OwnError, options: { keepAlive: boolean }): void
  /** An answer has begun and cannot be finished: the client must not take it for whole. */
  cutOff(): void
  /** The client's and the node's connection belong to each other from here on. */
  upgraded(upgrade: Upgraded): void
}

/** An error that the balancer itself answers. */
export type OwnError = Pick<BadMessage, 'status' | 'code' | 'message'>

export interface Upgraded {
  readonly node: NodeConnection
  /** What the node has sent behind its 101. */
  readonly nodeBytes: Buffer
  readonly protocol: string
  readonly lease: Lease
  /** To be called when the node's connection is gone. */
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
}

export interface ExchangeOptions {
  readonly request: RequestHead
  readonly upload: Upload
  readonly client: ExchangeClient
  readonly context: ExchangeContext
}

type Phase = 'reading' | 'connecting' | 'sent' | 'answering' | 'over'

const NO_UPSTREAMS: readonly Upstream[] = []
/** The safe methods of RFC 9110 9.2.1. PUT and DELETE are idempotent too, but apps are known to think otherwise. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** These say that this machine is short of something, which no other node would change. */
const OWN_SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN'])

const NO_NODE = { status: 503, code: 'no_node', message: 'No application server can take the request now.' }
const NO_RESOURCES = { status: 503, code: 'no_resources', message: 'The balancer is out of resources.' }
const UNREACHABLE = { status: 502, code: 'node_unreachable', message: 'The application cannot be reached.' }
const BAD_ANSWER = { status: 502, code: 'bad_answer', message: 'The application did not answer properly.' }
const NODE_TIMEOUT = { status: 504, code: 'node_timeout', message: 'The application did not answer in time.' }
const BODY_TIMEOUT = { status: 408, code: 'body_timeout', message: 'The request did not arrive in time.' }

export function createExchange({ request, upload, client, context }: ExchangeOptions): Exchange {
  const { balancing, pool, limits, log } = context
  const { answer, deadline } = client
  const { method } = request
  const repeatable = !upload.hasBody && SAFE_METHODS.has(method)
  const startedAt = now()
  const totalAt = startedAt + limits.totalMs

  let phase: Phase = 'reading'
  let lease: Lease | undefined
  let leasedAt = startedAt
  let tried = NO_UPSTREAMS
  let node: NodeConnection | undefined
  let repeated = false
  let mayContinue = !request.expectsContinue
  let status: number | null = null
  let keepAlive = request.keepAlive
  let longLived = false
  let readingPaused = false

  function leaseTo(next: Lease): void {
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
    if (!upload.complete()) pauseReading()
    deadline.at = Math.min(now() + limits.connectMs, totalAt)
    node = pool.open(nodeSide, upstream)
  }

  function send(): void {
    phase = 'sent'
    sendUpload()
  }

  function sendUpload(): void {
    const { socket } = node!
    upload.sendTo(socket)
    if (!upload.complete()) {
      if (isCongested(socket)) pauseReading()
      else resumeReading()
    }
    touch()
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

  const nodeSide: NodeExchange = {
    method,
    connected: send,
    interim(response) {
      if (response.status === 100) mayContinue = true
      answer.interim(request, response)
    },
    head(response) {
      phase = 'answering'
      status = response.status
      // What is left of an upload then may never be read; a client that relies on it must have another connection.
      keepAlive = request.keepAlive && upload.complete() && !context.draining()
      answer.head(request, response, { keepAlive })
      if (response.eventStream && hasBody(response, method)) {
        longLived = true
        lease!.becomesLongLived(closeStream)
      }
    },
    body: answer.body,
    complete(trailers, { reusable }) {
      answer.end(trailers)
      if (reusable && upload.complete()) pool.put(node!)
      else node!.destroy()
      finish()
    },
    readEnded() {
      answer.flush()
      if (answer.congested()) node!.socket.pause()
      touch()
    },
    upgraded,
    drained() {
      if (phase !== 'sent' && phase !== 'answering') return
      resumeReading()
      touch()
    },
    failed: nodeFailed,
  }

  function upgraded(response: ResponseHead, nodeBytes: Buffer): void {
    const connection = node!
    if (request.upgrade === undefined || !upload.complete()) {
      connection.destroy()
      nodeFailed({ kind: 'protocol', error: new Error('it switched protocols without having been asked to') })
      return
    }
    const protocol = response.upgrade ?? request.upgrade
    phase = 'over'
    status = response.status
    answer.switching(response, protocol)
    answer.flush()
    client.upgraded({ node: connection, nodeBytes, protocol, lease: lease!, ended: () => endLease(null) })
  }

  function nodeFailed({ kind, error }: NodeFailure): void {
    if (phase === 'over') return
    const failed = node!
    node = undefined
    if (kind === 'connect') {
      connectFailed('refused', error)
      return
    }
    if (phase === 'sent' && kind === 'reset' && failed.idleForMs() !== undefined) {
      pool.closedUnderRequest(failed)
      if (repeatable) {
        // See node-pool.ts, 4.
        repeated = true
        upload.repeat()
        openConnection(failed.upstream)
        return
      }
    }
    log(`${failed.upstream.id}: ${error.message}`)
    fail(BAD_ANSWER, kind)
  }

  function connectFailed(failure: 'refused' | 'timeout', error: Error): void {
    const { upstream } = lease!
    pool.forget(upstream)
    if (OWN_SHORTAGES.has((error as NodeJS.ErrnoException).code ?? '')) {
      log(`${upstream.id}: cannot connect: ${error.message}`)
      fail(NO_RESOURCES, null)
      return
    }
    // Not a byte of the request has left, unless this was to repeat it: nobody can have processed it.
    tried = [...tried, upstream]
    const next = repeated ? undefined : balancing.lease(tried)
    if (next !== undefined) {
      endLease(failure, { retried: true })
      leaseTo(next)
      return
    }
    log(`${upstream.id}: cannot connect: ${error.message}`)
    fail(failure === 'timeout' ? NODE_TIMEOUT : UNREACHABLE, failure)
  }

  /** The end of an exchange that cannot go on: an error for the client, or the end of an answer that has begun. */
  function fail(error: OwnError, failure: ExchangeResult['failure']): void {
    const begun = phase === 'answering'
    phase = 'over'
    node?.destroy()
    endLease(failure)
    answer.flush()
    if (begun) client.cutOff()
    else client.answerError(error, { keepAlive: request.keepAlive && upload.complete() })
  }

  function finish(): void {
    phase = 'over'
    answer.flush()
    endLease(null)
    client.answered({ keepAlive: keepAlive && upload.complete() && answer.framing() !== 'until-close' })
  }

  function endLease(failure: ExchangeResult['failure'], { retried } = { retried: false }): void {
    if (lease === undefined) return
    const ending = lease
    lease = undefined
    context.countInflight(-1)
    ending.end({ status, failure, retried, durationMs: now() - leasedAt })
  }

  function closeStream(): void {
    if (phase !== 'answering') return
    node!.destroy()
    if (answer.framing() === 'length') {
      fail(BAD_ANSWER, null)
    } else {
      answer.end([])
      finish()
    }
  }

  /** Something has moved: whoever is to move next gets its time anew. */
  function touch(): void {
    deadline.at = Math.min(now() + idleLimitMs(), totalAt)
  }

  function idleLimitMs(): number {
    if (waitsForBody()) return limits.bodyIdleMs
    if (answer.congested()) return limits.sendIdleMs
    return longLived ? limits.longLivedIdleMs : limits.responseIdleMs
  }

  /** A client that itself waits for 100 (Continue) is not the one who is late. */
  function waitsForBody(): boolean {
    return !upload.complete() && !readingPaused && (mayContinue || upload.begun())
  }

  return {
    start() {
      const first = balancing.lease(NO_UPSTREAMS)
      if (first === undefined) fail(NO_NODE, null)
      else leaseTo(first)
    },
    uploadGrew() {
      if (phase === 'sent' || phase === 'answering') sendUpload()
    },
    refuse(error) {
      fail(error, null)
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
      if (phase === 'over') return
      const inTotal = now() < totalAt
      if (inTotal && phase === 'connecting') {
        node!.destroy()
        connectFailed('timeout', new Error(`no connection within ${limits.connectMs} ms`))
      } else if (inTotal && waitsForBody()) {
        fail(BODY_TIMEOUT, null)
      } else if (inTotal && answer.congested()) {
        fail(BAD_ANSWER, null)
      } else {
        log(`${lease!.upstream.id}: no answer in time`)
        fail(NODE_TIMEOUT, 'timeout')
      }
    },
    closeLongLived() {
      if (longLived) closeStream()
    },
  }
}
