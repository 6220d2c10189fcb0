import { isDeepStrictEqual } from 'node:util'
import {
  admits,
  announcement,
  type BatonEvent,
  type DeployState,
  type Effect,
  type EventBody,
  evolve,
  lane,
  type Plan,
  progressOf,
  reconcile,
  replay,
  surveyOf,
} from '../../src/index.ts'
import { createAgenda } from './agenda.ts'
import { createRandom, type Random } from './random.ts'
import { createWorld, type World } from './world.ts'

/** How rough a schedule is. */
export interface Roughness {
  readonly stepFails: number
  readonly processCrashes: number
  readonly deployCrashes: number
}

interface Task {
  readonly effect: Effect
  /** Processes that had ended when it began. */
  readonly knownEndings: number
  cancelled: boolean
}

export interface Told {
  readonly events: readonly BatonEvent[]
  readonly outcome: string
  readonly crashes: number
}

/** Plays one whole deploy with everything that goes wrong in it, and throws where an invariant is broken. */
export function playSchedule(seed: number): Told {
  const random = createRandom(seed)
  const plan = randomPlan(random)
  const rough: Roughness = {
    stepFails: random.pick([0, 0.02, 0.15]),
    processCrashes: random.pick([0, 0, 0.01, 0.05]),
    deployCrashes: random.pick([0, 0.02, 0.1]),
  }
  const agenda = createAgenda()
  const world = createWorld(plan, random)
  const journal: BatonEvent[] = []
  let state: DeployState | undefined
  let alive = true
  let crashes = 0
  /** Faults end at some point: the question is whether the deploy comes to a clean end then. */
  let faultsLeft = random.between(0, 6)
  let life = 0
  const running = new Map<string, Task>()

  const faulty = (probability: number) => {
    if (faultsLeft === 0 || !random.chance(probability)) return false
    faultsLeft -= 1
    return true
  }

  const append = (body: EventBody): boolean => {
    const event = {
      seq: (state?.lastSeq ?? 0) + 1,
      at: new Date(agenda.now).toISOString(),
      deploy: plan.deploy,
      ...body,
    } as BatonEvent
    const dies = faulty(rough.deployCrashes)
    // Dead before the line was whole, or just after it was on disk.
    if (dies && random.chance(0.5)) {
      die()
      return false
    }
    journal.push(event)
    state = evolve(state, event)
    if (dies) die()
    return !dies
  }

  const die = () => {
    alive = false
    crashes += 1
    life += 1
    // What had been sent may still take effect, long before anybody resumes.
    for (const task of running.values()) if (random.chance(0.5)) applyAnnounced(task)
    running.clear()
    if (faulty(rough.processCrashes)) agenda.after(500, () => world.crash(random.pick([...world.nodes.keys()])))
    agenda.after(1_000, () => comeBack('crash'))
  }

  const comeBack = (after: 'crash' | 'halt') => {
    alive = true
    state = replay(journal)
    if (state === undefined) {
      append({
        type: 'deploy.started',
        release: plan.release.id,
        from: plan.from,
        nodes: [...plan.nodes.map((node) => node.id)],
        plan,
      })
    } else if (state.outcome === null || after === 'halt') {
      append({ type: random.chance(0.3) ? 'deploy.aborting' : 'deploy.resumed', only: null })
    }
    turn()
  }

  const applyAnnounced = ({ effect, knownEndings }: Task): string | null => {
    const announced = announcement(effect)
    if (
      announced !== null &&
      !journal.some((event) => event.type === announced.type && 'node' in event && event.node === announced.node)
    ) {
      throw new Error(`${effect.type} was done before the journal announced it`)
    }
    return world.apply(effect, { knownEndings })
  }

  const begin = (effect: Effect) => {
    const announced = announcement(effect)
    if (announced !== null && !append(announced)) return
    const mine: Task = { effect, knownEndings: world.endings, cancelled: false }
    running.set(lane(effect), mine)
    const born = life
    const whenAlive = (delayMs: number, act: () => void) => agenda.after(delayMs, () => alive && life === born && act())
    const settle = (body: EventBody | null) => {
      running.delete(lane(effect))
      if (body === null || append(body)) turn()
    }
    if (effect.type === 'survey') {
      const look = (tries: number) => {
        if (mine.cancelled) return settle(null)
        const survey = surveyOf(state!, world.view(), effect.nodes)
        const free = effect.nodes.some((id) => admits(state!, survey, progressOf(state!, id)))
        if (free) return settle({ type: 'deploy.surveyed', ...survey })
        if (tries === 0)
          return settle({ type: 'deploy.failed', error: { code: 'floor', message: 'the floor was never free' } })
        whenAlive(500, () => look(tries - 1))
      }
      return whenAlive(1, () => look(6))
    }
    whenAlive(random.between(0, 40), () => {
      if (faulty(rough.processCrashes)) world.crash(random.pick([...world.nodes.keys()]))
      const failsBefore = faulty(rough.stepFails)
      const problem = failsBefore ? 'injected' : applyAnnounced(mine)
      whenAlive(random.between(0, 40), () => {
        if (mine.cancelled) return settle(null)
        const fails = problem ?? (faulty(rough.stepFails) ? 'injected late' : null)
        settle(
          fails === null
            ? success(effect)
            : { type: 'node.failed', node: effect.node, step: effect.type, error: { code: 'sim', message: fails } },
        )
      })
    })
  }

  /** What the real runner does after every event. */
  const turn = () => {
    while (alive && state!.outcome === null) {
      const orders = reconcile(state!, new Map([...running].map(([key, value]) => [key, value.effect])), 'go-on')
      for (const effect of orders.cancel) running.get(lane(effect))!.cancelled = true
      for (const effect of orders.start) {
        if (alive) begin(effect)
        // Whatever was written changes what is wanted: ask again.
        if (announcement(effect) !== null) break
      }
      if (orders.start.some((effect) => announcement(effect) !== null)) continue
      if (orders.record === null || !alive) return
      if (running.size > 0) throw new Error(`${orders.record.type} is written down while something runs`)
      append(orders.record)
    }
    if (alive && state!.outcome === 'halted') agenda.after(1_000, () => comeBack('halt'))
  }

  agenda.after(0, () => comeBack('crash'))
  let steps = 0
  const stepOrTell = () => {
    try {
      return agenda.step()
    } catch (error) {
      throw Object.assign(error as Error, { journal })
    }
  }
  while (stepOrTell()) {
    steps += 1
    if (steps > 20_000) throw Object.assign(new Error('the deploy does not come to an end'), { journal })
    // The supervisor brings back what ended by itself.
    for (const node of world.nodes.values()) {
      const idle = !running.has(node.id) && node.running === null && node.admin === 'in'
      if (idle && random.chance(0.02)) node.running = node.current
    }
  }
  checkTheEnd(plan, state, journal, world.nodes)
  return { events: journal, outcome: state!.outcome!, crashes }
}

