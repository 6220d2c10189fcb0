import { createHmac } from 'node:crypto'

/** What stands for a user in the store: a dump of it names nobody. */
export type OwnerOf = (user: string) => string

/** HMAC-SHA-256 (RFC 2104) of the user's name, the first 22 characters of its base64url. */
export function ownerHash(secret: string): OwnerOf {
  return (user) => createHmac('sha256', secret).update(user).digest('base64url').slice(0, 22)
}
