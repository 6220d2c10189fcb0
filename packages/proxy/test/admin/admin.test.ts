import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startProxy } from '../../src/process/proxy.ts'
import { startBackend } from '../support/backend.ts'
import { configIn, quickHealth } from '../support/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type ProxyInTest, runProxy } from '../support/proxy.ts'
import { send } from '../support/traffic.ts'
import { until } from '../support/wait.ts'

describe('GET /v1/nodes', () => {
  it('tells what each node is and has', async () => {
    const { proxy, a } = await twoNodes()
    const held = send({ port: proxy.port, path: '/held' })
    await until('it is in flight', async () => (await proxy.admin.node('a')).inflight === 1)
    const view = await proxy.admin.view()
    expect(view).toMatchObject({ name: 'shop', pid: process.pid, fence: 0, phase: 'serving', listen: proxy.address })
    expect(view.generation).toMatch(/./)
    expect(new Date(view.startedAt).getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect(view.nodes[0]).toEqual({
      id: 'a',
      address: `127.0.0.1:${a.port}`,
      state: 'serving',
      admin: 'in',
      weight: 10,
      healthy: true,
      inflight: 1,
      longLived: 0,
    })
    a.release()
    expect(await held).toBe(200)
    expect((await proxy.admin.node('a')).inflight).toBe(0)
  })
})

describe('PUT /v1/nodes/:id', () => {
  it('takes a node out: from its answer on nothing new reaches it, and what is in flight finishes', async () => {
    const { proxy, a, b } = await twoNodes()
    const held = send({ port: proxy.port, path: '/held' })
    await until('it is in flight', async () => (await proxy.admin.node('a')).inflight === 1)
    const answer = await proxy.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })
    expect(answer).toMatchObject({ status: 200, body: { id: 'a', state: 'draining', admin: 'out' } })
    const before = a.seen()
    for (let i = 0; i < 10; i++) expect(await send({ port: proxy.port })).toBe(200)
    expect(a.seen()).toBe(before)
    expect(b.seen()).toBe(10)
    a.release()
    expect(await held).toBe(200)
    expect((await proxy.admin.node('a')).state).toBe('drained')
    await proxy.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'in' } })
    for (let i = 0; i < 10; i++) await send({ port: proxy.port })
    expect(a.seen() - before).toBe(5)
  })

  it('changes a weight', async () => {
    const { proxy, a, b } = await twoNodes()
    await proxy.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { weight: 30 } })
    for (let i = 0; i < 40; i++) await send({ port: proxy.port })
    expect([a.seen(), b.seen()]).toEqual([30, 10])
    expect((await proxy.admin.node('a')).weight).toBe(30)
  })

  it('answers 503 to clients when every node is out', async () => {
    const { proxy } = await twoNodes()
    await Promise.all(
      ['a', 'b'].map((id) => proxy.admin.call('PUT', `/v1/nodes/${id}`, { token: 1, body: { admin: 'out' } })),
    )
    expect(await send({ port: proxy.port })).toBe(503)
  })

  it('makes changes one after another: of many at once the last one is what is there and on disk', async () => {
    const { proxy, config } = await twoNodes()
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        proxy.admin.call('PUT', `/v1/nodes/${i % 2 ? 'a' : 'b'}`, { token: 5, body: { weight: 1 + i } }),
      ),
    )
    const saved = JSON.parse(await readFile(config.state, 'utf8'))
    for (const { id, weight } of (await proxy.admin.view()).nodes) expect(saved.nodes[id].weight).toBe(weight)
  })
})

