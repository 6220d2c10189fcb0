import { redactUrl } from '@baton/core'
import type { Checks } from './check.ts'
import { askRedis } from './redis.ts'
import { codeOf, ok, problem, type Verdict } from './verdict.ts'

/** The embedded store lives below the state folder, which is a check of its own. */
export const sessionStoreChecks: Checks = ({ sessions: { store } }) => {
  if (store === 'embedded') return []
  return [
    {
      id: 'session-store',
      subject: redactUrl(store),
      async run(signal) {
        try {
          return judge(await askRedis(store, signal))
        } catch (error) {
          signal.throwIfAborted()
          return problem(`no Redis is reached (${codeOf(error)})`, 'start it, or correct sessions.store')
        }
      },
    },
  ]
}

/** The answer's code alone: its text may repeat what was sent, and so the password. */
function judge(answer: string): Verdict {
  if (answer === 'PONG') return ok('Redis answers')
  const meaning = meanings[answer]
  if (meaning) return problem(...meaning)
  return problem('what answers is no Redis, or one that refuses us', 'correct sessions.store')
}

const meanings: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  NOAUTH: ['Redis asks for a password', 'write it into sessions.store: redis://:PASSWORD@host:port/0'],
  WRONGPASS: ['Redis refuses the password', 'correct the user and the password in sessions.store'],
  NOPERM: ['Redis refuses this user', 'give it the right to use this database'],
  LOADING: ['Redis is still loading its data', 'wait, then check again'],
  MASTERDOWN: ['Redis is a replica whose master is down', 'start the master, or name it in sessions.store'],
}
