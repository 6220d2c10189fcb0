import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Call, Node, Release } from '@baton/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AppAnswer, ask, eventually, isRunning, makeRelease } from './apps.ts'

export interface NodeRig {
  readonly node: Node
  /** A folder for sources, removed by `remove`. */
  readonly dir: string
  /** The node's own folder. */
  readonly nodeDir: string
  readonly port: number
  /** What it runs; the app for Node.js unless said otherwise. */
  readonly app?: ContractApp
  call(token?: number): Call
  remove(): Promise<void>
}

/** An app that answers what the one for Node.js does. */
export interface ContractApp {
  /** Makes a source in the folder `dir` and describes it. */
  release(dir: string, id: string): Promise<Release>
  /** One of the files of release v1. */
  readonly file: string
  /** Where it runs as v1. */
  folder(): string
}

/** What every driver of a node must do, with a real app. The rig's command is `node server.js` in the release's folder. */
export function describeNodeContract(name: string, makeRig: () => Promise<NodeRig>): void {
  describe(`a ${name} node`, () => {
    let rig: NodeRig
    let app: ContractApp
    let v1: Release
    let v2: Release

    beforeEach(async () => {
      rig = await makeRig()
      const { nodeDir } = rig
      app = rig.app ?? { release: makeRelease, file: 'server.js', folder: () => join(nodeDir, 'releases', 'v1') }
      v1 = await app.release(rig.dir, 'v1')
      v2 = await app.release(rig.dir, 'v2')
    })
    afterEach(() => rig.remove())

    async function run(release: Release): Promise<AppAnswer> {
      const { node, call } = rig
      await node.stage(release, call())
      await node.activate(release.id, call())
      await node.start(call())
      return eventually(() => ask(rig.port))
    }

    it('has nothing before a release is staged', async () => {
      expect(await rig.node.inspect(rig.call())).toEqual({
        process: 'stopped',
        running: null,
        current: null,
        staged: [],
        restarts: 0,
        lastExit: null,
      })
    })

    it('stages a release without touching what runs, and as often as one likes', async () => {
      const { pid } = await run(v1)
      await rig.node.stage(v2, rig.call())
      await rig.node.stage(v2, rig.call())
      await rig.node.verify('v2', rig.call())
      expect(await rig.node.inspect(rig.call())).toMatchObject({ running: 'v1', current: 'v1', staged: ['v1', 'v2'] })
      expect(await ask(rig.port)).toMatchObject({ pid, version: 'v1' })
    })

    it('starts the app in its release, and tells it where it is', async () => {
      const answer = await run(v1)
      expect(answer).toMatchObject({
        version: 'v1',
        HOST: '127.0.0.1',
        PORT: String(rig.port),
        BATON_NODE: rig.node.id,
        BATON_RELEASE: 'v1',
        BATON_SHARED: join(rig.nodeDir, 'shared'),
        GREETING: 'hello',
      })
      expect(answer.cwd).toBe(app.folder())
      expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'running', running: 'v1', current: 'v1' })
    })

    it('leaves the running app alone when told to start once more', async () => {
      const { pid } = await run(v1)
      await rig.node.start(rig.call())
      expect((await ask(rig.port))?.pid).toBe(pid)
    })

    it('is stopped when stop resolves, and may be stopped again', async () => {
      const { pid } = await run(v1)
      await rig.node.stop(rig.call())
      expect(isRunning(pid)).toBe(false)
      expect(await ask(rig.port)).toBeNull()
      await rig.node.stop(rig.call())
      expect(await rig.node.inspect(rig.call())).toMatchObject({ process: 'stopped', running: null, current: 'v1' })
    })

    it('goes to another release and back with the same verbs', async () => {
      await run(v1)
      for (const release of [v2, v1]) {
        await rig.node.stage(release, rig.call())
        await rig.node.stop(rig.call())
        await rig.node.activate(release.id, rig.call())
        await rig.node.start(rig.call())
        expect((await eventually(() => ask(rig.port))).version).toBe(release.id)
        expect(await rig.node.inspect(rig.call())).toMatchObject({ running: release.id, current: release.id })
      }
    })

    it('does not activate a release that is not there', async () => {
      await run(v1)
      await expect(rig.node.activate('v9', rig.call())).rejects.toMatchObject({ code: 'release-missing' })
      expect((await rig.node.inspect(rig.call())).current).toBe('v1')
    })

    it('says beforehand that a release is missing or damaged', async () => {
      await rig.node.stage(v1, rig.call())
      await expect(rig.node.verify('v9', rig.call())).rejects.toMatchObject({ code: 'release-missing' })
      await writeFile(join(rig.nodeDir, 'releases', 'v1', app.file), 'tampered')
      await expect(rig.node.verify('v1', rig.call())).rejects.toMatchObject({
        code: 'release-damaged',
        message: expect.stringContaining(app.file),
      })
    })

    it('prunes all but what is kept and what is current', async () => {
      for (const id of ['v3', 'v4']) await rig.node.stage(await app.release(rig.dir, id), rig.call())
      await rig.node.stage(v2, rig.call())
      await run(v1)
      await rig.node.prune(['v3'], rig.call())
      expect((await rig.node.inspect(rig.call())).staged).toEqual(['v1', 'v3'])
    })

    it('refuses every change under an outdated token', async () => {
      const { pid } = await run(v1)
      await rig.node.stage(v2, rig.call(5))
      const stale = { code: 'stale-token' }
      await expect(rig.node.stop(rig.call(4))).rejects.toMatchObject(stale)
      await expect(rig.node.start(rig.call(4))).rejects.toMatchObject(stale)
      await expect(rig.node.activate('v2', rig.call(4))).rejects.toMatchObject(stale)
      await expect(rig.node.prune([], rig.call(4))).rejects.toMatchObject(stale)
      await expect(rig.node.stage(await app.release(rig.dir, 'v3'), rig.call(4))).rejects.toMatchObject(stale)
      expect(await ask(rig.port)).toMatchObject({ pid, version: 'v1' })
      expect(await rig.node.inspect(rig.call())).toMatchObject({ current: 'v1', staged: ['v1', 'v2'] })
    })

    it('ends a call when its signal aborts', async () => {
      await rm(v1.source, { recursive: true })
      const { token } = rig.call()
      await expect(rig.node.stop({ token, signal: AbortSignal.abort() })).rejects.toThrow()
    })
  })
}
