import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Traffic {
  /** Ends it, and gives what was seen. */
  stop(): Promise<TrafficSeen>
  answered(): number
}

interface TrafficSeen {
  readonly answered: number
  /** Error codes, and statuses other than 200. */
  readonly failures: readonly string[]
  /** Ids of the POSTs that were answered 200. */
  readonly posted: readonly string[]
}

/** Clients that send one request after another, 30 % of them POSTs with ids of their own. */
export function startTraffic(
  port: number,
  { clients, keepAlive, pauseMs = 2 }: { clients: number; keepAlive: boolean; pauseMs?: number },
): Traffic {
  const agent = new Agent({ keepAlive, maxSockets: clients })
  const failures: string[] = []
  const posted: string[] = []
  let answered = 0
  let running = true
  const loops = Array.from({ length: clients }, async (_, client) => {
    for (let i = 0; running; i++) {
      const id = `${client}-${i}`
      const method = i % 10 < 3 ? 'POST' : 'GET'
      const outcome = await send({ port, agent, method, path: '/', id })
      if (outcome === 200) {
        answered++
        if (method === 'POST') posted.push(id)
      } else failures.push(String(outcome))
      await sleep(pauseMs)
    }
  })
  return {
    answered: () => answered,
    async stop() {
      running = false
      await Promise.all(loops)
      agent.destroy()
      return { answered, failures, posted }
    },
  }
}

/** Resolves with the status, or the code of the error. */
export function send(options: {
  readonly port: number
  readonly agent?: Agent
  readonly method?: string
  readonly path?: string
  readonly id?: string
}): Promise<number | string> {
  const { port, agent, method = 'GET', path = '/', id = '' } = options
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, agent, method, path, headers: { 'x-id': id } })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.on('response', (incoming) => {
      incoming.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      incoming.resume().on('end', () => resolve(incoming.statusCode ?? 0))
    })
    outgoing.end(method === 'POST' ? `the order ${id}` : undefined)
  })
}
