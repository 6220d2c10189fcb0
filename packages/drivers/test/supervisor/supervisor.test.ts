import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createSupervisor } from '../../src/supervisor/supervisor.ts'
import { type AppAnswer, ask, eventually, freePort, isRunning, makeRelease, webApp } from '../nodes/apps.ts'
import { makeSupervisedRig, type SupervisedRig } from './rig.ts'

let rig: SupervisedRig
afterEach(() => rig.remove())

async function run(id = 'v1', server?: string): Promise<AppAnswer> {
  await install(id, server)
  await rig.node.start(rig.call())
  return eventually(() => ask(rig.port))
}

async function install(id: string, server?: string): Promise<void> {
  await rig.node.stage(await makeRelease(rig.dir, id, server), rig.call())
  await rig.node.activate(id, rig.call())
}

const inspect = () => rig.node.inspect(rig.call())
const state = async () => JSON.parse(await readFile(join(rig.stateDir, 'supervisor.json'), 'utf8'))
const deafApp = `process.on('SIGTERM', () => {});\n${webApp}`
const exitsAtOnce = 'console.log("no database"); process.exit(1)'

describe('an app that ends by itself', () => {
  it('is started again, and it is told how often and how it ended', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere({ backoff: { minMs: 10, maxMs: 1000, resetMs: 60_000 } })
    const { pid } = await run()
    await ask(rig.port, '/crash')
    const again = await eventually(() => ask(rig.port))
    expect(again.pid).not.toBe(pid)
    expect(await inspect()).toMatchObject({ process: 'running', restarts: 1, lastExit: 'exit code 7' })
    await ask(rig.port, '/abort')
    await eventually(async () => (await inspect()).restarts === 2)
    expect(await inspect()).toMatchObject({ lastExit: 'signal SIGABRT' })
  })

  it('is started again after longer and longer pauses', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere({ backoff: { minMs: 20, maxMs: 80, resetMs: 60_000 } })
    await install('v1', exitsAtOnce)
    await rig.node.start(rig.call())
    const pauses = () => rig.lines.flatMap((line) => /again in (\d+) ms/.exec(line)?.[1] ?? [])
    await eventually(() => pauses().length >= 5)
    expect(pauses().slice(0, 5)).toEqual(['20', '40', '80', '80', '80'])
  })

  it('is started at once, in the midst of a pause, when told to; then restarts are counted anew', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere({ backoff: { minMs: 600_000, maxMs: 600_000, resetMs: 60_000 } })
    await install('v1', exitsAtOnce)
    await rig.node.start(rig.call())
    await eventually(async () => (await inspect()).process === 'crashed')
    expect(await inspect()).toMatchObject({ running: null, restarts: 1, lastExit: 'exit code 1' })
    expect(await rig.node.logTail(10)).toContain('no database')
    await run('v2')
    expect(await inspect()).toMatchObject({ process: 'running', running: 'v2', restarts: 0, lastExit: 'exit code 1' })
  })

  it('is not started again once it is told to stop', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere({ backoff: { minMs: 200, maxMs: 200, resetMs: 60_000 } })
    await install('v1', exitsAtOnce)
    await rig.node.start(rig.call())
    await eventually(async () => (await inspect()).process === 'crashed')
    await rig.node.stop(rig.call())
    const { restarts } = await inspect()
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(await inspect()).toMatchObject({ process: 'stopped', restarts })
  })

  it('leaves nothing of its group behind that could hold its port', async () => {
    rig = await makeSupervisedRig({
      command: ['sh', '-c', 'node server.js & while [ ! -e over ]; do sleep 0.02; done; exit 3'],
    })
    await rig.upHere({ backoff: { minMs: 600_000, maxMs: 600_000, resetMs: 60_000 } })
    const { pid, cwd } = await run()
    await writeFile(join(cwd, 'over'), '')
    await eventually(async () => (await inspect()).lastExit === 'exit code 3')
    await eventually(() => !isRunning(pid))
  })
})

describe('an app that cannot be started', () => {
  it('is told at once, with what was looked for', async () => {
    rig = await makeSupervisedRig({ command: ['no-such-program', 'server.js'], env: { PATH: '/nowhere' } })
    await rig.upHere()
    await install('v1')
    await expect(rig.node.start(rig.call())).rejects.toMatchObject({
      code: 'command-not-found',
      message: expect.stringMatching(/no-such-program.*PATH=\/nowhere/),
    })
    expect((await inspect()).process).toBe('crashed')
  })

  it('has no release yet', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere()
    await expect(rig.node.start(rig.call())).rejects.toMatchObject({
      code: 'release-missing',
      hint: 'run baton deploy',
    })
    expect(await inspect()).toMatchObject({ process: 'stopped', current: null })
  })
})

