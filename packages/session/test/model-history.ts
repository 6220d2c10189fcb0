import {
  absentSession,
  type Circumstances,
  kill,
  livesOf,
  type ModelSession,
  nameOf,
  type Operation,
  outcomesOf,
} from './model-state.ts'

/** A call of a store's method that has been made. */
export interface Call {
  readonly op: Operation
  readonly client: number
  readonly calledAt: number
}

/**
 * What clients of one store have asked and been answered. After each answer, some order of all that was under way at the
 * same time must explain everything that was ever answered (linearizability: every call takes effect at one moment between
 * its start and its end). A call whose outcome is unknown may take effect at any later moment, or never.
 */
export interface History {
  begin(op: Operation, client: number): Call
  /** Throws if nothing explains this reply. */
  end(call: Call, reply: string): void
  lose(call: Call): void
  /** All calls and replies so far, one a line. */
  trace(): string
}

/** A call under way, in one of the possible worlds. */
interface Open {
  readonly call: KnownCall
  /** It has taken effect already, and this is what will have to be answered. */
  readonly reply?: string
  /** Of log-out-everywhere: what is still to be ended, and how many it has ended. */
  readonly toKill: readonly number[]
  readonly killed: number
  /** Of a load: what its session has been since the call. Any of it may be answered. */
  readonly was: readonly ModelSession[]
}

interface World {
  readonly sessions: readonly ModelSession[]
  readonly open: readonly Open[]
}

interface KnownCall extends Call {
  readonly number: number
  metKill: boolean
  isLost: boolean
}

