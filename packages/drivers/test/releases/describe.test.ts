import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeRelease } from '../../src/releases/describe.ts'

const at = new Date('2026-11-23T10:15:00.123Z')
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-describe-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

describe('describing a folder', () => {
  it('gives it a sortable time stamp and the first digits of its hash as id', async () => {
    await writeFile(join(dir, 'server.js'), 'v1')
    const release = await describeRelease(dir, { at })
    expect(release).toMatchObject({ kind: 'directory', source: dir })
    expect(release.id).toBe(`20261123T101500Z-${release.sha256.slice(0, 6)}`)
  })

  it('hashes what files hold, their names and whether they may be executed, and nothing else', async () => {
    const hash = async () => (await describeRelease(dir, { at })).sha256
    const file = join(dir, 'server.js')
    await writeFile(file, 'v1')
    const first = await hash()

    await mkdir(join(dir, '.git'))
    await writeFile(join(dir, '.git', 'HEAD'), 'main')
    await mkdir(join(dir, '.baton'))
    await writeFile(join(dir, '.baton', 'lock'), '1')
    await writeFile(file, 'v1')
    expect(await hash()).toBe(first)

    await chmod(file, 0o755)
    const executable = await hash()
    await chmod(file, 0o644)
    await writeFile(file, 'v2')
    const changed = await hash()
    await writeFile(file, 'v1')
    await mkdir(join(dir, 'node_modules'))
    await writeFile(join(dir, 'node_modules', 'x.js'), '')
    const more = await hash()
    expect(new Set([first, executable, changed, more]).size).toBe(4)
  })

  it('cannot be fooled by a file name that looks like two lines of its listing', async () => {
    await writeFile(join(dir, 'a'), '')
    await writeFile(join(dir, 'b'), '')
    const two = await describeRelease(dir, { at })
    await rm(join(dir, 'a'))
    await rm(join(dir, 'b'))
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    await writeFile(join(dir, `a" - 0 ${empty}\nfile "b`), '')
    expect((await describeRelease(dir, { at })).sha256).not.toBe(two.sha256)
  })

  it('keeps links that stay inside', async () => {
    await mkdir(join(dir, 'bin'))
    await writeFile(join(dir, 'server.js'), '')
    await symlink('../server.js', join(dir, 'bin', 'start'))
    await expect(describeRelease(dir, { at })).resolves.toBeDefined()
  })

  it.each(['/etc/passwd', '../outside', 'bin/../../outside', '..'])('refuses a link to %s', async (target) => {
    await symlink(target, join(dir, 'link'))
    await expect(describeRelease(dir, { at })).rejects.toMatchObject({
      code: 'release-link-escapes',
      message: expect.stringContaining(join(dir, 'link')),
    })
  })

  it('refuses a socket', async () => {
    const server = createServer().listen(join(dir, 'app.sock'))
    await expect(describeRelease(dir, { at })).rejects.toMatchObject({ code: 'release-file-special' })
    server.close()
  })

  it('refuses a folder without files', async () => {
    await mkdir(join(dir, 'dist'))
    await expect(describeRelease(dir, { at })).rejects.toMatchObject({ code: 'release-source-empty' })
  })
})

describe('describing a file', () => {
  it.each([
    ['app.zip', 'zip'],
    ['app.tar.gz', 'tar.gz'],
    ['app.tgz', 'tar.gz'],
    ['app.war', 'file'],
    ['App.JAR', 'file'],
  ])('tells by its name that %s is of kind %s', async (name, kind) => {
    await writeFile(join(dir, name), 'hello')
    expect(await describeRelease(join(dir, name), { at })).toMatchObject({
      kind,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    })
  })

  it.each([
    ['app.rar', 'x', 'release-source-unsupported'],
    ['app.zip', '', 'release-source-empty'],
  ])('refuses %s holding %j', async (name, content, code) => {
    await writeFile(join(dir, name), content)
    await expect(describeRelease(join(dir, name), { at })).rejects.toMatchObject({ code, hint: expect.any(String) })
  })

  it('says that a source is not there', async () => {
    await expect(describeRelease(join(dir, 'build'), { at })).rejects.toMatchObject({
      code: 'release-source-missing',
      message: expect.stringContaining(join(dir, 'build')),
    })
  })
})

describe('an id given by a person', () => {
  it.each(['v1', '2.0.0-rc.1', 'A_b', 'x'.repeat(64)])('may be %s', async (id) => {
    await writeFile(join(dir, 'a'), '')
    expect((await describeRelease(dir, { id, at })).id).toBe(id)
  })

  it.each(['', '.', '..', '.hidden', 'a/b', 'current', 'shared', 'x'.repeat(65), 'a b', 'ü'])(
    'may not be %j',
    async (id) => {
      await expect(describeRelease(dir, { id, at })).rejects.toMatchObject({ code: 'release-id-invalid' })
    },
  )
})
