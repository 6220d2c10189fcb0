import type { Socket } from 'node:net'
import { type ErrorPage, errorResponse, httpDate } from './error-page.ts'
import { interimHeadFor, lastChunkFor, responseHeadFor } from './hop-by-hop.ts'
import type { Limits } from './limits.ts'
import type { Field, RequestHead, ResponseHead } from './message-head.ts'
import { createOutbox, isCongested } from './outbox.ts'

/** Writes answers to a client's connection: one after the other, each framed as this client understands it. */
export interface AnswerWriter {
  /** A node's interim response; dropped for HTTP/1.0 clients, which would take it for the answer. */
  interim(request: RequestHead, response: ResponseHead): void
  /** A node's response; `keepAlive` as the client connection would have it. */
  head(request: RequestHead, response: ResponseHead, options: { keepAlive: boolean }): void
  /** The node's 101. */
  switching(response: ResponseHead, protocol: string): void
  body(piece: Buffer): void
  /** The answer is whole. */
  end(trailers: readonly Field[]): void
  /** A whole answer of the balancer's own. */
  error(page: ErrorPage): void
  /** How the answer under way ends: by its own framing at a length already told, by a last chunk, or with the connection. */
  framing(): AnswerFraming
  /** Sends what has been written. */
  flush(): void
  /** True while the client takes less than it is given. */
  congested(): boolean
  /** True while a part of what was flushed is still to be written. */
  unsent(): boolean
}

export type AnswerFraming = 'length' | 'chunked' | 'until-close'

export function createAnswerWriter(socket: Socket, limits: Limits): AnswerWriter {
  const outbox = createOutbox()
  const keepAliveLines = keepAliveLinesFor(limits)
  let framing: AnswerFraming = 'length'

  return {
    interim(request, response) {
      if (request.minor === 1) outbox.text(interimHeadFor(response))
    },
    head(request, response, { keepAlive }) {
      framing = framingFor(request, response)
      let lines = keepAlive && framing !== 'until-close' ? keepAliveLines : 'Connection: close\r\n'
      if (framing === 'chunked') lines = `Transfer-Encoding: chunked\r\n${lines}`
      else if (response.contentLength !== undefined && response.status !== 204) {
        lines = `Content-Length: ${response.contentLength}\r\n${lines}`
      }
      outbox.text(responseHeadFor(response, { framing: lines, date: httpDate() }))
    },
    switching(response, protocol) {
      const lines = `Connection: upgrade\r\nUpgrade: ${protocol}\r\n`
      outbox.text(responseHeadFor(response, { framing: lines, date: httpDate() }))
    },
    body(piece) {
      if (framing === 'chunked') outbox.chunk(piece)
      else outbox.bytes(piece)
    },
    end(trailers) {
      if (framing === 'chunked') outbox.text(lastChunkFor(trailers))
    },
    error(page) {
      outbox.text(errorResponse(page))
    },
    framing: () => framing,
    flush() {
      outbox.flush(socket)
    },
    congested: () => isCongested(socket),
    unsent: () => socket.writableLength > 0,
  }
}

/** Whether a response to `method` has a body at all (RFC 9112 6.3, rules 1 and 2). */
export function hasBody({ status }: ResponseHead, method: string): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304
}

function framingFor(request: RequestHead, response: ResponseHead): AnswerFraming {
  // The length told with HEAD or 304 is what GET would have had (RFC 9110 8.6): nothing comes in any case.
  if (!hasBody(response, request.method) || response.contentLength !== undefined) return 'length'
  return request.minor === 1 ? 'chunked' : 'until-close'
}

/** Clients that heed the hint do not send a request on a connection that is just being closed. */
function keepAliveLinesFor({ keepAliveMs }: Limits): string {
  const seconds = Math.floor(keepAliveMs / 1000)
  if (seconds < 1 || !Number.isFinite(seconds)) return 'Connection: keep-alive\r\n'
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`
}
