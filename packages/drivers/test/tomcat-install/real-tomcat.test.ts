import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts, type Redis, startRedis, type TempDir, tempDir, waitFor } from '@baton/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planTomcatUninstall } from '../../src/tomcat-install/tomcat-install.ts'
import { makeBase, planInstall, tomcatHome } from './base.ts'

const here = import.meta.dirname
const jarFolder = join(here, '../../java')

let temp: TempDir
let redis: Redis
beforeAll(async () => {
  temp = await tempDir()
  redis = await startRedis({ args: ['--requirepass', 'banana'] })
})
afterAll(async () => {
  await temp.remove()
  await redis.stop()
})

test('a Tomcat that it was put into keeps sessions in Redis, with a password from its environment, and is left alone while it runs with autoDeploy', {
  timeout: 60_000,
}, async () => {
  const [port = 0] = await freePorts(1)
  const base = await prepare(port)
  const tomcat = start(base)
  try {
    // Each application has a manager of its own, and they know nothing of each other but what is in Redis.
    const [one, other] = ['', '/other'].map((path) => `http://127.0.0.1:${port}${path}/count`)
    await waitFor(() => answers(other!), { what: other!, timeoutMs: 50_000 })

    const first = await fetch(one!)
    const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? ''
    const second = await fetch(other!, { headers: { cookie } })
    const third = await fetch(one!, { headers: { cookie } })
    expect([await first.text(), await second.text(), await third.text()]).toEqual(['1', '2', '3'])

    const change = await planTomcatUninstall({ dir: base, home: null, env: {}, idleMs: 4_000 })
    const before = await readFile(change.contextFile)
    await expect(change.apply()).rejects.toMatchObject({
      code: 'tomcat-running',
      message: expect.stringContaining(`process ${tomcat.pid}`),
    })
    expect(await readFile(change.contextFile)).toEqual(before)
    expect(existsSync(change.removed[0]!)).toBe(true)
  } finally {
    const ended = once(tomcat, 'close')
    tomcat.kill('SIGKILL')
    await ended
  }
})

async function prepare(port: number): Promise<string> {
  const base = await makeBase(temp.path)
  const server = join(base, 'conf/server.xml')
  await writeFile(server, (await readFile(server, 'utf8')).replace('port="8080"', `port="${port}" address="127.0.0.1"`))
  const source =
    'org.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource\n'
  await writeFile(join(base, 'conf/catalina.properties'), source, { flag: 'a' })
  const servletApi = join(tomcatHome, 'lib/servlet-api.jar')
  await promisify(execFile)('javac', [
    '-cp',
    servletApi,
    '-d',
    join(temp.path, 'classes'),
    join(here, 'CountServlet.java'),
  ])
  for (const application of ['ROOT', 'other']) {
    const classes = join(base, 'webapps', application, 'WEB-INF/classes')
    await cp(join(temp.path, 'classes'), classes, { recursive: true })
  }
  await (await planInstall(base, { store: '${' + 'BATON_SESSION_STORE}', jarFolder })).apply()
  return base
}

function start(base: string) {
  return spawn(join(tomcatHome, 'bin/catalina.sh'), ['run'], {
    cwd: base,
    stdio: 'ignore',
    env: {
      ...process.env,
      CATALINA_HOME: tomcatHome,
      CATALINA_BASE: base,
      BATON_SESSION_STORE: redis.url.replace('//', '//:banana@'),
    },
  })
}

async function answers(url: string): Promise<true | undefined> {
  const response = await fetch(url).catch(() => null)
  await response?.text()
  return response?.ok ? true : undefined
}
