import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TempDir, tempDir } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { planTomcatUninstall } from '../../src/tomcat-install/tomcat-install.ts'
import { makeBase, planInstall, tomcatHome } from './base.ts'

let temp: TempDir
let base: string
beforeEach(async () => {
  temp = await tempDir()
  base = await makeBase(temp.path)
})
afterEach(async () => {
  await temp.remove()
})

const contextFile = () => join(base, 'conf', 'context.xml')
const context = () => readFile(contextFile(), 'utf8')
const planUninstall = () => planTomcatUninstall({ dir: base, home: null, env: {}, idleMs: 4_000 })

describe('baton tomcat install', () => {
  test('changes nothing before it is told to, then puts jar and lines in, and a second time finds nothing to do', async () => {
    const before = await context()
    const change = await planInstall(base)
    expect(await context()).toBe(before)
    expect(await readdir(join(base, 'lib'))).toEqual([])
    expect(change.isNeeded).toBe(true)

    await change.apply()
    expect(await context()).toContain('store="redis://localhost:6379"')
    expect(await readFile(join(base, 'lib', 'tomcat-session-0.1.0.jar'), 'utf8')).toBe('jakarta')
    expect(await planInstall(base)).toMatchObject({ isNeeded: false, diff: '', added: [], removed: [] })

    await (await planUninstall()).apply()
    expect(await context()).toBe(before)
    expect(await readdir(join(base, 'lib'))).toEqual([])
    expect(await planUninstall()).toMatchObject({ isNeeded: false })
  })

  test('keeps the mode of the file, and replaces the file that a link leads to', async () => {
    const real = join(temp.path, 'etc')
    await mkdir(real)
    await writeFile(join(real, 'context.xml'), await context())
    await chmod(join(real, 'context.xml'), 0o604)
    await rm(contextFile())
    await symlink(join(real, 'context.xml'), contextFile())
    await (await planInstall(base)).apply()
    expect((await stat(join(real, 'context.xml'))).mode & 0o7777).toBe(0o604)
    expect(await readFile(join(real, 'context.xml'), 'utf8')).toContain('baton: begin')
    expect(await readdir(real)).toEqual(['context.xml'])
  })

  test('makes context.xml and lib/ where they are missing, and takes them away again', async () => {
    await rm(contextFile())
    await rm(join(base, 'lib'), { recursive: true })
    await (await planInstall(base)).apply()
    expect(await context()).toMatch(/<Context>\n {4}<!-- baton: begin \[lib\] -->/)
    expect(await readdir(join(base, 'lib'))).toEqual(['tomcat-session-0.1.0.jar'])
    await (await planUninstall()).apply()
    expect(await readdir(base)).not.toContain('lib')
    expect(await readdir(join(base, 'conf'))).not.toContain('context.xml')
  })

  test('puts the jar of a new version in the place of the old one', async () => {
    await (await planInstall(base)).apply()
    await rm(join(temp.path, 'jars', 'tomcat-session-0.1.0.jar'))
    await writeFile(join(temp.path, 'jars', 'tomcat-session-0.2.0.jar'), 'newer')
    const change = await planInstall(base, { store: undefined })
    expect(change.diff).toBe('')
    await change.apply()
    expect(await readdir(join(base, 'lib'))).toEqual(['tomcat-session-0.2.0.jar'])
    expect(await context()).toContain('store="redis://localhost:6379"')
  })

  test('shows no password, neither the old nor the new one nor one of another element', async () => {
    const own = '<Resource name="jdbc/db" password="cherry" url="jdbc:x" />\n</Context>'
    await writeFile(contextFile(), (await context()).replace('</Context>', own))
    const first = await planInstall(base, { store: 'rediss://app:ban%26ana@db:6380/1' })
    await first.apply()
    const second = await planInstall(base, { store: 'redis+sentinel://app:date@s1,s2/main?sentinelPassword=elder' })
    for (const { diff } of [first, second, await planUninstall()]) {
      expect(diff).toMatch(/^--- .*\n\+\+\+ .*\n@@ -\d+,\d+ \+\d+,\d+ @@\n/)
      expect(diff).not.toMatch(/ban|cherry|date|elder/)
      expect(diff).toContain('[redacted]')
    }
  })

  test('warns of a password that everybody on the host may read', async () => {
    await chmod(contextFile(), 0o644)
    const store = 'redis://:banana@localhost'
    expect((await planInstall(base, { store })).warnings.join()).toContain('everybody on this host may read it')
    await chmod(contextFile(), 0o640)
    expect((await planInstall(base, { store })).warnings.join()).not.toContain('may read it')
  })

  test('says what makes a variable of the environment a store', async () => {
    const store = '${' + 'BATON_SESSION_STORE}'
    const mentions = async () =>
      (await planInstall(base, { store })).warnings.join().includes('EnvironmentPropertySource')
    expect(await mentions()).toBe(true)
    const line =
      '\norg.apache.tomcat.util.digester.PROPERTY_SOURCE=org.apache.tomcat.util.digester.EnvironmentPropertySource\n'
    await writeFile(join(base, 'conf', 'catalina.properties'), line, { flag: 'a' })
    expect(await mentions()).toBe(false)
  })

  test.each([
    ['no store', { store: undefined }, 'usage'],
    ['a store that is none', { store: 'embedded' }, 'usage'],
    ['a namespace that is none', { namespace: 'a:b' }, 'usage'],
    ['a home that is none', { home: '/usr/share' }, 'tomcat-unreadable'],
    ['no home', { home: null, packagesFolder: '/usr/share/doc' }, 'tomcat-base-unknown'],
    ['no jar', { jarFolder: '/usr/share' }, 'session-jar-missing'],
  ])('with %s is refused, and nothing is changed', async (_, options, code) => {
    await expect(planInstall(base, options)).rejects.toMatchObject({ code, hint: expect.any(String) })
    expect(await readdir(join(base, 'lib'))).toEqual([])
  })

  test('refuses a folder that is no CATALINA_BASE, and one that loads no jars of its own', async () => {
    await expect(planInstall(temp.path)).rejects.toMatchObject({ code: 'tomcat-base-unknown' })
    await writeFile(join(base, 'conf', 'catalina.properties'), 'common.loader="${' + 'catalina.home}/lib/*.jar"\n')
    await expect(planInstall(base)).rejects.toMatchObject({ code: 'tomcat-loader' })
  })

  test('writes nothing where somebody else has changed the file since', async () => {
    const change = await planInstall(base)
    await writeFile(contextFile(), '<Context></Context>')
    await expect(change.apply()).rejects.toMatchObject({ code: 'tomcat-changed' })
    expect(await context()).toBe('<Context></Context>')
    expect(await readdir(join(base, 'lib'))).toEqual([])
  })

  test('takes the one Tomcat that is installed as the home of a base anywhere, and none of two', async () => {
    const packagesFolder = join(temp.path, 'share')
    await mkdir(packagesFolder)
    await symlink(tomcatHome, join(packagesFolder, 'tomcat10'))
    await mkdir(join(packagesFolder, 'tomcat10-docs'))
    const { added, warnings } = await planInstall(base, { home: null, packagesFolder })
    expect(added).toHaveLength(1)
    expect(warnings[0]).toContain(`belong to ${packagesFolder}/tomcat10 (Tomcat 10`)
    await symlink(tomcatHome, join(packagesFolder, 'tomcat11'))
    await expect(planInstall(base, { home: null, packagesFolder })).rejects.toMatchObject({
      code: 'tomcat-base-unknown',
      hint: expect.stringContaining('--home'),
    })
  })

  test("finds Debian's home by the name of the base", async () => {
    expect((await planInstall('/var/lib/tomcat10', { home: null, jarFolder: join(temp.path, 'jars') })).added).toEqual([
      '/var/lib/tomcat10/lib/tomcat-session-0.1.0.jar',
    ])
  })
})

