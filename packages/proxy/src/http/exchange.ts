import type { Balancing, ExchangeResult, Lease, Upstream } from '../balancing.ts'
import { type AnswerWriter, hasBody } from './answer.ts'
import type { BadMessage } from './bad-message.ts'
import { type Deadline, now } from './deadlines.ts'
import type { Limits } from './limits.ts'
import type { Field, RequestHead, ResponseHead } from './message-head.ts'
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

const STAYS = { keepAlive: true }
const CLOSES = { keepAlive: false }
const ANY_IDLE = { repeatable: true }
const SAFE_IDLE = { repeatable: false }
const NOT_RETRIED = { retried: false }

const NO_NODE = { status: 503, code: 'no_node', message: 'No application server can take the request now.' }
const NO_RESOURCES = { status: 503, code: 'no_resources', message: 'The balancer is out of resources.' }
const UNREACHABLE = { status: 502, code: 'node_unreachable', message: 'The application cannot be reached.' }
const BAD_ANSWER = { status: 502, code: 'bad_answer', message: 'The application did not answer properly.' }
const NODE_TIMEOUT = { status: 504, code: 'node_timeout', message: 'The application did not answer in time.' }
const BODY_TIMEOUT = { status: 408, code: 'body_timeout', message: 'The request did not arrive in time.' }

export function createExchange(options: ExchangeOptions): Exchange {
  return new RunningExchange(options)
}

/**
 * A class, where the rest of this package has factories: there is one per request, and the closures of a factory made up a
 * quarter of all that a request leaves to the garbage collector.
 */
class RunningExchange implements Exchange, NodeExchange {
  readonly method: string
  private readonly request: RequestHead
  private readonly upload: Upload
  private readonly client: ExchangeClient
  private readonly context: ExchangeContext
  private readonly repeatable: boolean
  private readonly totalAt: number
  private phase: Phase = 'reading'
  private lease: Lease | undefined = undefined
  private leasedAt = 0
  private tried = NO_UPSTREAMS
  private node: NodeConnection | undefined = undefined
  private repeated = false
  private mayContinue: boolean
  private status: number | null = null
  private keepAlive: boolean
  private longLived = false
  private readingPaused = false

  constructor({ request, upload, client, context }: ExchangeOptions) {
    this.method = request.method
    this.request = request
    this.upload = upload
    this.client = client
    this.context = context
    this.repeatable = !upload.hasBody && SAFE_METHODS.has(request.method)
    this.totalAt = now() + context.limits.totalMs
    this.mayContinue = !request.expectsContinue
    this.keepAlive = request.keepAlive
  }

  // ---- for the client's connection

  start(): void {
    const first = this.context.balancing.lease(NO_UPSTREAMS)
    if (first === undefined) this.fail(NO_NODE, null)
    else this.leaseTo(first)
  }

  uploadGrew(): void {
    if (this.phase === 'sent' || this.phase === 'answering') this.sendUpload()
  }

  refuse(error: BadMessage): void {
    this.fail(error, null)
  }

  clientDrained(): void {
    this.node?.socket.resume()
    this.touch()
  }