describe('stopping', () => {
  it('kills an app that does not heed SIGTERM in the time it is given', async () => {
    rig = await makeSupervisedRig({ stopTimeoutMs: 300 })
    await rig.upHere()
    const { pid } = await run('v1', deafApp)
    await rig.node.stop(rig.call())
    expect(isRunning(pid)).toBe(false)
    expect((await inspect()).restarts).toBe(0)
  })

  it('ends the children of an app too', async () => {
    rig = await makeSupervisedRig({ command: ['sh', '-c', 'node server.js; true'] })
    await rig.upHere()
    const { pid } = await run()
    await rig.node.stop(rig.call())
    expect(isRunning(pid)).toBe(false)
    expect(await ask(rig.port)).toBeNull()
  })
})

describe('a supervisor that is killed', () => {
  it('leaves its apps serving, and the next one goes on with them', async () => {
    rig = await makeSupervisedRig()
    await rig.up({ backoff: { minMs: 10, maxMs: 10, resetMs: 60_000 } })
    const { pid } = await run()
    await rig.down('SIGKILL')
    expect((await ask(rig.port))?.pid).toBe(pid)

    await rig.up({ backoff: { minMs: 10, maxMs: 10, resetMs: 60_000 } })
    expect(await inspect()).toMatchObject({ process: 'running', running: 'v1', restarts: 0 })
    await rig.node.start(rig.call())
    expect((await ask(rig.port))?.pid).toBe(pid)

    await ask(rig.port, '/crash')
    const again = await eventually(() => ask(rig.port))
    expect(again.pid).not.toBe(pid)
    expect((await inspect()).restarts).toBe(1)
    expect((await rig.node.logTail(20)).filter((line) => line === 'listening with v1')).toHaveLength(2)
  })

  it('has its adopted apps stopped by the next one', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    const { pid } = await run()
    await rig.down('SIGKILL')
    await rig.upHere()
    await rig.node.stop(rig.call())
    expect(isRunning(pid)).toBe(false)
  })

  it('has an app that died with it started again, and one that was stopped left alone', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    const { pid } = await run()
    await rig.down('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await rig.up()
    const again = await eventually(() => ask(rig.port))
    expect(again.pid).not.toBe(pid)
    await rig.node.stop(rig.call())
    await rig.down('SIGKILL')
    await rig.upHere()
    expect(await inspect()).toMatchObject({ process: 'stopped', current: 'v1' })
  })

  it.runIf(process.platform === 'linux')(
    'before it could note the app it started, has it ended by the next one',
    async () => {
      rig = await makeSupervisedRig()
      await rig.up()
      const { pid } = await run()
      await rig.down('SIGKILL')
      const before = await state()
      before.nodes['web-1'].process = null
      await writeFile(join(rig.stateDir, 'supervisor.json'), JSON.stringify(before))
      await rig.upHere()
      expect(isRunning(pid)).toBe(false)
      expect((await eventually(() => ask(rig.port))).pid).not.toBe(pid)
    },
  )

  it('has told the newest token to the next one', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    await rig.node.prune([], rig.call(7))
    await rig.down('SIGKILL')
    await rig.upHere()
    await expect(rig.node.stop(rig.call(6))).rejects.toMatchObject({ code: 'stale-token' })
    await rig.node.stop(rig.call(7))
  })
})

describe('a supervisor that is stopped', () => {
  it('ends its apps, and the next one starts them again', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    const { pid } = await run()
    await rig.down('SIGTERM')
    expect(isRunning(pid)).toBe(false)
    expect(await readdir(rig.stateDir)).not.toContain('supervisor.sock')
    await rig.upHere()
    expect((await eventually(() => ask(rig.port))).version).toBe('v1')
    expect((await inspect()).restarts).toBe(0)
  })

  it('while it is starting leaves no app behind', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere()
    await run()
    await rig.down('SIGTERM')
    const supervisor = createSupervisor({ ...rig.options, log: () => {} })
    const starting = supervisor.start()
    await supervisor.stop()
    await starting
    expect((await state()).nodes['web-1'].process).toBeNull()
    expect(await ask(rig.port)).toBeNull()
  })

  it('kills its apps when it is told to hurry', async () => {
    rig = await makeSupervisedRig({ stopTimeoutMs: 600_000 })
    const supervisor = createSupervisor({ ...rig.options, log: () => {} })
    await supervisor.start()
    const { pid } = await run('v1', deafApp)
    const hurry = new AbortController()
    const stopped = supervisor.stop({ hurry: hurry.signal })
    hurry.abort()
    await stopped
    expect(isRunning(pid)).toBe(false)
  })
})

