import { createSecretKey, type KeyObject } from 'node:crypto'
import { SessionError } from '../errors.ts'

export interface EncryptionKey {
  /** Names the key in what it wrote: 1 to 32 of A-Z a-z 0-9 _ . - */
  readonly id: string
  /** 32 bytes, or those in hex (64 characters) or base64 (43 or 44). */
  readonly key: Uint8Array | string
}

export interface EncryptionKeys {
  readonly writer: { readonly id: string; readonly key: KeyObject }
  readonly byId: ReadonlyMap<string, KeyObject>
}

/** Throws SessionError `session-options`. Neither keys nor ids are named, as one may stand where the other belongs. */
export function encryptionKeys(given: readonly EncryptionKey[]): EncryptionKeys {
  if (!Array.isArray(given)) throw wrong('encryption.keys: write [{ id: "2026", key: … }], newest first')
  const byId = new Map<string, KeyObject>()
  let writer: EncryptionKeys['writer'] | undefined
  for (const [index, entry] of given.entries()) {
    const at = `encryption.keys[${index}]`
    const id: unknown = entry?.id
    if (typeof id !== 'string' || !/^[A-Za-z0-9_.-]{1,32}$/.test(id)) {
      throw wrong(`${at}.id: name the key with 1 to 32 of A-Z a-z 0-9 _ . -, for example "2026"`)
    }
    if (byId.has(id)) throw wrong(`${at}.id: another key has it already; what either wrote could not be told apart`)
    // A KeyObject prints as such, whatever logs it.
    const key = createSecretKey(keyBytes(entry.key, at))
    byId.set(id, key)
    writer ??= { id, key }
  }
  if (writer === undefined) throw wrong('encryption.keys is empty: write [{ id: "2026", key: … }], newest first')
  return { writer, byId }
}

function keyBytes(given: unknown, at: string): Uint8Array {
  const remedy = 'make one with `openssl rand -base64 32`'
  if (given instanceof Uint8Array) {
    if (given.length === 32) return given
    throw wrong(`${at}.key: ${given.length} bytes, and AES-256 needs 32: ${remedy}`)
  }
  if (typeof given !== 'string') throw wrong(`${at}.key: give 32 bytes, or them in hex or base64: ${remedy}`)
  if (/^[0-9a-f]{64}$/i.test(given)) return Buffer.from(given, 'hex')
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(given)) return Buffer.from(given, 'base64')
  throw wrong(`${at}.key: ${given.length} characters that are not 32 bytes in hex (64) or base64 (43 or 44): ${remedy}`)
}

function wrong(message: string): SessionError {
  return new SessionError('session-options', message)
}
