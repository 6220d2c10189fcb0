import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { isObject } from './answers.ts'

export interface AdminRequest {
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly path: string
  readonly token?: number
  readonly body?: object
}

/**
 * Asks until there is an answer, and returns its JSON. Every request of the API is safe to repeat, so one whose answer
 * was lost is sent again.
 */
export async function askAdmin(
  asked: AdminRequest & { readonly socketPath: string },
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted()
  let failure: unknown
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return contentOf(asked, await send(asked, signal))
    } catch (error) {
      if (error instanceof BatonError) throw error
      if (FINAL.has(codeOf(error))) throw unreachable(asked.socketPath, error)
      if (!signal.aborted) failure = error
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {})
    // Without a failure so far it was the caller who gave up on a balancer that was about to answer.
    if (signal.aborted && failure === undefined && !isTimeout(signal.reason)) throw signal.reason
    if (signal.aborted) throw unreachable(asked.socketPath, failure)
  }
}

const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 500

/** Errors that no wait will mend: not our socket to use, and a path that is too long for one. */
const FINAL = new Set(['EACCES', 'EPERM', 'EINVAL'])

interface Answer {
  readonly status: number
  readonly text: string
}

/** Each request has a connection of its own: none is left over from a balancer that is gone. */
function send(asked: AdminRequest & { readonly socketPath: string }, signal: AbortSignal): Promise<Answer> {
  const { socketPath, method, path, token, body } = asked
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
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(content)
  })
}

function contentOf(asked: AdminRequest, { status, text }: Answer): unknown {
  const content = parse(text)
  if (status >= 200 && status < 300 && content !== undefined) return content
  const error = isObject(content) && isObject(content.error) ? content.error : {}
  if (status < 400 || typeof error.code !== 'string' || typeof error.message !== 'string') {
    throw new BatonError(
      'balancer-answer-invalid',
      `the balancer answered ${asked.method} ${asked.path} with ${status} and no JSON that says why`,
      {
        hint: 'see that baton and the running balancer are of one version: run baton up again',
      },
    )
  }
  throw new BatonError(error.code, `the balancer refused: ${error.message}`, {
    hint: HINTS[error.code] ?? 'baton status',
  })
}

const HINTS: Readonly<Record<string, string>> = {
  'stale-token': 'another deploy has taken over: baton status',
  'unknown-node': 'the running balancer has other nodes than baton.yaml: run baton up again',
}

function parse(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unreachable(socketPath: string, cause: unknown): BatonError {
  const code = codeOf(cause)
  const isForbidden = code === 'EACCES' || code === 'EPERM'
  return new BatonError(
    'balancer-unreachable',
    `the balancer at ${socketPath} cannot be reached: ${REASONS[code] ?? messageOf(cause)}`,
    {
      hint: isForbidden ? 'run this as the user who ran baton up' : 'run baton up',
      cause,
    },
  )
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EINVAL: 'the path is too long for a unix socket',
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
