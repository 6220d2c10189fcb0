import { chmod, mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { BalancerView } from '@baton/core'
import { describe, expect, it } from 'vitest'
import { judgeClock } from '../../src/check/clock.ts'
import { judgeDisk } from '../../src/check/disk.ts'
import { judgeVersion } from '../../src/check/node-version.ts'
import { refused } from '../../src/check/port.ts'
import { check, freePort, only, serve, serveHttp, temporaryFolder } from './rig.ts'

const built = 'release: { source: ./build }\n'

/** An app that can be released. */
async function builtApp(): Promise<string> {
  const dir = await temporaryFolder()
  await mkdir(join(dir, 'build'))
  await writeFile(join(dir, 'build', 'server.js'), '')
  return dir
}

describe('check', () => {
  it('finds nothing wrong where all is there, says what it could not look at, and leaves nothing behind', async () => {
    const dir = await builtApp()
    const results = await check({ dir, yaml: built })
    expect(results.filter(({ level }) => level !== 'ok')).toEqual([
      expect.objectContaining({
        id: 'balancer',
        level: 'warning',
        message: 'not checked: the balancer does not answer',
      }),
      expect.objectContaining({ id: 'health', level: 'warning', message: 'not checked: not running' }),
      expect.objectContaining({ id: 'keep-alive', level: 'warning', message: 'not checked: not running' }),
    ])
    expect(new Set(results.map(({ id }) => id))).toEqual(
      new Set([
        'node-version',
        'clock',
        'state-folder',
        'socket-path',
        'release',
        'command',
        'port',
        'balancer',
        'disk',
        'health',
        'keep-alive',
      ]),
    )
    expect(await readdir(dir)).toEqual(['build'])
  })

  it('names a remedy for whatever is not well', async () => {
    const dir = await temporaryFolder()
    const results = await check({ dir, yaml: `${built}sessions: { store: "redis://127.0.0.1:${await freePort()}" }\n` })
    const unwell = results.filter(({ level }) => level !== 'ok')
    expect(unwell.map(({ id }) => id)).toEqual([
      'release',
      'command',
      'balancer',
      'disk',
      'session-store',
      'health',
      'keep-alive',
    ])
    for (const { remedy } of unwell) expect(remedy).toMatch(/\w/)
  })

  it('ends, and finishes the others, where one of them hangs', async () => {
    const dir = await builtApp()
    const silent = await serve(createServer(() => {}))
    const results = await check({ dir, yaml: `${built}sessions: { store: "redis://127.0.0.1:${silent}" }\n` })
    expect(only(results, 'session-store')).toEqual([
      expect.objectContaining({ level: 'warning', message: 'not checked: no end within 2 s' }),
    ])
    expect(only(results, 'port').map(({ level }) => level)).toEqual(['ok', 'ok', 'ok'])
  })
})

describe('the release', () => {
  async function judged(prepare: (path: string) => Promise<unknown>, name = 'build') {
    const dir = await temporaryFolder()
    await prepare(join(dir, name))
    return only(await check({ dir, yaml: `release: { source: ./${name} }\n` }), 'release')[0]!
  }

  it.each([
    ['missing', async () => {}, 'build', 'is not there'],
    ['an empty folder', (path: string) => mkdir(join(path, 'a/b'), { recursive: true }), 'build', 'is an empty folder'],
    ['an empty archive', (path: string) => writeFile(path, ''), 'shop.zip', 'is an empty file'],
    ['a zip by name alone', (path: string) => writeFile(path, 'MZ..'), 'shop.war', 'is not a zip archive'],
    [
      'a tar by name alone',
      (path: string) => writeFile(path, 'PK\u0003\u0004'),
      'shop.tar.gz',
      'is not a gzip archive',
    ],
    ['of a kind nobody unpacks', (path: string) => writeFile(path, 'Rar!'), 'shop.rar', 'is no kind of archive'],
  ])('is refused where it is %s', async (_, prepare, name, message) => {
    expect(await judged(prepare, name)).toMatchObject({ level: 'problem', message: expect.stringContaining(message) })
  })

  it.each([
    ['a folder', (path: string) => mkdir(path).then(() => writeFile(join(path, 'x'), 'x')), 'build'],
    ['a jar', (path: string) => writeFile(path, 'PK\u0003\u0004…'), 'shop.JAR'],
    ['a tarball', (path: string) => writeFile(path, Buffer.from([0x1f, 0x8b, 8])), 'shop.tgz'],
  ])('may be %s', async (_, prepare, name) => {
    expect(await judged(prepare, name)).toMatchObject({ level: 'ok' })
  })

  it('is not called well where none is named', async () => {
    const results = await check({ dir: await temporaryFolder() })
    expect(only(results, 'release')).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringMatching(/^not checked/) }),
    ])
  })
})

