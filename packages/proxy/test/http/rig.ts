import { once } from 'node:events'
import http, { type RequestListener } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { Balancing, ExchangeResult, Upstream } from '../../src/balancing.ts'
import { createDataPlane, type DataPlane, type DataPlaneOptions } from '../../src/http/proxy.ts'

/** A data plane behind a real port, in front of real backends, with a book of all its leases. */
export interface Rig extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly plane: DataPlane
  readonly leases: LeaseBook
  readonly log: string[]
  /** Client sockets of the data plane, in the order they came. */
  readonly accepted: Socket[]
}

export interface LeaseBook {
  readonly taken: LeaseRecord[]
  open(): LeaseRecord[]
  /** The results of those that have ended. */
  results(): ExchangeResult[]
}

export interface LeaseRecord {
  readonly upstream: Upstream
  /** More than one is a bug. */
  readonly ends: ExchangeResult[]
  close: (() => void) | undefined
}

export async function startRig(
  upstreams: readonly Upstream[],
  options: Omit<DataPlaneOptions, 'balancing'> = {},
): Promise<Rig> {
  const { balancing, leases } = roundRobin(upstreams)
  const log: string[] = []
  const plane = createDataPlane({ log: (line) => log.push(line), ...options, balancing })
  const accepted: Socket[] = []
  const server = net.createServer((socket) => {
    accepted.push(socket)
    plane.accept(socket)
  })
  const port = await listen(server)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    plane,
    leases,
    log,
    accepted,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of accepted) socket.destroy()
      await plane.drain({ graceMs: 0 })
    },
  }
}

export interface Backend extends AsyncDisposable {
  readonly upstream: Upstream
  readonly server: net.Server
  /** Connections it has had. */
  connections(): number
}

let backendNumber = 0

export async function startApp(listener: RequestListener, options: http.ServerOptions = {}): Promise<Backend> {
  return startBackend(http.createServer(options, listener))
}

/** A backend that speaks in raw bytes. */
export async function startRawApp(onConnection: (socket: Socket) => void): Promise<Backend> {
  return startBackend(
    net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      onConnection(socket)
    }),
  )
}

/** A backend that answers each request head (bodies are not looked at) with these bytes. */
export async function startCannedApp(answer: string, { close = false } = {}): Promise<Backend> {
  return startRawApp((socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        text = text.slice(end + 4)
        socket.write(answer, 'latin1')
        if (close) socket.end()
      }
    })
    socket.on('end', () => socket.end())
  })
}

async function startBackend(server: net.Server): Promise<Backend> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const port = await listen(server)
  backendNumber += 1
  return {
    upstream: { id: `node-${backendNumber}`, host: '127.0.0.1', port },
    server,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** An address where nothing listens. */
export async function closedUpstream(): Promise<Upstream> {
  const server = net.createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return { id: `closed-${port}`, host: '127.0.0.1', port }
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function roundRobin(upstreams: readonly Upstream[]): { balancing: Balancing; leases: LeaseBook } {
  const taken: LeaseRecord[] = []
  let turn = 0
  const balancing: Balancing = {
    lease(tried) {
      for (let step = 0; step < upstreams.length; step += 1) {
        const upstream = upstreams[(turn + step) % upstreams.length]!
        if (tried.includes(upstream)) continue
        turn = (turn + step + 1) % upstreams.length
        const record: LeaseRecord = { upstream, ends: [], close: undefined }
        taken.push(record)
        return {
          upstream,
          becomesLongLived(close) {
            record.close = close
          },
          end: (result) => record.ends.push(result),
        }
      }
      return undefined
    },
  }
  return {
    balancing,
    leases: {
      taken,
      open: () => taken.filter(({ ends }) => ends.length === 0),
      results: () => taken.flatMap(({ ends }) => ends),
    },
  }
}

/** Waits until `condition` holds; fails after 10 s with its source. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
