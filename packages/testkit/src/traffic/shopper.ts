import type { Answer, Outgoing } from './connection.ts'
import { createCookieJar } from './cookie-jar.ts'
import type { Problem } from './ledger.ts'

/**
 * A logged-in user of examples/shop, or of any app that speaks the same few requests, in JSON:
 *
 *     POST /login  {user}   starts a session         POST /cart   {item}  puts an item into the session's cart
 *     GET  /me              {user, cart: [item]}     POST /orders {id}    records an order in the app's order file
 *     GET  /                the same as a page
 *
 * It knows what it was promised, and so what every answer must show.
 */
export interface Shopper {
  readonly name: string
  login(): Visit
  lookAtMe(): Visit
  lookAtPage(): Visit
  putIntoCart(item: string): Visit
  order(id: string): Visit
}

/** One request of a shopper, made up at the moment it is sent, since what its answer must show depends on that. */
export interface Visit {
  readonly outgoing: Outgoing
  /** The id of the order or cart item that it carries. */
  readonly item: string | null
  /** Takes the answer's cookies and promises; what is wrong with it, or null. */
  judge(answer: Answer): Finding | null
}

export interface Finding {
  readonly problem: Problem
  readonly error: string
}

export function createShopper(name: string): Shopper {
  const jar = createCookieJar()
  /** Every item ever sent, also those whose answer never came: they may be in the cart. */
  const sent = new Set<string>()
  /** Items that the app acknowledged, in the order of the answers: they must be in the cart. */
  const acknowledged: string[] = []

  const visit = (
    method: string,
    path: string,
    options: { accept?: string; body?: Record<string, string>; check?: (answer: Answer) => Finding | null },
  ): Visit => {
    const cookie = jar.header()
    return {
      outgoing: {
        method,
        path,
        headers: {
          accept: options.accept ?? 'application/json',
          ...(cookie === undefined ? {} : { cookie }),
          ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      },
      item: options.body?.item ?? options.body?.id ?? null,
      judge(answer) {
        jar.keep(answer.headers['set-cookie'])
        return judgeStatus(answer) ?? options.check?.(answer) ?? null
      },
    }
  }

  return {
    name,
    login: () => visit('POST', '/login', { body: { user: name } }),
    lookAtMe() {
      const promised = acknowledged.length
      return visit('GET', '/me', { check: (answer) => judgeMe(answer, name, acknowledged.slice(0, promised), sent) })
    },
    lookAtPage() {
      const promised = acknowledged.length
      const check = (answer: Answer) => judgePage(answer, name, acknowledged.slice(0, promised))
      return visit('GET', '/', { accept: 'text/html', check })
    },
    putIntoCart(item) {
      sent.add(item)
      const check = () => {
        acknowledged.push(item)
        return null
      }
      return visit('POST', '/cart', { body: { item }, check })
    },
    order: (id) => visit('POST', '/orders', { body: { id } }),
  }
}

function judgeStatus(answer: Answer): Finding | null {
  if (answer.status >= 200 && answer.status < 300) return null
  const location = answer.headers.location
  if (answer.status < 400 && !location?.includes('/login')) return null
  const told = location === undefined ? excerpt(answer.body) : `Location: ${location}`
  const loggedOut = answer.status < 400 || answer.status === 401 || answer.status === 403
  return { problem: loggedOut ? 'logged-out' : 'failed', error: `status ${answer.status}: ${told}` }
}

function judgeMe(answer: Answer, name: string, promised: readonly string[], sent: ReadonlySet<string>): Finding | null {
  const me = parseMe(answer.body)
  if (me === null) return { problem: 'failed', error: `not the JSON of GET /me: ${excerpt(answer.body)}` }
  if (me.user !== name) return { problem: 'logged-out', error: `answered as ${me.user ?? 'nobody'}` }
  const inCart = new Set(me.cart)
  const wrong = [
    ...promised.filter((item) => !inCart.has(item)).map((item) => `${item} is missing`),
    ...me.cart.filter((item) => !sent.has(item)).map((item) => `${item} was never put there`),
    ...me.cart.filter((item, index) => me.cart.indexOf(item) !== index).map((item) => `${item} is there twice`),
  ]
  return wrong.length === 0 ? null : { problem: 'wrong-cart', error: `cart: ${wrong.slice(0, 3).join(', ')}` }
}

function judgePage(answer: Answer, name: string, promised: readonly string[]): Finding | null {
  if (!answer.body.includes(name)) return { problem: 'logged-out', error: `the page does not show ${name}` }
  const missing = promised.find((item) => !answer.body.includes(item))
  return missing === undefined ? null : { problem: 'wrong-cart', error: `the page does not show ${missing}` }
}

function excerpt(body: string): string {
  return body.replace(/\s+/g, ' ').trim().slice(0, 160)
}

function parseMe(body: string): { user: string | null; cart: readonly string[] } | null {
  try {
    const { user, cart } = JSON.parse(body) as { user?: unknown; cart?: unknown }
    return {
      user: typeof user === 'string' ? user : null,
      cart: Array.isArray(cart) ? cart.filter((item) => typeof item === 'string') : [],
    }
  } catch {
    return null
  }
}