describe('the command', () => {
  async function judged(app: string, prepare: (dir: string) => Promise<unknown> = async () => {}) {
    const dir = await builtApp()
    await prepare(dir)
    return only(await check({ dir, app, yaml: built }), 'command')[0]!
  }

  it.each([
    ['a program that is not installed', 'command: nodde server.js', 'command not found: nodde'],
    ['a script that is not in the release', 'command: node --require ./server.js main.js', 'there is no main.js'],
    ['a program that is not in the release', 'command: ./run', 'there is no ./run'],
    [
      'a PATH of its own without the program',
      'command: node server.js, env: { PATH: /nowhere }',
      'command not found: node',
    ],
  ])('is refused for %s', async (_, app, message) => {
    expect(await judged(app)).toMatchObject({
      level: 'problem',
      subject: 'app.command',
      message: expect.stringContaining(message),
    })
  })

  it('is refused for a program that may not be executed, until it may', async () => {
    const run = (mode: number) => async (dir: string) => {
      await writeFile(join(dir, 'build', 'run'), '#!/bin/sh\n')
      await chmod(join(dir, 'build', 'run'), mode)
    }
    expect(await judged('command: ./run', run(0o644))).toMatchObject({
      level: 'problem',
      message: './run may not be executed',
    })
    expect(await judged('command: ./run', run(0o755))).toMatchObject({ level: 'ok' })
  })

  it.each(['node server', 'node --max-old-space-size=64 ./server.js', 'node -e 1', "sh -c 'exec node server.js'"])(
    'may be %s',
    async (command) => {
      expect(await judged(`command: ${JSON.stringify(command)}`)).toMatchObject({ level: 'ok' })
    },
  )

  it('is not called well where an archive holds it', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'shop.zip'), 'PK\u0003\u0004')
    const results = await check({ dir, yaml: 'release: { source: shop.zip }\n' })
    expect(only(results, 'command')).toEqual([
      expect.objectContaining({ level: 'warning', message: expect.stringMatching(/^not checked: server\.js/) }),
    ])
  })

  it('of every verb is looked for beside baton.yaml where something else runs the app', async () => {
    const dir = await builtApp()
    await symlink(process.execPath, join(dir, 'start'))
    const app = 'driver: command, start: ./start, stop: ./stop, release: "{releaseDir}/which"'
    const results = only(await check({ dir, app, yaml: built }), 'command')
    expect(results.map(({ subject, level }) => [subject, level])).toEqual([
      ['app.stop', 'problem'],
      ['app.start', 'ok'],
      ['app.release', 'warning'],
    ])
  })
})

