import { beforeEach, describe, expect, it } from 'vitest'
import { frameworks, type Stacks } from './stacks.ts'
import { type Visitor, visitor } from './visitor.ts'

const credentials = { j_username: 'ann', j_password: 'secret' }

/** Who logs in on one stack is logged in on the other, and logged out likewise. */
export function describeLogins(stacks: () => Stacks): void {
  let browser: Visitor
  let tomcat: string
  let other: string
  beforeEach(() => {
    browser = visitor()
    ;[tomcat, other] = stacks().tomcats
  })

  describe.each(frameworks)('with %s,', (framework) => {
    let node: string
    beforeEach(() => {
      node = stacks().node[framework]
    })

    it('a login by FORM on Tomcat is one there, with the cart from before it, and its logout one on Tomcat', async () => {
      await browser.read(`${node}/add?item=apple`)
      const before = browser.id
      await logInByForm(browser, tomcat, other)
      expect(browser.id).not.toBe(before)
      expect(await browser.read(`${node}/me`)).toBe('ann')
      await browser.read(`${node}/add?item=pear`)
      expect(await browser.read(`${tomcat}/show?name=cart`)).toBe('ArrayList [String apple, String pear]')
      expect(await browser.read(`${other}/account/me`)).toBe('ann true FORM')

      const loggedIn = browser.id
      const logout = await browser.get(`${node}/logout`)
      expect(logout.sessionCookies).toEqual([expect.stringContaining('Max-Age=0')])
      expect(await visitor(loggedIn).read(`${tomcat}/me`)).toBe('{"user":null,"attributes":{}}')
      expect(await visitor(loggedIn).read(`${other}/account/me`)).toBe('please log in')
    })

    it('a login there is one on Tomcat, with the cart from before it, and its logout there one here', async () => {
      await browser.read(`${tomcat}/set?name=colour&value=green`)
      const before = browser.id
      const login = await browser.get(`${node}/login?user=ben`)
      expect([login.status, login.headers.get('location')]).toEqual([303, '/me'])
      expect(browser.id).not.toBe(before)
      expect(await browser.read(`${other}/who`)).toBe('ben false null')
      expect(await browser.read(`${other}/show?name=colour`)).toBe('String green')

      const loggedIn = browser.id
      const logout = await browser.get(`${tomcat}/logout`)
      expect(logout.sessionCookies).toEqual([expect.stringContaining('Max-Age=0')])
      expect(await visitor(loggedIn).read(`${node}/me`)).toBe('nobody')
      expect(await visitor(loggedIn).read(`${node}/read`)).toBe('{}')
    })

    it('cookies are the same, but for the id', async () => {
      const [here, there] = [await visitor().get(`${node}/add?item=x`), await visitor().get(`${tomcat}/set?name=x`)]
      const plain = (lines: readonly string[]) => lines.map((line) => line.replace(/=[\w-]{32};/, '=<id>;'))
      expect(plain(here.sessionCookies)).toEqual(['JSESSIONID=<id>; Path=/; HttpOnly; SameSite=Lax'])
      expect(plain(there.sessionCookies)).toEqual(plain(here.sessionCookies))
    })

    it('an id from before a login, or a new id, is nothing on either side, and answers to it set no cookie', async () => {
      await browser.read(`${tomcat}/set?name=colour`)
      const before = browser.id
      await browser.get(`${node}/login?user=ann`)
      const between = browser.id
      await browser.read(`${other}/change-id`)
      expect(browser.id).not.toBe(between)
      for (const old of [visitor(before), visitor(between)]) {
        const answers = [await old.get(`${node}/read`), await old.get(`${tomcat}/me`)]
        expect(answers.map(({ body }) => body)).toEqual(['{}', '{"user":null,"attributes":{}}'])
        expect(answers.flatMap(({ sessionCookies }) => sessionCookies)).toEqual([])
      }
      expect(await browser.read(`${node}/me`)).toBe('ann')
    })
  })

  it('the page that was asked for before a login by FORM is shown after it, though Node.js writes in between', async () => {
    const { express, koa } = stacks().node
    expect(await browser.read(`${tomcat}/account/me`)).toBe('please log in')
    await browser.read(`${express}/add?item=apple`)
    const login = await browser.post(`${other}/j_security_check`, credentials)
    expect([login.status, login.headers.get('location')]).toEqual([303, '/account/me'])
    expect(await browser.read(`${koa}/me`)).toBe('ann')
    expect(await browser.read(`${tomcat}/account/me`)).toBe('ann true FORM')
    expect(await stacks().look.names(browser.id)).not.toContainEqual(expect.stringMatching(/^@j/))
  })

  it('who has seen the login page of Tomcat and logs in on Node.js is logged in on Tomcat', async () => {
    expect(await browser.read(`${tomcat}/account/me`)).toBe('please log in')
    await browser.get(`${stacks().node.fastify}/login?user=ann`)
    expect(await browser.read(`${other}/who`)).toBe('ann false null')
  })

  it('a logout on Tomcat that keeps the session is one on Node.js, which keeps the attributes', async () => {
    const { koa, hono } = stacks().node
    await browser.read(`${koa}/add?item=apple`)
    await browser.get(`${hono}/login?user=ann`)
    expect(await browser.read(`${tomcat}/logout-only`)).toBe('null false null')
    expect(await browser.read(`${koa}/me`)).toBe('nobody')
    expect(await browser.read(`${koa}/read`)).toBe('{"cart":["apple"]}')
  })

  it('somebody else who logs in on the other stack finds nothing of who was there before', async () => {
    const { express } = stacks().node
    await logInByForm(browser, tomcat, other)
    await browser.read(`${tomcat}/set?name=secret`)
    await browser.get(`${express}/login?user=ben`)
    expect(await browser.read(`${other}/me`)).toBe('{"user":"ben","attributes":{}}')
  })

  describe('logging out everywhere', () => {
    beforeEach(async () => {
      await stacks().sessions.express.destroyAllOf('ann')
    })

    async function devices(): Promise<Visitor[]> {
      const { node } = stacks()
      const all = [visitor(), visitor(), visitor(), visitor()] as const
      await logInByForm(all[0], tomcat, other)
      await all[1].get(`${node.hono}/login?user=ann`)
      await all[2].get(`${other}/login`)
      await all[3].get(`${node.express}/login?user=ben`)
      return [...all]
    }

    async function expectOnlyBen(all: readonly Visitor[]): Promise<void> {
      const { node } = stacks()
      const users = ['nobody', 'nobody', 'nobody', 'ben']
      expect(await Promise.all(all.map((each) => each.read(`${node.koa}/me`)))).toEqual(users)
      const onTomcat = await Promise.all(all.map((each) => each.read(`${tomcat}/who`)))
      expect(onTomcat).toEqual(users.map((user) => `${user === 'nobody' ? null : user} false null`))
    }

    it('from Node.js covers Tomcat', async () => {
      const all = await devices()
      const { sessions } = stacks()
      const listed = []
      for await (const session of sessions.express.list({ user: 'ann' })) listed.push(session.user)
      expect(listed).toEqual(['ann', 'ann', 'ann'])
      expect(await sessions.fastify.destroyAllOf('ann')).toBe(3)
      await expectOnlyBen(all)
    })

    it('from Tomcat, by JMX, covers Node.js', async () => {
      const all = await devices()
      expect(await visitor().read(`${other}/logout-everywhere?user=ann`)).toBe('3')
      await expectOnlyBen(all)
    })

    it('leaves a user who then logs in again on the other stack logged in', async () => {
      await devices()
      expect(await stacks().sessions.koa.destroyAllOf('ann')).toBe(3)
      await logInByForm(browser, tomcat, other)
      expect(await browser.read(`${stacks().node.koa}/me`)).toBe('ann')
    })
  })
}

/** The login page from one Tomcat, the password to the other. */
async function logInByForm(browser: Visitor, first: string, second: string): Promise<void> {
  expect(await browser.read(`${first}/account/me`)).toBe('please log in')
  expect((await browser.post(`${second}/j_security_check`, credentials)).status).toBe(303)
}
