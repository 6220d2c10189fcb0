import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Release } from '@baton/core'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeRelease } from '../../src/releases/describe.ts'
import { createReleaseStore, type ReleaseStore } from '../../src/releases/store.ts'
import { identify } from '../../src/shells/local/identity.ts'

let dir: string
let store: ReleaseStore
const { signal } = new AbortController()
const inReleases = (...path: string[]) => join(dir, 'node', 'releases', ...path)

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-store-'))
  store = createReleaseStore({ dir: join(dir, 'node') })
})
afterEach(() => rm(dir, { recursive: true, force: true }))

async function makeSource(id: string, files: Record<string, string> = { 'server.js': id }): Promise<Release> {
  const source = join(dir, `source-${id}`)
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(source, path, '..'), { recursive: true })
    await writeFile(join(source, path), content)
  }
  return describeRelease(source, { id, at: new Date() })
}

async function stage(id: string, files?: Record<string, string>): Promise<Release> {
  const release = await makeSource(id, files)
  await store.stage(release, signal)
  return release
}

describe('staging', () => {
  it('copies a folder with modes, links and node_modules, but without .git and .baton', async () => {
    const release = await makeSource('v1', {
      'bin/run.sh': '#!/bin/sh',
      'node_modules/dep/index.js': 'dep',
      '.git/HEAD': 'main',
      '.baton/lock': '1',
      '.env': 'A=1',
    })
    await chmod(join(release.source, 'bin/run.sh'), 0o755)
    await chmod(join(release.source, '.env'), 0o600)
    await symlink('../dep/index.js', join(release.source, 'node_modules', 'link'))
    await rm(join(release.source, 'node_modules', 'link'))
    await symlink('dep/index.js', join(release.source, 'node_modules', 'link'))
    await store.stage(await describeRelease(release.source, { id: 'v1', at: new Date() }), signal)
    expect((await readdir(inReleases('v1'))).sort()).toEqual(['.env', 'bin', 'node_modules'])
    expect(await readlink(inReleases('v1', 'node_modules', 'link'))).toBe('dep/index.js')
    expect((await stat(inReleases('v1', 'bin', 'run.sh'))).mode & 0o777).toBe(0o755)
    expect((await stat(inReleases('v1', '.env'))).mode & 0o777).toBe(0o600)
    expect((await readdir(inReleases())).sort()).toEqual(['v1', 'v1.json'])
  })

  it('copies a .war as the file it is', async () => {
    await writeFile(join(dir, 'shop.war'), 'PK')
    await store.stage(await describeRelease(join(dir, 'shop.war'), { id: 'v1', at: new Date() }), signal)
    expect(await readFile(inReleases('v1', 'shop.war'), 'utf8')).toBe('PK')
  })

  it('brings every folder over as it is', async () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9 "'\\üß_-]{1,8}$/).map((each) => `n${each}`)
    const files = fc.dictionary(
      fc.array(name, { minLength: 1, maxLength: 3 }).map((path) => path.join('/')),
      fc.string(),
      {
        minKeys: 1,
        maxKeys: 6,
      },
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(files, fc.boolean(), async (tree, executable) => {
        const id = `r${run++}`
        const release = await makeSource(id, tree).catch((error) => {
          // One path of the tree is a folder of another.
          if (/EEXIST|ENOTDIR|EISDIR/.test(error.code)) return null
          throw error
        })
        if (release === null) return
        if (executable) await chmod(join(release.source, Object.keys(tree)[0] ?? ''), 0o755)
        const described = await describeRelease(release.source, { id, at: new Date() })
        await store.stage(described, signal)
        const copy = await describeRelease(store.releaseDir(id), { id, at: new Date() })
        expect(copy.sha256).toBe(described.sha256)
        await store.verify(id, signal)
      }),
      { numRuns: 30 },
    )
  })

  it('of a release that is there already does nothing', async () => {
    const release = await stage('v1')
    const { ino } = await stat(inReleases('v1', 'server.js'))
    await store.stage(release, signal)
    expect((await stat(inReleases('v1', 'server.js'))).ino).toBe(ino)
  })

  it('refuses an id that stands for other contents', async () => {
    const release = await stage('v1')
    await writeFile(join(release.source, 'server.js'), 'other')
    const other = await describeRelease(release.source, { id: 'v1', at: new Date() })
    await expect(store.stage(other, signal)).rejects.toMatchObject({ code: 'release-id-taken' })
    expect(await readFile(inReleases('v1', 'server.js'), 'utf8')).toBe('v1')
  })

  it('refuses a source that changed since it was described, and leaves nothing of it', async () => {
    const release = await makeSource('v1')
    await writeFile(join(release.source, 'server.js'), 'changed')
    await expect(store.stage(release, signal)).rejects.toMatchObject({ code: 'release-changed' })
    await rm(release.source, { recursive: true })
    await expect(store.stage(release, signal)).rejects.toMatchObject({ code: 'release-source-missing' })
    await writeFile(join(dir, 'app.war'), 'v1')
    const file = await describeRelease(join(dir, 'app.war'), { id: 'v2', at: new Date() })
    await writeFile(join(dir, 'app.war'), 'v2')
    await expect(store.stage(file, signal)).rejects.toMatchObject({ code: 'release-changed' })
    expect(await readdir(inReleases())).toEqual([])
  })

  it('repairs a damaged release, unless it is the current one', async () => {
    const release = await stage('v1')
    await writeFile(inReleases('v1', 'server.js'), 'damaged')
    await store.stage(release, signal)
    await store.verify('v1', signal)
    await store.activate('v1')
    await writeFile(inReleases('v1', 'server.js'), 'damaged')
    await expect(store.stage(release, signal)).rejects.toMatchObject({ code: 'release-damaged' })
  })

  it('ends when its signal aborts, and leaves nothing', async () => {
    const release = await makeSource('v1')
    await expect(store.stage(release, AbortSignal.abort())).rejects.toThrow()
    expect(await readdir(inReleases())).toEqual([])
  })

  it('that is killed in its midst leaves no release, and its remains are removed by the next one', async () => {
    const files = Object.fromEntries(Array.from({ length: 800 }, (_, index) => [`f${index}`, 'x'.repeat(2000)]))
    const release = await makeSource('v1', files)
    const program = fileURLToPath(new URL('./stager.ts', import.meta.url))
    const args = ['--import', 'tsx', program, join(dir, 'node'), JSON.stringify(release)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    const gone = once(child, 'exit')
    const partial = async () => (await readdir(inReleases()).catch(() => [])).find((name) => name.endsWith('.partial'))
    while ((await readdir(inReleases((await partial()) ?? 'none')).catch(() => [])).length < 20) await sleep(1)
    child.kill('SIGKILL')
    await gone
    expect(output).toBe('')
    expect(await readdir(inReleases())).toEqual([expect.stringMatching(/^\.v1\..*\.partial$/)])
    expect(await store.list()).toEqual([])
    await expect(store.verify('v1', signal)).rejects.toMatchObject({ code: 'release-missing' })
    await expect(store.activate('v1')).rejects.toMatchObject({ code: 'release-missing' })

    await store.stage(release, signal)
    await store.verify('v1', signal)
    expect((await readdir(inReleases())).sort()).toEqual(['v1', 'v1.json'])
  })

  it('leaves alone what a living process is still staging', async () => {
    const other = spawn('sleep', ['60'])
    const gone = once(other, 'exit')
    const { pid, startTime } = (await identify(other.pid ?? 0))!
    const partial = `.v9.${pid}.${startTime}.0a1b2c3d.partial`
    await mkdir(inReleases(partial), { recursive: true })
    await stage('v1')
    expect(await readdir(inReleases())).toContain(partial)
    other.kill('SIGKILL')
    await gone
    await stage('v2')
    expect(await readdir(inReleases())).not.toContain(partial)
  })

  it('says that the disk is full, and gives back what it took', async (context) => {
    const disk = join(dir, 'disk')
    await mkdir(disk)
    try {
      execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
    } catch {
      return context.skip('mounting a small disk is not allowed here')
    }
    try {
      const small = createReleaseStore({ dir: disk })
      const release = await makeSource('v1', { a: 'x'.repeat(200_000), b: 'y'.repeat(200_000) })
      await expect(small.stage(release, signal)).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringContaining(disk),
        hint: expect.any(String),
      })
      expect(await readdir(join(disk, 'releases'))).toEqual([])
      await small.stage(await makeSource('v2'), signal)
      await small.verify('v2', signal)
    } finally {
      execFileSync('/bin/umount', [disk])
    }
  })
})

