import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BatonError, toFailure } from '@baton/core'
import type { App } from './app.ts'
import type { Fence } from './fence.ts'
import type { FailureReport, NodesReport } from './protocol.ts'

export interface Backend {
  readonly apps: ReadonlyMap<string, { readonly address: string; readonly app: App }>
  readonly fence: Fence
}

const statuses: Readonly<Record<string, number>> = {
  'bad-request': 400,
  'node-unknown': 404,
  'stale-token': 409,
}

const maxBodyBytes = 64 * 1024

/** Answers as soon as there is a backend: an early caller waits. */
export function createApi(backend: Promise<Backend>): Server {
  return createServer(async (request, response) => {
    try {
      await answer(request, response, await backend)
    } catch (error) {
      const failure: FailureReport = { error: toFailure(error) }
      respond(response, statuses[failure.error.code] ?? 500, failure)
    }
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, { apps, fence }: Backend): Promise<void> {
  const route = `${request.method} ${request.url}`
  if (route === 'GET /v1/nodes') {
    const report = [...apps].map(async ([id, { address, app }]) => ({ id, address, ...(await app.view()) }))
    return respond(response, 200, { nodes: await Promise.all(report) } satisfies NodesReport)
  }
  if (route === 'POST /v1/fence') {
    await fence.admit(tokenOf(request))
    return respond(response, 204)
  }
  const [, id = '', verb] = /^POST \/v1\/nodes\/([^/]+)\/(start|stop|activate)$/.exec(route) ?? []
  if (verb === undefined) throw badRequest(`there is no ${route}`)
  const token = tokenOf(request)
  const release = verb === 'activate' ? await releaseOf(request) : ''
  await fence.admit(token)
  const app = apps.get(decodeURIComponent(id))?.app
  if (app === undefined) {
    throw new BatonError('node-unknown', `the supervisor has no node ${decodeURIComponent(id)}`, {
      hint: 'baton.yaml was changed: restart baton up',
    })
  }
  const guard = () => fence.assertNewest(token)
  if (verb === 'start') await app.start(guard)
  else if (verb === 'stop') await app.stop(guard)
  else await app.activate(release, guard)
  respond(response, 204)
}

function tokenOf(request: IncomingMessage): number {
  const token = request.headers['baton-token']
  if (typeof token === 'string' && /^\d{1,15}$/.test(token)) return Number(token)
  throw badRequest('the header Baton-Token must hold the lock token, an integer')
}

async function releaseOf(request: IncomingMessage): Promise<string> {
  try {
    const { release } = JSON.parse(await readBody(request))
    if (typeof release === 'string') return release
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw badRequest('the body must be JSON: {"release": "<id>"}')
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw badRequest('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function respond(response: ServerResponse, status: number, body?: object): void {
  // One request a connection: a supervisor that stops is not held up by idle ones.
  response.setHeader('Connection', 'close')
  if (body === undefined) response.writeHead(status).end()
  else response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

function badRequest(message: string): BatonError {
  return new BatonError('bad-request', message, { hint: 'use the baton command of the same version' })
}
