import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ProxyConfig } from '../../src/process/config.ts'
import { adminAt } from '../support/admin.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { configIn } from '../support/config.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keep } from '../support/keeper.ts'
import { send, startTraffic } from '../support/traffic.ts'
import { until } from '../support/wait.ts'

it('starts the balancer in a process of its own, and stops it', async () => {
  const { config, folder } = await rig()
  const keeper = await keep(config, folder)
  const pid = keeper.pid()
  expect(pid).not.toBe(process.pid)
  expect((await keeper.admin.view()).pid).toBe(pid)
  expect(await send({ port: keeper.address().port })).toBe(200)
  await keeper.stop({ graceMs: 1_000 })
  expect(alive(pid)).toBe(false)
  expect(await send({ port: keeper.address().port })).toBe('ECONNREFUSED')
  expect((await readdir(folder)).sort()).toEqual(['proxy.json', 'proxy.log', 'state.json'])
  expect(await readFile(join(folder, 'proxy.log'), 'utf8')).toContain('stopped')
})

it('stops soon while clients keep idle connections, and at once in a hurry', async () => {
  const { config, folder, a, b } = await rig()
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  const first = await keep(config, folder)
  expect(await send({ port: first.address().port, agent })).toBe(200)
  await first.stop({ graceMs: 600_000 })

  const second = await keep(config, folder)
  const { port } = second.address()
  const cut = send({ port, path: '/held' })
  await until('it is in flight', () => a.seen() + b.seen() === 2)
  const hurry = new AbortController()
  const stopped = second.stop({ graceMs: 600_000, hurry: hurry.signal })
  await until('new connections are refused', async () => (await send({ port })) === 'ECONNREFUSED')
  hurry.abort()
  await stopped
  expect(await cut).toBe('ECONNRESET')
})

it('says which address is taken', async () => {
  const { config, folder } = await rig()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const error = await keep({ ...config, listen: { host: '127.0.0.1', port } }, folder).catch((error) => error)
  expect(error.code).toBe('listen-failed')
  expect(error.message).toContain(`127.0.0.1:${port} is taken`)
})

it("fails with the process' own error", async () => {
  const { config, folder } = await rig()
  await writeFile(config.state, 'not JSON')
  const error = await keep(config, folder).catch((error) => error)
  expect(error).toMatchObject({ code: 'state-damaged' })
  expect(error.message).toContain(config.state)
})

describe('when the balancer is killed', () => {
  it('starts another: connections wait, none is refused, and what was out stays out', async () => {
    const { config, folder, a } = await rig()
    const keeper = await keep(config, folder)
    await keeper.admin.call('PUT', '/v1/nodes/a', { token: 3, body: { admin: 'out' } })
    const before = a.seen()
    const clients = 8
    const traffic = startTraffic(keeper.address().port, { clients, keepAlive: false })
    for (let round = 1; round <= 2; round++) {
      const answered = traffic.answered()
      await until('there is traffic', () => traffic.answered() > answered + 30)
      const pid = keeper.pid()
      process.kill(pid, 'SIGKILL')
      await until('another runs', () => keeper.pid() !== pid)
    }
    const answered = traffic.answered()
    await until('traffic goes on', () => traffic.answered() > answered + 50)
    const { failures } = await traffic.stop()
    expect(failures.filter((failure) => failure === 'ECONNREFUSED')).toEqual([])
    // Only what was in flight at a kill may have failed.
    expect(failures.length).toBeLessThanOrEqual(2 * clients)
    expect(a.seen()).toBe(before)
    expect(await keeper.admin.view()).toMatchObject({ fence: 3, nodes: [{ state: 'drained' }, { state: 'serving' }] })
    expect(keeper.events.map(({ type }) => type)).toEqual(['started', 'ended', 'started', 'ended', 'started'])
    expect(keeper.events[1]).toMatchObject({ how: 'signal SIGKILL', restartInMs: 0 })
  })

  it('tries again, ever more slowly, while it cannot start', async () => {
    const { config, folder } = await rig()
    const keeper = await keep(config, folder)
    const saved = await readFile(config.state)
    await writeFile(config.state, 'damaged')
    process.kill(keeper.pid(), 'SIGKILL')
    await until('it has failed twice', () => keeper.events.filter(({ type }) => type === 'start-failed').length === 2)
    const waits = keeper.events.flatMap((event) => ('restartInMs' in event ? [event.restartInMs] : []))
    expect(waits).toEqual([0, 100, 200])
    await writeFile(config.state, saved)
    expect(await send({ port: keeper.address().port })).toBe(200)
  })
})

