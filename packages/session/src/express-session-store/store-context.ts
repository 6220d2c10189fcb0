import { makeCipher } from '../format/cipher.ts'
import { checkLimits } from '../limits.ts'
import { makeListings } from '../listings.ts'
import {
  checkedInterval,
  checkedLimits,
  checkedNamespace,
  checkedUserSecret,
  type SessionsOptions,
  storeUrl,
} from '../options.ts'
import { ownerHash } from '../owner.ts'
import { defaultTimeouts, openStore } from '../stores/open.ts'
import type { WholeSessionsContext } from './whole-sessions.ts'

/** As for `createSessions`, without what is the middleware's: its cookie. */
export type StoreOptions = Pick<
  SessionsOptions,
  | 'store'
  | 'namespace'
  | 'maxInactiveInterval'
  | 'absoluteTimeout'
  | 'timeouts'
  | 'limits'
  | 'encryption'
  | 'userSecret'
  | 'onError'
>

/** Throws SessionError `session-options`. */
export function storeContext(options: StoreOptions): Omit<WholeSessionsContext, 'carry'> {
  const namespace = checkedNamespace(options.namespace)
  const { store: given, absoluteTimeout } = options
  const limits = checkedLimits(options.limits)
  const url = typeof given === 'object' ? '' : storeUrl(options)
  const timeouts = { ...defaultTimeouts(url), ...options.timeouts }
  return {
    maxInactiveMs: checkedInterval('maxInactiveInterval', options.maxInactiveInterval ?? '30m'),
    absoluteMs: absoluteTimeout === undefined ? undefined : checkedInterval('absoluteTimeout', absoluteTimeout),
    cipher: options.encryption === undefined ? undefined : makeCipher(options.encryption),
    ownerOf: ownerHash(checkedUserSecret(options.userSecret, namespace)),
    checkLimits: (before, change) => checkLimits(limits, before, change),
    listings: makeListings(),
    store: typeof given === 'object' ? given : openStore(url, { namespace, timeouts }),
    onError: options.onError ?? ((error) => process.emitWarning(error)),
  }
}
