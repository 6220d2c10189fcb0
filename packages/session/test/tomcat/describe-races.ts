import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Session } from '../../src/session.ts'
import { adapters, serve, type TestApp } from '../app.ts'
import type { Stacks } from './stacks.ts'
import { type Answer, type Visitor, visitor } from './visitor.ts'

/** One stack is in the middle of a request while the other does something to the session. */
export function describeRaces(stacks: () => Stacks): void {
  let browser: Visitor
  let tomcat: string
  let other: string
  let app: TestApp
  let came: () => void = () => {}
  let going: Promise<void> = Promise.resolve()
  beforeAll(async () => {
    app = await serve(
      adapters.express(stacks().sessions.express, {
        '/wait': async (session: Session, res: ServerResponse) => {
          came()
          await going
          session.late = 'late'
          res.end('late')
        },
        '/count': async (session, res) => {
          const count = await session.update('count', (current) => ((current as number | undefined) ?? 0) + 1)
          res.end(String(count))
        },
        '/take': async (session, res) => res.end(String((await session.consume('token')) ?? 'nothing')),
        '/set': (session, res, req) => {
          const { searchParams } = new URL(req.url ?? '', 'http://x')
          session.set(searchParams.get('name') ?? '', searchParams.get('value') ?? 'set')
          res.end('set')
        },
        '/read': (session, res) => res.end(JSON.stringify(session)),
        '/logout': async (session, res) => {
          await session.destroy()
          res.end('out')
        },
        '/login': async (session, res) => {
          await session.login('ann')
          res.end('in')
        },
      }),
    )
  })
  afterAll(() => app?.close())
  beforeEach(async () => {
    browser = visitor()
    ;[tomcat, other] = stacks().tomcats
    await browser.read(`${tomcat}/set?name=first`)
  })

  /** A request to Tomcat that has read its session, and writes to it after `meanwhile`. */
  async function slowOnTomcat(meanwhile: () => Promise<unknown>, query = ''): Promise<Answer> {
    const gate = `gate=${Math.random()}`
    const slow = visitor(browser.id).get(`${tomcat}/wait?${gate}${query}`)
    expect(await visitor().read(`${tomcat}/has-come?${gate}`)).toBe('true')
    try {
      await meanwhile()
    } finally {
      await visitor().read(`${tomcat}/let-go?${gate}`)
    }
    return slow
  }

  async function slowOnNode(meanwhile: () => Promise<unknown>): Promise<Answer> {
    let letGo = () => {}
    going = new Promise((resolve) => {
      letGo = resolve
    })
    const hasCome = new Promise<void>((resolve) => {
      came = resolve
    })
    const slow = visitor(browser.id).get(`${app.origin}/wait`)
    await hasCome
    try {
      await meanwhile()
    } finally {
      letGo()
    }
    return slow
  }

  async function expectNothingLeft(late: Answer, id: string | undefined): Promise<void> {
    expect([late.status, late.body, late.sessionCookies]).toEqual([200, 'late', []])
    expect(await visitor(id).read(`${app.origin}/read`)).toBe('{}')
    for (const node of [tomcat, other]) {
      expect(await visitor(id).read(`${node}/me`)).toBe('{"user":null,"attributes":{}}')
    }
  }

  it('a late write of Tomcat revives nothing that Node.js has logged out', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnTomcat(() => browser.read(`${app.origin}/logout`)), id)
  })

  it('a late write of Node.js revives nothing that Tomcat has logged out', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnNode(() => browser.read(`${tomcat}/logout`)), id)
  })

  it('a late write of Tomcat by the old id is dropped after a login on Node.js, and logs nobody out', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnTomcat(() => browser.read(`${app.origin}/login`)), id)
    expect(await browser.read(`${other}/me`)).toBe('{"user":"ann","attributes":{"first":"set"}}')
  })

  it('a late write of Node.js by the old id is dropped after a login on Tomcat, and logs nobody out', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnNode(() => browser.get(`${tomcat}/login`)), id)
    expect(await browser.read(`${app.origin}/read`)).toBe('{"first":"set"}')
    expect(await browser.read(`${other}/me`)).toBe('{"user":"ann","attributes":{"first":"set"}}')
  })

  it('a late write of a Tomcat by the old id is dropped after a login on the same Tomcat, and its answer logs nobody in', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnTomcat(() => browser.get(`${tomcat}/login`)), id)
    expect(await browser.read(`${other}/me`)).toBe('{"user":"ann","attributes":{"first":"set"}}')
  })

  it('a late write of a Tomcat by the old id is dropped after a new id on the same Tomcat', async () => {
    const { id } = browser
    await expectNothingLeft(await slowOnTomcat(() => browser.read(`${tomcat}/change-id`)), id)
    expect(await browser.read(`${other}/me`)).toBe('{"user":null,"attributes":{"first":"set"}}')
  })

  it('who comes to Tomcat by an id that has ended gets no cookie, though the application asks for a session', async () => {
    const { id } = browser
    await browser.read(`${app.origin}/login`)
    const late = await visitor(id).get(`${tomcat}/set?name=late`)
    expect([late.status, late.sessionCookies]).toEqual([200, []])
    await browser.read(`${tomcat}/logout`)
    const later = await visitor(id).get(`${other}/set?name=late`)
    expect([later.status, later.sessionCookies]).toEqual([200, []])
  })

  it('who comes by an id that has ended may log in, on either stack', async () => {
    const { id } = browser
    await browser.read(`${app.origin}/login`)
    const [java, node, form] = [visitor(id), visitor(id), visitor(id)]
    expect((await java.get(`${tomcat}/login`)).sessionCookies).toHaveLength(1)
    expect(await java.read(`${other}/me`)).toBe('{"user":"ann","attributes":{}}')
    expect((await node.get(`${app.origin}/login`)).sessionCookies).toHaveLength(1)
    expect(await node.read(`${other}/me`)).toBe('{"user":"ann","attributes":{}}')
    expect(await form.read(`${tomcat}/account/me`)).toBe('please log in')
    await form.post(`${other}/j_security_check`, { j_username: 'ann', j_password: 'secret' })
    expect(await form.read(`${tomcat}/account/me`)).toBe('ann true FORM')
  })

  it('both write while the other is busy, and nothing is lost', async () => {
    await slowOnTomcat(() => browser.read(`${app.origin}/set?name=node`), '&before=early')
    expect(JSON.parse(await browser.read(`${app.origin}/read`))).toEqual({
      first: 'set',
      node: 'set',
      early: 'before',
      late: 'late',
    })
    await slowOnNode(() => browser.read(`${tomcat}/set?name=java`))
    expect(await browser.read(`${other}/names`)).toBe('early first java late node')
  })

  it('a request to the same Tomcat sees what Node.js wrote, though another holds the session there', async () => {
    await slowOnTomcat(async () => {
      await browser.read(`${app.origin}/set?name=first&value=second`)
      expect(await browser.read(`${tomcat}/show?name=first`)).toBe('String second')
      expect(await browser.read(`${other}/show?name=first`)).toBe('String second')
    })
    expect(await browser.read(`${app.origin}/read`)).toBe('{"first":"second","late":"late"}')
  })

  it('updates of Node.js are exact under writes of Tomcat, of other attributes and of the same', async () => {
    const { id } = browser
    const asked = Array.from({ length: 60 }, (_, i) => {
      if (i % 3 === 0) return visitor(id).read(`${tomcat}/set?name=n${i}`)
      if (i % 3 === 1) return visitor(id).read(`${app.origin}/count`)
      return visitor(id).read(`${other}/set?name=n${i}`)
    })
    const counts = (await Promise.all(asked)).filter((_, i) => i % 3 === 1).map(Number)
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect((await browser.read(`${tomcat}/names`)).split(' ')).toHaveLength(1 + 1 + 40)
    expect(await browser.read(`${other}/show?name=count`)).toBe('Integer 20')
    // What Tomcat assigns counts as well: an update goes on from it.
    await browser.read(`${other}/remove?name=count`)
    expect(await browser.read(`${app.origin}/count`)).toBe('1')
  })

  it('a token that Tomcat wrote is consumed by exactly one', async () => {
    await browser.read(`${tomcat}/set?name=token&value=once`)
    const { id } = browser
    const taken = await Promise.all(Array.from({ length: 10 }, () => visitor(id).read(`${app.origin}/take`)))
    expect(taken.sort()).toEqual([...Array(9).fill('nothing'), 'once'])
    expect(await browser.read(`${other}/show?name=token`)).toBe('null')
  })

  it('of two that log in at once by the same id, one on each stack, each has a session of its own or none', async () => {
    const { id } = browser
    const [java, node] = [visitor(id), visitor(id)]
    const [first, second] = await Promise.all([java.get(`${tomcat}/login`), node.get(`${app.origin}/login`)])
    expect([first.status, second.status]).toEqual([303, 200])
    expect(new Set([id, java.id, node.id]).size).toBe(3)
    expect(await java.read(`${other}/who`)).toMatch(/^ann /)
    expect(await node.read(`${other}/who`)).toMatch(/^ann /)
    expect(await visitor(id).read(`${other}/me`)).toBe('{"user":null,"attributes":{}}')
  })
}