export function makeHistory({ sessions, isCached }: { sessions: number; isCached: boolean }): History {
  let worlds: readonly World[] = [{ sessions: Array.from({ length: sessions }, () => absentSession), open: [] }]
  const under = new Set<KnownCall>()
  const lines: { readonly atMs: number; readonly client: number; readonly what: Operation | string }[] = []
  const startedAt = performance.now()

  return {
    begin(op, client) {
      const kills = [...under].some((other) => other.op.kind === 'destroyAllOf')
      const calledAt = performance.now()
      const call: KnownCall = { op, client, calledAt, number: lines.length, metKill: kills, isLost: false }
      if (op.kind === 'destroyAllOf') for (const other of under) other.metKill = true
      under.add(call)
      note(call, op)
      worlds = worlds.map((world) => ({
        sessions: world.sessions,
        open: [
          ...world.open,
          { call, toKill: toKillOf(op, world), killed: 0, was: op.kind === 'load' ? [world.sessions[op.key]!] : [] },
        ],
      }))
      return call
    },

    end(call, reply) {
      const known = call as KnownCall
      note(call, reply)
      under.delete(known)
      const found = new Map<string, World>()
      const [world] = worlds
      if (worlds.length === 1 && world !== undefined && isAlone(world, known)) {
        worlds = explainAlone(world, known, reply)
        if (worlds.length > 0) return
        throw unexplained(known, reply)
      }
      for (const world of worlds) explain(world, known, reply, { found, tried: new Set() })
      if (found.size === 0) throw unexplained(known, reply)
      worlds = [...found.values()]
    },

    lose(call) {
      note(call, 'outcome unknown')
      const known = call as KnownCall
      known.isLost = true
      // It stays in `under`: it may still be at work, or come to work.
      if (isRead(known.op)) worlds = worlds.map((world) => without(world, known))
      else worlds = worlds.map((world) => afterLoss(world, known))
    },

    trace: () =>
      lines
        .map(({ atMs, client, what }) => {
          const text = typeof what === 'string' ? `  ${JSON.stringify(what)}` : describe(what)
          return `${(atMs - startedAt).toFixed(1).padStart(8)} ms  client ${client}  ${text}`
        })
        .join('\n'),
  }

  function note({ client }: Call, what: Operation | string): void {
    lines.push({ atMs: performance.now(), client, what })
  }

  /** The same as `explain`, for the usual case that nothing else can have happened. */
  function explainAlone(world: World, call: KnownCall, reply: string): World[] {
    const own = world.open.find((open) => open.call === call)
    if (call.op.kind === 'load') return own !== undefined && wasSeen(world, own, reply) ? [without(world, call)] : []
    if (call.op.kind === 'destroyAllOf') return []
    return outcomesOf(call.op, world.sessions, circumstancesOf(call))
      .filter((outcome) => outcome.reply === reply)
      .map((outcome) => inherit(call.op, become(without(world, call), outcome.sessions), reply))
  }

  function wasSeen(world: World, { call, was }: Open, reply: string): boolean {
    const { op } = call
    if (op.kind !== 'load') return false
    return was.some((session) =>
      outcomesOf(op, world.sessions.with(op.key, session), circumstancesOf(call)).some((each) => each.reply === reply),
    )
  }

  /** Puts into `found` every world in which this call, and whatever else may have happened before it, gives this reply. */
  function explain(
    world: World,
    call: KnownCall,
    reply: string,
    search: { readonly found: Map<string, World>; readonly tried: Set<string> },
  ): void {
    const own = world.open.find((open) => open.call === call)
    if (own === undefined) return
    if (own.reply !== undefined) {
      if (own.reply === reply) keep(without(world, call))
      return
    }
    if (call.op.kind === 'load') {
      if (wasSeen(world, own, reply)) keep(without(world, call))
    } else if (call.op.kind === 'destroyAllOf') {
      const left = own.toKill.some((key) => kill(world.sessions[key]!) !== undefined)
      if (!left && String(own.killed) === reply) keep(without(world, call))
    } else {
      for (const outcome of outcomesOf(call.op, world.sessions, circumstancesOf(call))) {
        if (outcome.reply !== reply) continue
        keep(inherit(call.op, become(without(world, call), outcome.sessions), reply))
      }
    }
    const keys = keysThatMatter(world, call)
    for (const open of world.open) {
      if (open.reply !== undefined || isRead(open.call.op)) continue
      if (open.call !== call || call.op.kind === 'destroyAllOf') {
        for (const next of stepsOf(world, open, keys)) tryWorld(next)
      }
    }

    function keep(next: World): void {
      search.found.set(search.found.size === 0 && worlds.length === 1 ? '' : nameOfWorld(next), next)
    }

    function tryWorld(next: World): void {
      const name = nameOfWorld(next)
      if (search.tried.has(name)) return
      search.tried.add(name)
      explain(next, call, reply, search)
    }
  }

  function stepsOf(world: World, open: Open, keys: ReadonlySet<number>): World[] {
    const { call } = open
    const { op } = call
    if (op.kind !== 'destroyAllOf') {
      if (!keysOf(op).some((key) => keys.has(key))) return []
      return outcomesOf(op, world.sessions, circumstancesOf(call)).map(({ sessions, reply }) =>
        inherit(op, become(call.isLost ? without(world, call) : replace(world, { ...open, reply }), sessions), reply),
      )
    }
    const worldsAfter: World[] = []
    for (const key of keys) {
      if (key === op.except) continue
      for (const session of livesOf(world.sessions[key]!, { from: call.calledAt, to: performance.now() })) {
        const isExpired = session.status !== 'alive' && world.sessions[key]?.status === 'alive'
        const next = isExpired ? session : kill(session)
        if (next === undefined) continue
        const step = {
          ...open,
          toKill: open.toKill.filter((each) => each !== key),
          killed: open.killed + (isExpired ? 0 : 1),
        }
        worldsAfter.push(become(replace(world, step), world.sessions.with(key, next)))
      }
    }
    return worldsAfter
  }

  function circumstancesOf(call: KnownCall): Circumstances {
    return { span: { from: call.calledAt, to: performance.now() }, metKill: call.metKill, isCached }
  }
}

/** Nothing else is under way that could have come before. */
function isAlone(world: World, call: KnownCall): boolean {
  if (call.op.kind === 'destroyAllOf') return false
  return world.open.every((open) =>
    open.call === call ? open.reply === undefined : open.reply !== undefined || isRead(open.call.op),
  )
}

function unexplained(call: Call, reply: string): Error {
  return new Error(`nothing explains this answer to ${describe(call.op)}: ${JSON.stringify(reply)}`)
}

