import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '@baton/testkit'

/** Clients of every worker of one nginx, each with a connection of its own, that ask again and again. */
export interface Clients {
  /** Resolves when every worker has answered many requests that were sent after this call. */
  askOnEverywhere(): Promise<void>
  /** Resolves to the moment at which, from this call on, every worker had brought an answer of this node. */
  meetEverywhere(node: string): Promise<number>
  close(): Promise<void>
}

/** So many that a worker that had not heard of a change would have shown it. */
const manyAnswers = 20
const pauseMs = 1

interface Client {
  readonly agent: Agent
  readonly worker: string
}

export async function openClients(
  url: string,
  { workers, perWorker }: { readonly workers: number; readonly perWorker: number },
): Promise<Clients> {
  const clients = await connectEverywhere(url, { workers, perWorker })
  const names = [...new Set(clients.map(({ worker }) => worker))]
  const answers = new Map(names.map((name) => [name, 0]))
  /** When each worker brought the first answer of the node that is waited for. */
  let sought = { node: '', met: new Map<string, number>() }
  let isOpen = true

  const loops = clients.map(async ({ agent, worker }) => {
    while (isOpen) {
      const { node } = await ask(url, agent)
      answers.set(worker, (answers.get(worker) ?? 0) + 1)
      if (sought.node === node && !sought.met.has(worker)) sought.met.set(worker, performance.now())
      await sleep(pauseMs)
    }
  })
  // What fails is told by whoever waits.
  const failure = Promise.all(loops).then(() => Promise.reject(new Error('the clients were closed')))
  failure.catch(() => {})
  const until = (condition: () => boolean, what: string) =>
    Promise.race([waitFor(condition, { what, intervalMs: 2 }), failure])

  return {
    async askOnEverywhere() {
      const before = new Map(answers)
      const count = (name: string) => (answers.get(name) ?? 0) - (before.get(name) ?? 0)
      // Those that were under way at the call do not count.
      await until(() => names.every((name) => count(name) >= perWorker + manyAnswers), 'answers of every worker')
    },

    async meetEverywhere(node) {
      const met = new Map<string, number>()
      sought = { node, met }
      await until(() => met.size === names.length, `answers of ${node} by every worker`)
      return Math.max(...met.values())
    },

    async close() {
      isOpen = false
      await Promise.allSettled(loops)
      for (const { agent } of clients) agent.destroy()
    },
  }
}

/** Connections are spread over the workers by chance: those that one has too many of are closed again. */
async function connectEverywhere(
  url: string,
  { workers, perWorker }: { readonly workers: number; readonly perWorker: number },
): Promise<Client[]> {
  const clients: Client[] = []
  for (let tries = 0; clients.length < workers * perWorker; tries++) {
    if (tries > 1_000) throw new Error(`${tries} connections did not reach all ${workers} workers of nginx`)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { worker } = await ask(url, agent)
    if (clients.filter((each) => each.worker === worker).length < perWorker) clients.push({ agent, worker })
    else agent.destroy()
  }
  return clients
}

async function ask(url: string, agent: Agent): Promise<{ readonly worker: string; readonly node: string }> {
  const outgoing = request(url, { agent })
  outgoing.end()
  const [answer] = await once(outgoing, 'response')
  await once(answer.resume(), 'end')
  if (answer.statusCode !== 200) throw new Error(`nginx answered ${answer.statusCode}`)
  return { worker: String(answer.headers['bench-worker']), node: String(answer.headers['bench-node']) }
}
