import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import { SessionError } from '../errors.ts'
import { type EncryptionKey, type EncryptionKeys, encryptionKeys } from './encryption-keys.ts'
import { randomPool, takeRandom } from './random.ts'
import { headBytes, payloadOf, seal, tagOf, writeEtag } from './value.ts'

export interface EncryptionOptions {
  /** The first writes, all read: a new key goes first, and an old one goes when no session is left that it wrote. */
  readonly keys: readonly EncryptionKey[]
  /**
   * What becomes of values that are not encrypted, in the order in which an app begins to encrypt, a deploy for each:
   * `write`: still written so, while nodes without the keys serve as well; `read` (the default): read, and encrypted when
   * written; `refuse`: unavailable, so that who can write to the store cannot plant any.
   */
  readonly plaintext?: 'write' | 'read' | 'refuse'
}

/** A value's tag and payload. The tag may be one that is opaque here. */
export interface Plain {
  readonly tag: string
  readonly payload: Buffer
}

/**
 * Values encrypted one by one with AES-256-GCM (NIST SP 800-38D): the stored value is the tag `E`, the etag (6), the length
 * of the key's id (1 byte), that id, a nonce (12), the ciphertext of tag and payload, and the authentication tag (16).
 * The session's key and the field are authenticated too, so that a value moved to another field or session is not taken
 * for one. Names of attributes and meta fields stay legible.
 */
export interface Cipher {
  /** The stored bytes of a value, under a fresh etag. `key` is the hash of the session's id, `field` begins with a dot. */
  seal(key: string, field: string, plain: Plain): Buffer
  /**
   * What was sealed. undefined: it cannot be read here (an unknown or wrong key, damaged, from another field or session, not
   * encrypted although it must be), and is to be kept as it is. Never throws.
   */
  open(key: string, field: string, bytes: Buffer): Plain | undefined
}

const nonceBytes = 12
const authTagBytes = 16
const tagE = 0x45

/** Throws SessionError `session-options` for keys that are none; the message never holds one. */
export function makeCipher(options: EncryptionOptions): Cipher {
  const keys: EncryptionKeys = encryptionKeys(options.keys)
  const { id: writerId, key: writer } = keys.writer
  const head = Buffer.concat([Buffer.of(tagE, 0, 0, 0, 0, 0, 0, writerId.length), Buffer.from(writerId, 'latin1')])
  const { plaintext = 'read' } = options
  if (!['write', 'read', 'refuse'].includes(plaintext)) {
    throw new SessionError('session-options', "encryption.plaintext: write 'write', 'read' or 'refuse'")
  }
  const refusesPlaintext = plaintext === 'refuse'

  return {
    seal(key, field, plain) {
      if (plaintext === 'write') return seal(plain)
      const { tag, payload } = plain
      const text = Buffer.allocUnsafe(1 + payload.length)
      text[0] = tag.charCodeAt(0)
      payload.copy(text, 1)
      const sealed = Buffer.allocUnsafe(head.length + nonceBytes + text.length + authTagBytes)
      head.copy(sealed)
      writeEtag(sealed)
      const at = takeRandom(nonceBytes)
      randomPool.copy(sealed, head.length, at, at + nonceBytes)
      const nonce = sealed.subarray(head.length, head.length + nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', writer, nonce)
      cipher.setAAD(boundTo(key, field))
      cipher.update(text).copy(sealed, head.length + nonceBytes)
      cipher.final()
      cipher.getAuthTag().copy(sealed, sealed.length - authTagBytes)
      return sealed
    },

    open(key, field, bytes) {
      const tag = tagOf(bytes)
      if (tag !== 'E') return tag === '' || refusesPlaintext ? undefined : { tag, payload: payloadOf(bytes) }
      const idEnd = headBytes + 1 + (bytes[headBytes] ?? 0)
      const textBegin = idEnd + nonceBytes
      const textEnd = bytes.length - authTagBytes
      // The inner tag is always there.
      if (textEnd <= textBegin) return undefined
      const reader = keys.byId.get(bytes.toString('latin1', headBytes + 1, idEnd))
      return reader === undefined
        ? undefined
        : decrypted(reader, boundTo(key, field), {
            nonce: bytes.subarray(idEnd, textBegin),
            text: bytes.subarray(textBegin, textEnd),
            authTag: bytes.subarray(textEnd),
          })
    },
  }
}

function decrypted(
  key: KeyObject,
  bound: Buffer,
  parts: { nonce: Buffer; text: Buffer; authTag: Buffer },
): Plain | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, parts.nonce, { authTagLength: authTagBytes })
    decipher.setAAD(bound)
    decipher.setAuthTag(parts.authTag)
    const plain = decipher.update(parts.text)
    decipher.final()
    return { tag: String.fromCharCode(plain[0] ?? 0), payload: plain.subarray(1) }
  } catch {
    return undefined
  }
}

/** Neither a key nor a tag holds a zero, so two places never read alike. */
function boundTo(key: string, field: string): Buffer {
  return Buffer.from(`${key}\0${field}\0E`)
}
