import { SessionError } from '../errors.ts'
import { type Deadlines, type Expiring, failed, unavailable } from './deadline.ts'
import { errorCode, type RedisClient } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { luaBySha1 } from './redis-scripts.ts'
import type { Argument, CallKind, Command, Reader } from './redis-servers.ts'

/** What a call asks of the servers as a whole. */
export interface CallRouter {
  /** Where a key is to be asked for, as far as it is known. */
  linkFor(key: string): RedisLink
  /** Where to send it, after a reply that says that it belongs elsewhere; undefined: nowhere. */
  redirect(code: string, reply: Error, from: RedisLink): Redirect | undefined
}

export interface Redirect {
  readonly link: RedisLink
  /** The slot is on its way there: each command or transaction goes behind an ASKING. */
  readonly isAsking: boolean
}

export interface CallOptions<T> {
  readonly router: CallRouter
  readonly kind: CallKind
  readonly key: string
  readonly commands: readonly Command[]
  readonly read: Reader<T>
  readonly deadlines: Deadlines
}

const maxRedirects = 5
/** Redis answers, and cannot serve: as good as away. It answers a PING with these as well, so a new connection is no way round. */
const awayCodes = new Set(['LOADING', 'MASTERDOWN', 'BUSY'])

/** One call, from its first try to its end: a class, as there is one for each request, which costs less than closures. */
export class RedisCall<T> implements Expiring {
  isSettled = false
  expiresAt = 0
  later: Expiring | undefined = undefined
  readonly #options: CallOptions<T>
  readonly #resolve: (value: T) => void
  readonly #reject: (error: Error) => void
  #link: RedisLink | undefined
  #commands: readonly Command[]
  #replies: unknown[] = []
  #missing = 0
  /** Which try this is: late replies to an earlier one mean nothing. */
  #tries = 0
  #isAsking = false
  /** How many answers of any kind the link had when this was sent. */
  #answersBefore = 0
  #lapsesBefore = 0
  #sentOn: RedisClient | undefined

  constructor(options: CallOptions<T>, resolve: (value: T) => void, reject: (error: Error) => void) {
    this.#options = options
    this.#commands = options.commands
    this.#resolve = resolve
    this.#reject = reject
    options.deadlines.add(this)
  }

  start(link: RedisLink = this.#options.router.linkFor(this.#options.key)): void {
    this.#link = link
    this.#sentOn = undefined
    const { client } = link
    if (link.isAway) this.fail(unavailable(`the session store is away: ${link.trouble}`))
    else if (client === undefined) link.wait(this)
    else this.send(client)
  }

  restart(): void {
    if (!this.isSettled) this.start()
  }

  send(client: RedisClient): void {
    const link = this.#link
    if (this.isSettled || link === undefined) return
    this.#tries += 1
    const turn = this.#tries
    const replies: unknown[] = []
    this.#replies = replies
    this.#missing = this.#commands.length
    this.#answersBefore = link.answers
    this.#lapsesBefore = link.lapses
    this.#sentOn = client
    const take = (reply: unknown) => {
      link.answers += 1
      if (turn !== this.#tries || this.isSettled) return
      replies.push(reply)
      this.#missing -= 1
      if (this.#missing === 0) this.#answered(client, link)
    }
    const takeError = (error: unknown) => {
      if (errorCode(error) !== undefined) return take(error)
      if (turn === this.#tries && !this.isSettled) this.#lost(error)
    }
    let isQueued = false
    for (const command of this.#commands) {
      // Within a transaction it holds for all of it, and would be queued with the rest.
      if (this.#isAsking && !isQueued) client.sendCommand(['ASKING']).catch(ignored)
      isQueued = command[0] === 'MULTI' || (isQueued && command[0] !== 'EXEC')
      client.sendCommand(command as Argument[]).then(take, takeError)
    }
  }

  expire(): void {
    const link = this.#link
    const sentOn = this.#sentOn
    this.fail(unavailable(`the session store did not answer in time${sentOn || !link ? '' : `: ${link.trouble}`}`))
    // Half-open or frozen: TCP may take minutes to notice, a new connection one round trip.
    link?.late(sentOn, link.answers === this.#answersBefore, this.#lapsesBefore)
  }

  fail(error: Error): void {
    if (this.isSettled) return
    this.#settle()
    this.#reject(error)
  }

  #answered(client: RedisClient, link: RedisLink): void {
    let isRefused = false
    for (const reply of this.#replies) isRefused ||= reply instanceof Error
    if (isRefused) this.#refused(client, link)
    else this.#done(link)
  }

  #done(link: RedisLink): void {
    link.inTime()
    try {
      const value = this.#options.read(this.#replies)
      this.#settle()
      this.#resolve(value)
    } catch (error) {
      this.fail(error instanceof SessionError ? error : failed('failed to answer', error))
    }
  }

  #refused(client: RedisClient, link: RedisLink): void {
    // EXECABORT only says that an earlier reply was an error.
    const errors = this.#replies.filter((reply) => reply instanceof Error)
    const error = errors.find((reply) => errorCode(reply) !== 'EXECABORT') ?? errors[0]!
    const code = errorCode(error) ?? ''
    if (code === 'NOSCRIPT') this.#sendScripts(client, link)
    else this.#redirect(code, error, link)
  }

  #redirect(code: string, error: Error, link: RedisLink): void {
    if (awayCodes.has(code)) link.refused(error)
    // Redis has done nothing of all this: a command that belongs elsewhere makes its whole transaction fail.
    const redirect = this.#tries <= maxRedirects ? this.#options.router.redirect(code, error, link) : undefined
    if (redirect === undefined) {
      this.fail(unavailable(`the session store refused: ${withoutArguments(error.message)}`))
    } else {
      this.#isAsking = redirect.isAsking
      this.start(redirect.link)
    }
  }

  /** The server does not know some scripts, after its start or a SCRIPT FLUSH: only those are sent again, whole. */
  #sendScripts(client: RedisClient, link: RedisLink): void {
    const turn = this.#tries
    const replies = this.#replies
    replies.forEach((reply, i) => {
      if (errorCode(reply) !== 'NOSCRIPT') return
      const [, sha1, ...rest] = this.#commands[i] ?? []
      this.#missing += 1
      const take = (again: unknown) => {
        link.answers += 1
        if (turn !== this.#tries || this.isSettled) return
        replies[i] = again
        this.#missing -= 1
        if (this.#missing === 0) this.#answered(client, link)
      }
      if (this.#isAsking) client.sendCommand(['ASKING']).catch(ignored)
      client.sendCommand(['EVAL', luaBySha1.get(String(sha1)) ?? '', ...rest]).then(take, (error: unknown) => {
        if (errorCode(error) !== undefined) take(error)
        else if (turn === this.#tries && !this.isSettled) this.#lost(error)
      })
    })
  }

  /** The connection is gone. What was to be read can be read again; what was to be written may have been. */
  #lost(error: unknown): void {
    if (this.#options.kind !== 'load' || this.#tries > maxRedirects) {
      this.fail(failed('was lost', error))
      return
    }
    this.#tries += 1
    this.#sentOn = undefined
    this.#isAsking = false
    // By the next turn the link knows as well that it is gone.
    setImmediate(() => this.restart())
  }

  #settle(): void {
    this.isSettled = true
    this.#replies = []
    this.#commands = []
    this.#sentOn = undefined
    this.#options.deadlines.trim()
  }
}

function ignored(): void {}

/** Of an unknown command Redis quotes the first arguments: keys and values, which no log should show. */
function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with[\s\S]*/, '').slice(0, 200)
}
