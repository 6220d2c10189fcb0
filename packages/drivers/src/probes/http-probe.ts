import { get, type IncomingMessage } from 'node:http'
import type { Probe, ProbeResult } from '@baton/core'
import { attempt, spellMs } from './attempt.ts'
import { reasonOf } from './reason.ts'

export interface HttpProbeOptions {
  readonly host: string
  readonly port: number
  /** With its leading slash. */
  readonly path: string
  /** Healthy status codes as inclusive ranges, for example [[200, 399]]. */
  readonly statuses: readonly (readonly [number, number])[]
  /** For the whole check, from connecting to the end of the answer. */
  readonly timeoutMs: number
}

/**
 * One GET over a connection of its own, as a new client would send it. Redirects are answers like any other and are
 * not followed; the body is read to its end, or to 64 KiB, and thrown away. `check` rejects only with its signal's reason.
 */
export function createHttpProbe({ host, port, path, statuses, timeoutMs }: HttpProbeOptions): Probe {
  const request = { host, port, path, agent: false, headers: { 'user-agent': 'baton-health', accept: '*/*' } } as const
  const isHealthy = (status: number) => statuses.some(([from, to]) => status >= from && status <= to)

  return {
    check(signal) {
      let seen: ProbeResult | undefined
      return attempt({ timeoutMs, signal }, (settle) => {
        const unhealthy = (reason: string) => settle({ healthy: false, reason, release: seen?.release ?? null })
        const asked = get(request, (answer) => {
          const status = answer.statusCode ?? 0
          const result = {
            healthy: isHealthy(status),
            reason: `GET ${path} answered ${status}`,
            release: releaseOf(answer),
          }
          seen = result
          discard(answer, { done: () => settle(result) })
          answer.on('error', () => unhealthy(`${result.reason}, then the connection broke`))
        })
        asked.on('error', (error) => unhealthy(reasonOf(error, host)))
        return {
          stop: () => asked.destroy(),
          late: () => unhealthy(lateReason(seen, timeoutMs)),
        }
      })
    },
  }
}

const MAX_BODY_BYTES = 65_536

function discard(answer: IncomingMessage, on: { done: () => void }): void {
  let size = 0
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MAX_BODY_BYTES) on.done()
  })
  answer.on('end', on.done)
}

function releaseOf(answer: IncomingMessage): string | null {
  const value = answer.headers['baton-release']
  return typeof value === 'string' && value !== '' ? value : null
}

function lateReason(seen: ProbeResult | undefined, timeoutMs: number): string {
  const within = `within ${spellMs(timeoutMs)}`
  return seen === undefined ? `no answer ${within}` : `${seen.reason}, but its body did not end ${within}`
}
