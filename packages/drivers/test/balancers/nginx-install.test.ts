import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findServer, freePorts, needServer, startNginx, tempDir, waitFor } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createNginxDynamicBalancer } from '../../src/balancers/nginx/dynamic/dynamic-balancer.ts'
import { runningGeneration } from '../../src/balancers/nginx/generation.ts'
import { installNginx } from '../../src/balancers/nginx/install.ts'
import { installNginxDynamic } from '../../src/balancers/nginx/install-dynamic.ts'
import { createNginxReloadBalancer } from '../../src/balancers/nginx/reload/balancer.ts'
import {
  installNginxReload,
  type NginxReloadInstallOptions,
  renderNginxReload,
} from '../../src/balancers/nginx/reload/install.ts'
import { firstBlocked } from '../../src/balancers/nginx/state-folder.ts'
import { createNginxRig, type NginxRig, proxying } from './nginx-install-rig.ts'

const plainServer = (port: number) => `server { listen 127.0.0.1:${port}; return 200 "as ever"; }`
const soon = (timeoutMs = 15_000) => AbortSignal.timeout(timeoutMs)

let rig: NginxRig

function optionsOf(more: Partial<NginxReloadInstallOptions> = {}): NginxReloadInstallOptions {
  const { command, include, stateDir } = rig
  const nodes = [1, 2].map((each) => ({
    id: `web-${each}`,
    address: { host: '127.0.0.1', port: 3000 + each },
    weight: 10,
  }))
  return { name: 'shop', command, include, stateDir, listen: null, nodes, ...more }
}

const install = (more: Partial<NginxReloadInstallOptions> = {}) => installNginxReload(optionsOf(more), soon())
const running = () => runningGeneration(rig.stateDir)
const fileText = () => readFile(join(rig.include, 'baton-shop.conf'), 'utf8').catch(() => null)
const reloads = async () => (await rig.errorLog()).split(', reconfiguring').length - 1

beforeEach(async (context) => {
  rig = await createNginxRig(needServer('nginx', context))
  await rig.configure({ http: plainServer(rig.port) })
})

afterEach(async () => {
  if (findServer('nginx') !== null) await rig.remove()
})

