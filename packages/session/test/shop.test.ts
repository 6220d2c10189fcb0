import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

interface Shop {
  readonly origin: string
  readonly child: ChildProcess
}

describe('two releases of the shop on one LMDB store', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const dir = mkdtempSync(join(tmpdir(), 'baton-shop-'))
  let v1: Shop
  let v2: Shop

  beforeAll(async () => {
    // As on a node: copied away, with node_modules somewhere up the tree.
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
    ;[v1, v2] = await Promise.all([start('v1'), start('v2')])
  })
  afterAll(() => {
    v1?.child.kill('SIGKILL')
    v2?.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  it('a login on one is a login on the other, and so is the cart', async () => {
    const cookie = await login(v1, 'ann')
    await post(v1, '/cart', { item: 'Green tea' }, cookie)
    await post(v2, '/cart', { item: 'Plum jam' }, cookie)
    const cart = ['Green tea', 'Plum jam']
    expect(await me(v1, cookie)).toEqual({ user: 'ann', cart, release: 'v1', node: 'node-v1' })
    expect(await me(v2, cookie)).toEqual({ user: 'ann', cart, wishlist: [], release: 'v2', node: 'node-v2' })
  })

  it('what the new release adds survives the writes of the old one', async () => {
    const cookie = await login(v2, 'bob')
    await post(v2, '/wishlist', { item: 'Wild honey' }, cookie)
    await post(v1, '/cart', { item: 'Rye bread' }, cookie)
    expect(await me(v2, cookie)).toMatchObject({ cart: ['Rye bread'], wishlist: ['Wild honey'] })
  })

  it('a logout on one is a logout on the other', async () => {
    const cookie = await login(v1, 'ann')
    await post(v2, '/logout', {}, cookie)
    expect(await me(v1, cookie)).toMatchObject({ user: null, cart: [] })
  })

  it('a form is answered with a redirect that already finds the login, and the page greets without running markup', async () => {
    const answer = await fetch(`${v1.origin}/login`, {
      method: 'POST',
      body: new URLSearchParams({ user: '<b>eve' }),
      redirect: 'manual',
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    const page = await (await fetch(v2.origin, { headers: { cookie: cookieOf(answer) } })).text()
    expect(page).toContain('Hello, <b>&#60;b&#62;eve</b>')
    expect(page).toContain('Release <b>v2</b> on node <b>node-v2</b>')
  })

  it('the releases look different', async () => {
    const pages = await Promise.all([v1, v2].map(async ({ origin }) => (await fetch(origin)).text()))
    expect(pages.map((page) => /--brand: (#\w+)/.exec(page)?.[1])).toEqual(['#1d4ed8', '#0f766e'])
  })

  it('an order that was answered is in the file of all nodes, once', async () => {
    const cookie = await login(v1, 'ann')
    const ids = Array.from({ length: 20 }, (_, i) => `order-${i}`)
    await Promise.all(
      ids.map(async (id, i) => {
        const answer = await post(i % 2 === 0 ? v1 : v2, '/orders', { id }, cookie)
        expect([answer.status, await answer.json()]).toEqual([201, { id }])
      }),
    )
    const lines = readFileSync(join(dir, 'orders.log'), 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).id).sort()).toEqual([...ids].sort())
  })

  it('the health check has no session, and each answer names release and node', async () => {
    const answer = await fetch(`${v2.origin}/health`)
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null])
    expect([answer.headers.get('baton-release'), answer.headers.get('baton-node')]).toEqual(['v2', 'node-v2'])
  })

  it('mistakes are answered as such', async () => {
    expect((await post(v1, '/login', {})).status).toBe(400)
    expect((await fetch(`${v1.origin}/nowhere`)).status).toBe(404)
    const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
    expect((await fetch(`${v1.origin}/cart`, broken)).status).toBe(400)
  })

  it('SIGTERM finishes what is under way, ends event streams, and exits 0', async () => {
    const shop = await start('v1')
    const slow = fetch(`${shop.origin}/slow?ms=400`)
    const events = await fetch(`${shop.origin}/events`)
    const exit = once(shop.child, 'exit')
    shop.child.kill('SIGTERM')
    expect((await slow).status).toBe(200)
    expect(await events.text()).toMatch(/event: bye\ndata: \{\}\n\n$/)
    expect(await exit).toEqual([0, null])
    await expect(fetch(`${shop.origin}/health`)).rejects.toThrow()
  })

  async function start(release: 'v1' | 'v2'): Promise<Shop> {
    const folder = join(dir, release)
    cpSync(join(root, 'examples/shop', release), folder, { recursive: true })
    const child = spawn(process.execPath, ['server.js'], {
      cwd: folder,
      env: {
        ...process.env,
        HOST: '127.0.0.1',
        PORT: '0',
        BATON_NODE: `node-${release}`,
        BATON_RELEASE: release,
        BATON_SESSION_STORE: `lmdb:${join(dir, 'sessions')}`,
        SHOP_ORDERS: join(dir, 'orders.log'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    return { origin: /http:\S+/.exec(line)?.[0] ?? '', child }
  }
})

function post(shop: Shop, path: string, body: object, cookie = ''): Promise<Response> {
  return fetch(shop.origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify(body),
  })
}

async function login(shop: Shop, user: string): Promise<string> {
  return cookieOf(await post(shop, '/login', { user }))
}

async function me(shop: Shop, cookie: string): Promise<unknown> {
  return (await fetch(`${shop.origin}/me`, { headers: { cookie } })).json()
}

function cookieOf(answer: Response): string {
  return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
}
