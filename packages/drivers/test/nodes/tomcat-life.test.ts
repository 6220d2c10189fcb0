import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { startRedis } from '@baton/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTomcatKeeper, type TomcatKeeper } from '../../src/nodes/tomcat/keeper.ts'
import { createTomcatNode } from '../../src/nodes/tomcat/node.ts'
import { describeRelease } from '../../src/releases/describe.ts'
import { ask, eventually, isRunning } from './apps.ts'
import { makeTomcatRig, type TomcatRig, type TomcatRigOptions } from './tomcat-rig.ts'
import { broken, makeWar, type WebappOptions } from './webapps.ts'

async function openRig(options?: TomcatRigOptions): Promise<TomcatRig> {
  const rig = await makeTomcatRig(options)
  onTestFinished(() => rig.remove())
  return rig
}

/** Makes a release the current one. */
async function put({ node, dir, call }: TomcatRig, id: string, webapp?: WebappOptions): Promise<void> {
  await node.stage(await makeWar(dir, id, webapp), call())
  await node.activate(id, call())
}

async function textOf(port: number, path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers, redirect: 'manual' })
  return { status: answer.status, body: await answer.text(), cookie: answer.headers.get('set-cookie') ?? '' }
}

describe('a Tomcat node', () => {
  it('is at once seen to run a web application that cannot start, and runs the next one', async () => {
    const rig = await openRig()
    const { node, port, call } = rig
    await put(rig, 'v1', broken)
    await expect(node.start(call())).rejects.toMatchObject({
      code: 'webapp-failed',
      message: expect.stringContaining('release v1'),
      log: expect.arrayContaining([expect.stringContaining('ClassNotFoundException: no.such.Listener')]),
    })
    // As often as it is asked: a deploy that is resumed repeats the step.
    await expect(node.start(call())).rejects.toMatchObject({ code: 'webapp-failed' })
    expect(await node.inspect(call())).toMatchObject({ process: 'running', running: 'v1' })
    expect((await textOf(port, '/health')).status).toBe(404)
    await node.stop(call())
    await put(rig, 'v2')
    await node.start(call())
    expect((await textOf(port, '/health')).body).toBe('ok')
  })

  it('has nothing of another release, wherever an earlier start was cut off, and leaves its release as it was', async () => {
    const rig = await openRig({ app: { context: '/a/b' } })
    await put(rig, 'v1')
    for (const leftover of [
      'webapps/a#b/stale.txt',
      'work/Catalina/x',
      'conf/Catalina/localhost/old.xml',
      'lib/x.jar',
    ]) {
      await mkdir(join(rig.base, leftover, '..'), { recursive: true })
      await writeFile(join(rig.base, leftover), 'stale')
    }
    // A pid file whose number is somebody else's by now.
    await writeFile(join(rig.base, 'tomcat.pid'), String(process.pid))
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped' })
    await rig.node.start(rig.call())
    expect((await textOf(rig.port, '/a/b/health')).body).toBe('ok')
    expect((await textOf(rig.port, '/a/b/stale.txt')).status).toBe(404)
    expect((await textOf(rig.port, '/health')).status).toBe(404)
    expect(await readdir(join(rig.base, 'conf'), { recursive: true })).not.toContain('Catalina/localhost/old.xml')
    expect(await readdir(join(rig.base, 'work'), { recursive: true })).not.toContain('Catalina/x')
    expect(await readdir(join(rig.base, 'lib'))).toEqual([])
    await rig.node.verify('v1', rig.call())
  })

  it('that was killed has crashed; two on one machine do not touch each other', async () => {
    const one = await openRig()
    const two = await openRig({ id: 'web-2', stateDir: one.dir })
    for (const rig of [one, two]) await put(rig, 'v1')
    await Promise.all([one.node.start(one.call()), two.node.start(two.call())])
    const [first, second] = [await ask(one.port), await ask(two.port)]
    expect([first?.BATON_NODE, second?.BATON_NODE]).toEqual(['web-1', 'web-2'])
    process.kill(first?.pid ?? 0, 'SIGKILL')
    await eventually(() => !isRunning(first?.pid ?? 0))
    expect(await one.node.inspect(one.call())).toMatchObject({ process: 'crashed', running: null, current: 'v1' })
    expect(await two.node.inspect(two.call())).toMatchObject({ process: 'running', running: 'v1' })
    expect((await ask(two.port))?.pid).toBe(second?.pid)
    expect((await one.node.logTail(3)).length).toBe(3)
    await one.node.stop(one.call())
    expect(await one.node.inspect(one.call())).toMatchObject({ process: 'stopped' })
  })

  it('is found where whoever started it was killed before its pid was written', async () => {
    const rig = await openRig()
    await put(rig, 'v1')
    await rig.node.start(rig.call())
    const pid = (await ask(rig.port))?.pid ?? 0
    await writeFile(join(rig.base, 'tomcat.pid'), '')
    await rig.node.start(rig.call())
    expect((await ask(rig.port))?.pid).toBe(pid)
    await rig.node.stop(rig.call())
    expect(isRunning(pid)).toBe(false)
  })

  it('keeps options and variables as they are written, whatever a shell would make of them', async () => {
    const odd = "a 'b'  $HOME `id` $(id) ; & | > x * # !"
    const rig = await openRig({ app: { javaOptions: [`-Doption=${odd}`], env: { GREETING: odd } } })
    await put(rig, 'v1')
    await rig.node.start(rig.call())
    const answer = await ask(rig.port)
    expect(answer).toMatchObject({ option: odd, GREETING: odd })
  })

  it('says who is in its way before it starts anything', async () => {
    const rig = await openRig()
    await put(rig, 'v1')
    const other = createServer().listen(rig.port, '127.0.0.1')
    await once(other, 'listening')
    await expect(rig.node.start(rig.call())).rejects.toMatchObject({ code: 'port-taken' })
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped' })
    await new Promise((resolve) => other.close(resolve))
  })

  it.each(['a$b', 'a"b', 'a`b', 'a:b'])(
    'starts nothing in a folder that catalina.sh would misread: %s',
    async (name) => {
      const { dir } = await openRig()
      const rig = await openRig({ stateDir: join(dir, name) })
      await mkdir(rig.dir)
      await put(rig, 'v1')
      await expect(rig.node.start(rig.call())).rejects.toMatchObject({
        code: 'tomcat-path-unusable',
        message: expect.stringContaining(join(dir, name)),
      })
      expect(await readdir(rig.base)).toEqual(['logs'])
    },
  )

  it.each([
    [{ home: '/usr/share/no-tomcat' }, 'tomcat-unreadable', 'CATALINA_HOME'],
    [{ env: { JAVA_HOME: '/no/java' } }, 'java-missing', 'JAVA_HOME'],
    [{ env: { PATH: '/nowhere', JAVA_HOME: '', JRE_HOME: '' } }, 'java-missing', 'apt install'],
  ])('names what is missing: %j', async (app, code, hint) => {
    const rig = await openRig({ app })
    await put(rig, 'v1')
    await expect(rig.node.start(rig.call())).rejects.toMatchObject({ code, hint: expect.stringContaining(hint) })
  })

  it('refuses a Java that is too old for this Tomcat', async () => {
    const rig = await openRig()
    const java = join(rig.dir, 'jdk8')
    await mkdir(join(java, 'bin'), { recursive: true })
    await writeFile(join(java, 'bin', 'java'), '#!/bin/sh\n', { mode: 0o755 })
    await writeFile(join(java, 'release'), 'JAVA_VERSION="1.8.0_402"\n')
    const { app } = rig.options
    const options = { ...rig.options, app: { ...app, env: { JAVA_HOME: java } }, assertHeld: async () => {} }
    await put(rig, 'v1')
    await expect(createTomcatNode(options).start(rig.call())).rejects.toMatchObject({
      code: 'java-too-old',
      message: expect.stringContaining('is Java 8'),
    })
  })

  it('takes no release without a web application, and says so before anything is touched', async () => {
    const rig = await openRig()
    const folder = join(rig.dir, 'folder')
    await mkdir(folder)
    await writeFile(join(folder, 'readme.txt'), 'x')
    const refused = { code: 'release-no-webapp', hint: expect.stringContaining('WEB-INF') }
    const jar = join(rig.dir, 'app.jar')
    await writeFile(jar, 'x')
    for (const source of [folder, jar]) {
      const release = await describeRelease(source, { id: 'v1', at: new Date() })
      await expect(rig.node.stage(release, rig.call())).rejects.toMatchObject(refused)
    }
    expect((await rig.node.inspect(rig.call())).staged).toEqual([])
    await mkdir(join(folder, 'WEB-INF'))
    await writeFile(join(folder, 'WEB-INF', 'web.xml'), '<web-app/>')
    await writeFile(join(folder, 'health'), 'unpacked')
    await rig.node.stage(await describeRelease(folder, { id: 'v2', at: new Date() }), rig.call())
    await rig.node.activate('v2', rig.call())
    await rig.node.start(rig.call())
    expect((await textOf(rig.port, '/health')).body).toBe('unpacked')
  })

  it('keeps sessions in Redis, beyond its end, with a cookie that HTTPS before the balancer makes Secure', {
    timeout: 60_000,
  }, async () => {
    const redis = await startRedis({ args: ['--requirepass', 'p$a<s"s&'] })
    onTestFinished(() => redis.stop())
    const store = `redis://:p$a<s%22s&@127.0.0.1:${redis.port}/0`
    const rig = await openRig({ more: { sessions: { store, namespace: 'shop' }, clientPort: 8080 } })
    await put(rig, 'v1')
    await rig.node.start(rig.call())
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.1' }
    const first = await textOf(rig.port, '/count.jsp', forwarded)
    expect(first).toMatchObject({ status: 200, body: expect.stringContaining('1 ') })
    expect(first.cookie).toMatch(/^JSESSIONID=[^;]+;.*Secure/)
    const { secure, url } = JSON.parse((await textOf(rig.port, '/', { 'X-Forwarded-Proto': 'http' })).body)
    expect({ secure, url }).toEqual({ secure: false, url: 'http://127.0.0.1:8080/' })
    const text = (name: string) => readFile(join(rig.base, name), 'utf8')
    expect((await stat(join(rig.base, 'conf', 'context.xml'))).mode & 0o777).toBe(0o600)
    expect(await text('logs/catalina.out')).not.toContain('p$a')
    await rig.node.stop(rig.call())
    await rig.node.start(rig.call())
    const cookie = first.cookie.replace(/;.*/s, '')
    expect((await textOf(rig.port, '/count.jsp', { cookie })).body).toMatch(/^2 /)
  })
})