describe('an install into a running nginx', () => {
  beforeEach(() => rig.start())

  test('reloads it once, and is done when its workers answer with the new generation', async () => {
    const { outcome, generation, file } = await install()
    expect({ outcome, file }).toEqual({ outcome: 'applied', file: join(rig.include, 'baton-shop.conf') })
    expect(await running()).toBe(generation)
    expect(await fileText()).toContain('server 127.0.0.1:3001 weight=10 max_fails=0;')
    expect(await reloads()).toBe(1)
    expect((await stat(rig.stateDir)).mode & 0o777).toBe(0o700)
  })

  test('a second time says that nothing has changed, and does not reload', async () => {
    const { generation } = await install()
    expect(await install()).toMatchObject({ outcome: 'unchanged', generation })
    expect(await reloads()).toBe(1)
  })

  test('brings in what baton.yaml says now, and leaves out what was taken out', async () => {
    await install()
    const balancer = createNginxReloadBalancer(optionsOf())
    await balancer.set('web-1', { admin: 'out' }, { signal: soon(), token: 3 })
    const third = { id: 'web-3', address: { host: '127.0.0.1', port: 3003 }, weight: 5 }
    expect(await install({ nodes: [...optionsOf().nodes, third] })).toMatchObject({ outcome: 'applied' })
    const { nodes } = await balancer.inspect({ signal: soon() })
    expect(nodes.map(({ id, state, weight }) => [id, state, weight])).toEqual([
      ['web-1', 'drained', 10],
      ['web-2', 'serving', 10],
      ['web-3', 'serving', 5],
    ])
    await expect(balancer.fence({ signal: soon(), token: 2 })).rejects.toMatchObject({ code: 'stale-token' })
  })

  test('prints before what it writes', async () => {
    const printed = await renderNginxReload(optionsOf())
    expect(await fileText()).toBeNull()
    const { generation } = await install()
    expect((await fileText())?.replaceAll(generation, '0')).toBe(printed)
  })

  test('that nginx refuses leaves nothing behind, and shows what nginx says', async () => {
    await rig.configure({ http: `${plainServer(rig.port)} upstream shop { server 127.0.0.1:1; }` })
    await expect(install()).rejects.toMatchObject({
      code: 'nginx-config-invalid',
      message: expect.stringContaining('duplicate upstream "shop"'),
      hint: expect.stringContaining('remove your own'),
      log: expect.arrayContaining([expect.stringContaining('[emerg]')]),
    })
    expect(await readdir(rig.include)).toEqual([])
    expect(await reloads()).toBe(0)
  })

  test('that the master refuses, after nginx -t was content, brings the last good file back', async () => {
    const { generation } = await install()
    const good = await fileText()
    const occupant = createServer().listen((await freePorts(1))[0], '127.0.0.1')
    await once(occupant, 'listening')
    try {
      const { port } = occupant.address() as { port: number }
      await expect(install({ listen: { host: '127.0.0.1', port }, deadlineMs: 4_000 })).rejects.toMatchObject({
        code: 'nginx-not-applied',
        message: expect.stringContaining('nginx runs with it'),
        log: expect.arrayContaining([expect.stringContaining('Address already in use')]),
      })
    } finally {
      occupant.close()
    }
    expect(await fileText()).toBe(good)
    expect(await running()).toBe(generation)
    expect(await install()).toMatchObject({ outcome: 'unchanged' })
  })

  test('whose folder nginx does not read names the line to add', async () => {
    await rig.configure({ http: plainServer(rig.port), includes: false })
    await expect(install()).rejects.toMatchObject({
      code: 'nginx-not-included',
      hint: `add this line to the http block of ${join(rig.dir, 'nginx.conf')}: include ${join(rig.include, 'baton-shop.conf')};`,
    })
    expect(await fileText()).toBeNull()
  })

  test('brings the upstream that a proxy_pass of the user’s waits for', async () => {
    await rig.configure({ http: proxying(rig.port) })
    expect(await install()).toMatchObject({ outcome: 'applied' })
    await rig.configure({ http: proxying(rig.port), includes: false })
    await expect(install({ name: 'shop', stateDir: join(rig.dir, 'other') })).rejects.toMatchObject({
      code: 'nginx-not-included',
    })
  })

  test('without the Lua module that it needs names the package and the other mode', async () => {
    const lua = { ...optionsOf(), workersWrite: true, render: () => ({ conf: 'lua_shared_dict baton_shop 1m;\n' }) }
    await expect(installNginx(lua, soon())).rejects.toMatchObject({
      code: 'nginx-lua-missing',
      hint: expect.stringMatching(/libnginx-mod-http-lua.*nginx-mod-http-lua.*mode: reload/),
    })
    expect(await fileText()).toBeNull()
  })

  test('says so when nginx refused its configuration before baton did anything', async () => {
    await rig.configure({ http: 'nonsense on;' })
    await expect(install()).rejects.toMatchObject({
      code: 'nginx-config-invalid',
      message: expect.stringContaining('unknown directive "nonsense"'),
    })
    expect(await fileText()).toBeNull()
  })

  test('puts right what an interrupted one left behind', async () => {
    await install()
    await writeFile(join(rig.include, 'baton-shop.conf'), 'upstream shop {')
    expect(await install()).toMatchObject({ outcome: 'unchanged' })
    expect(await fileText()).toContain('server 127.0.0.1:3001')
  })

  test('that is interrupted brings the last good file back', async () => {
    await install()
    const good = await fileText()
    const stop = new AbortController()
    const nodes = optionsOf().nodes.slice(0, 1)
    const interrupted = installNginxReload(optionsOf({ nodes }), stop.signal)
    interrupted.catch(() => {})
    await waitFor(async () => (await fileText()) !== good, { what: 'the new file', intervalMs: 1 })
    stop.abort(new Error('enough'))
    await expect(interrupted).rejects.toThrow('enough')
    expect(await fileText()).toBe(good)
    expect(await install()).toMatchObject({ outcome: expect.stringMatching(/unchanged|applied/) })
  })
})

test('an install for an nginx that does not run is tested, and takes effect when it is started', async () => {
  const { outcome, generation } = await install()
  expect(outcome).toBe('not-running')
  expect(await running()).toBeNull()
  await rig.start()
  expect(await running()).toBe(generation)
  expect(await install()).toMatchObject({ outcome: 'unchanged' })
})

test('an nginx that was killed starts again after an install: the socket that it left behind is gone', async () => {
  await rig.start()
  await install()
  await rig.kill()
  expect(await install()).toMatchObject({ outcome: 'not-running' })
  await rig.start()
  expect(await running()).toMatch(/./)
})