describe('tokens', () => {
  it('are refused when stale, and raised by newer ones', async () => {
    const { proxy } = await twoNodes()
    expect(await proxy.admin.call('POST', '/v1/fence', { token: 8 })).toMatchObject({ status: 200, body: { fence: 8 } })
    for (const [method, path, body] of [
      ['PUT', '/v1/nodes/a', { admin: 'out' }],
      ['POST', '/v1/nodes/a/close-long-lived', undefined],
      ['POST', '/v1/fence', undefined],
    ] as const) {
      const answer = await proxy.admin.call(method, path, { token: 7, body })
      expect(answer).toMatchObject({ status: 409, body: { error: { code: 'stale-token' } } })
      expect((await proxy.admin.call(method, path, { token: 8, body })).status).toBe(200)
    }
    expect((await proxy.admin.call('PUT', '/v1/nodes/a', { token: 9, body: { admin: 'in' } })).status).toBe(200)
    expect((await proxy.admin.call('PUT', '/v1/nodes/a', { token: 8, body: { admin: 'out' } })).status).toBe(409)
    expect((await proxy.admin.view()).fence).toBe(9)
  })

  it('and what is out, and weights, outlive a restart', async () => {
    const { proxy, config } = await twoNodes()
    await proxy.admin.call('PUT', '/v1/nodes/a', { token: 12, body: { admin: 'out', weight: 3 } })
    await proxy.stop({ graceMs: 0 })
    const again = await runProxy(config)
    expect(await again.admin.view()).toMatchObject({
      fence: 12,
      nodes: [{ state: 'drained', admin: 'out', weight: 3 }, { state: 'serving' }],
    })
    expect((await again.admin.call('PUT', '/v1/nodes/a', { token: 11, body: { admin: 'in' } })).status).toBe(409)
  })
})

describe('mistakes', () => {
  it.each([
    ['PUT', '/v1/nodes/a', {}, '{"admin":"out"}', 400, 'missing-token'],
    ['POST', '/v1/fence', {}, undefined, 400, 'missing-token'],
    ['POST', '/v1/nodes/a/close-long-lived', {}, undefined, 400, 'missing-token'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '-1' }, '{"admin":"out"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1.5' }, '{"admin":"out"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '9'.repeat(20) }, '{"admin":"out"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/zz', { 'baton-token': '1' }, '{"admin":"out"}', 404, 'unknown-node'],
    ['GET', '/v1/nodes/zz/metrics', {}, undefined, 404, 'unknown-node'],
    ['POST', '/v1/nodes/%ff/close-long-lived', { 'baton-token': '1' }, undefined, 404, 'unknown-node'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '{"admin":"drain"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '{"weight":0}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '{"weight":"10"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '{"state":"out"}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '{}', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, 'out', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, '[]', 400, 'bad-request'],
    ['PUT', '/v1/nodes/a', { 'baton-token': '1' }, 'too long', 400, 'bad-request'],
    ['POST', '/v1/stop', {}, '{"graceMs":-1}', 400, 'bad-request'],
    ['DELETE', '/v1/nodes/a', {}, undefined, 405, 'method-not-allowed'],
    ['POST', '/v1/nodes', {}, undefined, 405, 'method-not-allowed'],
    ['GET', '/v2', {}, undefined, 404, 'unknown-path'],
  ] as const)('%s %s with %j and %s is answered %i %s', async (method, path, headers, body, status, code) => {
    const { proxy, config } = await twoNodes()
    const text = body === 'too long' ? `"${'x'.repeat(70_000)}"` : body
    const answer = await raw(config.admin, method, path, headers, text)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text).error.code).toBe(code)
    expect(JSON.parse(answer.text).error.message).toMatch(/\w/)
    expect((await proxy.admin.view()).nodes.every((node) => node.state === 'serving')).toBe(true)
    expect((await proxy.admin.view()).fence).toBe(0)
  })

  it('name the methods that a path takes', async () => {
    const { config } = await twoNodes()
    expect((await raw(config.admin, 'DELETE', '/v1/nodes/a', {}, undefined)).allow).toBe('PUT')
  })

  it('change nothing when the state cannot be written', async () => {
    const { proxy, config } = await twoNodes()
    await mkdir(`${config.state}.${process.pid}.tmp`)
    const answer = await proxy.admin.call('PUT', '/v1/nodes/a', { token: 4, body: { admin: 'out' } })
    expect(answer).toMatchObject({ status: 500, body: { error: { code: 'state-unwritable' } } })
    expect(await proxy.admin.view()).toMatchObject({ fence: 0, nodes: [{ state: 'serving' }, { state: 'serving' }] })
  })
})

