import { connect } from 'node:net'
import type { Probe } from '@baton/core'
import { attempt, spellMs } from './attempt.ts'
import { reasonOf } from './reason.ts'

export interface TcpProbeOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

/**
 * Connects and hangs up: healthy says only that the port accepts connections. `check` rejects only with its signal's
 * reason.
 */
export function createTcpProbe({ host, port, timeoutMs }: TcpProbeOptions): Probe {
  return {
    check(signal) {
      return attempt({ timeoutMs, signal }, (settle) => {
        const unhealthy = (reason: string) => settle({ healthy: false, reason, release: null })
        const socket = connect({ host, port })
        socket.on('connect', () => settle({ healthy: true, reason: `port ${port} accepts connections`, release: null }))
        socket.on('error', (error) => unhealthy(reasonOf(error, host)))
        return {
          stop: () => socket.destroy(),
          late: () => unhealthy(`no connection within ${spellMs(timeoutMs)}`),
        }
      })
    },
  }
}
