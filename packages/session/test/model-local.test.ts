import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { etagOf } from '../src/format/value.ts'
import { lmdbStore } from '../src/stores/lmdb.ts'
import { memoryStore } from '../src/stores/memory.ts'
import type { SessionStore, Stored } from '../src/stores/store.ts'
import { runModel } from './model-run.ts'

const timeouts = { connectMs: 10_000, loadMs: 10_000, commitMs: 10_000 }
const namespace = 'model'
const dir = mkdtempSync(join(tmpdir(), 'baton-model-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('whatever three clients do at once, with sessions in', () => {
  it('memory, one step at a time explains it', async () => {
    // It looks through everything for the sessions of a user.
    for (let part = 0; part < 14; part += 1) {
      const shared = new Map<string, Buffer>()
      await runModel({ schedules: 1_000, skip: part * 1_000, make: () => memoryStore({ shared, namespace }) })
    }
  }, 600_000)

  it('LMDB, one step at a time explains it', async () => {
    await runModel({ schedules: 13_000, make: () => lmdbStore({ path: join(dir, 'lmdb'), namespace, timeouts }) })
  }, 600_000)
})

describe('the model finds a store that', () => {
  it.each<[string, (store: SessionStore) => Partial<SessionStore>]>([
    ['loses a field', (store) => ({ commit: (key, change, ttlMs) => store.commit(key, lessOf(change), ttlMs) })],
    ['counts a version twice', (store) => ({ commit: async (...args) => plusOne(await store.commit(...args)) })],
    ['says that it wrote to the dead', (store) => ({ commit: async (...args) => (await store.commit(...args)) ?? 2 })],
    ['updates from what was not read', (store) => ({ update: updateAnyway(store) })],
    ['takes over a session that exists', (store) => ({ create: (...args) => store.create(...args).then(() => true) })],
    ['does not destroy', (store) => ({ destroy: async (key) => (await store.load(key))?.fields.has('@c') ?? false })],
    ['leaves container notes behind', (store) => ({ rotate: withoutNotes(store) })],
    ['rotates and leaves the old session alive', (store) => ({ rotate: copying(store) })],
    ['logs nobody out', () => ({ destroyAllOf: async () => 0 })],
    ['reads what was a moment ago', (store) => ({ load: lateReads(store) })],
    ['lets sessions live too long', (store) => ({ touch: (key) => store.touch(key, 60_000) })],
  ])('%s', async (_, broken) => {
    const shared = new Map<string, Buffer>()
    const make = () => {
      const store = memoryStore({ shared, namespace })
      return { ...store, ...broken(store) }
    }
    await expect(runModel({ schedules: 600, make })).rejects.toThrow(/nothing explains[\s\S]*BATON_SESSION_SEED/)
  })
})

function lessOf(change: Parameters<SessionStore['commit']>[1]): Parameters<SessionStore['commit']>[1] {
  return { ...change, set: new Map([...change.set].slice(1)) }
}

function plusOne(version: number | undefined): number | undefined {
  return version === undefined ? undefined : version + 1
}

function updateAnyway(store: SessionStore): SessionStore['update'] {
  return async (key, change, ttlMs) => {
    const current = (await store.load(key))?.fields.get(change.field)
    return store.update(key, { ...change, etag: etagOf(current) }, ttlMs)
  }
}

function withoutNotes(store: SessionStore): SessionStore['rotate'] {
  return (rotation, ttlMs) => store.rotate({ ...rotation, remove: [...rotation.remove, '@j.note'] }, ttlMs)
}

function copying(store: SessionStore): SessionStore['rotate'] {
  return async (rotation, ttlMs) => {
    const old = await store.load(rotation.from)
    if (!old?.fields.has('@c')) return undefined
    const kept = [...old.fields].filter(([name]) => rotation.keepAttributes || !/^(\.|@j)/.test(name))
    const fields = new Map([...kept, ...rotation.set])
    for (const name of rotation.remove) fields.delete(name)
    fields.set('@v', Buffer.from(String(Number(fields.get('@v')) + 1)))
    await store.create(rotation.to, fields, ttlMs, rotation.owner)
    return fields
  }
}

function lateReads(store: SessionStore): SessionStore['load'] {
  const before = new Map<string, { readonly stored: Stored | undefined; readonly atMs: number }>()
  return async (key) => {
    const known = before.get(key)
    if (known !== undefined && performance.now() - known.atMs < 5) return known.stored
    const stored = await store.load(key)
    before.set(key, { stored, atMs: performance.now() })
    return stored
  }
}
