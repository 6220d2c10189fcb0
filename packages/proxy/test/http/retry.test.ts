import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../src/balancing.ts'
import { connectRaw, statusOf } from './raw-client.ts'
import { closedUpstream, startApp, startRawApp, startRig, until } from './rig.ts'

const OK = 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'

describe('a request that no node has had', () => {
  it.each([
    ['GET', GET],
    ['POST', POST],
  ])('goes on to the next node when one refuses the connection: %s', async (_method, request) => {
    const closed = await closedUpstream()
    const bodies: string[] = []
    await using backend = await startApp(async (incoming, response) => {
      bodies.push(Buffer.concat(await incoming.toArray()).toString())
      response.end('ok')
    })
    await using rig = await startRig([closed, backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(request)

    expect(statusOf(await client.receives('ok'))).toBe(200)
    expect(bodies).toEqual([request === POST ? 'hello' : ''])
    expect(rig.leases.results()).toMatchObject([
      { status: null, failure: 'refused', retried: true },
      { status: 200, failure: null, retried: false },
    ])
  })

  it('goes on to the next node when one does not take connections in time', async () => {
    await using full = await startDeafApp()
    await using backend = await startApp((_request, response) => response.end('ok'))
    await using rig = await startRig([full.upstream, backend.upstream], {
      limits: { connectMs: 300 },
    })
    const response = await fetch(rig.url, { method: 'POST', body: 'hello' })

    expect(response.status).toBe(200)
    expect(rig.leases.results()).toMatchObject([{ failure: 'timeout', retried: true }, { failure: null }])
  })

  it('gets a 504 when no node takes connections in time', async () => {
    await using full = await startDeafApp()
    await using rig = await startRig([full.upstream], { limits: { connectMs: 300 } })

    expect((await fetch(rig.url)).status).toBe(504)
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: 'timeout', retried: false }])
  })

  it('gets a 502 when all nodes refuse it', async () => {
    await using rig = await startRig([await closedUpstream(), await closedUpstream()])
    const response = await fetch(rig.url)

    expect([response.status, response.headers.get('baton-error')]).toEqual([502, 'node_unreachable'])
    expect(rig.leases.results()).toMatchObject([
      { failure: 'refused', retried: true },
      { failure: 'refused', retried: false },
    ])
  })

  it('gets a 503 that says when to come back, when there is no node', async () => {
    await using rig = await startRig([])
    using client = await connectRaw(rig.port)

    client.send(GET + GET)

    const answer = await client.receives(/(?:503.*now.*){2}/s)
    expect(answer).toMatch(/\r\nRetry-After: 1\r\n/)
    expect(answer).toMatch(/\r\nBaton-Error: no_node\r\n/)
    expect(answer).toMatch(/\r\nConnection: keep-alive\r\n/)
  })
})

