import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong, and with how many requests (of those that it can happen to). */
export interface Faults {
  /** The connection is reset as soon as a request arrives on it that is not its first. */
  resets?: number
  /** The connection ends in the middle of an answer. */
  cuts?: number
  answers500?: number
  /** No answer at all. */
  hangs?: number
  /** The order is acknowledged and not recorded. */
  losesOrders?: number
  /** The order is recorded twice. */
  doublesOrders?: number
  /** The order is recorded and its connection reset. */
  unacknowledgedOrders?: number
  /** GET /me answers as the user of the previous GET /me. */
  mixesUpUsers?: number
  /** GET / redirects to /login. */
  logsOut?: number
  /** The session is forgotten: GET /me answers for nobody, everything else with 401. */
  forgetsSessions?: number
  /** An acknowledged item is not put into the cart. */
  losesItems?: number
  /** An item is put into the cart twice. */
  doublesItems?: number
}

export interface FaultyShop {
  readonly url: string
  readonly orders: string[]
  /** How often each fault happened. */
  readonly happened: Record<keyof Faults, number>
  readonly faults: Faults
  /** Requests by their item, to see one that was sent twice. */
  readonly received: string[]
  close(): Promise<void>
}

/** The few requests of examples/shop, in one process, and wrong on demand. */
export async function startFaultyShop(faults: Faults = {}): Promise<FaultyShop> {
  const sessions = new Map<string, { user: string; cart: string[] }>()
  const orders: string[] = []
  const received: string[] = []
  const happened: Record<string, number> = {}
  let previous: { user: string; cart: string[] } | undefined

  const goesWrong = (fault: keyof Faults): boolean => {
    if ((happened[fault] ?? 0) >= (faults[fault] ?? 0)) return false
    happened[fault] = (happened[fault] ?? 0) + 1
    return true
  }

  const serve = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const socket = request.socket as typeof request.socket & { served?: number }
    const reused = (socket.served ?? 0) > 0
    socket.served = (socket.served ?? 0) + 1
    const { pathname } = new URL(request.url ?? '/', 'http://shop')
    const input = body === '' ? {} : (JSON.parse(body) as { user?: string; item?: string; id?: string })
    const id = /session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    const session = sessions.get(id)
    const answer = (status: number, value: unknown, headers: Record<string, string> = {}) => {
      const text = JSON.stringify(value)
      const whole = { 'content-type': 'application/json', 'content-length': String(text.length), 'baton-node': 'web-1' }
      response.writeHead(status, { ...whole, ...headers }).end(text)
    }
    received.push(input.item ?? input.id ?? '')

    if (pathname === '/login') {
      const fresh = randomUUID()
      sessions.set(fresh, { user: input.user ?? '', cart: [] })
      return answer(200, {}, { 'set-cookie': `session=${fresh}; Path=/; HttpOnly` })
    }
    if (session === undefined && pathname === '/me') return answer(200, { user: null, cart: [] })
    if (session === undefined) return answer(401, { error: 'log in first' })
    if (reused && goesWrong('resets')) return socket.resetAndDestroy()
    if (goesWrong('hangs')) return
    if (goesWrong('answers500')) return answer(500, { error: 'out of order' })
    if (goesWrong('cuts')) {
      response.writeHead(200, { 'content-length': '1000' }).write('{"user"')
      return setTimeout(() => socket.destroy(), 5)
    }
    if (request.method === 'POST' && goesWrong('forgetsSessions')) sessions.delete(id)

    if (pathname === '/orders') {
      const order = input.id ?? ''
      if (goesWrong('losesOrders')) return answer(201, { id: order })
      if (goesWrong('doublesOrders')) orders.push(order)
      orders.push(order)
      if (goesWrong('unacknowledgedOrders')) return socket.resetAndDestroy()
      return answer(201, { id: order })
    }
    if (pathname === '/cart') {
      const item = input.item ?? ''
      if (goesWrong('losesItems')) return answer(201, {})
      if (goesWrong('doublesItems')) session.cart.push(item)
      session.cart.push(item)
      return answer(201, {})
    }
    if (pathname === '/me') {
      const other = previous !== undefined && previous.user !== session.user && goesWrong('mixesUpUsers')
      const seen = other ? previous : session
      previous = session
      return answer(200, seen)
    }
    if (goesWrong('logsOut')) return response.writeHead(303, { location: '/login' }).end()
    return answer(200, session)
  }

  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => serve(request, response, body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    orders,
    happened: new Proxy(happened, { get: (counts, name: string) => counts[name] ?? 0 }) as FaultyShop['happened'],
    faults,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
