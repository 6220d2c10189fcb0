import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { expressSession } from '../src/express.ts'
import { fastifySession } from '../src/fastify.ts'
import { nodeSession, openUpgrade, refuseUpgrade } from '../src/node.ts'
import type { Session } from '../src/session.ts'
import { createSessions, type Sessions } from '../src/sessions.ts'
import { unavailable } from '../src/stores/deadline.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { browser } from './client.ts'
import { watched } from './describe-adapter.ts'

const servers = {
  async express(sessions: Sessions): Promise<Server> {
    const app = express()
    app.use(expressSession(sessions))
    app.get('/read', (req, res) => void res.json(req.session))
    return createServer(app)
  },
  async fastify(sessions: Sessions): Promise<Server> {
    const app = fastify()
    app.register(fastifySession, { sessions })
    app.get('/read', (req) => req.session)
    await app.ready()
    return app.server
  },
  async node(sessions: Sessions): Promise<Server> {
    return createServer(nodeSession(sessions, (req, res) => res.end(JSON.stringify(req.session))))
  },
}

describe.each(Object.entries(servers))('a WebSocket in front of %s', (_name, make) => {
  const calls: string[] = []
  let disturb: (method: string) => Promise<void> | undefined = () => undefined
  const store = watched(memoryStore(), (method) => {
    calls.push(method)
    return disturb(method)
  })
  const sessions = createSessions({ store, onError: () => {} })
  const wss = new WebSocketServer({ noServer: true })
  let server: Server
  let origin: string

  beforeAll(async () => {
    server = await make(sessions)
    server.on('upgrade', (req, socket, head) => void upgrade(req, socket, head))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    for (const client of wss.clients) client.terminate()
    server.closeAllConnections()
    server.close()
    await sessions.close()
  })

  it('has the session, and what it changed is committed before the 101, which carries the cookie', async () => {
    let isCommitted = false
    disturb = async (method) => {
      if (method === 'create') isCommitted = true
    }
    const { socket, headers } = await open('/chat')
    expect(isCommitted).toBe(true)
    const visitor = browser(origin, /^JSESSIONID=([^;]+)/.exec(headers['set-cookie']?.[0] ?? '')?.[1])
    expect((await visitor.get('/read')).body).toBe('{"room":"/chat"}')
    socket.close()
  })

  it('writes with each message that is saved, and sees what others write', async () => {
    disturb = () => undefined
    const { socket, headers } = await open('/chat')
    const visitor = browser(origin, /^JSESSIONID=([^;]+)/.exec(headers['set-cookie']?.[0] ?? '')?.[1])
    for (const expected of ['1', '2']) {
      socket.send('count')
      const [answer] = (await once(socket, 'message')) as [Buffer]
      expect(String(answer)).toBe(expected)
    }
    expect((await visitor.get('/read')).body).toBe('{"room":"/chat","count":2}')
    socket.close()
  })

  it('is refused by the app before the 101', async () => {
    expect(await refused('/members')).toEqual({ status: 401, retryAfter: undefined, cookies: undefined })
  })

  it('is refused with 503, and no cookie, when the session cannot be loaded or committed', async () => {
    disturb = () => Promise.reject(unavailable('the store is away'))
    const kept = { status: 503, retryAfter: '1', cookies: undefined }
    expect(await refused('/chat')).toEqual(kept)
    expect(await refused('/chat', { cookie: `JSESSIONID=${'x'.repeat(32)}` })).toEqual(kept)
    disturb = () => undefined
  })

  async function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const { session, commit } = await openUpgrade(sessions, req)
      if (req.url === '/members' && session.principal === undefined) return refuseUpgrade(socket, 401)
      session.room = req.url
      const lines = await commit()
      wss.once('headers', (headers) => void headers.push(...lines))
      wss.handleUpgrade(req, socket, head, (ws) => ws.on('message', () => void count(session, ws)))
    } catch (error) {
      refuseUpgrade(socket, error)
    }
  }

  async function count(session: Session, ws: WebSocket): Promise<void> {
    ws.send(String(await session.update('count', (count) => (typeof count === 'number' ? count : 0) + 1)))
  }

  async function open(path: string): Promise<{ socket: WebSocket; headers: IncomingMessage['headers'] }> {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}${path}`)
    const upgraded = once(socket, 'upgrade') as Promise<[IncomingMessage]>
    await once(socket, 'open')
    const [response] = await upgraded
    return { socket, headers: response.headers }
  }

  async function refused(path: string, headers: Record<string, string> = {}) {
    const handshake = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const req = request(new URL(path, origin), { headers: { ...handshake, ...headers } })
    req.end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    res.resume()
    return { status: res.statusCode, retryAfter: res.headers['retry-after'], cookies: res.headers['set-cookie'] }
  }
})
