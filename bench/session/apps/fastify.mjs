// An app on Fastify: node fastify.mjs PORT WAY STORE, the way being bare, baton, peer (@fastify/session) or iron (iron-session).
import { createSessions } from '@baton/session'
import { fastifySession } from '@baton/session/fastify'
import cookie from '@fastify/cookie'
import peerSession from '@fastify/session'
import { RedisStore } from 'connect-redis'
import { fastify } from 'fastify'
import { getIronSession } from 'iron-session'
import { createClient } from 'redis'
import { contentOf } from './content.mjs'

const [port, way, store = ''] = process.argv.slice(2)
const secret = 'only for the bench, and at least 32 characters'
const app = fastify({ keepAliveTimeout: 600_000 })
if (way === 'baton') {
  const nearCache = store.endsWith('#near')
  const sessions = createSessions({ store: store.replace('#near', ''), namespace: 'bench', nearCache })
  await app.register(fastifySession, { sessions })
}
if (way === 'peer') {
  const client = createClient({ url: store })
  await client.connect()
  await app.register(cookie)
  await app.register(peerSession, {
    secret,
    saveUninitialized: false,
    cookie: { secure: false },
    store: new RedisStore({ client }),
  })
}
if (way === 'iron') {
  app.decorateRequest('iron')
  app.addHook('onRequest', async (req, reply) => {
    const options = { password: secret, cookieName: 'iron', cookieOptions: { secure: false } }
    Object.assign(req, { iron: await getIronSession(req.raw, reply.raw, options) })
  })
}

app.get('/begin', async (req) => {
  const { bytes } = /** @type {{ bytes: string }} */ (req.query)
  if (way !== 'bare') Object.assign(sessionOf(req), contentOf(Number(bytes)))
  await saveIron(req)
  return 'begun'
})
app.get('/read', (req, reply) => {
  reply.send(`hello ${way === 'bare' ? 'ann' : sessionOf(req).user.name}`)
})
app.get('/write', async (req) => {
  if (way !== 'bare') sessionOf(req).visits += 1
  await saveIron(req)
  return 'written'
})
await app.listen({ port: Number(port), host: '127.0.0.1' })
// So that --cpu-prof gets to write what it saw.
process.on('SIGTERM', () => process.exit(0))

/**
 * @param {object} req
 * @returns {{ user: { name: string }, visits: number, save(): Promise<void> }}
 */
function sessionOf(req) {
  return Reflect.get(req, way === 'iron' ? 'iron' : 'session')
}

/** @param {object} req */
async function saveIron(req) {
  if (way === 'iron') await sessionOf(req).save()
}