/**
 * What was to be ended under its old key has to be ended under its new one, unless the user logged in anew. What is made
 * where nothing is left is another session, which came after the call.
 */
function inherit(op: Operation, world: World, reply: string): World {
  if (op.kind === 'create' && reply === 'true') {
    return {
      ...world,
      open: world.open.map((open) => ({ ...open, toKill: open.toKill.filter((key) => key !== op.key) })),
    }
  }
  if (op.kind !== 'rotate' || op.login || !reply.startsWith('v')) return world
  return {
    ...world,
    open: world.open.map((open) => {
      if (!open.toKill.includes(op.key)) return open
      // What is to be spared may have got its new key, by a call whose outcome is unknown, before anything was ended.
      const isSpared = open.call.op.kind === 'destroyAllOf' && open.call.op.except === op.to
      const others = open.toKill.filter((key) => key !== op.key)
      return { ...open, toKill: isSpared ? others : [...others, op.to] }
    }),
  }
}

/** Log-out-everywhere has to end what was alive when it was called. */
function toKillOf(op: Operation, { sessions }: World): readonly number[] {
  if (op.kind !== 'destroyAllOf') return []
  return sessions.flatMap((session, key) => (key !== op.except && kill(session) !== undefined ? [key] : []))
}

/** Unless it is known to have happened, it may happen from now on; a session made while its user was logged out may end as well. */
function afterLoss(world: World, call: KnownCall): World {
  const own = world.open.find((open) => open.call === call)
  const rest = own?.reply === undefined ? world : without(world, call)
  const made = call.op.kind === 'create' ? call.op.key : call.op.kind === 'rotate' ? call.op.to : undefined
  if (made === undefined || !call.metKill) return rest
  const cleaning: KnownCall = { ...call, op: { kind: 'destroy', key: made } }
  return { ...rest, open: [...rest.open, { call: cleaning, toKill: [], killed: 0, was: [] }] }
}

/** Calls that share no key, not even through others, may be explained each for itself. */
function keysThatMatter(world: World, call: KnownCall): ReadonlySet<number> {
  if (call.op.kind === 'destroyAllOf') return new Set(world.sessions.keys())
  const keys = new Set(keysOf(call.op))
  for (let size = 0; size !== keys.size; ) {
    size = keys.size
    for (const { call: other, reply } of world.open) {
      const others = reply === undefined ? keysOf(other.op) : []
      if (others.some((key) => keys.has(key))) for (const key of others) keys.add(key)
    }
  }
  return keys
}

function keysOf(op: Operation): readonly number[] {
  if (op.kind === 'destroyAllOf') return []
  return op.kind === 'rotate' ? [op.key, op.to] : [op.key]
}

function isRead(op: Operation): boolean {
  return op.kind === 'load'
}

/** The world after something has taken effect; loads under way may have seen it before or after. */
function become(world: World, sessions: readonly ModelSession[]): World {
  const open = world.open.map((each) => {
    const { op } = each.call
    if (op.kind !== 'load' || each.was.at(-1) === sessions[op.key]) return each
    return { ...each, was: [...each.was, sessions[op.key]!] }
  })
  return { sessions, open }
}

function without(world: World, call: Call): World {
  return { sessions: world.sessions, open: world.open.filter((open) => open.call !== call) }
}

function replace(world: World, next: Open): World {
  return {
    sessions: world.sessions,
    open: world.open.map((open) => (open.call === next.call && open.call.op === next.call.op ? next : open)),
  }
}

/** Equal for worlds that nothing can tell apart. */
function nameOfWorld({ sessions, open }: World): string {
  let name = ''
  for (const session of sessions) name += session === absentSession ? '\n' : `${nameOf(session)}\n`
  for (const { call, reply, toKill, killed, was } of open) {
    name += `${call.number} ${call.op.kind} ${reply} ${toKill} ${killed}\n`
    for (const session of was) name += `${nameOf(session)}\n`
  }
  return name
}

function describe(op: Operation): string {
  return JSON.stringify(op, (_, value) => (value instanceof Map ? Object.fromEntries(value) : value))
}
