import { execFileSync } from 'node:child_process'
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type SkippableTest, type TempDir, tempDir } from '@baton/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tarGz, type ZipEntry, zip } from '../../packages/drivers/test/releases/archives.ts'
import { openRig, type Rig } from '../rig.ts'
import { command, secrets, writeRelease } from './release.ts'
import { createStory, type Story } from './story.ts'

let dir: TempDir
let rig: Rig
let story: Story
let first: string

beforeAll(async () => {
  dir = await tempDir()
  const source = await writeRelease(dir.path, 'good', { start: 'node server.js', shop: 'v1' })
  rig = await openRig({ nodes: 2, source, command, env: secrets })
  story = createStory(rig)
  first = (await rig.status()).release ?? ''
}, 120_000)
afterAll(async () => {
  await rig?.remove()
  await dir?.remove()
}, 60_000)

const start = { name: 'start', content: '#!/bin/sh\nexec node server.js\n', mode: 0o100755 }
const escapes = { name: '../escaped', content: 'out of the release' }
const packed = tarGz([start, { name: 'data', content: Buffer.alloc(100_000, 'abc') }])

test.each([
  {
    what: 'a .tar.gz cut short',
    file: 'short.tar.gz',
    bytes: packed.subarray(0, -20),
    reason: /short\.tar\.gz is damaged: /,
  },
  {
    what: 'a .zip with a flipped bit',
    file: 'crc.zip',
    bytes: zip([{ ...start, crc: 1 }]),
    reason: /crc\.zip is damaged: /,
  },
  { what: 'a .zip that is none', file: 'none.zip', bytes: Buffer.from('<html>'), reason: /none\.zip is damaged: / },
  {
    what: 'a .tar.gz with ../ in it',
    file: 'up.tar.gz',
    bytes: tarGz([start, escapes]),
    reason: /entry "\.\.\/escaped" is refused: its path leads out of the release$/,
  },
  {
    what: 'a .zip with ../ in it',
    file: 'up.zip',
    bytes: zip([start, escapes]),
    reason: /entry "\.\.\/escaped" is refused: its path leads out of the release$/,
  },
])('$what is refused, and no node is touched', { timeout: 60_000 }, async ({ file, bytes, reason }) => {
  const source = join(dir.path, file)
  await writeFile(source, bytes)
  const before = await releasesOf('web-1', 'web-2')
  const exit = await story.unnoticed(() => rig.run('deploy', source, '--release', 'refused'))

  expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
  expect(exit.stdout).not.toContain('draining')
  const summary = await story.newest()
  expect(summary).toMatchObject({ outcome: 'rolled-back', reason: expect.stringMatching(reason) })
  expect(exit.stdout).toContain(summary.reason)
  expect(await releasesOf('web-1', 'web-2')).toEqual(before)
  expect((await readdir(rig.folder, { recursive: true })).filter((path) => path.includes('escaped'))).toEqual([])
  await story.serves(first)
})

test('a full disk: what was written is removed, the old release serves on; with room, the same deploy goes through', {
  timeout: 120_000,
}, async (context) => {
  const source = await writeRelease(dir.path, 'large', { start: 'node server.js', shop: 'v2' })
  await writeFile(join(source, 'large.bin'), Buffer.alloc(4_000_000, 'large'))
  const disk = await mountSmallDisk(join(rig.folder, '.baton/nodes/web-1/releases'), context)
  try {
    const before = await releasesOf('web-1')
    const exit = await story.unnoticed(() => rig.run('deploy', source, '--release', 'large'))
    expect(exit).toMatchObject({ exitCode: 1, stderr: '' })
    expect(exit.stdout).toMatch(/web-1 failed to stage: no room for release large in \S+ \(ENOSPC\); what was written/)
    expect(exit.stdout).toContain('make room (df -h')
    expect(exit.stdout).not.toContain('draining')
    expect(await story.newest()).toMatchObject({ outcome: 'rolled-back' })
    expect(await releasesOf('web-1')).toEqual(before)
    await story.serves(first)
  } finally {
    disk.unmount()
  }
  expect(await rig.run('deploy', source, '--release', 'large')).toMatchObject({ exitCode: 0 })
  await story.serves('large')
})

test('what is packed as .tar.gz or as .zip is unpacked on every node, and runs', { timeout: 90_000 }, async () => {
  const tarball = join(dir.path, 'app.tar.gz')
  execFileSync('tar', ['-czf', tarball, '-C', join(dir.path, 'good'), '.'])
  const zipped = join(dir.path, 'app.zip')
  await writeFile(zipped, zip(await zipEntries(join(dir.path, 'good'))))
  await story.unnoticed(async () => {
    expect(await rig.run('deploy', tarball, '--release', 'tarball')).toMatchObject({ exitCode: 0, stderr: '' })
    await story.serves('tarball')
    expect(await rig.run('deploy', zipped, '--release', 'zipped')).toMatchObject({ exitCode: 0, stderr: '' })
    await story.serves('zipped')
  })
})

async function releasesOf(...nodes: readonly string[]): Promise<string[][]> {
  const folders = nodes.map((node) => readdir(join(rig.folder, '.baton/nodes', node, 'releases')))
  return (await Promise.all(folders)).map((names) => names.sort())
}

/** Mounts 1 MB over a folder, with what lies in it. Skips the test where that is not permitted. */
async function mountSmallDisk(folder: string, test: SkippableTest): Promise<{ unmount(): void }> {
  const contents = join(dir.path, 'contents')
  await cp(folder, contents, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    const reason = 'a small disk cannot be mounted: it takes root, and CAP_SYS_ADMIN in a container'
    Object.assign(test.task.meta, { skipReason: reason })
    return test.skip(reason)
  }
  await cp(contents, folder, { recursive: true })
  return { unmount: () => void execFileSync('umount', [folder]) }
}

async function zipEntries(folder: string): Promise<ZipEntry[]> {
  const names = (await readdir(folder, { recursive: true })).sort()
  const entries = await Promise.all(
    names.map(async (name) => {
      const stats = await stat(join(folder, name))
      return stats.isFile() ? [{ name, content: await readFile(join(folder, name)), mode: stats.mode }] : []
    }),
  )
  return entries.flat()
}
