import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Balancer } from '@baton/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEmbeddedBalancer } from '../../src/balancers/embedded/embedded-balancer.ts'

let dir: string
let server: Server | undefined
let balancer: Balancer

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-admin-'))
  balancer = createEmbeddedBalancer({ socketPath: join(dir, 'sock') })
})

afterEach(async () => {
  server?.close()
  server?.closeAllConnections()
  server = undefined
  await rm(dir, { recursive: true })
})

const soon = (token = 1) => ({ signal: AbortSignal.timeout(150), token })
const calm = (token = 1) => ({ signal: AbortSignal.timeout(15_000), token })

async function listen(listener: RequestListener): Promise<void> {
  server = createServer(listener).listen(join(dir, 'sock'))
  await once(server, 'listening')
}

/** The admin API with one fixed answer. */
const answer = (body: unknown, status = 200) =>
  listen((_, response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)))

const node = {
  id: 'web-1',
  address: '127.0.0.1:3001',
  state: 'serving',
  weight: 10,
  healthy: true,
  inflight: 3,
  longLived: 1,
}
const view = { pid: 7, generation: 'g1', fence: 0, nodes: [node] }
const metrics = {
  requests: 5,
  statuses: { '2xx': 5 },
  failures: 0,
  retries: 0,
  latency: { bounds: [0.1, null], counts: [4, 5], sum: 0.7 },
}

test('calls are sent as the API asks for them, the token in a header', async () => {
  const seen: unknown[] = []
  await listen(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen.push([request.method, request.url, request.headers['baton-token'], body])
    response.end(JSON.stringify(request.url?.endsWith('/metrics') ? metrics : { ...view, ...node }))
  })
  await balancer.inspect(calm())
  await balancer.set('a/b', { admin: 'out' }, calm(7))
  await balancer.set('web-1', { admin: 'in', weight: 3 }, calm(8))
  await balancer.closeLongLived('web-1', calm(9))
  await balancer.fence(calm(10))
  await balancer.metrics('web-1', calm())
  expect(seen).toEqual([
    ['GET', '/v1/nodes', undefined, ''],
    ['PUT', '/v1/nodes/a%2Fb', '7', '{"admin":"out"}'],
    ['PUT', '/v1/nodes/web-1', '8', '{"admin":"in","weight":3}'],
    ['POST', '/v1/nodes/web-1/close-long-lived', '9', ''],
    ['POST', '/v1/fence', '10', ''],
    ['GET', '/v1/nodes/web-1/metrics', undefined, ''],
  ])
})

test('the view holds what the port names, and nothing else', async () => {
  await answer({ ...view, nodes: [{ ...node, admin: 'in', news: 1 }] })
  expect(await balancer.inspect(calm())).toEqual({ generation: 'g1', nodes: [node] })
})

test('the last latency bound, which JSON cannot carry, is Infinity again', async () => {
  await answer(metrics)
  const { latency } = await balancer.metrics('web-1', calm())
  expect(latency.bounds).toEqual([0.1, Number.POSITIVE_INFINITY])
})

test.each([
  ['answer', []],
  ['generation', { ...view, generation: 7 }],
  ['nodes', { ...view, nodes: {} }],
  ['nodes[0]', { ...view, nodes: [null] }],
  ['nodes[1].id', { ...view, nodes: [node, { ...node, id: '' }] }],
  ['nodes[0].state', { ...view, nodes: [{ ...node, state: 'asleep' }] }],
  ['nodes[0].weight', { ...view, nodes: [{ ...node, weight: '10' }] }],
  ['nodes[0].healthy', { ...view, nodes: [{ ...node, healthy: 1 }] }],
  ['nodes[0].inflight', { ...view, nodes: [{ ...node, inflight: -1 }] }],
  ['nodes[0].inflight', { ...view, nodes: [{ ...node, inflight: undefined }] }],
  ['nodes[0].longLived', { ...view, nodes: [{ ...node, longLived: 0.5 }] }],
])('an answer whose %s is wrong is an error that names it', async (path, body) => {
  await answer(body)
  await expect(balancer.inspect(calm())).rejects.toMatchObject({
    code: 'balancer-answer-invalid',
    message: expect.stringContaining(`${path} must be`),
  })
})