describe('a request that a node may have had', () => {
  it.each([
    ['GET', GET],
    ['POST', POST],
  ])('is never sent to another node: %s', async (_method, request) => {
    let first = 0
    let second = 0
    await using breaking = await startRawApp((socket) =>
      socket.on('data', () => {
        first += 1
        socket.destroy()
      }),
    )
    await using backend = await startApp((_request, response) => {
      second += 1
      response.end('ok')
    })
    await using rig = await startRig([breaking.upstream, backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(request)

    expect(statusOf(await client.receives('properly'))).toBe(502)
    expect([first, second]).toEqual([1, 0])
    expect(rig.leases.results()).toMatchObject([{ status: null, failure: 'reset', retried: false }])
  })

  it('is not sent twice when it is a POST whose reused connection closes', async () => {
    const seen: string[] = []
    await using backend = await startClosingApp(seen)
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET)
    await client.receives(/ok$/)
    client.send(POST)
    const answer = await client.receives('properly')

    expect(answer).toMatch(/502 Bad Gateway/)
    expect(seen.filter((method) => method === 'POST')).toHaveLength(1)
    expect(backend.connections()).toBe(1)
  })

  it('is sent once more, to the same node, when it is a GET whose reused connection closes', async () => {
    const seen: string[] = []
    await using backend = await startClosingApp(seen)
    await using other = await startApp((_request, response) => response.end('other'))
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET)
    await client.receives(/ok$/)
    client.send(GET)
    await client.receives(/ok.*ok$/s)

    expect(backend.connections()).toBe(2)
    expect(other.connections()).toBe(0)
    expect(rig.leases.results()).toMatchObject([{ status: 200 }, { status: 200, failure: null, retried: false }])
  })

  it('is not sent to another node either when the node is found gone only then', async () => {
    let others = 0
    await using dying = await startRawApp((socket) => {
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (requests === 1) {
          socket.write(OK)
        } else {
          dying.server.close()
          socket.destroy()
        }
      })
    })
    await using other = await startApp((_request, response) => {
      others += 1
      response.end('other')
    })
    await using rig = await startRig([dying.upstream, other.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET + GET + GET)

    await client.receives(/ok.*other.*502 Bad Gateway/s)
    expect(others).toBe(1)
    expect(rig.leases.results()[2]).toMatchObject({ status: null, failure: 'refused', retried: false })
  })

  it('is not sent a third time', async () => {
    let connections = 0
    await using backend = await startRawApp((socket) => {
      connections += 1
      let requests = 0
      const first = connections === 1
      socket.on('data', () => {
        requests += 1
        if (first && requests === 1) socket.write(OK)
        else socket.destroy()
      })
    })
    await using rig = await startRig([backend.upstream])
    using client = await connectRaw(rig.port)

    client.send(GET)
    await client.receives(/ok$/)
    client.send(GET)

    await client.receives('502 Bad Gateway')
    expect(connections).toBe(2)
  })
})

describe('idle connections to nodes', () => {
  it('are reused', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'))
    await using rig = await startRig([backend.upstream])
    for (let request = 0; request < 5; request += 1) await (await fetch(rig.url)).text()

    expect(backend.connections()).toBe(1)
  })

  it('are closed before the node closes them, as early as its Keep-Alive field asks', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'), { keepAliveTimeout: 1_500 })
    await using rig = await startRig([backend.upstream])
    // The node announces timeout=1, for lack of fractions: nothing is left of that after a second of margin.
    await (await fetch(rig.url)).text()
    await (await fetch(rig.url)).text()

    expect(backend.connections()).toBe(2)
  })

  it('that were idle for long are not given a POST', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'))
    await using rig = await startRig([backend.upstream])
    const post = async (): Promise<string> => (await fetch(rig.url, { method: 'POST', body: 'x' })).text()

    await post()
    await post()
    expect(backend.connections()).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await post()
    expect(backend.connections()).toBe(2)
  })

  it('are given a POST once the node is known to keep them, where it announces nothing', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'), { keepAliveTimeout: 0 })
    await using rig = await startRig([backend.upstream], { limits: { nodeIdleUnsafeMs: 500 } })
    const post = async (): Promise<string> => (await fetch(rig.url, { method: 'POST', body: 'x' })).text()

    await post()
    await post()
    expect(backend.connections()).toBe(2)
    // Two are idle now. The second is used again before it is too old, because the first shows how old one may become.
    const started = performance.now()
    while (performance.now() < started + 800) await (await fetch(rig.url)).text()
    await post()
    expect(backend.connections()).toBe(2)
  })

  it('are given POSTs under constant load too: one of them is left idle until the node is known', async () => {
    await using backend = await startApp((_request, response) => response.end('ok'), { keepAliveTimeout: 0 })
    await using rig = await startRig([backend.upstream], { limits: { nodeIdleUnsafeMs: 300 } })
    const postFor = async (ms: number): Promise<void> => {
      const end = performance.now() + ms
      while (performance.now() < end) await (await fetch(rig.url, { method: 'POST', body: 'x' })).text()
    }

    await postFor(600)
    const before = backend.connections()
    await postFor(200)
    expect(backend.connections()).toBe(before)
  })

  it('are closed after their time', async () => {
    let open = 0
    // This node announces no lifetime: an announced one would go first.
    await using backend = await startApp((_request, response) => response.end('ok'), { keepAliveTimeout: 0 })
    backend.server.on('connection', (socket) => {
      open += 1
      socket.on('close', () => {
        open -= 1
      })
    })
    await using rig = await startRig([backend.upstream], { limits: { nodeIdleMs: 200 } })
    await (await fetch(rig.url)).text()
    await until(() => open === 0)
  })

  it.each([
    ['announces it', true],
    ['does not announce it', false],
  ])(
    'closing under load after a few milliseconds fail no request, where the node %s',
    { timeout: 60_000 },
    async (_title, announced) => {
      const posts = new Map<string, number>()
      await using backend = await startShortLived(posts, { announced })
      await using rig = await startRig([backend.upstream])
      const agent = new http.Agent({ keepAlive: true })
      const statuses = new Map<number | string, number>()
      const count = (key: number | string): void => void statuses.set(key, (statuses.get(key) ?? 0) + 1)
      let id = 0
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          while (id < 800) {
            id += 1
            count(await ask(rig.url, { agent, method: id % 2 === 0 ? 'GET' : 'POST', id: `${id}` }))
            // Pauses around the moment at which the node closes.
            await new Promise((resolve) => setTimeout(resolve, (id * 7 + worker) % 12))
          }
        }),
      )
      agent.destroy()

      expect([Object.fromEntries(statuses), rig.log]).toEqual([{ 200: expect.any(Number) }, []])
      expect([...posts.values()].filter((times) => times > 1)).toEqual([])
    },
  )
})

