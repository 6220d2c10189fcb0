import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync as gzip } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeRelease } from '../../src/releases/describe.ts'
import { linkStaysInside } from '../../src/releases/link.ts'
import { createReleaseStore } from '../../src/releases/store.ts'
import { type UnpackedTree, unpackInto } from '../../src/releases/unpack.ts'
import { unpackZip } from '../../src/releases/zip.ts'
import { type TarEntry, tar, tarGz, type ZipEntry, zip } from './archives.ts'

let dir: string
const { signal } = new AbortController()

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-unpack-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function stage(name: string, archive: Buffer, limits = {}): Promise<string> {
  await writeFile(join(dir, name), archive)
  const release = await describeRelease(join(dir, name), { id: 'v1', at: new Date() })
  const store = createReleaseStore({ dir: join(dir, 'node'), limits })
  await store.stage(release, signal)
  await store.verify('v1', signal)
  return store.releaseDir('v1')
}

async function expectRefused(name: string, archive: Buffer, expected: object, limits = {}): Promise<void> {
  await expect(stage(name, archive, limits)).rejects.toMatchObject(expected)
  expect(await readdir(join(dir, 'node', 'releases'))).toEqual([])
  expect((await readdir(dir)).sort()).toEqual([name, 'node'].sort())
}

describe('a .tar.gz', () => {
  it('is unpacked with its folders, links and modes', async () => {
    const app = await stage(
      'app.tar.gz',
      tarGz([
        { name: './', type: '5' },
        { name: './server.js', content: 'v1' },
        { name: 'bin/run.sh', content: '#!/bin/sh', mode: 0o6755 },
        { name: 'bin/start', type: '2', link: 'run.sh' },
        { name: 'copy.js', type: '1', link: './server.js' },
        { name: 'empty/', type: '5' },
      ]),
    )
    expect((await readdir(app)).sort()).toEqual(['bin', 'copy.js', 'empty', 'server.js'])
    expect(await readFile(join(app, 'copy.js'), 'utf8')).toBe('v1')
    expect(await readlink(join(app, 'bin', 'start'))).toBe('run.sh')
    expect((await stat(join(app, 'bin', 'run.sh'))).mode & 0o7777).toBe(0o755)
  })

  it('holds a large file byte for byte', async () => {
    const content = Buffer.alloc(5 * 1024 * 1024, 'abcdefg')
    const app = await stage('app.tgz', tarGz([{ name: 'a', content: 'x' }, { name: 'big', content }, { name: 'z' }]))
    expect(content.equals(await readFile(join(app, 'big')))).toBe(true)
  })

  it('lets the last of several files with one name win', async () => {
    const app = await stage(
      'app.tgz',
      tarGz([
        { name: 'a', content: '1' },
        { name: 'a', content: '2' },
      ]),
    )
    expect(await readFile(join(app, 'a'), 'utf8')).toBe('2')
  })

  it.each<[string, TarEntry[], string]>([
    ['a path that leads out', [{ name: '../evil' }], '../evil'],
    ['a path that leads out later', [{ name: 'a/../../evil' }], 'a/../../evil'],
    ['a path with backslashes', [{ name: 'a\\..\\..\\evil' }], 'evil'],
    ['an absolute path', [{ name: '/tmp/evil' }], '/tmp/evil'],
    ['a Windows path', [{ name: 'C:\\evil' }], 'C:'],
    ['a link that leads out', [{ name: 'link', type: '2', link: '../..' }], 'link'],
    ['an absolute link', [{ name: 'link', type: '2', link: '/etc' }], 'link'],
    [
      'a link through a link',
      [
        { name: 'a/b/up', type: '2', link: '../..' },
        { name: 'out', type: '2', link: 'a/b/up/../x' },
      ],
      'out',
    ],
    [
      'a file through a link',
      [{ name: 'd/', type: '5' }, { name: 'l', type: '2', link: 'd' }, { name: 'l/evil' }],
      'l',
    ],
    [
      'a folder in the place of a link',
      [
        { name: 'l', type: '2', link: 'x' },
        { name: 'l/', type: '5' },
      ],
      'l',
    ],
    [
      'a file in the place of a folder',
      [
        { name: 'd/', type: '5' },
        { name: 'd', content: 'x' },
      ],
      'd',
    ],
    ['a hard link to what is not in it', [{ name: 'passwd', type: '1', link: '/etc/passwd' }], 'passwd'],
    ['a hard link that leads out', [{ name: 'up', type: '1', link: '../app.tgz' }], 'up'],
    [
      'a hard link to a link',
      [
        { name: 'l', type: '2', link: 'x' },
        { name: 'h', type: '1', link: 'l' },
      ],
      'h',
    ],
    ['a device', [{ name: 'null', type: '3' }], 'null'],
    ['a block device', [{ name: 'disk', type: '4' }], 'disk'],
    ['a pipe', [{ name: 'pipe', type: '6' }], 'pipe'],
  ])('with %s is refused, naming the entry', async (_what, entries, named) => {
    await expectRefused('app.tgz', tarGz([{ name: 'ok', content: 'x' }, ...entries]), {
      code: 'archive-unsafe',
      message: expect.stringContaining(named),
    })
  })

  it.each<[string, () => Buffer]>([
    [
      'cut in the compressed stream',
      () => tarGz([{ name: 'a', content: Buffer.alloc(100_000, 'x1') }]).subarray(0, 90),
    ],
    ['no gzip', () => tar([{ name: 'a', content: 'x' }])],
    ['garbage', () => Buffer.from('this is no archive at all')],
    [
      'a flipped bit',
      () => {
        const archive = tarGz([{ name: 'a', content: 'some text that is long enough' }])
        archive[archive.length - 6]! ^= 1
        return archive
      },
    ],
    [
      'cut in a file',
      () => {
        const whole = tar([{ name: 'a', content: Buffer.alloc(4096, 'x') }])
        return gzip(whole.subarray(0, 2000))
      },
    ],
    [
      'a bad header',
      () => {
        const whole = tar([
          { name: 'a', content: 'x' },
          { name: 'b', content: 'y' },
        ])
        whole[1024 + 3]! ^= 1
        return gzip(whole)
      },
    ],
  ])('that is %s is refused as damaged', async (_what, make) => {
    await expectRefused('app.tgz', make(), { code: 'archive-damaged', message: expect.stringContaining('app.tgz') })
  })

  it('is refused when it unpacks to too much', async () => {
    const bomb = tarGz([{ name: 'a', content: Buffer.alloc(300_000) }])
    await expectRefused('app.tgz', bomb, { code: 'archive-too-large' }, { maxBytes: 200_000 })
    const many = tarGz(Array.from({ length: 11 }, (_, i) => ({ name: `f${i}` })))
    await expectRefused('app.tgz', many, { code: 'archive-too-large' }, { maxEntries: 10 })
  })

  it('without files is refused as empty', async () => {
    await expectRefused('app.tgz', tarGz([{ name: 'a/', type: '5' }]), { code: 'release-source-empty' })
  })
})

