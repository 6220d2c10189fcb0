import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionHolder } from './holder.ts'
import type { Head } from './response.ts'

/** What is kept about one request and its answer. */
export interface Kept {
  holder: SessionHolder | undefined
  head: Head | undefined
}

const key = Symbol('baton.session')
type Keeping = object & { [key]?: Kept }

/**
 * On the request itself, where it ends with it. In a WeakMap it would outlive most requests of Express, as those survive
 * the collection of young objects: copying it costs them a third of their time. As one property, as each costs them a
 * microsecond.
 */
export function keptOf(request: object): Kept | undefined {
  return (request as Keeping)[key]
}

export function keptFor(request: object): Kept {
  const keeping = request as Keeping
  keeping[key] ??= { holder: undefined, head: undefined }
  return keeping[key]
}

/** The request that an answer is for; where nobody says which, the answer does. */
export function requestOf(res: ServerResponse): object {
  return (res.req as IncomingMessage | undefined) ?? res
}
