import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../errors.ts'
import type { WantedNode } from './control.ts'

/** How to start a successor: its program, and files that the one who asks has prepared. */
export interface Succession {
  /** Path of the successor's main.js. */
  readonly main: string
  /** Path of its configuration. */
  readonly config: string
  /** Path of the file that its output goes to. */
  readonly log: string
}

const longestBodyBytes = 64 * 1024
const longestMs = 2 ** 31 - 1

/** The header `Baton-Token`: the caller's fencing token. */
export function readToken({ headers }: IncomingMessage): number {
  const token = headers['baton-token']
  if (token === undefined)
    throw new ProxyError('missing-token', 'the header Baton-Token is missing: send the token of your lock')
  if (typeof token !== 'string' || !/^\d{1,15}$/.test(token)) {
    throw new ProxyError(
      'bad-request',
      `Baton-Token must be a whole number of at most 15 digits, not ${JSON.stringify(token)}`,
    )
  }
  return Number(token)
}

/** An object; an empty one where there is no body. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestBodyBytes) throw bad(`the body is longer than ${longestBodyBytes} bytes`)
    chunks.push(chunk)
  }
  if (length === 0) return {}
  let json: unknown
  try {
    json = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw bad(`the body is not JSON (${error instanceof Error ? error.message : error})`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('the body must be a JSON object')
  return json as Record<string, unknown>
}

/** The body of `PUT /v1/nodes/:id`. */
export function readWanted(body: Record<string, unknown>): WantedNode {
  onlyKeys(body, ['admin', 'weight'])
  const { admin, weight } = body
  if (admin === undefined && weight === undefined) throw bad('the body must have `admin`, `weight` or both')
  if (admin !== undefined && admin !== 'in' && admin !== 'out') throw bad('`admin` must be "in" or "out"')
  if (weight !== undefined && !isWhole(weight, 1, 1_000_000))
    throw bad('`weight` must be a whole number from 1 to 1000000')
  return { ...(admin === undefined ? {} : { admin }), ...(weight === undefined ? {} : { weight }) }
}

/** The body of `POST /v1/stop`; the process' own grace where it says nothing. */
export function readStop(body: Record<string, unknown>): { readonly graceMs: number | undefined } {
  onlyKeys(body, ['graceMs'])
  const { graceMs } = body
  if (graceMs !== undefined && !isWhole(graceMs, 0, longestMs)) throw bad('`graceMs` must be a whole number')
  return { graceMs }
}

export function readHandOver(body: Record<string, unknown>): { readonly successor: string } {
  onlyKeys(body, ['successor'])
  return { successor: readText(body, 'successor') }
}

export function readSuccession(body: Record<string, unknown>): Succession {
  onlyKeys(body, ['main', 'config', 'log'])
  return { main: readText(body, 'main'), config: readText(body, 'config'), log: readText(body, 'log') }
}

function readText(body: Record<string, unknown>, key: string): string {
  const value = body[key]
  if (typeof value !== 'string' || value === '') throw bad(`\`${key}\` must be a text`)
  return value
}

function onlyKeys(body: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(body).filter((key) => !known.includes(key))
  if (unknown.length > 0) throw bad(`\`${unknown.join('`, `')}\` is unknown here; known are ${known.join(', ')}`)
}

function isWhole(value: unknown, lowest: number, highest: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest
}

function bad(message: string): ProxyError {
  return new ProxyError('bad-request', message)
}