describe('the balancer', () => {
  const ports = [8080, 3001, 3002] as const
  const view = (...nodes: [id: string, address: string][]): BalancerView => ({
    generation: 'g',
    nodes: nodes.map(([id, address]) => ({
      id,
      address,
      state: 'serving',
      weight: 10,
      healthy: true,
      inflight: 0,
      longLived: 0,
    })),
  })
  const verdict = async (balancer: BalancerView | null) =>
    only(await check({ dir: await builtApp(), yaml: built, ports, running: { balancer } }), 'balancer')

  it('that has the nodes of baton.yaml is well', async () => {
    const found = await verdict(view(['web-1', '127.0.0.1:3001'], ['web-2', '127.0.0.1:3002']))
    expect(found).toEqual([
      { id: 'balancer', subject: 'embedded', level: 'ok', message: 'answers, and has the 2 nodes of baton.yaml' },
    ])
  })

  it('that has others is a problem, told node by node', async () => {
    const found = await verdict(view(['web-1', '127.0.0.1:3009'], ['web-3', '127.0.0.1:3003']))
    expect(found).toMatchObject([{ level: 'problem', remedy: 'run baton up again' }])
    expect(found[0]?.message).toBe(
      'the running balancer has other nodes: web-2 is missing; web-3 is no node of baton.yaml; ' +
        'web-1 is at 127.0.0.1:3009 and not at 127.0.0.1:3001',
    )
  })

  it('that does not answer was not checked', async () => {
    expect(await verdict(null)).toMatchObject([{ level: 'warning', message: expect.stringContaining('not checked') }])
  })
})

describe('a port', () => {
  it('that another process holds is a problem, and not where it is ours', async () => {
    const dir = await builtApp()
    const ports = [await serve(createServer()), await serve(createServer()), await freePort()] as const
    const levels = async (running: { balancer?: BalancerView; nodes?: string[] }) =>
      only(await check({ dir, yaml: built, ports, running }), 'port').map(({ subject, level }) => [subject, level])
    expect(await levels({})).toEqual([
      ['balancer.listen', 'problem'],
      ['web-1', 'problem'],
      ['web-2', 'ok'],
    ])
    expect(await levels({ balancer: { generation: 'g', nodes: [] }, nodes: ['web-1'] })).toEqual([
      ['balancer.listen', 'ok'],
      ['web-1', 'ok'],
      ['web-2', 'ok'],
    ])
  })

  it('of an app that something else runs may be held by it', async () => {
    const dir = await builtApp()
    const ports = [await freePort(), await serve(createServer()), await freePort()] as const
    const results = await check({ dir, app: 'driver: command, start: sh, stop: sh', ports, yaml: built })
    expect(only(results, 'port').map(({ subject }) => subject)).toEqual(['balancer.listen'])
  })

  it.each([
    ['EADDRINUSE', 'taken by another process', 'ss -ltnp'],
    ['EACCES', 'needs rights', '1024'],
    ['EADDRNOTAVAIL', 'no address of this machine', 'ip addr'],
    ['EMFILE', 'nobody can listen', 'another address'],
  ])('refused with %s is explained', (code, message, remedy) => {
    expect(refused({ host: '127.0.0.1', port: 80 }, code)).toEqual({
      level: 'problem',
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    })
  })
})

