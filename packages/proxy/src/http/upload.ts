import type { Socket } from 'node:net'
import { BadMessage } from './bad-message.ts'
import { type BodyReader, type BodySink, createChunkedReader, createSizedReader } from './body-framing.ts'
import { lastChunkFor } from './hop-by-hop.ts'
import type { Limits } from './limits.ts'
import type { RequestHead } from './message-head.ts'
import type { Outbox } from './outbox.ts'

/** A request on its way to a node: its head, and its body as it comes from the client. */
export interface Upload {
  /** Takes the body from `bytes[at]` on; returns the index behind what is the body's. Throws BadMessage. */
  read(bytes: Buffer, at: number): number
  /** True once the whole request has been read. */
  complete(): boolean
  /** True once a byte of the body has been read. */
  begun(): boolean
  /** Sends what has been read and not been sent. Until the first call the whole request is still here. */
  sendTo(node: Socket): void
  /** Makes a request without a body ready to be sent once more. */
  repeat(): void
  readonly hasBody: boolean
}

export interface UploadOptions {
  readonly request: RequestHead
  /** The request's head as the node gets it. */
  readonly head: string
  /** Empty; what is read waits here for a node's connection. */
  readonly outbox: Outbox
  readonly limits: Limits
}

/** Throws BadMessage (413) when the request announces more than may be sent. */
export function createUpload(options: UploadOptions): Upload {
  return new RunningUpload(options)
}

/** A class for the same reason as the exchange. */
class RunningUpload implements Upload, BodySink {
  readonly hasBody: boolean
  private readonly chunked: boolean
  private readonly head: string
  private readonly outbox: Outbox
  private readonly reader: BodyReader | undefined
  private readonly maxBytes: number
  private bodyBytes = 0

  constructor({ request, head, outbox, limits }: UploadOptions) {
    this.reader = bodyReaderFor(request, limits)
    this.hasBody = this.reader !== undefined
    this.chunked = request.chunked
    this.head = head
    this.outbox = outbox
    this.maxBytes = limits.bodyBytes
    outbox.text(head)
  }

  read(bytes: Buffer, at: number): number {
    const reader = this.reader!
    const end = reader.read(bytes, at, this)
    if (this.chunked && reader.complete()) this.outbox.text(lastChunkFor(reader.trailers()))
    return end
  }

  body(piece: Buffer): void {
    this.bodyBytes += piece.length
    if (this.bodyBytes > this.maxBytes) throw tooLarge()
    if (this.chunked) this.outbox.chunk(piece)
    else this.outbox.bytes(piece)
  }

  complete(): boolean {
    return this.reader === undefined || this.reader.complete()
  }

  begun(): boolean {
    return this.bodyBytes > 0
  }

  sendTo(node: Socket): void {
    this.outbox.flush(node)
  }

  repeat(): void {
    this.outbox.text(this.head)
  }
}

function bodyReaderFor(request: RequestHead, limits: Limits): BodyReader | undefined {
  if (request.chunked) return createChunkedReader(limits)
  if (request.contentLength === undefined || request.contentLength === 0) return undefined
  if (request.contentLength > limits.bodyBytes) throw tooLarge()
  return createSizedReader(request.contentLength)
}

function tooLarge(): BadMessage {
  return new BadMessage(413, 'body_too_large', 'The request body is too large.')
}
