import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TempDir, tempDir } from '@baton/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { servletApiOf, sessionJar, tomcatVersion } from '../src/session-jar.ts'

let temp: TempDir
beforeEach(async () => {
  temp = await tempDir()
})
afterEach(async () => {
  await temp.remove()
})

describe('the jar of sessions for Tomcat', () => {
  test('is the newest one of the servlet API that is asked for', async () => {
    const folder = temp.path
    for (const [name, seconds] of [
      ['tomcat-session-0.1.0.jar', 1000],
      ['tomcat-session-0.2.0.jar', 2000],
      ['tomcat-session-0.2.0-javax.jar', 3000],
      ['notes.txt', 4000],
    ] as const) {
      await writeFile(join(folder, name), '')
      await utimes(join(folder, name), seconds, seconds)
    }
    expect(await sessionJar({ api: 'jakarta', folder })).toBe(join(folder, 'tomcat-session-0.2.0.jar'))
    expect(await sessionJar({ api: 'javax', folder })).toBe(join(folder, 'tomcat-session-0.2.0-javax.jar'))
  })

  test('is built by a command that the error names, where there is none', async () => {
    const folder = join(temp.path, 'absent')
    await expect(sessionJar({ api: 'jakarta', folder })).rejects.toMatchObject({
      code: 'session-jar-missing',
      hint: expect.stringContaining('npm run build:tomcat'),
    })
  })
})

describe('the version of a Tomcat', () => {
  test('stands in its catalina.jar', async () => {
    const { major, version } = await tomcatVersion('/usr/share/tomcat10')
    expect(major).toBe(10)
    expect(version).toMatch(/^10\.1\.\d+$/)
  })

  test('is asked of a CATALINA_HOME only, and the error says so', async () => {
    const folder = temp.path
    await expect(tomcatVersion(folder)).rejects.toMatchObject({
      code: 'tomcat-unreadable',
      hint: expect.stringContaining('CATALINA_HOME'),
    })
    await mkdir(join(folder, 'lib'))
    await writeFile(join(folder, 'lib', 'catalina.jar'), 'no zip')
    await expect(tomcatVersion(folder)).rejects.toMatchObject({ code: 'tomcat-unreadable' })
  })

  test.each([
    [9, 0, 'javax'],
    [10, 1, 'jakarta'],
    [11, 0, 'jakarta'],
  ] as const)('%i.%i has the servlet API %s', (major, minor, api) => {
    expect(servletApiOf({ major, minor, version: `${major}.${minor}.1` })).toBe(api)
  })

  test.each([
    [8, 5],
    [10, 0],
  ])('%i.%i is refused', (major, minor) => {
    expect(() => servletApiOf({ major, minor, version: `${major}.${minor}.1` })).toThrow(/do not run in Tomcat/)
  })
})
