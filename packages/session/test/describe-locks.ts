import { describe, expect, it } from 'vitest'
import { type Nodes, newKey, record, sealed, stateOf } from './stored-sessions.ts'

/** What every store must do for the optional lock of a session. */
export function describeLocks(nodes: () => Nodes): void {
  describe('and its locks', () => {
    it('gives the lock to one holder at a time, with the session as it is then', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      await there.commit(key, change(2), 60_000)
      const stored = await here.lock(key, 'one', 60_000)
      if (stored === undefined || stored === 'taken') throw new Error('not locked')
      expect(stored.fields.has('.a2')).toBe(true)
      expect(stored.ttlMs).toBeGreaterThan(55_000)
      expect(stored.ttlMs).toBeLessThanOrEqual(60_000)
      expect(await there.lock(key, 'two', 60_000)).toBe('taken')
      await here.unlock(key, 'one')
      expect(await there.lock(key, 'two', 60_000)).toMatchObject({ ttlMs: expect.any(Number) })
      expect(await here.lock(key, 'one', 60_000)).toBe('taken')
    })

    it('of many who ask at the same time one gets it', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? here : there).lock(key, `holder ${i}`, 60_000)),
      )
      expect(answers.filter((answer) => answer !== 'taken')).toHaveLength(1)
    })

    it('changes neither the version nor the life of the session', async () => {
      const [here, there] = nodes()
      const key = await alive(here, 30_000)
      await here.lock(key, 'one', 60_000)
      const locked = (await there.load(key))!
      await here.unlock(key, 'one')
      const unlocked = (await there.load(key))!
      for (const { fields, ttlMs } of [locked, unlocked]) {
        expect(fields.get('@v')?.toString()).toBe('1')
        expect(ttlMs).toBeLessThanOrEqual(30_000)
        expect(ttlMs).toBeGreaterThan(25_000)
      }
      expect([locked.fields.has('@l'), unlocked.fields.has('@l')]).toEqual([true, false])
    })

    it('only the holder gives it back, and may take it again for longer', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      await here.lock(key, 'one', 60_000)
      await there.unlock(key, 'two')
      expect(await there.lock(key, 'two', 60_000)).toBe('taken')
      const until = await leaseEndOf(here, key)
      expect(await there.lock(key, 'one', 600_000)).not.toBe('taken')
      expect((await leaseEndOf(here, key)) - until).toBeGreaterThan(500_000)
      expect(await here.lock(key, 'two', 60_000)).toBe('taken')
    })

    it('a holder that never gives it back loses it when its lease ends, and what it commits then is refused', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      await here.lock(key, 'one', 100)
      await expect.poll(() => there.lock(key, 'two', 60_000), { timeout: 5_000, interval: 10 }).not.toBe('taken')
      await expect(here.commit(key, change(1), 60_000, { lock: 'one' })).rejects.toMatchObject({
        code: 'session-conflict',
      })
      await here.unlock(key, 'one')
      expect(await there.commit(key, change(2), 60_000, { lock: 'two' })).toBe(2)
      await there.unlock(key, 'two')
      await expect(there.commit(key, change(3), 60_000, { lock: 'two' })).rejects.toMatchObject({
        code: 'session-conflict',
      })
      const { fields } = (await here.load(key))!
      expect([fields.has('.a1'), fields.has('.a2'), fields.has('.a3')]).toEqual([false, true, false])
    })

    it('a lease that has ended is no lock any more, though nobody else took it', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      await here.lock(key, 'one', 1)
      const commit = async () => {
        try {
          return await there.commit(key, change(1), 60_000, { lock: 'one' })
        } catch (error) {
          return (error as { code?: string }).code
        }
      }
      await expect.poll(commit, { timeout: 5_000, interval: 5 }).toBe('session-conflict')
    })

    it('holds nobody up who does not ask for it', async () => {
      const [here, there] = nodes()
      const key = await alive(here)
      await here.lock(key, 'one', 60_000)
      expect(await there.commit(key, change(1), 60_000)).toBe(2)
      expect(await there.destroy(key)).toBe(true)
      expect(await here.commit(key, change(2), 60_000, { lock: 'one' })).toBeUndefined()
      await here.unlock(key, 'one')
      expect(await stateOf(there, key)).toBe('dead')
    })

    it('locks nothing that is dead, and revives nothing', async () => {
      const [here, there] = nodes()
      const [never, destroyed] = [newKey(), await alive(here)]
      await here.destroy(destroyed)
      for (const key of [never, destroyed]) {
        expect(await there.lock(key, 'one', 60_000)).toBeUndefined()
        await there.unlock(key, 'one')
      }
      expect([await stateOf(here, never), await stateOf(here, destroyed)]).toEqual(['absent', 'dead'])
    })
  })
}

async function alive(store: Nodes[number], ttlMs = 60_000): Promise<string> {
  const key = newKey()
  await store.create(key, record({ a: sealed(0) }), ttlMs)
  return key
}

function change(n: number) {
  return { set: new Map([[`.a${n}`, sealed(n)]]), remove: [] }
}

/** By the store's clock, ms since 1970. */
async function leaseEndOf(store: Nodes[number], key: string): Promise<number> {
  return Number((await store.load(key))!.fields.get('@l')?.toString().split(':').at(-1))
}
