import { expiryOf } from './local-record.ts'
import type { Shelf } from './local-shelf.ts'

/** How many entries one step looks at: about a millisecond's work. */
const stepEntries = 1000

/** Gives a step of an endless walk over everything, of any namespace, that removes what has expired. true: one walk is done. */
export function sweepOf(shelf: Shelf): () => Promise<boolean> {
  let after = ''
  return async () => {
    const now = Date.now()
    const expired: string[] = []
    let seen = 0
    let last = ''
    shelf.refresh()
    for (const { key, value } of shelf.range(after, '\uffff', stepEntries)) {
      seen += 1
      last = key
      if (expiryOf(value) <= now) expired.push(key)
    }
    const done = seen < stepEntries
    after = done ? '' : last
    if (expired.length > 0) {
      await shelf.write(() => {
        for (const key of expired) {
          const bytes = shelf.get(key)
          if (bytes !== undefined && expiryOf(bytes) <= now) shelf.remove(key)
        }
      })
    }
    return done
  }
}
