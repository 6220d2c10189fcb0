import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'

/** The parts of express-session that tests use. Its published types would claim `req.session`, which is ours here. */
export interface ExpressSessionModule {
  (options: ExpressSessionOptions): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
  readonly Store: new () => ExpressStore
  readonly Cookie: new (options?: object) => PeerCookie
}

export interface ExpressSessionOptions {
  readonly [option: string]: unknown
}

export interface ExpressStore {
  on(event: string, listener: () => void): this
  emit(event: string): boolean
  generate(req: object): void
}

export interface PeerCookie {
  maxAge: number | null | undefined
  expires: Date | null | undefined
  originalMaxAge: number | null | undefined
  [attribute: string]: unknown
}

export interface PeerSession {
  readonly id: string
  readonly cookie: PeerCookie
  touch(): this
  save(callback?: (error?: unknown) => void): this
  reload(callback: (error?: unknown) => void): this
  destroy(callback?: (error?: unknown) => void): this
  regenerate(callback: (error?: unknown) => void): this
  [attribute: string]: unknown
}

const require = createRequire(import.meta.url)

export const session = require('express-session') as ExpressSessionModule

/** What express-session signs its cookie with: `s:<id>.<signature>`. */
export const { sign, unsign } = require('cookie-signature') as {
  sign(id: string, secret: string): string
  unsign(signed: string, secret: string): string | false
}

/** The id in the cookie. */
export function idIn(jar: ReadonlyMap<string, string>, name = 'connect.sid'): string {
  return decodeURIComponent(jar.get(name) ?? '').replace(/^(?:s:)?(.*)\.[^.]*$/, '$1')
}
