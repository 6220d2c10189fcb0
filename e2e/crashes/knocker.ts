import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks on a new connection every few milliseconds, as new visitors do. */
export interface Knocker {
  stop(): Promise<Knocked>
}

export interface Knocked {
  readonly answered: number
  readonly longestMs: number
  readonly failures: readonly { readonly at: number; readonly error: string }[]
}

const everyMs = 20

export function startKnocking(url: string): Knocker {
  let [stopped, answered, longestMs] = [false, 0, 0]
  const failures: { at: number; error: string }[] = []
  const open = new Set<Promise<void>>()

  const knock = async () => {
    const at = Date.now()
    const error = await ask(url)
    longestMs = Math.max(longestMs, Date.now() - at)
    if (error === null) answered += 1
    else failures.push({ at, error })
  }
  const knockOften = async () => {
    while (!stopped) {
      const one = knock().finally(() => open.delete(one))
      open.add(one)
      await sleep(everyMs)
    }
  }
  const ended = knockOften()

  return {
    async stop() {
      stopped = true
      await ended
      await Promise.all(open)
      return { answered, longestMs, failures }
    },
  }
}

/** null for a whole, good answer. */
function ask(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 20_000 }, (response) => {
      response.on('error', (error) => resolve(error.message))
      response.on('end', () => resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`))
      response.resume()
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 20 s')))
    request.on('error', (error) => resolve(error.message))
  })
}