/** A node that answers the first request of its first connection, and closes it upon the second without an answer. */
async function startClosingApp(seen: string[]) {
  let connections = 0
  return startRawApp((socket) => {
    connections += 1
    const first = connections === 1
    let requests = 0
    socket.on('data', (bytes) => {
      requests += 1
      seen.push(bytes.toString('latin1').split(' ')[0]!)
      if (first && requests > 1) socket.destroy()
      else socket.write(OK)
    })
    socket.on('end', () => socket.end())
  })
}

/** A node that closes connections which are idle for 5 ms. */
async function startShortLived(posts: Map<string, number>, { announced }: { announced: boolean }) {
  const timers = new WeakMap<net.Socket, NodeJS.Timeout>()
  return startApp(
    (request, response) => {
      const { socket } = request
      clearTimeout(timers.get(socket))
      if (request.method === 'POST') posts.set(request.url!, (posts.get(request.url!) ?? 0) + 1)
      request.resume().on('end', () => response.end('ok'))
      if (announced) return
      response.removeHeader('Keep-Alive')
      response.setHeader('Connection', 'keep-alive')
      response.on('finish', () =>
        timers.set(
          socket,
          setTimeout(() => socket.destroy(), 5),
        ),
      )
    },
    { keepAliveTimeout: announced ? 5 : 0 },
  )
}

async function ask(
  url: string,
  { agent, method, id }: { agent: http.Agent; method: string; id: string },
): Promise<number | string> {
  return new Promise((resolve) => {
    const request = http.request(`${url}/${id}`, { agent, method }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
    request.on('error', (error) => resolve(error.message))
    request.end(method === 'POST' ? 'hello' : undefined)
  })
}

/** A process that listens and accepts nothing, its queue of connections full: what connects now gets no answer. */
async function startDeafApp(): Promise<AsyncDisposable & { upstream: Upstream }> {
  const script = `const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(text.toString())
  const fillers = Array.from({ length: 4 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
  await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, 'connect')))
  return {
    upstream: { id: 'deaf', host: '127.0.0.1', port },
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}