  abort(): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.node?.destroy()
    this.endLease(null)
  }

  expired(): void {
    if (this.phase === 'over') return
    const { limits, log } = this.context
    const inTotal = now() < this.totalAt
    if (inTotal && this.phase === 'connecting') {
      this.node!.destroy()
      this.connectFailed('timeout', new Error(`no connection within ${limits.connectMs} ms`))
    } else if (inTotal && this.waitsForBody()) {
      this.fail(BODY_TIMEOUT, null)
    } else if (inTotal && this.client.answer.congested()) {
      this.fail(BAD_ANSWER, null)
    } else {
      log(`${this.lease!.upstream.id}: no answer in time`)
      this.fail(NODE_TIMEOUT, 'timeout')
    }
  }

  closeLongLived(): void {
    if (!this.longLived || this.phase !== 'answering') return
    this.node!.destroy()
    const { answer } = this.client
    if (answer.framing() === 'length') {
      this.fail(BAD_ANSWER, null)
    } else {
      answer.end([])
      this.finish()
    }
  }

  // ---- for the node's connection

  connected(): void {
    this.send()
  }

  interim(response: ResponseHead): void {
    if (response.status === 100) this.mayContinue = true
    this.client.answer.interim(this.request, response)
  }

  head(response: ResponseHead): void {
    this.phase = 'answering'
    this.status = response.status
    // What is left of an upload then may never be read; a client that relies on it must have another connection.
    this.keepAlive = this.request.keepAlive && this.upload.complete() && !this.context.draining()
    this.client.answer.head(this.request, response, this.keepAlive ? STAYS : CLOSES)
    if (response.eventStream && hasBody(response, this.method)) {
      this.longLived = true
      this.lease!.becomesLongLived(() => this.closeLongLived())
    }
  }

  body(piece: Buffer): void {
    this.client.answer.body(piece)
  }

  complete(trailers: readonly Field[], { reusable }: { reusable: boolean }): void {
    this.client.answer.end(trailers)
    if (reusable && this.upload.complete()) this.context.pool.put(this.node!)
    else this.node!.destroy()
    this.finish()
  }

  readEnded(): void {
    const { answer } = this.client
    answer.flush()
    if (answer.congested()) this.node!.socket.pause()
    this.touch()
  }

  holdsBytes(): boolean {
    return this.client.answer.unsent()
  }

  upgraded(response: ResponseHead, nodeBytes: Buffer): void {
    const node = this.node!
    const { upgrade } = this.request
    if (upgrade === undefined || !this.upload.complete()) {
      node.destroy()
      this.failed({ kind: 'protocol', error: new Error('it switched protocols without having been asked to') })
      return
    }
    const protocol = response.upgrade ?? upgrade
    this.phase = 'over'
    this.status = response.status
    this.client.answer.switching(response, protocol)
    this.client.answer.flush()
    this.client.upgraded({ node, nodeBytes, protocol, lease: this.lease!, ended: () => this.endLease(null) })
  }

  drained(): void {
    if (this.phase !== 'sent' && this.phase !== 'answering') return
    this.resumeReading()
    this.touch()
  }

  failed({ kind, error }: NodeFailure): void {
    if (this.phase === 'over') return
    const failed = this.node!
    this.node = undefined
    if (kind === 'connect') {
      this.connectFailed('refused', error)
      return
    }
    if (this.phase === 'sent' && kind === 'reset' && failed.idleForMs() !== undefined) {
      this.context.pool.closedUnderRequest(failed)
      if (this.repeatable) {
        // See node-pool.ts, 4.
        this.repeated = true
        this.upload.repeat()
        this.openConnection(failed.upstream)
        return
      }
    }
    this.context.log(`${failed.upstream.id}: ${error.message}`)
    this.fail(BAD_ANSWER, kind)
  }

  // ---- its course

  private leaseTo(next: Lease): void {
    const { context } = this
    this.lease = next
    this.leasedAt = now()
    context.countInflight(1)
    this.node = context.pool.take(this, next.upstream, this.repeatable ? ANY_IDLE : SAFE_IDLE)
    if (this.node === undefined) this.openConnection(next.upstream)
    else this.send()
  }

  private openConnection(upstream: Upstream): void {
    const { limits, pool } = this.context
    this.phase = 'connecting'
    if (!this.upload.complete()) this.pauseReading()
    this.client.deadline.at = Math.min(now() + limits.connectMs, this.totalAt)
    this.node = pool.open(this, upstream)
  }

  private send(): void {
    this.phase = 'sent'
    this.sendUpload()
  }

  private sendUpload(): void {
    const { socket } = this.node!
    this.upload.sendTo(socket)
    if (!this.upload.complete()) {
      if (isCongested(socket)) this.pauseReading()
      else this.resumeReading()
    }
    this.touch()
  }

  private pauseReading(): void {
    if (this.readingPaused) return
    this.readingPaused = true
    this.client.pauseReading()
  }

  private resumeReading(): void {
    if (!this.readingPaused) return
    this.readingPaused = false
    this.client.resumeReading()
  }

  private connectFailed(failure: 'refused' | 'timeout', error: Error): void {
    const { balancing, log, pool } = this.context
    const { upstream } = this.lease!
    pool.forget(upstream)
    if (OWN_SHORTAGES.has((error as NodeJS.ErrnoException).code ?? '')) {
      log(`${upstream.id}: cannot connect: ${error.message}`)
      this.fail(NO_RESOURCES, null)
      return
    }
    // Not a byte of the request has left, unless this was to repeat it: nobody can have processed it.
    this.tried = [...this.tried, upstream]
    const next = this.repeated ? undefined : balancing.lease(this.tried)
    if (next !== undefined) {
      this.endLease(failure, { retried: true })
      this.leaseTo(next)
      return
    }
    log(`${upstream.id}: cannot connect: ${error.message}`)
    this.fail(failure === 'timeout' ? NODE_TIMEOUT : UNREACHABLE, failure)
  }

  /** The end of an exchange that cannot go on: an error for the client, or the end of an answer that has begun. */
  private fail(error: OwnError, failure: ExchangeResult['failure']): void {
    const begun = this.phase === 'answering'
    this.phase = 'over'
    this.node?.destroy()
    this.endLease(failure)
    this.client.answer.flush()
    if (begun) this.client.cutOff()
    else this.client.answerError(error, this.request.keepAlive && this.upload.complete() ? STAYS : CLOSES)
  }

  private finish(): void {
    const { answer } = this.client
    this.phase = 'over'
    answer.flush()
    this.endLease(null)
    const stays = this.keepAlive && this.upload.complete() && answer.framing() !== 'until-close'
    this.client.answered(stays ? STAYS : CLOSES)
  }

  private endLease(failure: ExchangeResult['failure'], { retried } = NOT_RETRIED): void {
    const { lease, status } = this
    if (lease === undefined) return
    this.lease = undefined
    this.context.countInflight(-1)
    lease.end({ status, failure, retried, durationMs: now() - this.leasedAt })
  }

  /** Something has moved: whoever is to move next gets its time anew. */
  private touch(): void {
    this.client.deadline.at = Math.min(now() + this.idleLimitMs(), this.totalAt)
  }

  private idleLimitMs(): number {
    const { limits } = this.context
    if (this.waitsForBody()) return limits.bodyIdleMs
    if (this.client.answer.congested()) return limits.sendIdleMs
    return this.longLived ? limits.longLivedIdleMs : limits.responseIdleMs
  }

  /** A client that itself waits for 100 (Continue) is not the one who is late. */
  private waitsForBody(): boolean {
    return !this.upload.complete() && !this.readingPaused && (this.mayContinue || this.upload.begun())
  }
}