describe('metrics', () => {
  it('of a node have counts by class and a cumulative histogram', async () => {
    const { proxy } = await twoNodes()
    for (let i = 0; i < 6; i++) await send({ port: proxy.port })
    const { body } = await proxy.admin.call('GET', '/v1/nodes/a/metrics')
    expect(body).toMatchObject({ requests: 3, statuses: { '2xx': 3, '5xx': 0 }, failures: 0, retries: 0 })
    const { latency } = body as { latency: { bounds: (number | null)[]; counts: number[]; sum: number } }
    expect(latency.bounds.at(-1)).toBeNull()
    expect(latency.counts).toHaveLength(latency.bounds.length)
    expect(latency.counts.at(-1)).toBe(3)
    expect(latency.sum).toBeGreaterThan(0)
  })

  it('are there for Prometheus', async () => {
    const { proxy, config, b } = await twoNodes()
    await b.kill()
    for (let i = 0; i < 4; i++) expect(await send({ port: proxy.port })).toBe(200)
    await proxy.admin.call('PUT', '/v1/nodes/b', { token: 1, body: { admin: 'out' } })
    const { text, type } = await raw(config.admin, 'GET', '/metrics', {}, undefined)
    expect(type).toContain('text/plain; version=0.0.4')
    const samples = parseProm(text)
    expect(samples.get('baton_requests_total{node="a",status="2xx"}')).toBe(4)
    expect(samples.get('baton_exchanges_total{node="a"}')).toBe(4)
    expect(samples.get('baton_failures_total{node="b"}')).toBeGreaterThan(0)
    expect(samples.get('baton_retries_total{node="b"}')).toBe(samples.get('baton_failures_total{node="b"}'))
    expect(samples.get('baton_inflight{node="a"}')).toBe(0)
    expect(samples.get('baton_long_lived{node="a"}')).toBe(0)
    expect(samples.get('baton_node_weight{node="a"}')).toBe(10)
    expect(samples.get('baton_node_healthy{node="a"}')).toBe(1)
    expect(samples.get('baton_node_state{node="b",state="drained"}')).toBe(1)
    expect(samples.get('baton_node_state{node="b",state="serving"}')).toBe(0)
    expect(samples.get('baton_request_duration_seconds_bucket{node="a",le="+Inf"}')).toBe(4)
    expect(samples.get('baton_request_duration_seconds_count{node="a"}')).toBe(4)
    expect(samples.has('baton_connections')).toBe(true)
    expect(samples.get('process_start_time_seconds')).toBeGreaterThan(0)
  })
})

it('answers /healthz', async () => {
  const { proxy } = await twoNodes()
  expect(await proxy.admin.call('GET', '/healthz')).toEqual({ status: 200, body: { status: 'ok' } })
})

it('stops gracefully when asked: what is in flight finishes, nothing new is accepted', async () => {
  const { proxy, config, a } = await twoNodes()
  const held = send({ port: proxy.port, path: '/held' })
  await until('it is in flight', async () => (await proxy.admin.node('a')).inflight === 1)
  expect((await proxy.admin.call('POST', '/v1/stop', { body: { graceMs: 10_000 } })).status).toBe(202)
  expect(await send({ port: proxy.port })).toBe('ECONNREFUSED')
  expect((await proxy.admin.view()).phase).toBe('stopping')
  a.release()
  expect(await held).toBe(200)
  await proxy.stopped
  await expect(stat(config.admin)).rejects.toThrow('ENOENT')
})

it('serves through nodes that are all down by their checks, and says so', async () => {
  const backend = await startBackend('a', { answerHealth: (_, response) => response.writeHead(500).end() })
  const config = configIn(await temporaryFolder(), { a: backend })
  const proxy = await runProxy({ ...config, health: quickHealth(config) })
  await until('it is down', async () => (await proxy.admin.node('a')).state === 'down')
  expect(await send({ port: proxy.port })).toBe(200)
})

