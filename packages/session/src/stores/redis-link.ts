import { setTimeout as sleep } from 'node:timers/promises'
import { unavailable, within } from './deadline.ts'
import { type Tracked, type Tracking, trackingCommand } from './near-cache-tracking.ts'
import type { RedisClient } from './redis-client.ts'
import type { StoreHealth, Timeouts } from './store.ts'

/** Our connection to one server, made at once and made again whenever it is lost or falls silent. Nothing is queued in it. */
export interface RedisLink {
  /** Ready to be sent to. */
  readonly client: RedisClient | undefined
  /** So many calls in a row failed that the next ones fail at once, until the server is found to answer again. */
  readonly isAway: boolean
  /** What went wrong last; never holds a password. */
  readonly trouble: string
  /** Replies of any kind, ever. */
  answers: number
  /** How often calls have run out of time; those that one pause of the server has met count as one. */
  readonly lapses: number
  /** Calls `send` of the next connection there is, or `fail` when there will be none soon. */
  wait(call: Waiting): void
  inTime(): void
  /**
   * A call has run out of time. `sentOn`: undefined if it waited for a connection; `isSilent`: nothing at all came since;
   * `lapsesBefore`: how many lapses there had been when it was sent.
   */
  late(sentOn: RedisClient | undefined, isSilent: boolean, lapsesBefore: number): void
  /** The server answered that it cannot serve. */
  refused(reply: Error): void
  /** Has the connection replaced by one to whoever is in charge now. false: it is new already. */
  renew(reply: Error): boolean
  /** Whether the first attempt to connect is still under way. */
  readonly isStarting: boolean
  health(): StoreHealth
  close(): Promise<void>
}

export interface Waiting {
  readonly isSettled: boolean
  send(client: RedisClient): void
  /** The link is closed; another may have its place. */
  restart(): void
  fail(error: Error): void
}

export interface LinkOptions {
  /** A client that is not connected yet. */
  readonly open: () => Promise<RedisClient>
  /** Commands that the server must answer without error before anything is sent to it, and what their replies must be. */
  readonly proof?: readonly { readonly command: readonly string[]; readonly accepts: (reply: unknown) => boolean }[]
  readonly timeouts: Timeouts
  readonly tracking?: Tracking
  /** Whenever the server is looked for. */
  readonly onSeek?: () => void
  /** Whenever it is found. */
  readonly onFound?: () => void
}

/** Calls in a row that may fail before the others are spared the wait. */
const patience = 5
/** Another attempt is begun after this time, while the earlier ones still have theirs: the first that succeeds is taken. */
const staggerMs = 250
const attemptsAtOnce = 4
const pauseMs = 50