describe('replace', () => {
  it('fails no request under traffic, and lets a long one finish', async () => {
    const { config, folder, a, b } = await rig()
    const keeper = await keep(config, folder)
    const { port } = keeper.address()
    const long = send({ port, path: '/held' })
    await until('it is in flight', () => a.seen() + b.seen() === 1)
    const traffic = startTraffic(port, { clients: 16, keepAlive: true })
    for (let round = 0; round < 2; round++) {
      const answered = traffic.answered()
      await until('there is traffic', () => traffic.answered() > answered + 100)
      const pid = keeper.pid()
      await keeper.replace()
      expect(keeper.pid()).not.toBe(pid)
    }
    const answered = traffic.answered()
    await until('traffic goes on', () => traffic.answered() > answered + 100)
    const { failures, posted } = await traffic.stop()
    expect(failures).toEqual([])
    expect([...a.posts(), ...b.posts()].sort()).toEqual([...posted].sort())
    a.release()
    b.release()
    expect(await long).toBe(200)
  })

  it('keeps the view true while the old process has a request: draining, never drained before it ends', async () => {
    const { config, folder, a } = await rig()
    const keeper = await keep(config, folder)
    const { port } = keeper.address()
    const old = keeper.pid()
    const long = send({ port, path: '/held' })
    await until('it is in flight', async () => (await keeper.admin.node('a')).inflight === 1)
    await keeper.replace()
    await keeper.replace()
    expect(await keeper.admin.view()).toMatchObject({
      pid: keeper.pid(),
      nodes: [{ id: 'a', inflight: 1 }, { inflight: 0 }],
    })
    const answer = await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })
    expect(answer.body).toMatchObject({ state: 'draining', inflight: 1 })
    expect(alive(old)).toBe(true)
    a.release()
    expect(await long).toBe(200)
    await until('the old process is gone', () => !alive(old))
    expect(await keeper.admin.node('a')).toMatchObject({ state: 'drained', inflight: 0 })
  })

  it('answers truly at every moment: what is out gets nothing new, over and over while processes change', async () => {
    const { config, folder, a } = await rig()
    const keeper = await keep(config, folder)
    const traffic = startTraffic(keeper.address().port, { clients: 8, keepAlive: true, pauseMs: 10 })
    await until('there is traffic', () => traffic.answered() > 20)
    let replaced = false
    const replacing = keeper.replace().then(() => {
      replaced = true
    })
    for (let token = 1; !replaced || token < 6; token++) {
      expect((await keeper.admin.call('PUT', '/v1/nodes/a', { token, body: { admin: 'out' } })).status).toBe(200)
      await until('it is drained', async () => (await keeper.admin.node('a')).state === 'drained')
      const before = a.seen()
      await sleep(20)
      expect(a.seen()).toBe(before)
      expect((await keeper.admin.call('PUT', '/v1/nodes/a', { token, body: { admin: 'in' } })).status).toBe(200)
    }
    await replacing
    expect((await traffic.stop()).failures).toEqual([])
  })

  it('takes a node out of the old process too, for the connections that it still has', async () => {
    const { config, folder, a, b } = await rig()
    const keeper = await keep(config, folder)
    const { port } = keeper.address()
    const old = keeper.pid()
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const eight = Array.from({ length: 8 })
    await Promise.all(eight.map(() => send({ port, agent })))
    await keeper.replace()
    await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })
    const before = [a.seen(), b.seen()]
    expect(alive(old)).toBe(true)
    expect(await Promise.all(eight.map(() => send({ port, agent })))).toEqual(eight.map(() => 200))
    expect([a.seen() - before[0]!, b.seen() - before[1]!]).toEqual([0, 8])
    await until('the old process is gone, since its connections are', () => !alive(old))
  })

  it('takes up new nodes and a new address', async () => {
    const { config, folder, a } = await rig()
    const c = await startBackend('c')
    const keeper = await keep(config, folder)
    const { port } = keeper.address()
    await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })
    await keeper.replace(configIn(folder, { a, c }, { listen: { host: '127.0.0.2', port: 0 } }))
    expect((await keeper.admin.view()).nodes).toMatchObject([
      { id: 'a', state: 'drained' },
      { id: 'c', state: 'serving' },
    ])
    expect(keeper.address()).toMatchObject({ host: '127.0.0.2' })
    await until('the old address is left', async () => (await send({ port })) === 'ECONNREFUSED')
  })

  it('changes nothing when the new process cannot start', async () => {
    const { config, folder } = await rig()
    const keeper = await keep(config, folder)
    const pid = keeper.pid()
    const taken = await startBackend('x')
    const wrong = { ...config, listen: { host: '127.0.0.1', port: taken.port } }
    await expect(keeper.replace(wrong)).rejects.toMatchObject({ code: 'listen-failed' })
    await expect(keeper.replace({ ...config, nodes: [] })).rejects.toMatchObject({ code: 'config-invalid' })
    await writeFile(config.state, 'damaged')
    await expect(keeper.replace()).rejects.toMatchObject({ code: 'state-damaged' })
    expect(keeper.pid()).toBe(pid)
    expect(await send({ port: keeper.address().port })).toBe(200)
    expect((await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })).status).toBe(200)
    expect(await keeper.admin.view()).toMatchObject({ pid, phase: 'serving' })
  })
})

