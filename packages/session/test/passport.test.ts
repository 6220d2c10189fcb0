import type { RequestListener } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expressSession } from '../src/express.ts'
import { hashOfId } from '../src/id.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { serve, type TestApp } from './app.ts'
import { type Browser, browser } from './client.ts'

declare global {
  namespace Express {
    interface User {
      name: string
    }
  }
}

/** Two nodes of one app, each with a Passport of its own, over one store. */
describe('Passport 0.7 with passport-local', () => {
  const shared = new Map<string, Buffer>()
  const store = memoryStore({ shared, namespace: 'test' })
  const nodes: { sessions: Sessions; app: TestApp }[] = []
  let one: TestApp
  let two: TestApp

  beforeAll(async () => {
    for (let i = 0; i < 2; i += 1) {
      const sessions = createSessions({ store: memoryStore({ shared, namespace: 'test' }), namespace: 'test' })
      nodes.push({ sessions, app: await serve(withPassport(sessions)) })
    }
    one = nodes[0]!.app
    two = nodes[1]!.app
  })
  afterAll(async () => {
    for (const { sessions, app } of nodes) {
      await app.close()
      await sessions.close()
    }
    await store.close()
  })

  it('logs in on one node, is logged in on the other, and logs out everywhere', async () => {
    const visitor = browser(one.origin)
    const answer = await visitor.get('/login?username=ann&password=secret')
    expect([answer.status, answer.headers.location]).toEqual([302, '/me'])
    expect((await elsewhere(visitor).get('/me')).body).toBe('ann {}')
    const copy = elsewhere(visitor)
    await elsewhere(visitor).get('/logout')
    expect((await copy.get('/me')).body).toBe('nobody {}')
    expect((await visitor.get('/me')).body).toBe('nobody {}')
  })

  it('gives a new id at login, and ends the old one', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/add')
    const planted = visitor.cookie!
    await visitor.get('/login?username=ann&password=secret')
    expect(visitor.cookie).not.toBe(planted)
    expect((await browser(two.origin, planted).get('/me')).body).toBe('nobody {}')
    expect((await store.load(hashOfId(planted)))?.fields.has('@x')).toBe(true)
  })

  it('as with express-session, what was there before login or logout is gone', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/add')
    await visitor.get('/login?username=ann&password=secret')
    expect((await elsewhere(visitor).get('/me')).body).toBe('ann {}')
    await visitor.get('/add')
    const answer = await visitor.get('/logout')
    expect(answer.setCookie).toEqual([expect.stringMatching(/^JSESSIONID=; Max-Age=0/)])
    expect((await visitor.get('/me')).body).toBe('nobody {}')
  })

  it('unless keepSessionInfo is asked for', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/add')
    await visitor.get('/login-and-keep?username=ann&password=secret')
    expect((await elsewhere(visitor).get('/me')).body).toBe('ann {"cart":["tea"]}')
    const before = visitor.cookie
    await visitor.get('/logout-and-keep')
    expect(visitor.cookie).not.toBe(before)
    expect((await elsewhere(visitor).get('/me')).body).toBe('nobody {"cart":["tea"]}')
  })

  it('a login that fails changes nothing, and leaves its message for the next page', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/add')
    const before = visitor.cookie
    const answer = await visitor.get('/login?username=ann&password=wrong')
    expect([answer.status, answer.headers.location, visitor.cookie]).toEqual([302, '/sorry', before])
    expect((await elsewhere(visitor).get('/messages')).body).toBe('["no such user and password"]')
    expect((await elsewhere(visitor).get('/me')).body).toMatch(/^nobody /)
  })

  it('logs in although the cookie names a session that has ended', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/login?username=ann&password=secret')
    const stale = browser(two.origin, visitor.cookie)
    await visitor.get('/logout')
    expect((await stale.get('/login?username=bob&password=secret')).setCookie).toHaveLength(1)
    expect((await stale.get('/me')).body).toBe('bob {}')
  })

  it('session.login beside it gives the session a principal, for Tomcat and for logging out everywhere', async () => {
    const visitor = browser(one.origin)
    await visitor.get('/login-as-principal?username=ann&password=secret')
    const other = elsewhere(visitor)
    expect((await other.get('/principal')).body).toBe('ann ann')
    expect(await nodes[1]!.sessions.destroyAllOf('ann')).toBe(1)
    expect((await other.get('/principal')).body).toBe('nobody nobody')
  })

  function elsewhere(visitor: Browser): Browser {
    return browser(two.origin, visitor.cookie)
  }
})

function withPassport(sessions: Sessions): RequestListener {
  const auth = new passport.Passport()
  auth.use(
    new Strategy((username, password, done) =>
      password === 'secret'
        ? done(null, { name: username })
        : done(null, false, { message: 'no such user and password' }),
    ),
  )
  auth.serializeUser((user, done) => process.nextTick(done, null, user.name))
  auth.deserializeUser((name: string, done) => process.nextTick(done, null, { name }))

  const app = express()
  app.use(expressSession(sessions))
  app.use(auth.session())
  app.get(
    '/login',
    auth.authenticate('local', { successRedirect: '/me', failureRedirect: '/sorry', failureMessage: true }),
  )
  app.get('/login-and-keep', auth.authenticate('local', { keepSessionInfo: true }), (_req, res) => void res.send('in'))
  app.get('/login-as-principal', auth.authenticate('local'), async (req, res) => {
    await req.session.login(req.user!.name)
    res.send('in')
  })
  app.get('/logout', (req, res, next) => req.logout((error) => (error ? next(error) : res.redirect('/'))))
  app.get('/logout-and-keep', (req, res, next) =>
    req.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : res.redirect('/'))),
  )
  app.get('/me', (req, res) => {
    const { passport: _, ...attributes } = req.session
    res.send(`${req.user?.name ?? 'nobody'} ${JSON.stringify(attributes)}`)
  })
  app.get(
    '/principal',
    (req, res) => void res.send(`${req.user?.name ?? 'nobody'} ${req.session.principal?.name ?? 'nobody'}`),
  )
  app.get('/messages', (req, res) => void res.json(req.session.messages))
  app.get('/add', (req, res) => {
    req.session.cart = ['tea']
    res.send('added')
  })
  const answerError: ErrorRequestHandler = (error, _req, res, _next) =>
    void res.status(error.status ?? 500).send(String(error))
  app.use(answerError)
  return app
}
