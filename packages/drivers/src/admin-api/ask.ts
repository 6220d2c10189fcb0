import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
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
  signal.throwIfAborted()
  let failure: unknown
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      const answer = await send(api, asked, signal)
      if (answer.status !== 503) return contentOf(api, asked, answer)
      failure = errorOf(api, asked, answer)
    } catch (error) {
      if (error instanceof BatonError) throw error
      // No wait will mend a socket that is not ours to use.
      if (isForbidden(error)) throw unreachable(api, error)
      if (!signal.aborted) failure = error
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {})
    if (!signal.aborted) continue
    // Where nothing has failed, the caller gave up on a balancer that was about to answer: no word on the balancer.
    if (failure === undefined && !isTimeout(signal.reason)) throw signal.reason
    throw unreachable(api, failure)
  }
}

const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 500

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
  const message = `the balancer at ${socketPath} cannot be reached: ${REASONS[codeOf(cause)] ?? messageOf(cause)}`
  const hint = isForbidden(cause) ? hints.forbidden : hints.unreachable
  return new BatonError('balancer-unreachable', message, { hint, cause })
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(codeOf(error))
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : ''
}

function messageOf(error: unknown): string {
  if (error === undefined) return 'it does not answer in time'
  return error instanceof Error ? error.message : String(error)
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
}