describe('the socket', () => {
  it('is for its owner only', async () => {
    const { config } = await twoNodes()
    expect((await stat(config.admin)).mode & 0o777).toBe(0o600)
    expect((await stat(config.admin)).isSocket()).toBe(true)
  })

  it('of a dead process is replaced', async () => {
    const config = configIn(await temporaryFolder(), { a: { port: 1 } })
    const dead = `${config.admin}.999999`
    await leaveSocketBehind(dead)
    await symlink(dead, config.admin)
    const proxy = await runProxy(config)
    expect((await proxy.admin.view()).pid).toBe(process.pid)
    await expect(stat(dead)).rejects.toThrow('ENOENT')
  })

  it('of a live process is an error', async () => {
    const { config, proxy } = await twoNodes()
    const error = await startProxy(config).catch((error) => error)
    expect(error).toMatchObject({ code: 'already-running' })
    expect(error.message).toContain(String(process.pid))
    expect((await proxy.admin.view()).phase).toBe('serving')
    expect(await send({ port: proxy.port })).toBe(200)
  })

  it('must have a short enough path', async () => {
    const folder = join(await temporaryFolder(), 'x'.repeat(110))
    await mkdir(folder)
    await expect(startProxy(configIn(folder, { a: { port: 1 } }))).rejects.toMatchObject({
      code: 'admin-path-too-long',
    })
  })

  it('never takes the place of a file', async () => {
    const config = configIn(await temporaryFolder(), { a: { port: 1 } })
    await writeFile(config.admin, 'precious')
    await expect(startProxy(config)).rejects.toMatchObject({ code: 'admin-path-taken' })
    expect(await readFile(config.admin, 'utf8')).toBe('precious')
  })

  it('needs its folder', async () => {
    const config = configIn(join(await temporaryFolder(), 'missing'), { a: { port: 1 } })
    await expect(startProxy(config)).rejects.toMatchObject({ code: 'admin-folder-missing' })
  })
})

describe('a start that fails', () => {
  it('for the address being taken names it, and leaves nothing behind', async () => {
    const { proxy } = await twoNodes()
    const config = configIn(await temporaryFolder(), { a: { port: 1 } }, { listen: proxy.address })
    const error = await startProxy(config).catch((error) => error)
    expect(error.code).toBe('listen-failed')
    expect(error.message).toContain(`127.0.0.1:${proxy.port} is taken`)
    await expect(stat(config.admin)).rejects.toThrow('ENOENT')
  })

  it('for a damaged state file names it', async () => {
    const config = configIn(await temporaryFolder(), { a: { port: 1 } })
    await writeFile(config.state, '{')
    const error = await startProxy(config).catch((error) => error)
    expect(error.code).toBe('state-damaged')
    expect(error.message).toContain(config.state)
  })

  it('for its configuration names every problem', async () => {
    const config = configIn('/tmp', { 'a b': { port: 70_000, weight: 0 } }) as unknown as Record<string, unknown>
    const wrong = {
      ...config,
      admin: 5,
      listen: '8080',
      health: { type: 'ping' },
      limits: { headBytez: 1 },
      colour: 'red',
    }
    const error = await startProxy(wrong as never).catch((error) => error)
    expect(error.code).toBe('config-invalid')
    for (const path of [
      'admin:',
      'listen:',
      'nodes[0].id:',
      'nodes[0].port:',
      'nodes[0].weight:',
      'health.type:',
      'colour:',
    ]) {
      expect(error.message).toContain(path)
    }
    expect(error.message).toContain('limits.headBytez')
    const twice = configIn('/tmp', { a: { port: 1 }, b: { port: 1 } })
    await expect(startProxy(twice)).rejects.toThrow('nodes[1]: must be unique, but has the address of nodes[0]')
  })
})

async function twoNodes(): Promise<{
  proxy: ProxyInTest
  config: ReturnType<typeof configIn>
  a: Awaited<ReturnType<typeof startBackend>>
  b: Awaited<ReturnType<typeof startBackend>>
}> {
  const [a, b] = [await startBackend('a'), await startBackend('b')]
  const config = configIn(await temporaryFolder(), { a, b })
  return { proxy: await runProxy(config), config, a, b }
}

function raw(
  socketPath: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<{ status: number; text: string; allow: string | undefined; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          text,
          allow: incoming.headers.allow,
          type: incoming.headers['content-type'],
        }),
      )
    })
    outgoing.on('error', reject).end(body)
  })
}

/** Every line must be a comment or a sample. */
function parseProm(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('# '))) {
    const match = /^([a-z_:][\w:]*(?:\{(?:\w+="[^"]*",?)*\})?) (\S+)$/i.exec(line)
    if (match === null) throw new Error(`not a sample: ${line}`)
    samples.set(match[1]!, Number(match[2]))
  }
  return samples
}

/** As kill -9 leaves it: a socket file that nobody listens on. */
async function leaveSocketBehind(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.moved`, resolve))
  const { renameSync } = await import('node:fs')
  renameSync(`${path}.moved`, path)
  await new Promise((resolve) => server.close(resolve))
}
