import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { call, PATIENCE, useDynamicNginx } from '../nginx/use-dynamic-nginx.ts'

const { apps, start, client: newClient, counts } = useDynamicNginx()

test('in flight returns to zero and is never negative after 1,000 requests of random length, aborts and retries', async () => {
  const { balancer } = await start({ workers: 4 })
  const [, two] = apps()
  let isDone = false
  const seen: number[] = []
  const watching = (async () => {
    while (!isDone) {
      for (const { inflight } of (await balancer.inspect(call())).nodes) seen.push(inflight ?? -1)
      await sleep(5)
    }
  })()
  const refusing = (async () => {
    for (let time = 0; time < 4; time++) {
      await sleep(100)
      await two.refuse()
      await sleep(60)
      await two.listen()
    }
  })()
  let aborted = 0
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      for (let time = 0; time < 25; time++) {
        const client = newClient()
        const leaving = new AbortController()
        const answer = client.send(`/after/${Math.floor(Math.random() * 60)}`, { signal: leaving.signal })
        if (Math.random() < 0.3) setTimeout(() => leaving.abort(), Math.random() * 30)
        await answer.catch(() => aborted++)
        client.close()
      }
    }),
  )
  await refusing
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  isDone = true
  await watching
  expect(Math.min(...seen)).toBe(0)
  expect(Math.max(...seen)).toBeGreaterThan(5)
  expect(aborted).toBeGreaterThan(50)
})

test('a node is drained within 100 ms of its last byte, and not before', async () => {
  const { balancer } = await start({ workers: 2 })
  const [one] = apps()
  await balancer.set('web-2', { admin: 'out' }, call())
  const answers = [50, 120, 300].map((ms) => newClient().send(`/after/${ms}`))
  await vi.waitUntil(() => one.seen.length === 3, PATIENCE)
  await balancer.set('web-1', { admin: 'out' }, call())
  for (;;) {
    const [node] = (await balancer.inspect(call())).nodes
    if (node?.state === 'drained') break
    expect(node).toMatchObject({ state: 'draining', inflight: expect.any(Number) })
    await sleep(2)
  }
  const lateMs = performance.now() - one.lastEnd()
  expect(await Promise.all(answers)).toHaveLength(3)
  expect(one.lastEnd()).toBeGreaterThan(0)
  expect(lateMs).toBeLessThan(100)
})

test('a location whose log_by_lua hides the one of Baton is told in the error log; with the same line in it all is well', async () => {
  const ending = 'local log = package.loaded["baton.log"] if log then log.finish() end'
  const { nginx, ownPort } = await start({
    http: (port) => `server {
      listen 127.0.0.1:${port};
      location / { proxy_pass http://shop; log_by_lua_block { ngx.ctx.own = true } }
      location /good { proxy_pass http://shop; log_by_lua_block { ${ending} ngx.ctx.own = true } }
    }`,
  })
  const own = newClient(ownPort)
  for (let time = 0; time < 5; time++) await own.send('/good')
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  expect(await nginx.errorLog()).toBe('')
  await vi.waitFor(async () => {
    expect((await own.send('/')).status).toBe(200)
    expect(await nginx.errorLog()).toContain('without the log phase of Baton')
  }, PATIENCE)
})

test('a WebSocket counts until its end', async () => {
  const { balancer, address } = await start()
  await balancer.set('web-2', { admin: 'out' }, call())
  const socket = connect(address.port, address.host)
  socket.write('GET /ws HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await vi.waitUntil(() => socket.bytesRead > 0, PATIENCE)
  await balancer.set('web-1', { admin: 'out' }, call())
  expect(await counts()).toEqual([1, 0])
  const refused = { code: 'cannot-close', message: expect.stringContaining('web-1') }
  await expect(balancer.closeLongLived('web-1', call())).rejects.toMatchObject(refused)
  socket.destroy()
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  expect((await balancer.metrics('web-1', call())).statuses).toMatchObject({ '1xx': 1 })
})

test('a worker that is killed takes its counts with it, and the others keep theirs', async () => {
  const { balancer, nginx } = await start({ workers: 2 })
  await balancer.set('web-2', { admin: 'out' }, call())
  const answers = Array.from({ length: 20 }, () =>
    newClient()
      .send('/after/60000')
      .catch(() => 'cut'),
  )
  await vi.waitFor(async () => expect(await counts()).toEqual([20, 0]), PATIENCE)
  // The other one may have accepted none of them.
  const [first = 0, second = 0] = [...(await nginx.workers())].sort((a, b) => openFiles(b) - openFiles(a))
  process.kill(first, 'SIGKILL')
  await vi.waitFor(async () => expect((await counts())[0]).toBeLessThan(20), PATIENCE)
  const [left] = await counts()
  process.kill(second, 'SIGKILL')
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  expect(left).toBeGreaterThanOrEqual(0)
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, () => 'cut'))
  expect((await newClient().send('/')).node).toBe('web-1')
  expect(await balancer.inspect(call())).toMatchObject({ nodes: [{ state: 'serving' }, { state: 'drained' }] })
})

test('subrequests count, and end with their main request', async () => {
  const { balancer, ownPort } = await start({
    http: (port) => `server {
      listen 127.0.0.1:${port};
      location / { auth_request /auth; proxy_pass http://shop; }
      location = /auth { internal; proxy_pass http://shop/after/300; }
      location /redirected { error_page 404 = @again; proxy_intercept_errors on; proxy_pass http://shop/status/404; }
      location @again { proxy_pass http://shop; }
    }`,
  })
  const answer = newClient(ownPort).send('/after/300')
  await vi.waitFor(async () => expect(total(await counts())).toBe(1), PATIENCE)
  expect((await answer).status).toBe(200)
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  expect((await newClient(ownPort).send('/redirected')).status).toBe(200)
  await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), PATIENCE)
  const requests = await Promise.all(
    ['web-1', 'web-2'].map(async (id) => (await balancer.metrics(id, call())).requests),
  )
  expect(total(requests)).toBeGreaterThanOrEqual(3)
})

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function total(numbers: readonly (number | null)[]): number {
  return numbers.reduce<number>((sum, number) => sum + (number ?? 0), 0)
}
