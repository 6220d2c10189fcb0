import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Backend {
  readonly port: number
  /** Requests that the app got; those of health checks left out. */
  seen(): number
  /** Ids of the POSTs that the app has processed, in order. */
  posts(): readonly string[]
  /** Lets requests to /held answer. */
  release(): void
  /** As if the process had died: nothing listens, every connection is cut. */
  kill(): Promise<void>
  /** On the same port. */
  revive(): Promise<void>
}

/** An app on port 0 that answers with its name; `answerHealth` decides what the checks of /health get. */
export async function startBackend(
  name: string,
  { answerHealth = (_, response) => response.end() }: { answerHealth?: RequestListener } = {},
): Promise<Backend> {
  let seen = 0
  const posts: string[] = []
  let held: (() => void)[] = []
  const server = createServer((request, response) => {
    if (request.url === '/health') return answerHealth(request, response)
    seen++
    request.resume().on('end', () => {
      if (request.method === 'POST') posts.push(String(request.headers['x-id']))
      if (request.url === '/held') held.push(() => response.end(name))
      else if (request.url?.startsWith('/after/')) setTimeout(() => response.end(name), Number(request.url.slice(7)))
      else response.end(name)
    })
  })
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  const kill = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  onTestFinished(kill)
  return {
    port,
    seen: () => seen,
    posts: () => posts,
    release() {
      for (const answer of held) answer()
      held = []
    },
    kill,
    revive: () => listen(server, port),
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
}