describe('a .zip', () => {
  it('is unpacked with its folders, links and modes', async () => {
    const app = await stage(
      'app.zip',
      zip([
        { name: 'lib/', mode: 0o40755 },
        { name: 'server.js', content: 'v1' },
        { name: 'bin/run.sh', content: '#!/bin/sh', mode: 0o100755 },
        { name: 'bin/start', content: 'run.sh', mode: 0o120777 },
        { name: 'dos.txt', content: 'x', mode: 0 },
      ]),
    )
    expect((await readdir(app)).sort()).toEqual(['bin', 'dos.txt', 'lib', 'server.js'])
    expect(await readlink(join(app, 'bin', 'start'))).toBe('run.sh')
    expect((await stat(join(app, 'bin', 'run.sh'))).mode & 0o777).toBe(0o755)
    expect((await stat(join(app, 'dos.txt'))).mode & 0o777).toBe(0o644)
  })

  it.each<[string, ZipEntry[], string]>([
    ['a path that leads out', [{ name: '../evil' }], '../evil'],
    ['a path with backslashes that leads out', [{ name: 'a\\..\\..\\evil' }], 'a/../../evil'],
    ['an absolute path', [{ name: '/tmp/evil' }], '/tmp/evil'],
    ['a link that leads out', [{ name: 'link', content: '../../etc', mode: 0o120777 }], 'link'],
    ['a file through a link', [{ name: 'l', content: '.', mode: 0o120777 }, { name: 'l/evil' }], 'l'],
    ['a device', [{ name: 'null', mode: 0o20666 }], 'null'],
  ])('with %s is refused, naming the entry', async (_what, entries, named) => {
    await expectRefused('app.zip', zip([{ name: 'ok', content: 'x' }, ...entries]), {
      code: 'archive-unsafe',
      message: expect.stringContaining(named),
    })
  })

  it.each<[string, Buffer]>([
    ['cut off', zip([{ name: 'a', content: 'x'.repeat(1000) }]).subarray(0, 60)],
    ['garbage', Buffer.from('this is no archive at all, and long enough for one')],
    ['of a wrong checksum', zip([{ name: 'a', content: 'x', crc: 42 }])],
    ['of more than it declares', zip([{ name: 'a', content: Buffer.alloc(100_000), size: 10 }])],
  ])('that is %s is refused as damaged', async (_what, archive) => {
    await expectRefused('app.zip', archive, { code: 'archive-damaged' })
  })

  it('that is damaged is refused, however late its content is read', async () => {
    await writeFile(join(dir, 'app.zip'), zip([{ name: 'a', content: Buffer.alloc(100_000), size: 10 }]))
    const tree = unpackInto(join(dir, 'slow'), { maxEntries: 10, maxBytes: 1000 })
    await mkdir(join(dir, 'slow'))
    const slow: UnpackedTree = {
      ...tree,
      async file(name, options, content) {
        await sleep(100)
        await tree.file(name, options, content)
      },
    }
    await expect(unpackZip(join(dir, 'app.zip'), slow, { signal })).rejects.toMatchObject({ code: 'archive-damaged' })
  })

  it('is refused when it unpacks to too much', async () => {
    const bomb = zip([{ name: 'a', content: Buffer.alloc(300_000) }])
    await expectRefused('app.zip', bomb, { code: 'archive-too-large' }, { maxBytes: 200_000 })
  })
})

