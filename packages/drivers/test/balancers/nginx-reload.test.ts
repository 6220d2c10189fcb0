import { once } from 'node:events'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { Call } from '@baton/core'
import { findServer, needServer, waitFor } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createNginxReloadBalancer } from '../../src/balancers/nginx/reload/balancer.ts'
import { inTables } from '../../src/balancers/nginx/reload/connections.ts'
import { installNginxReload } from '../../src/balancers/nginx/reload/install.ts'
import { renderReloadFile } from '../../src/balancers/nginx/reload/render.ts'
import { minTimeoutMs } from '../../src/balancers/nginx/reload/settle.ts'
import { type Backend, startBackend } from './backend.ts'
import { type BalancerRig, describeBalancerContract } from './balancer-contract.ts'
import { createClient } from './client.ts'
import { createNginxRig, type NginxRig, proxying } from './nginx-install-rig.ts'

const PATIENCE = { timeout: 15_000, interval: 10 }
const call = (token = 1): Call => ({ signal: AbortSignal.timeout(15_000), token })

interface ReloadRig extends BalancerRig {
  readonly nginx: NginxRig
}

describe('nginx in mode: reload', () => {
  beforeEach((context) => {
    needServer('nginx', context)
  })

  describeBalancerContract('nginx in mode: reload', {
    start: startReloading,
    // Each reload closes idle client connections: what that means stands in the tests below.
    lacks: ['webSockets', 'healthChecks', 'clientConnections'],
  })

  describe('beyond what every balancer does', () => {
    let one: Backend
    let two: Backend
    let rig: ReloadRig

    beforeEach(async () => {
      one = await startBackend('web-1')
      two = await startBackend('web-2')
      rig = await startReloading([one, two])
    })

    afterEach(async () => {
      if (findServer('nginx') === null) return
      await rig.close()
      await Promise.all([one.stop(), two.stop()])
    })

    const stateOf = async (id: string) =>
      (await rig.connect().inspect(call())).nodes.find((node) => node.id === id)?.state

    test('under load no request reaches a node from the moment that `out` resolves, though clients are cut off', async () => {
      const balancer = rig.connect()
      let phase = 'before'
      let isDone = false
      const wrong: number[] = []
      const workers = Array.from({ length: 8 }, async (_, index) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        while (!isDone) {
          const status = await statusOf(rig.address, { path: `/?${phase}`, agent, method: index % 2 ? 'POST' : 'GET' })
          // 0: the connection was cut. How often that happens is this mode's limit, and not asserted.
          if (status !== 200 && status !== 0) wrong.push(status)
        }
        agent.destroy()
      })
      for (let round = 1; round <= 5; round++) {
        await balancer.set('web-1', { admin: 'out' }, call())
        phase = `out-${round}`
        await vi.waitUntil(() => two.seen.filter((path) => path === `/?${phase}`).length >= 40, PATIENCE)
        expect(one.seen).not.toContain(`/?${phase}`)
        await balancer.set('web-1', { admin: 'in' }, call())
        phase = `in-${round}`
        await vi.waitUntil(() => one.seen.includes(`/?${phase}`), PATIENCE)
      }
      isDone = true
      await Promise.all(workers)
      expect(wrong).toEqual([])
    })

    test('an idle client is cut off by every change: what mode: dynamic is for', async () => {
      const client = createClient(rig.address)
      const before = await client.send('/')
      await rig.connect().set('web-1', { admin: 'out' }, call())
      // Its agent has seen the end of the connection by then, and opens another.
      await vi.waitUntil(async () => {
        const after = await client.send('/').catch(() => null)
        return after !== null && after.localPort !== before.localPort
      }, PATIENCE)
      client.close()
    })

    test('a node is draining for as long as something on this machine is connected to it', async () => {
      const stranger = createConnection(one.port, one.host)
      await once(stranger, 'connect')
      await rig.connect().set('web-1', { admin: 'out' }, call())
      expect(await stateOf('web-1')).toBe('draining')
      stranger.destroy()
      await vi.waitUntil(async () => (await stateOf('web-1')) === 'drained', PATIENCE)
    })

    test('a node is draining while an old worker still reads a request that it will send there', async () => {
      const balancer = rig.connect()
      await balancer.set('web-2', { admin: 'out' }, call())
      const upload = createConnection(rig.address.port, rig.address.host)
      const answered = once(upload, 'data')
      upload.write('POST /upload HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 10\r\n\r\nfirst')
      // The worker that has accepted the upload has read its beginning once it has answered on a later connection.
      expect(await statusOf(rig.address, { path: '/' })).toBe(200)
      await balancer.set('web-2', { admin: 'in' }, call())
      await balancer.set('web-1', { admin: 'out' }, call())
      expect(await stateOf('web-1')).toBe('draining')
      expect(one.seen).not.toContain('/upload')
      upload.write('-last')
      expect(String((await answered)[0])).toContain('200 OK')
      expect(one.seen).toContain('/upload')
      await vi.waitUntil(async () => (await stateOf('web-1')) === 'drained', PATIENCE)
      upload.destroy()
    })

    test('a node that was drained stays so while workers of later changes have something to finish', async () => {
      const balancer = rig.connect()
      await balancer.set('web-1', { admin: 'out' }, call())
      const held = createClient(rig.address).send('/hold')
      await vi.waitUntil(() => two.held.size === 1, PATIENCE)
      await balancer.set('web-2', { admin: 'in', weight: 20 }, call())
      expect(await stateOf('web-1')).toBe('drained')
      two.release()
      await held
    })

    test('with every node out nginx answers 502, and serves again as soon as one is in', async () => {
      const balancer = rig.connect()
      await balancer.set('web-1', { admin: 'out' }, call())
      await balancer.set('web-2', { admin: 'out' }, call())
      expect(await statusOf(rig.address, { path: '/' })).toBe(502)
      await balancer.set('web-2', { admin: 'in' }, call())
      expect(await statusOf(rig.address, { path: '/' })).toBe(200)
      expect(one.seen).toEqual([])
    })

    test('changes made at the same time all count', async () => {
      await Promise.all([
        rig.connect().set('web-1', { admin: 'in', weight: 3 }, call()),
        rig.connect().set('web-2', { admin: 'in', weight: 4 }, call()),
      ])
      const { nodes } = await rig.connect().inspect(call())
      expect(nodes.map(({ weight }) => weight)).toEqual([3, 4])
    })

    test('a change that nginx refuses, since somebody broke its configuration, changes nothing', async () => {
      const balancer = rig.connect()
      const file = join(rig.nginx.include, 'baton-shop.conf')
      const conf = join(rig.nginx.dir, 'nginx.conf')
      const [before, confBefore] = [await readFile(file, 'utf8'), await readFile(conf, 'utf8')]
      await appendFile(conf, 'nonsense;')
      await expect(balancer.set('web-1', { admin: 'out' }, call(4))).rejects.toMatchObject({
        code: 'nginx-config-invalid',
        message: expect.stringContaining('unknown directive "nonsense"'),
      })
      expect(await readFile(file, 'utf8')).toBe(before)
      expect(await stateOf('web-1')).toBe('serving')
      await writeFile(conf, confBefore)
      await balancer.set('web-1', { admin: 'out' }, call(4))
      expect(await stateOf('web-1')).toBe('drained')
    })

    test('a drain that was cut off before nginx knew of it is done again', async () => {
      const path = join(rig.nginx.stateDir, 'reload.json')
      const state = JSON.parse(await readFile(path, 'utf8')) as { nodes: { admin: string }[] }
      state.nodes[0]!.admin = 'out'
      await writeFile(path, JSON.stringify(state))
      expect(await stateOf('web-1')).toBe('serving')
      await rig.connect().set('web-1', { admin: 'out' }, call())
      expect(await stateOf('web-1')).toBe('drained')
      expect(await statusOf(rig.address, { path: '/' })).toBe(200)
      expect(one.seen).toEqual([])
    })

    test('the user’s own reload in the middle changes nothing', async () => {
      const balancer = rig.connect()
      await balancer.set('web-1', { admin: 'out' }, call())
      const master = Number(await readFile(join(rig.nginx.dir, 'nginx.pid'), 'utf8'))
      process.kill(master, 'SIGHUP')
      await waitFor(async () => (await rig.nginx.errorLog()).split(', reconfiguring').length > 2, { what: 'a reload' })
      expect(await stateOf('web-1')).toBe('drained')
      await balancer.set('web-1', { admin: 'in' }, call())
      expect(await stateOf('web-1')).toBe('serving')
    })
  })
})