describe('verifying', () => {
  it.each<[string, () => Promise<void>]>([
    ['changed', () => writeFile(inReleases('v1', 'lib', 'a.js'), 'B')],
    ['missing', () => rm(inReleases('v1', 'lib', 'a.js'))],
    ['no longer executable', () => chmod(inReleases('v1', 'lib', 'a.js'), 0o644)],
  ])('finds a file that is %s, and names it', async (_what, damage) => {
    const release = await makeSource('v1', { 'lib/a.js': 'A', 'b.js': 'B' })
    await chmod(join(release.source, 'lib', 'a.js'), 0o755)
    await store.stage(await describeRelease(release.source, { id: 'v1', at: new Date() }), signal)
    await store.verify('v1', signal)
    await damage()
    await expect(store.verify('v1', signal)).rejects.toMatchObject({
      code: 'release-damaged',
      message: expect.stringContaining('lib/a.js'),
    })
  })

  it('takes what the app wrote into its own folder for no damage', async () => {
    await stage('v1')
    await writeFile(inReleases('v1', 'cache.db'), 'x')
    await symlink('/tmp', inReleases('v1', 'tmp'))
    const server = createServer().listen(inReleases('v1', 'app.sock'))
    await once(server, 'listening')
    await store.verify('v1', signal)
    server.close()
  })

  it('takes a release without a manifest for none, and a broken manifest for damage', async () => {
    await stage('v1')
    await writeFile(inReleases('v1.json'), '{"id":')
    await expect(store.verify('v1', signal)).rejects.toMatchObject({ code: 'release-damaged' })
    await rm(inReleases('v1.json'))
    await expect(store.verify('v1', signal)).rejects.toMatchObject({ code: 'release-missing' })
    expect(await store.list()).toEqual([])
  })
})

