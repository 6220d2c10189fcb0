import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { ProxyError } from '../errors.ts'
import type { Address } from '../process/listening-socket.ts'
import type { NodeMetrics } from '../table/node-metrics.ts'
import type { NodeView } from '../table/table.ts'
import type { Control, Scope } from './control.ts'
import type { MetricsText } from './metrics-text.ts'
import {
  readHandOver,
  readJson,
  readStop,
  readSuccession,
  readToken,
  readWanted,
  type Succession,
} from './request-body.ts'

/** What `GET /v1/nodes` answers. */
export interface ProxyView {
  readonly name: string
  readonly pid: number
  /** Changes with every process: counts begin anew with it. */
  readonly generation: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** The newest token seen. */
  readonly fence: number
  /** Of this process: `handed-over` and `stopping` ones finish what they have and take nothing new. */
  readonly phase: 'serving' | 'handed-over' | 'stopping'
  readonly listen: Address
  /** Of the configuration that the process was started with. */
  readonly fingerprint: string
  readonly nodes: readonly NodeView[]
}

/** What the admin API is a door to. */
export interface AdminBackend {
  readonly control: Control
  readonly metricsText: MetricsText
  metrics(id: string): NodeMetrics
  identity(): Omit<ProxyView, 'nodes' | 'fence'>
  /** Starts a graceful stop and does not wait for it. */
  stop(options: { readonly graceMs: number | undefined }): void
  /** Aborts when the process ends: answers that last for as long as it lives end then. */
  readonly endOfLife: AbortSignal
  /** Where requests go now that this process has been replaced; undefined while it is in charge. */
  successor(): string | undefined
  /** Resolves with the nodes that are down, when `successor` may read the state file and take over. */
  handOver(successor: string): Promise<readonly string[]>
  takeBack(): Promise<void>
  /** Starts the process that will replace this one, and gives it the listening socket; resolves with its pid. */
  spawnSuccessor(succession: Succession): Promise<number>
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly backend: AdminBackend
  readonly scope: Scope
  /** The node in the path, where there is one. */
  readonly node: string
}

type Handler = (exchange: Exchange) => Promise<void>

const nodePath = /^\/v1\/nodes\/([^/]+)$/

const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
  ['GET', /^\/healthz$/, async ({ response }) => answer(response, 200, { status: 'ok' })],
  ['GET', /^\/metrics$/, getMetricsText],
  ['GET', /^\/v1\/nodes$/, getNodes],
  ['PUT', nodePath, putNode],
  ['POST', /^\/v1\/nodes\/([^/]+)\/close-long-lived$/, closeLongLived],
  ['GET', /^\/v1\/nodes\/([^/]+)\/metrics$/, getNodeMetrics],
  ['POST', /^\/v1\/fence$/, raiseFence],
  ['POST', /^\/v1\/stop$/, stop],
  // Between the processes of one balancer; not for others.
  ['GET', /^\/v1\/life$/, getLife],
  ['POST', /^\/v1\/hand-over$/, handOver],
  ['POST', /^\/v1\/successor$/, spawnSuccessor],
]

const statusOfCode: Readonly<Record<string, number>> = {
  'bad-request': 400,
  'missing-token': 400,
  'unknown-node': 404,
  'stale-token': 409,
  'predecessor-silent': 503,
}

/** Requests wait until the backend is there. */
export function createAdminServer(ready: Promise<AdminBackend>, log: (line: string) => void): Server {
  return createServer({ keepAliveTimeout: 60_000 }, async (incoming, response) => {
    try {
      const backend = await ready
      const scope: Scope = incoming.headers['baton-scope'] === 'process' ? 'process' : 'all'
      const successor = backend.successor()
      if (successor !== undefined && scope === 'all') return passOn(incoming, response, successor)
      await route(incoming, response, backend, scope)
    } catch (error) {
      const code = error instanceof ProxyError ? error.code : 'internal'
      const message = error instanceof Error ? error.message : String(error)
      if (statusOfCode[code] === undefined) log(`admin: ${incoming.method} ${incoming.url}: ${message}`)
      if (response.headersSent) response.destroy()
      else answer(response, statusOfCode[code] ?? 500, { error: { code, message } })
    }
  })
}

