import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createHttpProbe } from '../../src/probes/http-probe.ts'
import { close, describeProbeContract, listen } from './probe-contract.ts'

const never = new AbortController().signal
const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await close(server)
})

describeProbeContract('the HTTP probe', {
  probe: (target) => createHttpProbe({ ...target, path: '/', statuses: [[200, 399]] }),
  serve: () => createHttpServer((_, response) => response.end('fine')),
})

async function check(server: Server, options: { path?: string; timeoutMs?: number } = {}) {
  servers.push(server)
  const port = await listen(server)
  const { path = '/health', timeoutMs = 5_000 } = options
  const statuses = [[200, 299] as const, [304, 304] as const]
  return createHttpProbe({ host: '127.0.0.1', port, path, statuses, timeoutMs }).check(never)
}

const http = (listener: RequestListener) => createHttpServer(listener)
const tcp = (onSocket: (socket: Socket) => void) =>
  createServer((socket) => onSocket(socket.on('error', () => {}).resume()))

test.each([
  [200, true],
  [204, true],
  [299, true],
  [304, true],
  [301, false],
  [404, false],
  [500, false],
])('status %i is healthy: %s', async (status, healthy) => {
  const result = await check(http((_, response) => response.writeHead(status).end()))
  expect(result).toEqual({ healthy, reason: `GET /health answered ${status}`, release: null })
})

test('it sends a GET for the path, query included, and closes its connection', async () => {
  const seen: unknown[] = []
  await check(
    http(({ method, url, headers }, response) => {
      seen.push([method, url, headers.connection, headers['user-agent']])
      response.end()
    }),
    { path: '/up?deep=1' },
  )
  expect(seen).toEqual([['GET', '/up?deep=1', 'close', 'baton-health']])
})

test('a redirect is not followed', async () => {
  let requests = 0
  const result = await check(
    http((_, response) => {
      requests++
      response.writeHead(302, { location: '/login' }).end()
    }),
  )
  expect(result.reason).toBe('GET /health answered 302')
  expect(requests).toBe(1)
})

test('the release is what the app says it is, healthy or not', async () => {
  for (const status of [200, 503]) {
    const result = await check(http((_, response) => response.writeHead(status, { 'Baton-Release': 'r2' }).end('x')))
    expect(result.release).toBe('r2')
  }
})

test('an app that does not answer in time is not healthy', async () => {
  const result = await check(
    http(() => {}),
    { timeoutMs: 60 },
  )
  expect(result).toEqual({ healthy: false, reason: 'no answer within 60 ms', release: null })
})

test('the time is named as a person would', async () => {
  expect(
    (
      await check(
        http(() => {}),
        { timeoutMs: 1_000 },
      )
    ).reason,
  ).toBe('no answer within 1 s')
})

test('an answer that never ends is not healthy', async () => {
  const result = await check(
    http((_, response) => response.write('and then')),
    { timeoutMs: 100 },
  )
  expect(result.reason).toBe('GET /health answered 200, but its body did not end within 100 ms')
  expect(result.healthy).toBe(false)
})

test('a large answer is not read to its end', async () => {
  let written = 0
  const result = await check(
    http((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384
      }
      response.on('drain', more)
      more()
    }),
  )
  expect(result.healthy).toBe(true)
  expect(written).toBeLessThan(64 * 1024 * 1024)
})

test('a connection that is reset before or within the answer is not healthy', async () => {
  const reset = await check(tcp((socket) => socket.once('data', () => socket.resetAndDestroy())))
  expect(reset.reason).toBe('connection reset')
  const hungUp = await check(tcp((socket) => socket.once('data', () => socket.end())))
  expect(hungUp.reason).toBe('connection reset')
  const half = await check(
    tcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'))),
  )
  expect(half).toMatchObject({ healthy: false, reason: 'GET /health answered 200, then the connection broke' })
})

test('what does not speak HTTP is not healthy', async () => {
  const result = await check(tcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
  expect(result).toMatchObject({ healthy: false, reason: expect.stringMatching(/^what answered does not speak HTTP/) })
})
