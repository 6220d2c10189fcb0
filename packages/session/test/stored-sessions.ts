import { type Fields, newRecord, readRecord } from '../src/format/record.ts'
import { encodeValue, seal } from '../src/format/value.ts'
import { hashOfId, newId } from '../src/id.ts'
import type { Rotated, SessionStore } from '../src/stores/store.ts'

/** Two connections to one store, as two nodes have. */
export type Nodes = readonly [SessionStore, SessionStore]

/** What can be seen of a store only from behind. */
export interface Inside {
  /** Keys of all sessions that the owner's list holds, alive or not. */
  readonly listed?: (owner: string) => Promise<readonly string[]>
}

export function newKey(): string {
  return hashOfId(newId())
}

export function sealed(value: unknown): Buffer {
  return seal(encodeValue(value))
}

export function record(attributes: Record<string, Buffer>): Map<string, Buffer> {
  const fields = newRecord({ createdAtMs: Date.now(), maxInactiveMs: 1_800_000 })
  for (const [name, bytes] of Object.entries(attributes)) fields.set(`.${name}`, bytes)
  return fields
}

/** Of a rotation that went well. */
export function asFields(rotated: Rotated): Fields {
  if (rotated === undefined || rotated === 'conflict') throw new Error(`not rotated: ${rotated ?? 'dead'}`)
  return rotated
}

export async function stateOf(store: SessionStore, key: string): Promise<string> {
  const stored = await store.load(key)
  return stored === undefined ? 'absent' : readRecord(stored.fields, Date.now()).state
}