describe('a process that only has the pid or the group of an app', () => {
  it.each([
    ['pid', 'echo $$; exec sleep 60'],
    ['group', 'sleep 60 & echo $!'],
  ])('is never signalled: %s', async (_what, script) => {
    rig = await makeSupervisedRig()
    await rig.upHere()
    await run()
    await rig.down('SIGTERM')
    const innocent = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    const [data] = await once(innocent.stdout, 'data')
    const pid = Number(data)
    if (pid !== innocent.pid && innocent.exitCode === null) await once(innocent, 'exit')
    const before = await state()
    before.nodes['web-1'].process = {
      pid: innocent.pid,
      startTime: 'long ago',
      release: 'v1',
      host: '127.0.0.1',
      port: rig.port,
    }
    await writeFile(join(rig.stateDir, 'supervisor.json'), JSON.stringify(before))
    await rig.upHere()
    await eventually(() => ask(rig.port))
    await rig.node.stop(rig.call())
    expect(isRunning(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })
})

describe('after baton.yaml was changed', () => {
  it('an app on another port is started anew there', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    await run()
    await rig.down('SIGKILL')
    const [node] = rig.options.nodes
    const port = await freePort()
    await rig.upHere({ nodes: [{ ...node!, address: { host: '127.0.0.1', port } }] })
    await eventually(() => ask(port))
    expect(await ask(rig.port)).toBeNull()
  })

  it('the app of a node that is no more is ended', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    const { pid } = await run()
    await rig.down('SIGKILL')
    await rig.upHere({ nodes: [] })
    expect(isRunning(pid)).toBe(false)
    await expect(inspect()).rejects.toMatchObject({ code: 'node-unknown' })
  })
})

describe('the environment of an app', () => {
  it("is the supervisor's without what Baton and npm set for themselves", async () => {
    rig = await makeSupervisedRig()
    process.env.BATON_LEAK = process.env.npm_leak = 'seen'
    try {
      await rig.upHere()
      const answer = await run()
      expect(answer).toMatchObject({
        BATON_SESSION_STORE: 'lmdb:/sessions',
        BATON_SESSION_NAMESPACE: 'shop',
        GREETING: 'hello',
      })
      expect(answer.BATON_LEAK ?? answer.npm_leak).toBeUndefined()
    } finally {
      delete process.env.BATON_LEAK
      delete process.env.npm_leak
    }
  })
})

