import { expect, test, vi } from 'vitest'
import { call, PATIENCE, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client } = useDynamicNginx()

/** The user's own server block, as careless as can be. */
const careless = (port: number) => `server {
  listen 127.0.0.1:${port};
  location / {
    proxy_pass http://shop;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_next_upstream error timeout http_502 http_503 non_idempotent;
    proxy_read_timeout 300ms;
  }
}`

test('a request that was sent is never sent to another node, whatever the user’s proxy_next_upstream says', async () => {
  const { ownPort, balancer } = await start({ http: careless })
  const [one, two] = apps()
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    for (const path of ['/cut', '/after/1000', '/status/503']) {
      one.seen.length = two.seen.length = 0
      const { status } = await client(ownPort).send(path, { method, body: 'order' })
      expect({ method, path, status }).toMatchObject({ status: expect.toSatisfy((code: number) => code >= 500) })
      expect([...one.seen, ...two.seen]).toEqual([`${method} ${path}`])
    }
  }
  await vi.waitFor(async () => {
    const metrics = await Promise.all(['web-1', 'web-2'].map((id) => balancer.metrics(id, call())))
    expect(metrics.map(({ retries }) => retries)).toEqual([0, 0])
    expect(metrics.map(({ failures }) => failures).reduce((sum, each) => sum + each)).toBeGreaterThanOrEqual(8)
  }, PATIENCE)
})

test('a GET whose connection broke goes once more to the same node, and to no other', async () => {
  const { ownPort } = await start({ http: careless })
  const [one, two] = apps()
  expect((await client(ownPort).send('/cut')).status).toBe(502)
  const seen = one.seen.length > 0 ? one.seen : two.seen
  expect([one.seen.length, two.seen.length].sort()).toEqual([0, 2])
  expect(seen).toEqual(['GET /cut', 'GET /cut'])
})

test('a GET that timed out is not tried again', async () => {
  const { ownPort } = await start({ http: careless })
  const [one, two] = apps()
  expect((await client(ownPort).send('/after/1000')).status).toBeGreaterThanOrEqual(502)
  expect([...one.seen, ...two.seen]).toEqual(['GET /after/1000'])
})

test('a POST to a node that refuses runs on another, once', async () => {
  const { balancer } = await start()
  const [one, two] = apps()
  await one.refuse()
  for (let time = 0; time < 12; time++) {
    expect(await client().send('/', { method: 'POST', body: 'order' })).toMatchObject({ status: 200, node: 'web-2' })
  }
  expect(two.seen).toHaveLength(12)
  const { retries } = await vi.waitUntil(async () => {
    const found = await balancer.metrics('web-1', call())
    return found.retries > 0 && found
  }, PATIENCE)
  // Passed over after three, for the time being.
  expect(retries).toBe(3)
  expect(await balancer.inspect(call())).toMatchObject({
    nodes: [{ state: 'down', healthy: false }, { state: 'serving' }],
  })
  await one.listen()
  await balancer.set('web-1', { admin: 'in' }, call())
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'serving' }, { state: 'serving' }] })
  await vi.waitUntil(async () => (await client().send('/')).node === 'web-1', PATIENCE)
})

test('the last node that serves is asked again and again: refusing a connection affects that request alone', async () => {
  const { balancer } = await start({ workers: 2 })
  const [, two] = apps()
  await balancer.set('web-1', { admin: 'out' }, call())
  for (let round = 0; round < 3; round++) {
    await two.refuse()
    for (let time = 0; time < 5; time++) expect((await client().send('/')).status).toBe(502)
    expect(await balancer.inspect(call())).toMatchObject({ nodes: [{}, { state: 'serving', healthy: true }] })
    await two.listen()
    for (let time = 0; time < 5; time++) expect((await client().send('/')).node).toBe('web-2')
  }
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'drained' }, { state: 'serving' }] })
})

test('an order is not lost when the only node that is in has just closed an idle connection', async () => {
  const { balancer } = await start()
  const [one] = apps()
  await balancer.set('web-2', { admin: 'out' }, call())
  const own = client()
  for (let time = 0; time < 10; time++) {
    expect(await own.send('/', { method: 'POST', body: 'order' })).toMatchObject({ status: 200, node: 'web-1' })
    for (const socket of one.sockets) socket.destroy()
  }
  expect(one.seen).toHaveLength(10)
})

test('refusals count in a row: answers in between clear them, also those of other workers', async () => {
  const { balancer } = await start({ workers: 4 })
  const [one] = apps()
  for (let round = 0; round < 5; round++) {
    await one.refuse()
    for (let time = 0; time < 2; time++) await client().send('/')
    await one.listen()
    // A worker learns within some 10 ms of traffic what others have met.
    const clients = Array.from({ length: 4 }, () => client())
    for (let time = 0; time < 6; time++) await Promise.all(clients.map((each) => each.send('/after/10')))
  }
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ healthy: true }, { healthy: true }] })
})

test('with no node in, nginx answers 502 and an error_page of the user’s applies', async () => {
  const { balancer, ownPort, nginx } = await start({
    http: (port) => `server {
      listen 127.0.0.1:${port};
      location / { proxy_pass http://shop; error_page 502 503 504 =503 /sorry; }
      location = /sorry { return 503 "back soon"; }
    }`,
  })
  for (const id of ['web-1', 'web-2']) await balancer.set(id, { admin: 'out' }, call())
  expect((await client().send('/')).status).toBe(502)
  expect(await client(ownPort).send('/')).toMatchObject({ status: 503, body: 'back soon' })
  expect(await nginx.errorLog()).toContain('no live upstreams')
})
