import type { Sessions } from '../../src/sessions.ts'
import type { TestApp } from '../app.ts'

/** What the apps below keep in a session. */
export interface Shop {
  cart?: string[]
  seen?: boolean
  steps?: number
}

/**
 * One small app, written in each framework as its own documentation would. All serve the same routes:
 *
 * - `/read` the attributes as JSON; `/me` the user, or `nobody`; `/add?item=` adds to the cart in place, and sets a cookie
 *   of the app's own; `/login?user=` logs in and redirects to `/me`; `/logout`
 * - `/not-modified` 304 and `/empty` 204, having changed something
 * - `/stream` and `/sse` change something between two parts of the body; `/hang` does, and never ends
 * - `/broken` changes something, and throws
 * - `/fresh`, `/optional`, `/stale-ok`: marked so; they answer the cart, or `away`
 * - `/none`: asks nothing of the session
 */
export interface AdapterApp {
  serve(sessions: Sessions): Promise<TestApp>
  /** Whether a mark decides how a session is loaded in an app that loads eagerly as well. */
  readonly marksAloneLoad: boolean
  /** The same routes with nothing loaded; `/read` loads by `loadSession`, `/add` asks for the session all the same. */
  serveLazily(sessions: Sessions): Promise<TestApp>
}

export function addToCart(session: Shop, item: string): void {
  if (session.cart === undefined) session.cart = [item]
  else session.cart.push(item)
}

export function cartOf(session: Shop & { available: boolean }): string {
  return session.available ? JSON.stringify(session.cart ?? []) : 'away'
}

export const halves = ['one', 'two'] as const
