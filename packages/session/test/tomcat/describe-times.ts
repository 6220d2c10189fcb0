import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Session } from '../../src/session.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import type { Stacks } from './stacks.ts'
import { type Visitor, visitor } from './visitor.ts'

/** When a session begins, lives on and expires is the same for both. */
export function describeTimes(stacks: () => Stacks): void {
  let browser: Visitor
  let tomcat: string
  let other: string
  let app: TestApp
  beforeAll(async () => {
    app = await serve(
      adapters.node(stacks().sessions['node:http'], {
        '/set-interval': (session: Session, res: ServerResponse) => {
          session.maxInactiveInterval = 300
          res.end()
        },
        '/interval': (session, res) => res.end(String(session.maxInactiveInterval)),
        '/created': (session, res) => res.end(String(session.createdAt?.getTime())),
        '/set': (session, res) => {
          session.value = Math.random()
          res.end()
        },
        '/read': (session, res) => res.end(JSON.stringify(session)),
      }),
    )
  })
  afterAll(() => app?.close())
  beforeEach(() => {
    browser = visitor()
    ;[tomcat, other] = stacks().tomcats
  })

  it('a session that neither has said anything about lives for half an hour, and began when it did', async () => {
    await browser.read(`${tomcat}/set?name=a`)
    const { look } = stacks()
    expect([await browser.read(`${app.origin}/interval`), await browser.read(`${other}/interval`)]).toEqual([
      '1800',
      '1800',
    ])
    expect(await look.ttlMs(browser.id)).toBeGreaterThan(1_790_000)
    expect(await browser.read(`${app.origin}/created`)).toBe(await browser.read(`${other}/created`))
    const born = visitor()
    await born.read(`${app.origin}/set`)
    expect(await look.ttlMs(born.id)).toBeGreaterThan(1_790_000)
    expect(await born.read(`${app.origin}/created`)).toBe(await born.read(`${tomcat}/created`))
  })

  it('an interval that one sets is that of the other, and of the store', async () => {
    const { look } = stacks()
    await browser.read(`${tomcat}/set?name=a`)
    await browser.read(`${tomcat}/interval?seconds=120`)
    expect(await browser.read(`${app.origin}/interval`)).toBe('120')
    expect(await look.ttlMs(browser.id)).toBeLessThanOrEqual(120_000)
    await browser.read(`${app.origin}/set-interval`)
    expect(await browser.read(`${other}/interval`)).toBe('300')
    const ttlMs = await look.ttlMs(browser.id)
    expect([ttlMs > 290_000, ttlMs <= 300_000]).toEqual([true, true])
  })

  it('each request that finds little left has the whole interval again, of either', async () => {
    const { look } = stacks()
    await browser.read(`${tomcat}/set?name=a`)
    await browser.read(`${tomcat}/interval?seconds=600`)
    for (const url of [`${tomcat}/me`, `${app.origin}/read`, `${other}/me`]) {
      await look.expireIn(browser.id, 60_000)
      await browser.read(url)
      // Nobody waits for a touch.
      await expect.poll(() => look.ttlMs(browser.id)).toBeGreaterThan(590_000)
    }
  })

  it('what is nearly whole is not renewed by reading, by neither', async () => {
    const { look } = stacks()
    await browser.read(`${tomcat}/set?name=a`)
    await browser.read(`${tomcat}/interval?seconds=600`)
    await look.expireIn(browser.id, 590_000)
    for (const url of [`${tomcat}/me`, `${app.origin}/read`, `${other}/me`]) await browser.read(url)
    // Each write renews, so that a touch before it would have shown by then.
    expect(await look.ttlMs(browser.id)).toBeLessThanOrEqual(590_000)
    await browser.read(`${app.origin}/set`)
    expect(await look.ttlMs(browser.id)).toBeGreaterThan(590_000)
  })

  it('what has expired is nothing to both, and no answer sets or clears a cookie', async () => {
    await browser.read(`${tomcat}/set?name=a`)
    const { look } = stacks()
    await look.expireIn(browser.id, 1)
    await expect.poll(() => look.ttlMs(browser.id)).toBe(-2)
    const answers = [await browser.get(`${tomcat}/me`), await browser.get(`${app.origin}/read`)]
    expect(answers.map(({ body }) => body)).toEqual(['{"user":null,"attributes":{}}', '{}'])
    expect(answers.flatMap(({ sessionCookies }) => sessionCookies)).toEqual([])
  })

  it('a session of which only remains are left is none to both', async () => {
    await browser.read(`${tomcat}/set?name=a`)
    const { look } = stacks()
    await look.expireIn(browser.id, 1)
    await expect.poll(() => look.ttlMs(browser.id)).toBe(-2)
    await look.put(browser.id, '.late', Buffer.from('sabcdeflate'))
    expect(await browser.read(`${tomcat}/me`)).toBe('{"user":null,"attributes":{}}')
    expect(await browser.read(`${app.origin}/read`)).toBe('{}')
  })

  it('a past absolute deadline ends it for both, whatever its time to live', async () => {
    await browser.read(`${tomcat}/set?name=a`)
    const { look } = stacks()
    await look.put(browser.id, '@A', Buffer.from(String(Date.now() - 1)))
    expect(await browser.read(`${other}/me`)).toBe('{"user":null,"attributes":{}}')
    expect(await browser.read(`${app.origin}/read`)).toBe('{}')
  })

  it('a record that needs a newer reader is refused by both, with 503, and stays as it is', async () => {
    await browser.read(`${tomcat}/set?name=a`)
    const { look } = stacks()
    await look.put(browser.id, '@f', Buffer.from('2.2'))
    for (const url of [`${tomcat}/set?name=b`, `${app.origin}/set`]) {
      const { status, headers, sessionCookies } = await browser.get(url)
      expect([status, headers.get('retry-after'), sessionCookies]).toEqual([503, '1', []])
    }
    expect(await look.text(browser.id, '@v')).toBe('1')
  })
}
