import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { encodeValue, seal } from '../src/format/value.ts'
import { defaultLimits } from '../src/limits.ts'
import { makeListings } from '../src/listings.ts'
import { ownerHash } from '../src/owner.ts'
import { Hold } from '../src/request/hold.ts'
import { sessionOf } from '../src/session-proxy.ts'
import { createSessions, type SessionsOptions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { makeTurns } from '../src/turns.ts'
import { record, sealed } from './describe-session-store.ts'

describe('a session, as an app uses it', () => {
  it('is a plain object to read, write, list, spread, delete from and print', () => {
    const { session } = open({ cart: sealed(['tea']), user: sealed('ann') })
    session.count = 1
    delete session.user
    expect(Object.keys(session)).toEqual(['cart', 'count'])
    expect({ ...session }).toEqual({ cart: ['tea'], count: 1 })
    expect(Object.entries(session)).toEqual([
      ['cart', ['tea']],
      ['count', 1],
    ])
    expect(JSON.stringify({ session })).toBe('{"session":{"cart":["tea"],"count":1}}')
    expect(inspect(session)).toBe("{ cart: [ 'tea' ], count: 1 }")
    expect(['cart' in session, 'user' in session, session.user]).toEqual([true, false, undefined])
    expect(session.cart).toBe(session.cart)
    expect(Object.hasOwn(session, 'cart')).toBe(true)
    expect(String(session)).toBe('[object Object]')
    Object.assign(session, { a: 1, b: null })
    expect([session.a, session.b]).toEqual([1, null])
  })

  it('an attribute may be named like a method, through get and set; assigning to a method is refused', () => {
    const { session, changed } = open({ login: sealed('from Tomcat') })
    expect(typeof session.login).toBe('function')
    expect(session.get('login')).toBe('from Tomcat')
    for (const name of [
      'login',
      'update',
      'consume',
      'lock',
      'destroy',
      'reload',
      'save',
      'get',
      'toJSON',
      'principal',
      'isNew',
      'available',
    ]) {
      expect(() => Reflect.set(session, name, 1)).toThrow(`write session.set('${name}', …)`)
    }
    session.set('update', 2)
    expect(session.toJSON()).toEqual({ login: 'from Tomcat', update: 2 })
    expect(changed()).toEqual(['update'])
  })

  it('reaches no prototype', () => {
    const { session } = open({ a: sealed(1), ['__proto__']: sealed({ admin: true }) })
    expect(Object.assign({}, session)).toStrictEqual({ a: 1 })
    expect(Reflect.get(session, '__proto__')).toBeUndefined()
    expect(() => Reflect.set(session, '__proto__', {})).toThrow(/cannot be named __proto__/)
    expect(() => session.set('__proto__', {})).toThrow(/cannot be named __proto__/)
    expect(() => Reflect.set(session, Symbol('s'), 1)).toThrow(/by a symbol/)
  })

  it('refuses functions where they are assigned', () => {
    const { session } = open({})
    expect(() => {
      session.callback = () => {}
    }).toThrow(/"callback": a function cannot be stored/)
  })
})

describe('what changed', () => {
  it('is what was assigned, deleted, or changed in place, and nothing that was only read', () => {
    const { session, changed } = open({
      read: sealed({ a: 1 }),
      same: sealed('x'),
      pushed: sealed([1]),
      deep: sealed({ a: { b: 1 } }),
      date: sealed(new Date(5)),
      bytes: sealed(Buffer.from([1])),
      gone: sealed(1),
      back: sealed([1]),
    })
    void session.read
    session.same = 'x'
    ;(session.pushed as number[]).push(2)
    ;(session.deep as { a: { b: number } }).a.b = 2
    ;(session.date as Date).setTime(6)
    ;(session.bytes as Buffer)[0] = 2
    delete session.gone
    ;(session.back as number[]).push(2)
    ;(session.back as number[]).pop()
    session.added = { c: 1 }
    delete session.never
    expect(changed().sort()).toEqual(['added', 'bytes', 'date', 'deep', 'gone', 'pushed'])
  })

  it('is not a difference in how another writer spells the same JSON', () => {
    const { session, changed } = open({ java: seal({ tag: 'j', payload: Buffer.from('{ "b" : 1.0, "a" : 2 }') }) })
    void (session.java as object)
    expect(changed()).toEqual([])
    ;(session.java as { a: number }).a = 3
    expect(changed()).toEqual(['java'])
  })

  it('keeps the type that the other side gave a number', () => {
    const { session, attributes } = open({ long: seal(encodeValue(1, 'l')), double: seal(encodeValue(1, 'd')) })
    session.long = (session.long as number) + 1
    session.double = (session.double as number) + 1
    expect(attributes.changes().map(({ name, plain }) => [name, plain?.tag])).toEqual([
      ['long', 'l'],
      ['double', 'd'],
    ])
  })

  it('once settled is no change any more, and later changes are', () => {
    const { session, attributes, changed } = open({ cart: sealed(['tea']) })
    const cart = session.cart as string[]
    cart.push('jam')
    attributes.settle(attributes.sealed(attributes.changes()))
    expect(changed()).toEqual([])
    cart.push('salt')
    expect(changed()).toEqual(['cart'])
  })
})

describe('the options', () => {
  it.each([
    [{ store: '' }, /set BATON_SESSION_STORE, or write createSessions/],
    [{ store: 'lmdb:' }, /has no path; write lmdb:<folder>/],
    [{ store: 'file:x' }, /scheme "file"/],
    [{ namespace: '' }, /namespace "": use 1 to 64 of/],
    [{ namespace: 'a:b' }, /namespace "a:b": use 1 to 64 of/],
    [{ maxInactiveInterval: 'soon' }, /write a duration of whole seconds like "30m", or seconds like 1800/],
    [{ maxInactiveInterval: 0.5 }, /maxInactiveInterval 0.5/],
    [{ absoluteTimeout: 'never' }, /absoluteTimeout "never": write a duration/],
    [{ limits: { attributes: 0 } }, /limits.attributes 0: write a whole number from 1 on/],
    [{ userSecret: '' }, /userSecret: write a string/],
    [{ store: 'lmdb:./never', nearCache: true }, /nearCache is for Redis/],
    [{ store: 'redis://127.0.0.1:1', nearCache: { maxAgeMs: 0.5 } }, /nearCache.maxAgeMs 0.5/],
    [{ store: 'lmdb:./never', encryption: { keys: [] } }, /encryption.keys is empty/],
    [{ cookie: { name: 'a b' } }, /cookie.name "a b"/],
    [{ cookie: { sameSite: 'none' as const, secure: false } }, /sameSite "none" needs cookie.secure/],
  ])('%o are refused with the remedy', (options, message) => {
    expect(() => createSessions(options)).toThrow(message)
    expect(() => createSessions(options)).toThrow(expect.objectContaining({ code: 'session-options' }))
  })

  it('take store and namespace from the environment where they are left out, and the namespace is `app` without that', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-options-'))
    const begin = async (options: SessionsOptions) => {
      const sessions = createSessions(options)
      const opened = await sessions.open({ headers: {} })
      opened.session.a = 1
      await opened.commit()
      await sessions.close()
    }
    const store = `lmdb:${folder}`
    vi.stubEnv('BATON_SESSION_STORE', store)
    await begin({})
    vi.stubEnv('BATON_SESSION_NAMESPACE', '')
    await begin({})
    vi.stubEnv('BATON_SESSION_NAMESPACE', 'shop')
    await begin({})
    await begin({ namespace: 'other' })
    vi.unstubAllEnvs()
    for (const [namespace, count] of Object.entries({ app: 2, shop: 1, other: 1 })) {
      const sessions = createSessions({ store, namespace })
      expect([namespace, await sessions.count()]).toEqual([namespace, count])
      await sessions.close()
    }
    rmSync(folder, { recursive: true })
  })
})

function open(stored: Record<string, Buffer>) {
  const context = {
    store: memoryStore(),
    mayBeStale: false,
    maxInactiveMs: 1_800_000,
    absoluteMs: undefined,
    commitMs: 500,
    limits: defaultLimits,
    ownerOf: ownerHash('test'),
    cipher: undefined,
    turns: makeTurns(),
    listings: makeListings(),
    touching: new Set<string>(),
    onDropped() {},
    onError() {},
  }
  const hold = new Hold(context, 'key', false)
  hold.adopt('key', record(stored))
  const { attributes } = hold
  return { session: sessionOf(hold), attributes, changed: () => attributes.changes().map(({ name }) => name) }
}