async function route(
  incoming: IncomingMessage,
  response: ServerResponse,
  backend: AdminBackend,
  scope: Scope,
): Promise<void> {
  const path = (incoming.url ?? '/').split('?', 1)[0]!
  const allowed: string[] = []
  for (const [method, pattern, handle] of routes) {
    const match = pattern.exec(path)
    if (match === null) continue
    if (method === incoming.method) {
      return handle({ request: incoming, response, backend, scope, node: decodeNode(match[1] ?? '') })
    }
    allowed.push(method)
  }
  if (allowed.length === 0) {
    const message = `there is nothing at ${path}: see GET /v1/nodes`
    return answer(response, 404, { error: { code: 'unknown-path', message } })
  }
  response.setHeader('Allow', allowed.join(', '))
  const message = `${path} takes ${allowed.join(', ')}, not ${incoming.method}`
  answer(response, 405, { error: { code: 'method-not-allowed', message } })
}

async function getNodes({ response, backend, scope }: Exchange): Promise<void> {
  const nodes = await backend.control.view(scope)
  const view: ProxyView = { ...backend.identity(), fence: backend.control.fence(), nodes }
  answer(response, 200, view)
}

async function putNode({ request, response, backend, scope, node }: Exchange): Promise<void> {
  const token = readToken(request)
  const wanted = readWanted(await readJson(request))
  answer(response, 200, await backend.control.set(node, wanted, { token, scope }))
}

async function closeLongLived({ request, response, backend, scope, node }: Exchange): Promise<void> {
  await backend.control.closeLongLived(node, { token: readToken(request), scope })
  answer(response, 200, {})
}

async function raiseFence({ request, response, backend, scope }: Exchange): Promise<void> {
  const token = readToken(request)
  await backend.control.raiseFence({ token, scope })
  answer(response, 200, { fence: token })
}

async function getNodeMetrics({ response, backend, node }: Exchange): Promise<void> {
  // JSON knows no Infinity: the last bound is null.
  answer(response, 200, backend.metrics(node))
}

async function getMetricsText({ response, backend }: Exchange): Promise<void> {
  const text = await backend.metricsText.render()
  response.writeHead(200, { 'Content-Type': backend.metricsText.contentType }).end(text)
}

/** Ends when the process does, however it ends. */
async function getLife({ response, backend }: Exchange): Promise<void> {
  response.writeHead(200).flushHeaders()
  backend.endOfLife.addEventListener('abort', () => response.end())
}

async function stop({ request, response, backend }: Exchange): Promise<void> {
  const { graceMs } = readStop(await readJson(request))
  backend.stop({ graceMs })
  answer(response, 202, {})
}

/** The answer stays open for as long as the hand-over can still fail: it ends when this process is told to stop. */
async function handOver({ request, response, backend }: Exchange): Promise<void> {
  const { successor } = readHandOver(await readJson(request))
  const handingOver = backend.handOver(successor)
  response.on('close', () => handingOver.then(backend.takeBack, () => {}))
  const down = await handingOver
  backend.endOfLife.addEventListener('abort', () => response.end())
  response.writeHead(200, { 'Content-Type': 'application/json' }).write(`${JSON.stringify({ down })}\n`)
}

async function spawnSuccessor({ request, response, backend }: Exchange): Promise<void> {
  const succession = readSuccession(await readJson(request))
  answer(response, 202, { pid: await backend.spawnSuccessor(succession) })
}

function passOn(incoming: IncomingMessage, response: ServerResponse, socketPath: string): void {
  const { method, url: path, headers } = incoming
  const outgoing = request({ socketPath, method, path, headers, agent: false })
  outgoing.on('error', () => {
    const message = 'the balancer is being replaced by another process: try again'
    if (!response.headersSent) answer(response, 503, { error: { code: 'replaced', message } })
    else response.destroy()
  })
  outgoing.on('response', (passed) => {
    response.writeHead(passed.statusCode ?? 502, { ...passed.headers, connection: 'close' })
    passed.pipe(response)
  })
  incoming.pipe(outgoing)
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
    .end(text)
}

function decodeNode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
