import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SessionError } from '../src/errors.ts'
import { newRecord } from '../src/format/record.ts'
import { encodeValue, etagOf, seal } from '../src/format/value.ts'
import type { SessionStore, Wanted } from '../src/stores/store.ts'
import { type History, makeHistory } from './model-history.ts'
import { type Random, randomOf } from './model-random.ts'
import { type Operation, seen } from './model-state.ts'

export interface ScheduleOptions {
  readonly seed: number
  /** One connection to one store for each client. */
  readonly stores: readonly SessionStore[]
  /** Whether there is a near cache in each of them. */
  readonly isCached: boolean
}

/** Sessions of one schedule: enough for a few logins. */
const sessionCount = 8
const stepsPerClient = 4
const ttlMs = 60_000

/** What a client knows of a session. */
interface Known {
  fields: ReadonlyMap<string, Buffer>
  /** The last version that it has seen or made; Infinity: it has seen it end. */
  version: number
}

/** The browser's sessions, which all clients serve. */
interface Site {
  readonly keys: readonly string[]
  readonly owner: string
  /** Those whose making has been asked for: how many, and which of them are owned. */
  made: number
  readonly owned: Set<number>
  /** Those that clients may use. */
  readonly usable: number[]
  /** The last version of each that the browser has been told of: its stamp. */
  readonly stamps: number[]
}

type Call = () => Promise<string>

