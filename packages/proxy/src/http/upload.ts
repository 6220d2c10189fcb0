import type { Socket } from 'node:net'
import { BadMessage } from './bad-message.ts'
import { type BodyReader, type BodySink, createChunkedReader, createSizedReader } from './body-framing.ts'
import { lastChunkFor } from './hop-by-hop.ts'
import type { Limits } from './limits.ts'
import type { RequestHead } from './message-head.ts'
import { createOutbox } from './outbox.ts'

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
  hasBody: boolean
}

export interface UploadOptions {
  readonly request: RequestHead
  /** The request's head as the node gets it. */
  readonly head: string
  readonly limits: Limits
}

/** Throws BadMessage (413) when the request announces more than may be sent. */
export function createUpload({ request, head, limits }: UploadOptions): Upload {
  const { chunked } = request
  const reader = bodyReaderFor(request, limits)
  const outbox = createOutbox()
  let bodyBytes = 0
  outbox.text(head)

  const sink: BodySink = {
    body(piece) {
      bodyBytes += piece.length
      if (bodyBytes > limits.bodyBytes) throw tooLarge()
      if (chunked) outbox.chunk(piece)
      else outbox.bytes(piece)
    },
  }

  return {
    hasBody: reader !== undefined,
    read(bytes, at) {
      const end = reader!.read(bytes, at, sink)
      if (chunked && reader!.complete()) outbox.text(lastChunkFor(reader!.trailers()))
      return end
    },
    complete: () => reader === undefined || reader.complete(),
    begun: () => bodyBytes > 0,
    sendTo(node) {
      outbox.flush(node)
    },
    repeat() {
      outbox.text(head)
    },
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