describe('a keeper that is killed', () => {
  it('leaves the balancer running, and the next one adopts it', async () => {
    const { config, folder } = await rig()
    const first = await keeperProcess(config, folder)
    first.kill()
    await first.ended
    expect(await send({ port: first.port })).toBe(200)
    const keeper = await keep(config, folder)
    expect(keeper.pid()).toBe(first.pid)
    expect(keeper.address().port).toBe(first.port)
    expect(keeper.events).toMatchObject([{ type: 'adopted', pid: first.pid }])
    process.kill(first.pid, 'SIGKILL')
    await until('another runs', () => keeper.pid() !== first.pid)
    expect(keeper.address().port).toBe(first.port)
    expect(await send({ port: first.port })).toBe(200)
  })

  it('is followed by one that replaces the balancer where the configuration has changed, without a failed request', async () => {
    const { config, folder, a } = await rig()
    const c = await startBackend('c')
    const first = await keeperProcess(config, folder)
    first.kill()
    await first.ended
    const traffic = startTraffic(first.port, { clients: 8, keepAlive: true })
    await until('there is traffic', () => traffic.answered() > 100)
    const keeper = await keep(
      { ...configIn(folder, { a, c }), listen: { host: '127.0.0.1', port: first.port } },
      folder,
    )
    expect(keeper.events.map(({ type }) => type)).toEqual(['adopted', 'replaced'])
    expect(keeper.pid()).not.toBe(first.pid)
    expect((await keeper.admin.view()).nodes.map(({ id }) => id)).toEqual(['a', 'c'])
    const answered = traffic.answered()
    await until('traffic goes on', () => traffic.answered() > answered + 100)
    await keeper.replace()
    await until('traffic goes on still', () => traffic.answered() > answered + 100)
    expect((await traffic.stop()).failures).toEqual([])
    await until('the first is gone', () => !alive(first.pid))
    await keeper.stop({ graceMs: 1_000 })
    await until('it has ended', () => !alive(keeper.pid()))
  })
})

it('takes a successor back that dies before it serves', async () => {
  const { config, folder } = await rig()
  const keeper = await keep(config, folder)
  const own = await readlink(config.admin)
  // What a successor does first, by a process that then dies: the end of the connection is all that tells.
  const { request } = await import('node:http')
  const body = JSON.stringify({ successor: join(folder, 'nobody.sock') })
  const headers = { 'baton-scope': 'process', 'content-length': body.length }
  const outgoing = request({ socketPath: config.admin, method: 'POST', path: '/v1/hand-over', headers, agent: false })
  outgoing.on('error', () => {})
  const handedOver = once(outgoing, 'response')
  outgoing.end(body)
  await handedOver
  expect((await keeper.admin.call('GET', '/v1/nodes')).status).toBe(503)
  outgoing.destroy()
  await until('it is in charge again', async () => (await keeper.admin.call('GET', '/v1/nodes')).status === 200)
  expect((await keeper.admin.call('PUT', '/v1/nodes/a', { token: 1, body: { admin: 'out' } })).status).toBe(200)
  expect(JSON.parse(await readFile(config.state, 'utf8')).nodes.a.admin).toBe('out')
  expect(await readlink(config.admin)).toBe(own)
})

it('stops gracefully on SIGTERM to the process, and is started again by its keeper', async () => {
  const { config, folder, a, b } = await rig()
  const keeper = await keep(config, folder)
  const { port } = keeper.address()
  const old = keeper.pid()
  const long = send({ port, path: '/held' })
  await until('it is in flight', () => a.seen() + b.seen() === 1)
  process.kill(old, 'SIGTERM')
  await until('it stops', async () => (await keeper.admin.view()).phase === 'stopping')
  const waiting = send({ port })
  a.release()
  expect(await long).toBe(200)
  expect(await waiting).toBe(200)
  await until('another runs', () => keeper.pid() !== old)
})

async function rig(): Promise<{ config: ProxyConfig; folder: string; a: Backend; b: Backend }> {
  const folder = await temporaryFolder()
  const [a, b] = [await startBackend('a'), await startBackend('b')]
  return { folder, a, b, config: configIn(folder, { a, b }) }
}

async function keeperProcess(config: ProxyConfig, folder: string) {
  const program = fileURLToPath(new URL('../support/keeper-process.mjs', import.meta.url))
  const path = join(folder, 'wanted.json')
  await writeFile(path, JSON.stringify(config))
  const child = spawn(process.execPath, [program, path, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const [line] = await once(child.stdout, 'data')
  const { pid, port } = JSON.parse(String(line)) as { pid: number; port: number }
  onTestFinished(async () => {
    await adminAt(config.admin)
      .call('POST', '/v1/stop', { body: { graceMs: 0 } })
      .catch(() => {})
  })
  return { pid, port, ended, kill: () => child.kill('SIGKILL') }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