/** Lets clients do what the seed says, all at once, and rejects if no sequence of steps explains what they saw. */
export async function runSchedule({ seed, stores, isCached }: ScheduleOptions): Promise<void> {
  const history = makeHistory({ sessions: sessionCount, isCached })
  const name = randomBytes(15).toString('base64url')
  const site: Site = {
    // As long as hashes of ids are.
    keys: Array.from({ length: sessionCount }, (_, i) => `${name}-${i}`),
    owner: `${name}-u`,
    made: 0,
    owned: new Set(),
    usable: [],
    stamps: Array.from({ length: sessionCount }, () => 0),
  }
  const clients = stores.map((store, client) => clientOf({ store, client, site, history, isCached }))
  try {
    await clients[0]!.begin(randomOf(seed))
    await Promise.all(
      clients.map(async ({ step }, client) => {
        const random = randomOf(seed * 31 + client + 1)
        for (let i = 0; i < stepsPerClient; i += 1) if (!(await step(random))) break
      }),
    )
    for (let key = 0; key < site.made; key += 1) {
      const looking = clients[key % clients.length]!
      await looking.look(key)
      if (isCached) for (const other of clients) if (other !== looking) await other.follow(key, looking.now)
    }
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : error}\n` +
        `BATON_SESSION_SEED=${seed} begins with this schedule:\n${history.trace()}`,
      { cause: error },
    )
  }
}

function clientOf(context: { store: SessionStore; client: number; site: Site; history: History; isCached: boolean }) {
  const { store, client, site, history, isCached } = context
  const known = new Map<number, Known>()

  return {
    begin: create,

    /** false: too little is known of what has happened to go on. */
    async step(random: Random): Promise<boolean> {
      const key = random.below(4) === 0 ? site.usable[random.below(site.usable.length)] : site.usable.at(-1)
      if (key === undefined) return create(random)
      switch (
        random.weighed({
          load: isCached ? 40 : 24,
          commit: 20,
          update: 12,
          consume: 8,
          touch: 4,
          expire: 3,
          wait: 3,
          rotate: 9,
          destroy: 4,
          // It empties the cache, which all schedules of a run share.
          destroyAllOf: isCached ? 0.1 : 4,
          create: 5,
          again: 2,
        })
      ) {
        case 'load':
          return load(key, { fresh: !isCached || random.below(4) === 0 })
        case 'commit':
          return commit(key, random)
        case 'update':
          return update(key, { field: random.pick(['.a', '.count']), value: sealed(random.below(1000)) })
        case 'consume':
          return update(key, { field: '.once', value: undefined })
        case 'touch':
          return touch(key, ttlMs)
        case 'expire':
          return touch(key, 15)
        case 'wait':
          await sleep(random.below(25))
          return true
        case 'rotate':
          return rotate(key, random)
        case 'destroy':
          return destroy(key)
        case 'destroyAllOf':
          return destroyAllOf(random.below(3) === 0 ? key : undefined)
        case 'create':
          return create(random)
        case 'again':
          return createAgain(key, random)
      }
    },

    now: (key: number) => see(key, { fresh: true }),

    /** Sooner or later, and long before what is cached is too old, it has to see what another client sees in the store. */
    async follow(key: number, now: (key: number) => Promise<string | undefined>): Promise<void> {
      const until = performance.now() + 3_000
      for (;;) {
        const [cached, stored] = [await see(key, {}), await now(key)]
        if (cached !== undefined && cached === stored) return
        if (performance.now() > until) throw new Error(`client ${client} still sees ${cached}, and it is ${stored}`)
        await sleep(10)
      }
    },

    /** What is left in the end. */
    async look(key: number): Promise<void> {
      for (let tries = 0; !(await load(key, { fresh: true })); tries += 1) {
        if (tries > 100) throw new Error('the store did not come back')
        await sleep(50)
      }
    },
  }

  /** undefined: the store did not answer. */
  function see(key: number, want: Wanted): Promise<string | undefined> {
    return store.load(site.keys[key]!, want).then(
      (stored) => noted(key, stored?.fields ?? new Map()),
      () => undefined,
    )
  }

  function load(key: number, { fresh }: { fresh: boolean }): Promise<boolean> {
    const stamp = site.stamps[key]!
    const own = known.get(key)?.version ?? 0
    return perform({ kind: 'load', key, fresh, floor: Math.max(stamp, own) }, async () => {
      const stored = await store.load(site.keys[key]!, { fresh, ...(stamp > 0 ? { atLeast: stamp } : {}) })
      return noted(key, stored?.fields ?? new Map())
    })
  }

  function create(random: Random): Promise<boolean> {
    if (site.made === sessionCount) return Promise.resolve(true)
    const key = site.made++
    const owned = random.below(2) === 0
    if (owned) site.owned.add(key)
    return createAt(key, owned, random)
  }

  /** Of a key that is there, or was: refused, unless it has expired. */
  function createAgain(key: number, random: Random): Promise<boolean> {
    return createAt(key, site.owned.has(key), random)
  }

  async function createAt(key: number, owned: boolean, random: Random): Promise<boolean> {
    const fields = newRecord({ createdAtMs: Date.now(), maxInactiveMs: ttlMs })
    fields.set('@j.note', Buffer.from('kept'))
    fields.set('.a', sealed(random.below(1000)))
    fields.set('.once', sealed('once'))
    if (owned) fields.set('@p', Buffer.from('ann'))
    const isKnown = await perform({ kind: 'create', key, set: latin1(withoutStores(fields)), owned }, async () => {
      const made = await store.create(site.keys[key]!, fields, ttlMs, ...(owned ? [site.owner] : []))
      if (made) noted(key, fields)
      return String(made)
    })
    if (!site.usable.includes(key)) site.usable.push(key)
    return isKnown
  }

  function commit(key: number, random: Random): Promise<boolean> {
    const field = random.pick(['.a', '.b', `.c${client}`])
    const change =
      random.below(5) === 0
        ? { set: new Map<string, Buffer>(), remove: [field] }
        : { set: new Map([[field, sealed(random.below(1000))]]), remove: random.below(5) === 0 ? ['.once'] : [] }
    return perform({ kind: 'commit', key, set: latin1(change.set), remove: change.remove }, async () => {
      const version = await store.commit(site.keys[key]!, change, ttlMs)
      if (version === undefined) return saw(key, Infinity, 'dead')
      stamp(key, version)
      return `v${version}`
    })
  }

  /** From what this client has last seen, which may be old. */
  function update(key: number, { field, value }: { field: string; value: Buffer | undefined }): Promise<boolean> {
    const etag = etagOf(known.get(key)?.fields.get(field))
    const op = { kind: 'update', key, field, etag, value: value?.toString('latin1') } as const
    return perform(op, async () => {
      const result = await store.update(site.keys[key]!, { field, etag, value }, ttlMs)
      if (result.outcome === 'dead') return saw(key, Infinity, 'dead')
      const current = result.outcome === 'done' ? value : result.value
      remember(key, field, current)
      if (result.outcome === 'conflict') return `conflict ${current?.toString('latin1')}`
      stamp(key, result.version)
      return `done ${result.version}`
    })
  }

  function touch(key: number, forMs: number): Promise<boolean> {
    return perform({ kind: 'touch', key, ttlMs: forMs }, async () => {
      await store.touch(site.keys[key]!, forMs, ...ownerOf(key))
      return 'ok'
    })
  }

  async function rotate(key: number, random: Random): Promise<boolean> {
    if (site.made === sessionCount) return true
    const to = site.made++
    const login = random.below(2) === 0
    const owned = site.owned.has(key) || login
    if (owned) site.owned.add(to)
    const set = new Map<string, Buffer>([['.r', sealed(random.below(1000))]])
    if (login) set.set('@p', Buffer.from('ann'))
    const remove = random.below(4) === 0 ? ['.a'] : []
    const keep = random.below(5) !== 0
    const isKnown = await perform({ kind: 'rotate', key, to, set: latin1(set), remove, keep, login }, async () => {
      const rotated = await store.rotate(
        {
          from: site.keys[key]!,
          to: site.keys[to]!,
          set,
          remove,
          tombstone: `r:${site.keys[to]}`,
          keepAttributes: keep,
          ...(owned ? { owner: site.owner } : {}),
        },
        ttlMs,
      )
      saw(key, Infinity, '')
      return rotated === undefined ? 'dead' : rotated === 'conflict' ? 'conflict' : noted(to, rotated)
    })
    site.usable.push(to)
    return isKnown
  }

  function destroy(key: number): Promise<boolean> {
    return perform({ kind: 'destroy', key }, async () => {
      const wasAlive = await store.destroy(site.keys[key]!, ...ownerOf(key))
      return saw(key, Infinity, String(wasAlive))
    })
  }

  function destroyAllOf(except: number | undefined): Promise<boolean> {
    const begun = site.usable.filter((key) => key !== except && site.owned.has(key))
    return perform({ kind: 'destroyAllOf', except }, async () => {
      const ended = await store.destroyAllOf(site.owner, ...(except === undefined ? [] : [site.keys[except]!]))
      for (const key of begun) saw(key, Infinity, '')
      return String(ended)
    })
  }

  /** false: its outcome is unknown. */
  async function perform(op: Operation, call: Call): Promise<boolean> {
    const made = history.begin(op, client)
    try {
      history.end(made, await call())
      return true
    } catch (error) {
      if (!(error instanceof SessionError)) throw error
      if (error.code === 'session-gone') history.end(made, 'gone')
      else if (error.code === 'session-unavailable') history.lose(made)
      else throw error
      return error.code === 'session-gone'
    }
  }

  function ownerOf(key: number): [] | [string] {
    return site.owned.has(key) ? [site.owner] : []
  }

  /** Remembers a session as it was seen, and writes it as the model does. */
  function noted(key: number, all: ReadonlyMap<string, Buffer>): string {
    if (all.has('@x')) return saw(key, Infinity, 'dead')
    if (!all.has('@c')) return 'none'
    const fields = withoutStores(all)
    const version = Number(all.get('@v'))
    known.set(key, { fields, version })
    return seen(version, latin1(fields))
  }

  function saw(key: number, version: number, reply: string): string {
    known.set(key, { fields: known.get(key)?.fields ?? new Map(), version })
    return reply
  }

  function stamp(key: number, version: number): void {
    site.stamps[key] = Math.max(site.stamps[key]!, version)
    saw(key, Math.max(version, known.get(key)?.version ?? 0), '')
  }

  function remember(key: number, field: string, value: Buffer | undefined): void {
    const before = known.get(key)
    const fields = new Map(before?.fields)
    if (value === undefined) fields.delete(field)
    else fields.set(field, value)
    known.set(key, { fields, version: before?.version ?? 0 })
  }
}

function sealed(value: unknown): Buffer {
  return seal(encodeValue(value))
}

/** Without what a store itself counts and notes. */
function withoutStores(fields: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  return new Map([...fields].filter(([name]) => !/^@[vel]$/.test(name)))
}

function latin1(fields: ReadonlyMap<string, Buffer>): ReadonlyMap<string, string> {
  return new Map([...fields].map(([name, value]) => [name, value.toString('latin1')]))
}
