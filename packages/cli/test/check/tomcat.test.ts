import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { check, only, temporaryFolder } from './rig.ts'

const home = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'
const yaml = 'sessions: { store: "redis://127.0.0.1:1" }\n'

describe('the check of Tomcat nodes', () => {
  it('tells which Tomcat, which Java and which jar they run with, once for all that have the same', async () => {
    const results = await check({ dir: await temporaryFolder(), yaml, app: `driver: tomcat, home: ${home}` })
    expect(only(results, 'tomcat')).toMatchObject([
      { subject: 'app.home', level: 'ok', message: expect.stringMatching(/^Tomcat \d+\.\d+\.\d+ in /) },
    ])
    expect(only(results, 'java')).toMatchObject([{ level: 'ok', message: expect.stringMatching(/^Java \d+, /) }])
    const [jar] = only(results, 'session-jar')
    if (jar?.level === 'ok') expect(jar.message).toMatch(/tomcat-session-[\d.]+\.jar$/)
    else expect(jar?.remedy).toContain('npm run build:tomcat')
    expect(only(results, 'port').map(({ subject }) => subject)).toEqual(['balancer.listen', 'web-1', 'web-2'])
    expect(only(results, 'command')).toEqual([])
  })

  it('names what is missing, and what to do', async () => {
    const dir = await temporaryFolder()
    const java = join(dir, 'jdk8')
    await mkdir(join(java, 'bin'), { recursive: true })
    await writeFile(join(java, 'bin', 'java'), '', { mode: 0o755 })
    await writeFile(join(java, 'release'), 'JAVA_VERSION="1.8.0_402"\n')
    const old = await check({
      dir,
      yaml,
      app: `driver: tomcat, home: ${home}, env: { JAVA_HOME: ${java}, JRE_HOME: "" }`,
    })
    expect(only(old, 'java')).toMatchObject([
      { level: 'problem', message: expect.stringContaining('is Java 8'), remedy: expect.stringContaining('JAVA_HOME') },
    ])
    const none = await check({ dir, yaml, app: `driver: tomcat, home: ${dir}` })
    expect(only(none, 'tomcat')).toMatchObject([{ level: 'problem', message: expect.stringContaining('catalina.jar') }])
  })
})
