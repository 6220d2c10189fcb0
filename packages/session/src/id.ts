import { hash, randomBytes } from 'node:crypto'

/** A new session id: 192 random bits in base64url. */
export function newId(): string {
  return randomBytes(24).toString('base64url')
}

/**
 * The id in a cookie's value, without Tomcat's `.route`, which names a node and is never part of the key; undefined
 * for what cannot be an id of ours.
 */
export function idOfCookie(value: string): string | undefined {
  return idFormat.exec(value)?.[1]
}

/** What stands for the id in the store and in logs, so that a dump of the store shows no usable id. */
export function hashOfId(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, 22)
}

const idFormat = /^([0-9A-Za-z_-]{22,64})(?:\.[\w.-]*)?$/
