import { BatonError } from '@baton/core'

/**
 * A name that a command of the runtime API can hold as it is. HAProxy's own rule for names (configuration manual, 2.2);
 * nothing in it separates words or commands. Throws `haproxy-name-invalid`.
 */
export function assertName(name: string, what: string): string {
  if (/^[A-Za-z0-9_.:-]+$/.test(name)) return name
  throw new BatonError('haproxy-name-invalid', `${what} cannot be named ${JSON.stringify(name)} in HAProxy`, {
    hint: 'use letters, digits, and . : _ - alone',
  })
}