test.each([
  ['requests', { ...metrics, requests: null }],
  ['statuses.2xx', { ...metrics, statuses: { '2xx': 'many' } }],
  ['latency.counts', { ...metrics, latency: { ...metrics.latency, counts: 5 } }],
  ['latency', { ...metrics, latency: { ...metrics.latency, counts: [5] } }],
  ['latency.sum', { ...metrics, latency: { ...metrics.latency, sum: 'x' } }],
])('metrics whose %s is wrong are an error that names it', async (path, body) => {
  await answer(body)
  await expect(balancer.metrics('web-1', calm())).rejects.toMatchObject({
    code: 'balancer-answer-invalid',
    message: expect.stringContaining(`${path} must be`),
  })
})

test.each([
  ['no JSON', 200, 'fine'],
  ['nothing', 204, ''],
  ['another server’s page', 404, '<h1>Not Found</h1>'],
  ['a redirect', 302, '{}'],
])('%s is not taken for an answer', async (_, status, body) => {
  await answer(body, status)
  await expect(balancer.inspect(calm())).rejects.toMatchObject({ code: 'balancer-answer-invalid' })
  await expect(balancer.set('web-1', { admin: 'out' }, calm())).rejects.toMatchObject({
    code: 'balancer-answer-invalid',
  })
})

test('a change that is not confirmed by the node it was for is an error', async () => {
  await answer({})
  await expect(balancer.set('web-1', { admin: 'out' }, calm())).rejects.toMatchObject({
    code: 'balancer-answer-invalid',
  })
})

test('what the balancer refuses carries its own code and words', async () => {
  await answer({ error: { code: 'stale-token', message: 'token 1 is stale, the newest is 4' } }, 409)
  await expect(balancer.fence(calm())).rejects.toMatchObject({
    code: 'stale-token',
    message: 'the balancer refused: token 1 is stale, the newest is 4',
    hint: 'another deploy has taken over: baton status',
  })
})

test('a balancer that is being replaced, or whose answer is lost, is asked again', async () => {
  let requests = 0
  await listen((request, response) => {
    requests++
    if (requests === 1) response.writeHead(503).end('{"error":{"code":"replaced","message":"try again"}}')
    else if (requests === 2) request.socket.destroy()
    else if (requests === 3)
      response.writeHead(200, { 'content-length': 999 }).write('{', () => request.socket.destroy())
    else response.end(JSON.stringify(view))
  })
  expect((await balancer.inspect(calm())).generation).toBe('g1')
  expect(requests).toBe(4)
})

test('a socket that is not there, or that nobody listens on, is waited for and then named', async () => {
  const socketPath = join(dir, 'sock')
  await expect(balancer.inspect(soon())).rejects.toMatchObject({
    code: 'balancer-unreachable',
    message: `the balancer at ${socketPath} cannot be reached: there is no such socket`,
    hint: 'run baton up',
  })
  const inspected = balancer.inspect(calm())
  await answer(view)
  expect((await inspected).generation).toBe('g1')
})

test('a balancer that hangs is unreachable when the deadline ends', async () => {
  await listen(() => {})
  await expect(balancer.inspect(soon())).rejects.toMatchObject({
    code: 'balancer-unreachable',
    message: expect.stringContaining('it does not answer in time'),
  })
})

test('a caller who gives up before an answer gets its own reason back', async () => {
  const stop = new AbortController()
  await listen(() => stop.abort(new Error('interrupted')))
  await expect(balancer.inspect({ signal: stop.signal })).rejects.toThrow('interrupted')
})