test('a command that is no nginx, a folder that is missing and a path that is too long are told apart', async () => {
  await expect(install({ command: ['node'] })).rejects.toMatchObject({ code: 'not-nginx' })
  await expect(install({ command: ['nginx-nowhere'] })).rejects.toMatchObject({ code: 'command-not-found' })
  await expect(install({ include: join(rig.dir, 'none') })).rejects.toMatchObject({ code: 'include-missing' })
  const stateDir = join(rig.dir, 'x'.repeat(120))
  await expect(install({ stateDir })).rejects.toMatchObject({ code: 'socket-path-too-long' })
})

test.skipIf(process.geteuid?.() !== 0)('root gives the folder to the workers, where they can get there', async () => {
  await rig.configure({ http: plainServer(rig.port), user: 'daemon' })
  const lua = { ...optionsOf(), workersWrite: true, render: () => ({ conf: '' }) }
  await chmod(rig.dir, 0o700)
  await expect(installNginx(lua, soon())).rejects.toMatchObject({
    code: 'nginx-state-unreachable',
    message: expect.stringContaining(`run as daemon, who may not pass ${rig.dir}`),
    hint: 'set balancer.state: /var/lib/baton/shop in baton.yaml',
  })
  const stateDir = join('/tmp', `baton-test-${process.pid}`)
  try {
    expect(await installNginx({ ...lua, stateDir }, soon())).toMatchObject({ outcome: 'not-running' })
    const { mode, uid } = await stat(stateDir)
    expect([mode & 0o777, uid === 0]).toEqual([0o700, false])
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
})

test('a folder that the workers’ user may not pass is found, by owner, group and others', async () => {
  const folder = await tempDir()
  const closed = join(folder.path, 'closed')
  const inner = join(closed, 'inner')
  await mkdir(inner, { recursive: true })
  await chmod(folder.path, 0o755)
  const { uid, gid } = await stat(closed)
  const stranger = { uid: 4_242, gids: [4_242] }
  await chmod(closed, 0o710)
  expect(await firstBlocked(inner, stranger)).toBe(closed)
  expect(await firstBlocked(inner, { ...stranger, gids: [gid] })).toBeNull()
  await chmod(closed, 0o701)
  expect(await firstBlocked(inner, { ...stranger, gids: [gid] })).toBe(closed)
  expect(await firstBlocked(inner, stranger)).toBeNull()
  if (uid !== 0) expect(await firstBlocked(inner, { uid, gids: [gid] })).toBeNull()
  await folder.remove()
})

test('the Lua balancer is installed by one reload, found unchanged, and knows its nodes', async (context) => {
  needServer('nginx-lua', context)
  const nginx = await startNginx()
  try {
    const { command, include, folder } = nginx
    const options = { ...optionsOf(), command, include, stateDir: join(folder, 'state') }
    const nodes = [{ id: 'web-1', address: { host: '127.0.0.1', port: 3001 }, weight: 10 }]
    const first = await installNginxDynamic({ ...options, nodes }, soon())
    expect(first.outcome).toBe('applied')
    expect(await installNginxDynamic({ ...options, nodes }, soon())).toEqual({ ...first, outcome: 'unchanged' })
    const more = [...nodes, { id: 'web-2', address: { host: '127.0.0.1', port: 3002 }, weight: 10 }]
    const second = await installNginxDynamic({ ...options, nodes: more }, soon())
    expect(second.outcome).toBe('applied')
    const { nodes: found } = await createNginxDynamicBalancer(options).inspect({ signal: soon() })
    expect(found.map(({ id, state }) => [id, state])).toEqual([
      ['web-1', 'serving'],
      ['web-2', 'serving'],
    ])
    const mains = (await readdir(join(include, 'baton'))).filter((name) => name.startsWith('shop.'))
    expect(mains).toEqual([`shop.${second.generation}.lua`])
  } finally {
    await nginx.close()
  }
})

test('memory is trimmed as the user has it, or not at all', async (context) => {
  needServer('nginx-lua', context)
  for (const [http, expected] of [
    ['lua_malloc_trim 500;', 0],
    ['', 1],
  ] as const) {
    const nginx = await startNginx({ http })
    try {
      const { command, include, folder } = nginx
      const options = { ...optionsOf(), command, include, stateDir: join(folder, 'state') }
      expect(await installNginxDynamic(options, soon())).toMatchObject({ outcome: 'applied' })
      expect(await installNginxDynamic(options, soon())).toMatchObject({ outcome: 'unchanged' })
      const shared = await readFile(join(include, 'baton.conf'), 'utf8')
      expect(shared.split('lua_malloc_trim 0;').length - 1).toBe(expected)
    } finally {
      await nginx.close()
    }
  }
})
