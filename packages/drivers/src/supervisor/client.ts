import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { BatonError } from '@baton/core'
import { supervisorSocketPath } from './layout.ts'
import type { ActivateRequest, FailureReport, NodeReport, NodesReport, Verb } from './protocol.ts'

export interface SupervisorClient {
  nodes(signal: AbortSignal): Promise<readonly NodeReport[]>
  act(node: string, action: Action, call: { readonly token: number; readonly signal: AbortSignal }): Promise<void>
  fence(call: { readonly token: number; readonly signal: AbortSignal }): Promise<void>
}

type Action = { readonly verb: Exclude<Verb, 'activate'> } | ({ readonly verb: 'activate' } & ActivateRequest)

const retryEveryMs = 100

/**
 * Speaks with the supervisor of a state folder. While it is away (every request may be repeated) it is tried again until
 * the signal aborts; then it fails with `supervisor-unreachable`, or `supervisor-timeout` where it only takes too long.
 */
export function createSupervisorClient(stateDir: string): SupervisorClient {
  const socketPath = supervisorSocketPath(stateDir)

  const call = async (route: Route, signal: AbortSignal): Promise<Answer> => {
    for (;;) {
      try {
        return await ask(socketPath, route, signal)
      } catch (error) {
        const unreachable = isUnreachable(error)
        if (!unreachable && !signal.aborted) throw error
        if (unreachable) await sleep(retryEveryMs, undefined, { signal }).catch(() => {})
        if (signal.aborted) throw unreachable ? away(socketPath, error) : tooSlow(route, error)
      }
    }
  }

  const post = async (path: string, { token, signal }: { token: number; signal: AbortSignal }, body?: object) => {
    await call({ method: 'POST', path, token, body }, signal)
  }

  return {
    async nodes(signal) {
      const { nodes } = (await call({ method: 'GET', path: '/v1/nodes' }, signal)) as NodesReport
      return nodes
    },
    async act(node, { verb, ...body }, options) {
      await post(`/v1/nodes/${encodeURIComponent(node)}/${verb}`, options, body)
    },
    async fence(options) {
      await post('/v1/fence', options)
    },
  }
}

interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: number
  readonly body?: object | undefined
}

/** The body of a good answer; null where it has none. */
type Answer = unknown

function ask(socketPath: string, { method, path, token, body }: Route, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { 'Baton-Token': String(token), 'Content-Type': 'application/json' }
    const sent = request({ socketPath, method, path, headers, signal, agent: false }, async (response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString('utf8')
        const answer = text === '' ? null : JSON.parse(text)
        if ((response.statusCode ?? 500) < 300) resolve(answer)
        else reject(asBatonError(answer))
      } catch (error) {
        reject(error)
      }
    })
    sent.on('error', reject)
    sent.end(body === undefined ? '' : JSON.stringify(body))
  })
}

function asBatonError(answer: unknown): BatonError {
  const { code, message, ...more } = (answer as FailureReport).error
  return new BatonError(code, message, more)
}

const unreachableCodes = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

function isUnreachable(error: unknown): boolean {
  return !(error instanceof BatonError) && unreachableCodes.has(String((error as NodeJS.ErrnoException).code))
}

function away(socketPath: string, cause: unknown): BatonError {
  return new BatonError('supervisor-unreachable', `no supervisor answers on ${socketPath}`, {
    hint: 'run baton up',
    cause,
  })
}

function tooSlow({ method, path }: Route, cause: unknown): BatonError {
  return new BatonError('supervisor-timeout', `the supervisor did not finish ${method} ${path} in time`, {
    hint: 'see what the app is doing in its log, or give it more time',
    cause,
  })
}
