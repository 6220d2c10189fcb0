import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Haproxy, needServer, startHaproxy, tempDir } from '@baton/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { createHaproxyBalancer } from '../../src/balancers/haproxy/balancer.ts'
import { compareHaproxy, readHaproxy } from '../../src/balancers/haproxy/compare.ts'
import { type HaproxyRendering, renderHaproxy } from '../../src/balancers/haproxy/render.ts'
import { call, health } from './haproxy-rig.ts'

const nodes = [
  { id: 'web-1', address: { host: '127.0.0.1', port: 3001 }, weight: 10 },
  { id: 'web-2', address: { host: '::1', port: 3002 }, weight: 20 },
]
const rendering: HaproxyRendering = {
  backend: 'shop',
  socketPath: '/run/haproxy/admin.sock',
  serverStateFile: '/srv/shop/.baton/haproxy/servers.state',
  nodes,
  health: { ...health, intervalMs: 250, rise: 3, fall: 3 },
  listen: { host: '127.0.0.1', port: 8080 },
}
let haproxy: Haproxy | undefined

afterEach(async () => {
  await haproxy?.stop()
  haproxy = undefined
})

describe('the rendered configuration', () => {
  test('with a frontend', async () => {
    await expect(renderHaproxy(rendering)).toMatchFileSnapshot('golden/haproxy-with-frontend.cfg')
  })

  test('for frontends of the user’s own, with nodes that are only connected to', async () => {
    const text = renderHaproxy({ ...rendering, listen: null, health: { ...health, type: 'tcp' } })
    await expect(text).toMatchFileSnapshot('golden/haproxy-without-frontend.cfg')
  })

  test.for<{ what: string; options: Partial<HaproxyRendering> }>([
    { what: 'with a frontend', options: {} },
    { what: 'without a frontend', options: { listen: null } },
    { what: 'with checks that only connect', options: { health: { ...health, type: 'tcp' } } },
    { what: 'with blanks and quotes', options: { health: { ...health, path: "/it's fine?a=b c#d" } } },
    {
      what: 'with several ranges of statuses',
      options: {
        health: {
          ...health,
          status: [
            [200, 204],
            [301, 301],
          ],
        },
      },
    },
  ])('$what is taken by HAProxy without a warning', async ({ options }, context) => {
    const program = needServer('haproxy', context)
    const folder = await tempDir()
    try {
      const file = join(folder.path, 'haproxy.cfg')
      const paths = { socketPath: join(folder.path, 'admin.sock'), serverStateFile: join(folder.path, 'a state') }
      await writeFile(paths.serverStateFile, '1\n')
      await writeFile(file, renderHaproxy({ ...rendering, ...paths, ...options }))
      const { stdout, stderr } = await promisify(execFile)(program, ['-c', '-dW', '-f', file])
      expect(`${stdout}${stderr}`.replace(/^\[NOTICE\].*\n/gm, '')).toBe('Configuration file is valid\n')
    } finally {
      await folder.remove()
    }
  })

  test('refuses names that HAProxy would read as something else', () => {
    for (const backend of ['a shop', 'shop;shutdown', 'shop/web', '']) {
      expect(() => renderHaproxy({ ...rendering, backend })).toThrow(
        expect.objectContaining({ code: 'haproxy-name-invalid', hint: expect.stringMatching(/letters/) }),
      )
      const balancer = { socketPath: '/nowhere', stateDir: '/nowhere', backend }
      expect(() => createHaproxyBalancer(balancer)).toThrow(expect.objectContaining({ code: 'haproxy-name-invalid' }))
    }
  })
})

describe('the running HAProxy beside baton.yaml', () => {
  test('that has what is wanted is found nothing wrong with', async (context) => {
    needServer('haproxy', context)
    const { socketPath } = await start({})
    const running = await readHaproxy({ socketPath, backend: 'shop' }, call())
    expect(running.version).toMatch(/^\d+\.\d+/)
    expect(compareHaproxy(running, { nodes })).toEqual([])
  })

  test('without the backend', async (context) => {
    needServer('haproxy', context)
    const { socketPath } = await start({})
    const running = await readHaproxy({ socketPath, backend: 'store' }, call())
    expect(compareHaproxy(running, { nodes })).toMatchObject([
      { rule: 'backend-missing', level: 'problem', where: socketPath, message: expect.stringContaining('store') },
    ])
  })

  test('with servers that are missing, elsewhere, or nobody’s', async (context) => {
    needServer('haproxy', context)
    const { socketPath } = await start({})
    const running = await readHaproxy({ socketPath, backend: 'shop' }, call())
    const wanted = [
      { id: 'web-1', address: { host: '127.0.0.1', port: 3009 } },
      { id: 'web-3', address: { host: '127.0.0.1', port: 3003 } },
    ]
    expect(compareHaproxy(running, { nodes: wanted })).toMatchObject([
      { rule: 'server-differs', message: expect.stringContaining('127.0.0.1:3009') },
      { rule: 'server-missing', message: expect.stringContaining('shop/web-3') },
      { rule: 'server-unknown', message: expect.stringContaining('[::1]:3002') },
    ])
  })

  test('in mode tcp, unchecked, and with a socket that may only look', async (context) => {
    needServer('haproxy', context)
    const { socketPath } = await start({
      edit: (config) =>
        config
          .replace('level admin', 'level operator')
          .replaceAll('mode http', 'mode tcp')
          .replace(/^.*option httpchk\n.*\n.*\n/m, '')
          .replace(' check inter', ' inter'),
    })
    const running = await readHaproxy({ socketPath, backend: 'shop' }, call())
    expect(compareHaproxy(running, { nodes: nodes.slice(0, 1) }).map(({ rule }) => rule)).toEqual([
      'socket-not-admin',
      'mode-tcp',
      'check-missing',
      'server-unknown',
    ])
  })
})

describe('what HAProxy refuses', () => {
  test('a socket of a lower level says what to change', async (context) => {
    needServer('haproxy', context)
    const { socketPath, dir } = await start({ edit: (config) => config.replace('level admin', 'level operator') })
    const balancer = createHaproxyBalancer({ socketPath, backend: 'shop', stateDir: join(dir, 'baton') })
    await expect(balancer.set('web-1', { admin: 'out' }, call())).rejects.toMatchObject({
      code: 'balancer-refused',
      hint: expect.stringContaining('level admin'),
    })
  })

  test('a backend that is not there says how to get it', async (context) => {
    needServer('haproxy', context)
    const { socketPath, dir } = await start({})
    const balancer = createHaproxyBalancer({ socketPath, backend: 'store', stateDir: join(dir, 'baton') })
    await expect(balancer.inspect(call())).rejects.toMatchObject({
      code: 'unknown-backend',
      hint: expect.stringContaining('baton balancer config'),
    })
  })

  test('a weight that it cannot have', async () => {
    const balancer = createHaproxyBalancer({ socketPath: '/nowhere', backend: 'shop', stateDir: '/nowhere' })
    for (const weight of [0, 257, 1.5]) {
      await expect(balancer.set('web-1', { admin: 'in', weight }, call())).rejects.toMatchObject({
        code: 'invalid-weight',
      })
    }
  })
})

async function start({ edit = (config) => config }: { edit?: (config: string) => string }): Promise<Haproxy> {
  haproxy = await startHaproxy({
    config: ({ dir, socketPath }) =>
      edit(renderHaproxy({ ...rendering, socketPath, serverStateFile: join(dir, 'servers.state'), listen: null })),
  })
  return haproxy
}