function success(effect: Exclude<Effect, { type: 'survey' }>): EventBody {
  const node = effect.node
  switch (effect.type) {
    case 'stage':
      return { type: 'node.staged', node }
    case 'drain':
      return { type: 'node.drained', node, inflight: 0, forced: false, waitedMs: 0 }
    case 'stop':
      return { type: 'node.stopped', node }
    case 'activate':
      return { type: 'node.activated', node, release: effect.release }
    case 'start':
      return { type: 'node.started', node }
    case 'check':
      return { type: 'node.healthy', node, checks: 3, waitedMs: 0 }
    case 'join':
      return { type: 'node.joined', node }
    case 'ramp':
      return { type: 'node.ramped', node, percent: effect.percent, weight: effect.weight }
    case 'bake':
      return { type: 'node.baked', node }
    case 'prune':
      return { type: 'node.pruned', node }
  }
}

const ramps: readonly Plan['rollout']['ramp'][] = [
  undefined,
  [],
  [
    { percent: 10, holdMs: 10_000 },
    { percent: 50, holdMs: 10_000 },
    { percent: 100, holdMs: 0 },
  ],
]

function randomPlan(random: Random): Plan {
  const count = random.between(1, 6)
  const batch = random.between(1, Math.max(1, Math.ceil(count / 2)))
  const nodes = Array.from({ length: count }, (_, i) => ({
    id: `n${i}`,
    address: `127.0.0.1:${3000 + i}`,
    weight: random.pick([1, 10, 10, 10, 25]),
    from: random.chance(0.03) ? null : 'v1',
    parked: random.chance(0.05),
  }))
  const of = nodes.reduce((sum, node) => sum + node.weight, 0)
  // The configuration refuses a floor that can never be met.
  const inService = nodes.filter((node) => !node.parked && node.from !== null).map((node) => node.weight)
  const reachable = inService.reduce((sum, weight) => sum + weight, 0) - Math.max(0, ...inService)
  return {
    deploy: 'd1',
    kind: 'deploy',
    release: { id: 'v2', source: '/v2', kind: 'directory', sha256: 'x' },
    from: 'v1',
    nodes,
    batches: Array.from({ length: Math.ceil(count / batch) }, (_, i) =>
      nodes.slice(i * batch, i * batch + batch).map((node) => node.id),
    ),
    floor: { weight: Math.max(0, Math.min(reachable, (of * random.pick([0, 0, 20, 34, 50, 66])) / 100)), of },
    rollout: {
      batch,
      drainTimeoutMs: 30_000,
      onDrainTimeout: 'abort',
      bakeMs: 5_000,
      ramp: random.pick(ramps),
      onFailure: random.pick(['rollback', 'rollback', 'halt']),
      progressDeadlineMs: 600_000,
    },
    keep: ['v2', 'v1'],
    warnings: [],
  }
}

function checkTheEnd(
  plan: Plan,
  state: DeployState | undefined,
  journal: readonly BatonEvent[],
  nodes: World['nodes'],
): void {
  if (state === undefined || state.outcome === null) throw new Error('the deploy stopped without an end')
  if (!isDeepStrictEqual(replay(journal), state)) throw new Error('replaying the journal gives another state')
  if (journal.some((event, i) => event.seq !== i + 1)) throw new Error('the numbers of the events have a gap')
  for (const planned of plan.nodes) {
    const node = nodes.get(planned.id)!
    const touched = progressOf(state, planned.id).touched !== 'no'
    if (!touched && node.changes > 0) throw new Error(`${node.id} was changed though the deploy says it was not`)
    const release = state.outcome === 'succeeded' ? 'v2' : planned.from
    if (release === null && touched) {
      if (node.running !== null || node.admin !== 'out') throw new Error(`${node.id} is left half way`)
      continue
    }
    if (node.current !== release) throw new Error(`${state.outcome}, and ${node.id} is on ${node.current}`)
    if (node.admin !== (planned.parked ? 'out' : 'in'))
      throw new Error(`${state.outcome}, and ${node.id} is ${node.admin}`)
    if (node.admin === 'in' && node.weight !== planned.weight)
      throw new Error(`${state.outcome}, and ${node.id} weighs ${node.weight}`)
  }
}