describe('a running node', () => {
  const answering = async (listener: Parameters<typeof serveHttp>[0], options?: { keepAliveTimeout: number }) => {
    const ports = [await freePort(), await serveHttp(listener, options), await freePort()] as const
    const results = await check({ dir: await builtApp(), yaml: built, ports, running: { nodes: ['web-1'] } })
    const of = (id: string) => only(results, id).find(({ subject }) => subject === 'web-1')!
    return { health: of('health'), keepAlive: of('keep-alive'), results }
  }

  it('is well where it answers and keeps idle connections, while a stopped one is not called well', async () => {
    const { health, keepAlive, results } = await answering((_, response) => response.end())
    expect(health.level).toBe('ok')
    expect(keepAlive).toMatchObject({ level: 'ok', message: 'idle connections are kept for 5 s' })
    expect(only(results, 'health').map(({ subject, level }) => [subject, level])).toEqual([
      ['web-1', 'ok'],
      ['web-2', 'warning'],
    ])
  })

  it('that answers 500 is a problem', async () => {
    const { health } = await answering((_, response) => void response.writeHead(500).end())
    expect(health).toMatchObject({ level: 'problem', message: expect.stringContaining('500') })
  })

  it('that closes idle connections early is warned of', async () => {
    const { keepAlive } = await answering((_, response) => response.end(), { keepAliveTimeout: 1500 })
    expect(keepAlive).toMatchObject({ level: 'warning', remedy: expect.stringContaining('server.keepAliveTimeout') })
  })

  it('that closes every connection is warned of', async () => {
    const { keepAlive } = await answering((_, response) => void response.setHeader('connection', 'close').end())
    expect(keepAlive).toMatchObject({ level: 'warning', message: expect.stringContaining('closes every connection') })
  })

  it('that says nothing of idle connections is not called well', async () => {
    const { keepAlive } = await answering((_, response) => void response.setHeader('connection', 'keep-alive').end())
    expect(keepAlive).toMatchObject({ level: 'warning', message: expect.stringMatching(/^not checked/) })
  })

  it('that does not answer is a problem', async () => {
    const results = await check({ dir: await builtApp(), yaml: built, running: { nodes: ['web-1', 'web-2'] } })
    expect(only(results, 'health').map(({ level }) => level)).toEqual(['problem', 'problem'])
  })
})

describe('the state folder', () => {
  it('is a problem where a file stands in its place', async () => {
    const dir = await builtApp()
    await writeFile(join(dir, '.baton'), '')
    expect(only(await check({ dir, yaml: built }), 'state-folder')).toEqual([
      expect.objectContaining({ level: 'problem', message: 'is a file' }),
    ])
  })

  it('is a problem where nothing can be written', async () => {
    const results = await check({ dir: await builtApp(), yaml: built, stateDir: '/proc/self/.baton' })
    expect(only(results, 'state-folder')[0]!.level).toBe('problem')
    expect(only(results, 'port').map(({ level }) => level)).toEqual(['ok', 'ok', 'ok'])
  })

  it('is a problem where its path leaves no room for a socket', async () => {
    const dir = join(await builtApp(), 'x'.repeat(100))
    expect(only(await check({ dir }), 'socket-path')).toEqual([
      expect.objectContaining({ level: 'problem', message: expect.stringContaining('107 are allowed') }),
    ])
  })

  it('is a problem where the disk has no room for the next release', async () => {
    const dir = await builtApp()
    // Sparse: it takes no room itself.
    await truncate(join(dir, 'build', 'server.js'), 4e12)
    expect(only(await check({ dir, yaml: built }), 'disk')).toEqual([
      expect.objectContaining({ level: 'problem', message: expect.stringContaining('needs 8000.0 GB') }),
    ])
  })
})

it.each([
  [{ free: 99, next: 100, inAll: 600 }, 'problem'],
  [{ free: 599, next: 100, inAll: 600 }, 'warning'],
  [{ free: 600, next: 100, inAll: 600 }, 'ok'],
])('the disk with %j is judged %s', (room, level) => {
  expect(judgeDisk(room).level).toBe(level)
})

it.each([
  ['18.20.0', 'problem'],
  ['20.18.9', 'problem'],
  ['20.19.0', 'ok'],
  ['22.0.0', 'ok'],
])('Node.js %s is judged %s', (version, level) => {
  expect(judgeVersion(version).level).toBe(level)
})

it.each([
  [0, 0, 'problem'],
  [Date.UTC(2026, 0), 0, 'ok'],
  [Date.UTC(2026, 0), -6000, 'warning'],
  [Date.UTC(2026, 0), 6000, 'warning'],
])('a clock at %d with files %d ms apart is judged %s', (nowMs, apartMs, level) => {
  expect(judgeClock({ nowMs, fileMs: nowMs + apartMs }).level).toBe(level)
})