describe('a link that is said to stay inside', () => {
  it('does, whatever other such links it goes through', async () => {
    const step = fc.constantFrom('..', '.', 'a', 'b', 'l')
    const path = fc.array(fc.constantFrom('a', 'b', 'l'), { minLength: 1, maxLength: 3 })
    const links = fc.array(fc.tuple(path, fc.array(step, { minLength: 1, maxLength: 4 })), {
      minLength: 1,
      maxLength: 6,
    })
    let followed = 0
    await fc.assert(
      fc.asyncProperty(links, async (candidates) => {
        const archive = tarGz([
          { name: 'file', content: 'x' },
          ...candidates
            .filter(([at, target]) => linkStaysInside(at.join('/'), target.join('/')))
            .map(([at, target]) => ({ name: at.join('/'), type: '2', link: target.join('/') })),
        ])
        const root = await mkdtemp(join(dir, 'case-'))
        await writeFile(join(root, 'app.tgz'), archive)
        const store = createReleaseStore({ dir: join(root, 'node') })
        const release = await describeRelease(join(root, 'app.tgz'), { id: 'v1', at: new Date() })
        try {
          await store.stage(release, signal)
        } catch (error) {
          expect(error).toMatchObject({ code: 'archive-unsafe' })
          return
        }
        for (const [at] of candidates) {
          const real = await realpath(join(store.releaseDir('v1'), ...at)).catch(() => null)
          if (real === null) continue
          followed++
          expect(`${real}/`).toContain(`${await realpath(store.releaseDir('v1'))}/`)
        }
      }),
      { numRuns: 150 },
    )
    expect(followed).toBeGreaterThan(10)
  })
})
