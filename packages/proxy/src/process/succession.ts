import { request } from 'node:http'
import { callAdmin } from '../admin/client.ts'
import { ProxyError } from '../errors.ts'
import { isGone, type Peer, thisProcessOnly } from './peers.ts'

/** The old process has stopped changing anything, and passes admin requests on. If this process dies before `retire`, it goes on as before. */
export interface HandOver {
  /** The nodes that the old process holds for down. */
  readonly down: readonly string[]
  /** Makes the old process stop accepting, finish what it has in flight, and end. */
  retire(options: { readonly graceMs: number }): Promise<void>
  /** Lets the old process go on as before. */
  abandon(): void
}

const patienceMs = 10_000

/** Asks the process in charge to let this one, at the admin socket `successor`, take its place. */
export function beginHandOver(old: Peer, successor: string): Promise<HandOver> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(new ProxyError('hand-over-failed', `the balancer process ${old.pid} did not hand over: try again`, cause))
    const body = JSON.stringify({ successor })
    const outgoing = request({
      socketPath: old.socket,
      method: 'POST',
      path: '/v1/hand-over',
      headers: { ...thisProcessOnly, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      agent: false,
    })
    const deadline = setTimeout(() => outgoing.destroy(new Error('no answer in time')), patienceMs)
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      // The answer stays open: its end is how the old process would learn that this one has died.
      incoming.on('error', fail).on('close', () => clearTimeout(deadline))
      let line = ''
      incoming.setEncoding('utf8').on('data', (text: string) => {
        line += text
        if (!line.endsWith('\n')) return
        clearTimeout(deadline)
        if (incoming.statusCode !== 200) return fail(new Error(line))
        const { down } = JSON.parse(line) as { readonly down: readonly string[] }
        resolve({ down, retire: ({ graceMs }) => retire(old, graceMs), abandon: () => outgoing.destroy() })
      })
    })
    outgoing.end(body)
  })
}

async function retire(old: Peer, graceMs: number): Promise<void> {
  try {
    const call = { method: 'POST', path: '/v1/stop', headers: thisProcessOnly, timeoutMs: patienceMs } as const
    await callAdmin(old.socket, { ...call, body: { graceMs } })
  } catch (error) {
    if (isGone(error)) return
    throw new ProxyError('hand-over-failed', `the balancer process ${old.pid} cannot be told to stop: end it`, error)
  }
}