describe('baton up, beside Tomcats,', () => {
  function keep({ options, dir }: TomcatRig, lines: string[] = []): TomcatKeeper {
    return createTomcatKeeper({
      stateDir: dir,
      nodes: [options],
      log: (line) => lines.push(line),
      backoff: { minMs: 10, maxMs: 1000, resetMs: 60_000 },
    })
  }
  const patient = { hurry: new AbortController().signal }

  it('starts what crashed again, leaves what was stopped alone, and ends all with itself, for the next one to start', async () => {
    const rig = await openRig()
    await put(rig, 'v1')
    const lines: string[] = []
    const keeper = keep(rig, lines)
    await keeper.start()
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped' })
    await rig.node.start(rig.call())
    const pid = (await ask(rig.port))?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    const again = await eventually(async () => {
      const answer = await ask(rig.port)
      return answer?.pid === pid ? null : answer
    })
    expect(again.version).toBe('v1')
    expect(lines.join('\n')).toContain('web-1: Tomcat ended by itself; starting it again in 10 ms')
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'running', running: 'v1', restarts: 1 })
    await keeper.stop(patient)
    expect(isRunning(again.pid)).toBe(false)
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped', current: 'v1' })

    const next = keep(rig, lines)
    await next.start()
    const third = await eventually(() => ask(rig.port))
    const adopting = keep(rig, lines)
    await adopting.start()
    expect(lines.at(-1)).toBe(`web-1: goes on with pid ${third.pid}, release v1`)
    await Promise.all([next.stop(patient), adopting.stop(patient)])
    expect(isRunning(third.pid)).toBe(false)

    await rig.node.stop(rig.call())
    const last = keep(rig)
    await last.start()
    expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped', current: 'v1' })
    await last.stop(patient)
  })
})
