import type { BatonEvent } from '../engine/events.ts'

/** The journals of past and present deploys. Append only: events are the only history. */
export interface Journals {
  /** Ids of all deploys, oldest first. */
  list(): Promise<readonly string[]>
  /** A torn last line, and lines written under an outlived token, are left out. */
  read(deploy: string): Promise<readonly BatonEvent[]>
  open(deploy: string, token: number): Promise<Journal>
}

export interface Journal {
  /** Resolves when the event is on disk. */
  append(event: BatonEvent): Promise<void>
  close(): Promise<void>
}
