import { request } from 'node:http'
import { BatonError } from '@baton/core'
import { isForbidden, reasonOf, untilAnswered } from '../until-answered.ts'
import { isObject } from './answers.ts'

/** What a person does about it, in words of the balancer at hand. */
export interface AdminApiHints {
  /** Nothing answers. */
  readonly unreachable: string
  /** The socket belongs to somebody else. */
  readonly forbidden: string
  /** It has other nodes than baton.yaml, or speaks another version of the API. */
  readonly outdated: string
}

/** Where a balancer is asked. */
export interface AdminApi {
  readonly socketPath: string
  readonly hints: AdminApiHints
}

export interface AdminRequest {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  readonly token?: number
  readonly body?: object
}

/**
 * Asks until there is an answer, and returns its JSON. Every request of the API is safe to repeat, so one whose answer
 * was lost, or that came while the balancer was being replaced (503), is sent again.
 */
export async function askAdmin(api: AdminApi, asked: AdminRequest, signal: AbortSignal): Promise<unknown> {
  return untilAnswered(
    async () => {
      const answer = await send(api, asked, signal)
      if (answer.status === 503) return { failure: errorOf(api, asked, answer) }
      return { answer: contentOf(api, asked, answer) }
    },
    { signal, unreachable: (cause) => unreachable(api, cause) },
  )
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Each request has a connection of its own: none is left over from a balancer that is gone. */
function send({ socketPath }: AdminApi, asked: AdminRequest, signal: AbortSignal): Promise<Answer> {
  const { method, path, token, body } = asked
  const content = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    ...(token === undefined ? {} : { 'baton-token': String(token) }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(content)) }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false, signal }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(content)
  })
}

function contentOf(api: AdminApi, asked: AdminRequest, answer: Answer): unknown {
  const content = answer.status >= 200 && answer.status < 300 ? parse(answer.text) : undefined
  if (content === undefined) throw errorOf(api, asked, answer)
  return content
}

function errorOf({ hints }: AdminApi, { method, path }: AdminRequest, { status, text }: Answer): BatonError {
  const content = parse(text)
  const { code, message } = isObject(content) && isObject(content.error) ? content.error : {}
  if (status >= 400 && typeof code === 'string' && typeof message === 'string') {
    return new BatonError(code, `the balancer refused: ${message}`, { hint: hintFor(code, hints) })
  }
  const what = `the balancer answered ${method} ${path} with status ${status} and not the JSON that its API promises`
  return new BatonError('balancer-answer-invalid', what, {
    hint: `see that baton and the running balancer are of one version: ${hints.outdated}`,
  })
}

function hintFor(code: string, { outdated }: AdminApiHints): string {
  switch (code) {
    case 'stale-token':
      return 'another deploy has taken over: baton status'
    case 'unknown-node':
      return `the running balancer has other nodes than baton.yaml: ${outdated}`
    default:
      return 'baton status'
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unreachable({ socketPath, hints }: AdminApi, cause: unknown): BatonError {
  const message = `the balancer at ${socketPath} cannot be reached: ${reasonOf(cause)}`
  const hint = isForbidden(cause) ? hints.forbidden : hints.unreachable
  return new BatonError('balancer-unreachable', message, { hint, cause })
}