describe('activating', () => {
  it('switches over in one step: there is a current release at every moment', async () => {
    await stage('v1')
    await stage('v2')
    await store.activate('v1')
    let reading = true
    const seen = new Set<string>()
    const reader = (async () => {
      while (reading) seen.add(await readFile(join(dir, 'node', 'current', 'server.js'), 'utf8'))
    })()
    for (let times = 0; times < 100; times++) await store.activate(times % 2 === 0 ? 'v2' : 'v1')
    reading = false
    await reader
    expect([...seen].sort()).toEqual(['v1', 'v2'])
    expect((await readdir(join(dir, 'node'))).sort()).toEqual(['current', 'releases', 'shared'])
  })

  it('of a release that is not there changes nothing', async () => {
    await stage('v1')
    expect(await store.current()).toBeNull()
    await store.activate('v1')
    await expect(store.activate('v2')).rejects.toMatchObject({ code: 'release-missing' })
    expect(await store.current()).toBe('v1')
  })
})

describe('pruning', () => {
  it('removes what is not kept, never the current release nor what is shared', async () => {
    for (const id of ['v1', 'v2', 'v3', 'v4']) await stage(id)
    await store.activate('v2')
    await writeFile(join(store.sharedDir, 'uploads'), 'x')
    await store.prune(['v3', 'v9'])
    expect(await store.list()).toEqual(['v2', 'v3'])
    expect((await readdir(inReleases())).sort()).toEqual(['v2', 'v2.json', 'v3', 'v3.json'])
    expect(await readdir(store.sharedDir)).toEqual(['uploads'])
  })
})
