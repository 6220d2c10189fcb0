import { appendFileSync, writeSync } from 'node:fs'
import { argv, stdin } from 'node:process'
import { createInterface } from 'node:readline'
import { BatonError, type LockLease } from '@baton/core'
import { createFileLock } from '../../src/locks/file-lock.ts'

/** Does with a lock what it is told on standard input, and answers each line with one on standard output. */
const [dir, leaseMs, heartbeatMs] = argv.slice(2) as [string, string, string]
const lock = createFileLock({ dir, leaseMs: Number(leaseMs), heartbeatMs: Number(heartbeatMs) })
let lease: LockLease | undefined

for await (const line of createInterface({ input: stdin })) {
  const [verb, argument] = line.split(' ')
  const answer = await perform(verb as string, argument).catch((error: unknown) =>
    error instanceof BatonError ? error.code : String(error),
  )
  writeSync(1, `${answer}\n`)
}

async function perform(verb: string, argument = ''): Promise<string> {
  if (verb === 'acquire') {
    lease = await lock.acquire('deploy d1')
    return `token ${lease.token}`
  }
  if (verb === 'assert') {
    await lease?.assertHeld()
    return 'held'
  }
  if (verb === 'release') {
    await lease?.release()
    return 'released'
  }
  if (verb === 'lost') return lease?.lost.aborted ? 'lost' : 'not lost'
  if (verb === 'work') return work(argument)
  throw new Error(`cannot ${verb}`)
}

/** Takes the lock 25 times, as soon as it can, and writes down when it was in and when out. */
async function work(log: string): Promise<string> {
  for (let done = 0; done < 25; ) {
    const held = await lock.acquire('work').catch((error: unknown) => {
      if (error instanceof BatonError && error.code === 'lock-held') return null
      throw error
    })
    if (held === null) continue
    appendFileSync(log, `in ${held.token}\n`)
    await held.assertHeld()
    appendFileSync(log, `out ${held.token}\n`)
    await held.release()
    done++
  }
  return 'done'
}