describe('the socket', () => {
  it('is open to nobody else, whatever the umask', async () => {
    rig = await makeSupervisedRig()
    const umask = process.umask(0)
    try {
      await rig.upHere()
    } finally {
      process.umask(umask)
    }
    expect((await stat(join(rig.stateDir, 'supervisor.sock'))).mode & 0o777).toBe(0o600)
    expect(process.umask()).toBe(umask)
    await rig.node.stop(rig.call(3))
    expect((await stat(join(rig.stateDir, 'supervisor.json'))).mode & 0o777).toBe(0o600)
  })

  it('belongs to one supervisor, and a second one does not disturb it', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere()
    const { pid } = await run()
    const second = createSupervisor({ ...rig.options, log: () => {} })
    await expect(second.start()).rejects.toMatchObject({ code: 'already-running' })
    expect((await ask(rig.port))?.pid).toBe(pid)
    expect((await inspect()).process).toBe('running')
  })

  it('goes to one of several supervisors that find a stale one at the same time', async () => {
    rig = await makeSupervisedRig()
    await rig.up()
    await rig.down('SIGKILL')
    const several = Array.from({ length: 5 }, () => createSupervisor({ ...rig.options, log: () => {} }))
    const started = await Promise.allSettled(several.map((supervisor) => supervisor.start()))
    expect(started.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await inspect()
    await several[started.findIndex(({ status }) => status === 'fulfilled')]?.stop()
  })

  it('needs a path that the system allows', async () => {
    rig = await makeSupervisedRig()
    const stateDir = join(rig.dir, 'x'.repeat(100))
    const supervisor = createSupervisor({ ...rig.options, stateDir, log: () => {} })
    await expect(supervisor.start()).rejects.toMatchObject({ code: 'socket-path-too-long', hint: expect.any(String) })
  })

  it('answers what it does not understand with an error', async () => {
    rig = await makeSupervisedRig()
    await rig.upHere()
    const post = (path: string, headers: Record<string, string>, body = '') =>
      new Promise<[number | undefined, string]>((resolve, reject) => {
        const socketPath = join(rig.stateDir, 'supervisor.sock')
        const sent = request({ socketPath, method: 'POST', path, headers }, async (response) => {
          const chunks = await response.toArray()
          resolve([response.statusCode, JSON.parse(Buffer.concat(chunks).toString()).error.code])
        })
        sent.on('error', reject).end(body)
      })
    expect(await post('/v1/fence', {})).toEqual([400, 'bad-request'])
    expect(await post('/v1/fence', { 'Baton-Token': '-1' })).toEqual([400, 'bad-request'])
    expect(await post('/v1/nodes/web-1/explode', { 'Baton-Token': '1' })).toEqual([400, 'bad-request'])
    expect(await post('/v1/nodes/web-9/stop', { 'Baton-Token': '1' })).toEqual([404, 'node-unknown'])
    expect(await post('/v1/nodes/web-1/activate', { 'Baton-Token': '1' }, '{')).toEqual([400, 'bad-request'])
    expect(await post('/v1/nodes/web-1/activate', { 'Baton-Token': '1' }, '{"release":"../x"}')).toEqual([
      500,
      'release-id-invalid',
    ])
    expect(await post('/v1/nodes/web-1/activate', { 'Baton-Token': '1' }, 'x'.repeat(100_000))).toEqual([
      400,
      'bad-request',
    ])
  })
})

describe('a lock token', () => {
  it('that becomes outdated while its command waits for its turn changes nothing', async () => {
    rig = await makeSupervisedRig({ stopTimeoutMs: 1000 })
    await rig.upHere()
    await run('v1', deafApp)
    const stopping = rig.node.stop(rig.call(1))
    const starting = rig.node.start(rig.call(1)).catch((error) => error)
    await eventually(async () => (await rig.node.logTail(5)).some((line) => line.endsWith('stopping')))
    await rig.node.stage(await makeRelease(rig.dir, 'v2'), rig.call(2))
    await stopping
    expect(await starting).toMatchObject({ code: 'stale-token' })
    expect((await inspect()).process).toBe('stopped')
  })
})

describe('a supervisor that is away', () => {
  it('is waited for', async () => {
    rig = await makeSupervisedRig()
    const waiting = inspect()
    await rig.upHere()
    expect(await waiting).toMatchObject({ process: 'stopped' })
  })

  it('is told to be started when the wait ends', async () => {
    rig = await makeSupervisedRig()
    await expect(rig.node.stop({ token: 1, signal: AbortSignal.timeout(250) })).rejects.toMatchObject({
      code: 'supervisor-unreachable',
      hint: 'run baton up',
    })
  })
})

describe('the log of an app', () => {
  it('is rotated while the app goes on writing to it', async () => {
    rig = await makeSupervisedRig({
      command: ['sh', '-c', 'while :; do echo 0123456789012345678901234567890123456789; sleep 0.002; done'],
    })
    await rig.upHere({ rotation: { maxBytes: 2000, keep: 2, everyMs: 20 } })
    await install('v1')
    await rig.node.start(rig.call())
    const logDir = join(rig.stateDir, 'nodes', 'web-1', 'log')
    await eventually(async () => (await readdir(logDir)).includes('current.log.2'))
    const { mtimeMs } = await stat(join(logDir, 'current.log.2'))
    await eventually(async () => (await stat(join(logDir, 'current.log.2'))).mtimeMs > mtimeMs)
    expect((await readdir(logDir)).sort()).toEqual(['current.log', 'current.log.1', 'current.log.2'])
    for (const name of await readdir(logDir)) {
      const text = await readFile(join(logDir, name), 'utf8')
      expect(text).not.toContain('\0')
      expect(text.length).toBeLessThan(50_000)
    }
    const lines = await rig.node.logTail(20)
    expect(lines).toHaveLength(20)
    expect(lines.at(-1)).toMatch(/^\d{40}$/)
  })
})