describe('pitfalls that it warns of', () => {
  const server = (edit: (text: string) => string) => async () => {
    const file = join(base, 'conf', 'server.xml')
    await writeFile(file, edit(await readFile(file, 'utf8')))
  }
  const put = (path: string, text: string) => async () => {
    await mkdir(join(base, path, '..'), { recursive: true })
    await writeFile(join(base, path), text)
  }
  const warnings = async (idleMs = 4_000) => (await planInstall(base, { idleMs })).warnings.join('\n')
  const mended = server((text) => text.replace('autoDeploy="true"', 'autoDeploy="false"'))

  test('none, once autoDeploy is off', async () => {
    expect(await warnings()).toMatch(/server\.xml:\d+: autoDeploy is on/)
    await mended()
    expect(await warnings()).toBe('')
  })

  test('connections that Tomcat closes before the balancer does', async () => {
    expect(await warnings(60_000)).toContain('Tomcat closes idle connections after 20 s (connectionTimeout)')
    await server((text) =>
      text.replace('connectionTimeout="20000"', 'connectionTimeout="20000" keepAliveTimeout="75000"'),
    )()
    expect(await warnings(60_000)).not.toContain('Tomcat closes idle connections')
  })

  test.each([
    ['a shutdown port', server((text) => text.replace('port="-1"', 'port="8005"')), 'port 8005'],
    ['a cluster', server((text) => text.replace('</Engine>', '<Cluster className="c"/></Engine>')), '<Cluster>'],
    [
      'a Manager in server.xml',
      server((text) => text.replace('</Host>', '<Context><Manager/></Context></Host>')),
      'of its own',
    ],
    [
      'a Manager of one application',
      put('webapps/shop/META-INF/context.xml', '<Context><Manager/></Context>'),
      'of its own',
    ],
    [
      'a Manager in a descriptor',
      put('conf/Catalina/localhost/shop.xml', '<Context><Manager/></Context>'),
      'of its own',
    ],
  ])('%s', async (_, prepare, said) => {
    expect(await warnings()).not.toContain(said)
    await prepare()
    expect(await warnings()).toContain(said)
  })

  test('several applications under one cookie', async () => {
    await put('webapps/ROOT/index.html', '')()
    expect(await warnings()).not.toContain('share one session')
    await put('webapps/shop.war', '')()
    expect(await warnings()).toContain('(ROOT, shop): they would share one session')
  })

  test('everything here is about a real Tomcat', async () => {
    expect(await readdir(join(tomcatHome, 'lib'))).toContain('catalina.jar')
  })
})