export function redisLink(options: LinkOptions): RedisLink {
  const { timeouts, tracking } = options
  const waiting = new Set<Waiting>()
  const attempts = new Set<RedisClient>()
  let client: RedisClient | undefined
  let tracked: Tracked | undefined
  let trouble = 'not connected yet'
  let failures = 0
  let lapses = 0
  let adoptedAt = Number.NEGATIVE_INFINITY
  let isSuspect = false
  let isSeeking = false
  let isStarting = true
  let isClosed = false
  let wasUp = false
  let changedAt = performance.now()

  const link: RedisLink = {
    get client() {
      return client
    },
    get isAway() {
      return isClosed || failures >= patience
    },
    get trouble() {
      return isClosed ? 'it is closed' : trouble
    },
    get isStarting() {
      return isStarting
    },
    answers: 0,
    get lapses() {
      return lapses
    },

    wait(call) {
      waiting.add(call)
    },

    inTime() {
      if (failures === 0 && !isSuspect) return
      failures = 0
      isSuspect = false
      note()
    },

    late(sentOn, isSilent, lapsesBefore) {
      // What an earlier connection has left unanswered says nothing about this one.
      if (sentOn !== client) return
      if (isSilent) trouble = 'no answer'
      isSuspect ||= isSilent && client !== undefined
      // Calls that were on their way together have met the same pause: not failures in a row.
      if (sentOn !== undefined && lapsesBefore !== lapses) return void seek()
      lapses += 1
      fail()
    },

    refused(reply) {
      trouble = reply.message
      fail()
    },

    renew(reply) {
      trouble = reply.message
      if (performance.now() - adoptedAt < 1_000) return false
      leave()
      void seek()
      return true
    },

    health: () => ({ state: wasUp ? 'up' : 'down', sinceMs: Math.round(performance.now() - changedAt) }),

    async close() {
      isClosed = true
      wasUp = false
      const calls = [...waiting]
      waiting.clear()
      for (const call of calls) call.restart()
      tracked?.lost()
      const last = client
      client = undefined
      if (last?.isReady) await within(timeouts.commitMs, 'close', last.close()).catch(ignored)
      last?.destroy()
      for (const attempt of attempts) attempt.destroy()
    },
  }
  void seek()
  return link

  function fail(): void {
    failures += 1
    if (failures >= patience) {
      // The way back is a connection that proves itself: slow as this one is, nobody would find out on it.
      isSuspect = true
      refuseWaiting()
    }
    note()
    void seek()
  }

  async function seek(): Promise<void> {
    if (isSeeking) return
    isSeeking = true
    while (!isClosed && (client === undefined || isSuspect)) {
      options.onSeek?.()
      const pause = sleep(staggerMs, undefined, { ref: false })
      const isDone = attempts.size < attemptsAtOnce ? await Promise.race([attempt(), pause]) : await pause
      if (isDone === false) await sleep(pauseMs * (1 + Math.random()), undefined, { ref: false })
    }
    isSeeking = false
  }

  /** Connects and asks for proof: a server that is loading, or frozen, accepts connections as well. */
  async function attempt(): Promise<boolean> {
    let fresh: RedisClient | undefined
    try {
      fresh = await within(timeouts.connectMs, 'connect', connect())
      await within(timeouts.loadMs, 'answer', prove(fresh))
      attempts.delete(fresh)
      if (isClosed || (client !== undefined && !isSuspect)) fresh.destroy()
      else adopt(fresh)
      return true
    } catch (error) {
      trouble = reasonOf(error)
      if (fresh !== undefined) giveUp(fresh)
      return false
    } finally {
      isStarting = false
    }
  }

  async function connect(): Promise<RedisClient> {
    const fresh = await options.open()
    attempts.add(fresh)
    fresh.on('error', (error: Error) => {
      if (fresh === client) {
        trouble = error.message
        leave()
        void seek()
      }
    })
    // Destroyed while it connects, a client may never settle.
    const timer = setTimeout(() => giveUp(fresh), timeouts.connectMs)
    try {
      await fresh.connect()
      return fresh
    } catch (error) {
      giveUp(fresh)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  function giveUp(fresh: RedisClient): void {
    attempts.delete(fresh)
    fresh.destroy()
  }

  async function prove(fresh: RedisClient): Promise<void> {
    const proof = options.proof ?? []
    const replies = await Promise.all([
      ...proof.map(({ command }) => fresh.sendCommand([...command])),
      fresh.sendCommand(['PING']),
      ...(tracking === undefined ? [] : [fresh.sendCommand([...trackingCommand])]),
    ])
    proof.forEach(({ command, accepts }, i) => {
      if (!accepts(replies[i]))
        throw unavailable(`the server's answer to ${command.join(' ')} says that it is not the one`)
    })
  }

  function adopt(fresh: RedisClient): void {
    if (!fresh.isReady) throw unavailable('the connection was lost at once')
    leave()
    client = fresh
    adoptedAt = performance.now()
    failures = 0
    isSuspect = false
    track(fresh)
    note()
    options.onFound?.()
    const calls = [...waiting]
    waiting.clear()
    for (const call of calls) call.send(fresh)
  }

  function track(fresh: RedisClient): void {
    if (tracking === undefined) return
    const news = tracking.connected(() => fresh.sendCommand(['PING']))
    tracked = news
    fresh.on('invalidate', (key: Buffer | string | null) => news.invalidated(key === null ? null : [key]))
  }

  /** The connection is not used any more; what is under way on it may still be answered. */
  function leave(): void {
    tracked?.lost()
    tracked = undefined
    const left = client
    client = undefined
    if (left !== undefined) setTimeout(() => left.destroy(), timeouts.commitMs).unref()
    note()
  }

  function refuseWaiting(): void {
    const calls = [...waiting]
    waiting.clear()
    for (const call of calls) call.fail(unavailable(`the session store is away: ${link.trouble}`))
  }

  function note(): void {
    const isUp = client !== undefined && failures < patience
    if (isUp === wasUp) return
    wasUp = isUp
    changedAt = performance.now()
  }
}

/** Without the advice that our own errors end with. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return (reason instanceof Error ? reason.message : String(reason)).split('; see that', 1)[0] ?? ''
}

function ignored(): void {}
