import { BatonError, type BatonEvent } from '@baton/core'

/**
 * Folds a journal's bytes into its events.
 *
 * Each line is an event with its writer's `token`, or a claim, `{"token":7}` alone: from there on what older tokens
 * write is left out. So a former holder of the lock that wakes up late changes nothing.
 */
export interface History {
  /** The greatest token so far. */
  readonly token: number
  /** Of the last event that counts; 0 before the first. */
  readonly seq: number
  /** Bytes up to the end of the last complete line; what follows is torn. */
  readonly end: number
  /**
   * Takes the bytes that follow `end` and returns the events in them. A last line without its newline, or one that is
   * not JSON, is torn and stays out of `end`; damage anywhere else fails with `journal-damaged`.
   */
  push(bytes: Buffer): BatonEvent[]
}

/** The event's line in a journal, newline included: its stamp first, for people who read it. */
export function lineOf(event: BatonEvent, token: number): string {
  const { seq, at, deploy, type, ...rest } = event
  return `${JSON.stringify({ seq, at, deploy, token, type, ...rest })}\n`
}

export function claimOf(token: number): string {
  return `${JSON.stringify({ token })}\n`
}

export function createHistory(journal: { readonly path: string; readonly deploy: string }): History {
  let token = 0
  let seq = 0
  let end = 0
  let lines = 0

  function damaged(what: string): BatonError {
    return new BatonError('journal-damaged', `${journal.path}:${lines + 1}: ${what}`, {
      hint: 'compare the nodes with baton status, move this file away, then deploy again',
    })
  }

  function fold(record: unknown): BatonEvent[] {
    if (!isRecord(record)) throw damaged('neither an event nor a claim')
    const { token: writer, ...event } = record
    if (writer < token) return []
    token = writer
    if (Object.keys(event).length === 0) return []
    if (!isEvent(event)) throw damaged('neither an event nor a claim')
    if (event.deploy !== journal.deploy) throw damaged(`an event of another deploy, ${event.deploy}`)
    if (event.seq !== seq + 1) throw damaged(`event ${event.seq} where event ${seq + 1} is due`)
    seq = event.seq
    return [event]
  }

  return {
    get token() {
      return token
    },
    get seq() {
      return seq
    },
    get end() {
      return end
    },
    push(bytes) {
      const events: BatonEvent[] = []
      let start = 0
      for (let newline = bytes.indexOf(0x0a); newline !== -1; newline = bytes.indexOf(0x0a, start)) {
        const record = parse(bytes.subarray(start, newline))
        const isLast = newline === bytes.length - 1
        if (record === undefined && isLast) break
        if (record === undefined) throw damaged('not JSON')
        events.push(...fold(record))
        end += newline + 1 - start
        start = newline + 1
        lines += 1
      }
      return events
    },
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function parse(line: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(line))
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is { token: number } & Record<string, unknown> {
  return typeof value === 'object' && value !== null && 'token' in value && Number.isSafeInteger(value.token)
}

/** What every event has; the fields of each type are the writer's word. */
function isEvent(value: object): value is BatonEvent {
  const event = value as Partial<Record<'seq' | 'at' | 'deploy' | 'type', unknown>>
  return (
    Number.isSafeInteger(event.seq) &&
    typeof event.at === 'string' &&
    typeof event.deploy === 'string' &&
    typeof event.type === 'string'
  )
}