test('idle clients outlive a reload where nginx can keep them', () => {
  const nodes = [{ id: 'web-1', address: '127.0.0.1:3001', admin: 'in', weight: 10 }] as const
  const file = { name: 'shop', generation: 'a1', stateDir: "/run/it's", listen: null, nodes }
  expect(renderReloadFile({ ...file, hasMinTimeout: true })).toContain('\nkeepalive_min_timeout 5s;\n')
  expect(renderReloadFile({ ...file, hasMinTimeout: false })).not.toContain('keepalive_min_timeout')
})

test('how long idle clients may still send something is read from the whole configuration', () => {
  const dumpOf = (text: string) => ({
    text,
    files: [{ path: '/n', text }],
    main: { pid: null, user: null, errorLog: null },
  })
  expect(minTimeoutMs(dumpOf('http { # keepalive_min_timeout 9s;\n}'))).toBe(0)
  expect(minTimeoutMs(dumpOf('http { keepalive_min_timeout 5s; server { keepalive_min_timeout 1m 500ms; } }'))).toBe(
    60_500,
  )
})

test('addresses are found as the kernel writes them', () => {
  expect(inTables('127.0.0.1', 3001)).toEqual(['0100007F:0BB9', '0000000000000000FFFF00000100007F:0BB9'])
  expect(inTables('::1', 80)).toEqual(['00000000000000000000000001000000:0050'])
  expect(inTables('fe80::1:2%eth0', 80)).toEqual(['000080FE000000000000000002000100:0050'])
})

async function startReloading(backends: readonly Backend[]): Promise<ReloadRig> {
  const nginx = await createNginxRig(findServer('nginx') ?? 'nginx')
  const nodes = backends.map(({ id, host, port, weight }) => ({ id, address: { host, port }, weight }))
  const options = {
    name: 'shop',
    command: nginx.command,
    include: nginx.include,
    stateDir: nginx.stateDir,
    listen: null,
  }
  await nginx.configure({ http: proxying(nginx.port) })
  await installNginxReload({ ...options, nodes }, AbortSignal.timeout(15_000))
  await nginx.start()
  await createNginxReloadBalancer(options).inspect(call())
  return {
    nginx,
    address: { host: '127.0.0.1', port: nginx.port },
    adminSocket: join(nginx.stateDir, 'admin.sock'),
    connect: () => createNginxReloadBalancer(options),
    kill: nginx.kill,
    start: nginx.start,
    close: nginx.remove,
  }
}

/** 0 where the connection ended without an answer. */
function statusOf(
  { host, port }: { readonly host: string; readonly port: number },
  options: { readonly path: string; readonly method?: string; readonly agent?: Agent },
): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request({ host, port, ...options }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', () => resolve(0))
    })
    outgoing.on('error', () => resolve(0))
    outgoing.end()
  })
}
