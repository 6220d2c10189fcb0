import type { Backend } from '../proxy/backend.ts'
import { applyLoad, type LoadResult } from '../proxy/load.ts'
import { nodeCounts, workloads } from '../proxy/proxy-bench.ts'
import { cpuSeconds } from './cpu-time.ts'
import { type NginxSite, type NginxUnderTest, startDynamic, startEmpty, startStatic } from './servers.ts'

const starts = { dynamic: startDynamic, static: startStatic, empty: startEmpty }
export type Contestant = keyof typeof starts
const contestants = Object.keys(starts) as Contestant[]

/** One round of one setting: each is asked twice, forth and back, so that a drift meets all alike. */
export type Round = { readonly nodes: number; readonly workload: string } & Readonly<Record<Contestant, Measured>>

export interface Measured extends LoadResult {
  /** Of nginx's worker, in microseconds. */
  readonly cpuPerRequestUs: number
}

export interface ThroughputOptions {
  readonly wrk: string
  readonly backend: Backend
  /** Of each measurement, two of each contestant in a round. */
  readonly seconds: number
  readonly rounds: number
}

export async function measureThroughput(options: ThroughputOptions): Promise<Round[]> {
  const rounds: Round[] = []
  for (const nodes of nodeCounts) {
    const running = await startAll({ upstreams: options.backend.addresses(nodes), workers: 1 })
    try {
      for (const workload of workloads) {
        console.log(`${nodes} nodes, ${workload.name}`)
        const measured = await measureRounds(running, { ...workload, ...options })
        rounds.push(...measured.map((each) => ({ nodes, workload: workload.name, ...each })))
      }
    } finally {
      await closeAll(running)
    }
  }
  return rounds
}

type Running = Partial<Record<Contestant, NginxUnderTest>>

async function startAll(site: NginxSite): Promise<Running> {
  const running: Running = {}
  try {
    for (const name of contestants) running[name] = await starts[name](site)
    return running
  } catch (error) {
    await closeAll(running)
    throw error
  }
}

async function closeAll(running: Running): Promise<void> {
  for (const { nginx } of Object.values(running)) await nginx.close()
}

async function measureRounds(running: Running, options: OneOptions): Promise<Record<Contestant, Measured>[]> {
  const measure = (name: Contestant) => measureOnce(running[name]!, options)
  for (const name of contestants) await measure(name)
  const rounds: Record<Contestant, Measured>[] = []
  for (let round = 0; round < options.rounds; round++) {
    const forth = round % 2 === 0 ? contestants : contestants.toReversed()
    const found: Partial<Record<Contestant, Measured>> = {}
    for (const name of forth) found[name] = await measure(name)
    for (const name of forth.toReversed()) found[name] = mean(found[name]!, await measure(name))
    rounds.push(found as Record<Contestant, Measured>)
  }
  return rounds
}

type OneOptions = ThroughputOptions & { readonly path: string; readonly postBytes: number }

async function measureOnce(
  { nginx, url }: NginxUnderTest,
  { wrk, seconds, path, postBytes }: OneOptions,
): Promise<Measured> {
  const workers = await nginx.workers()
  const before = cpuSeconds(workers)
  const result = await applyLoad(wrk, { url: `${url}${path}`, connections: 32, seconds, postBytes })
  const usedUs = (cpuSeconds(workers) - before) * 1e6
  return { ...result, cpuPerRequestUs: usedUs / (result.requestsPerSecond * seconds) }
}

/** Of errors the sum. */
function mean(a: Measured, b: Measured): Measured {
  return {
    requestsPerSecond: (a.requestsPerSecond + b.requestsPerSecond) / 2,
    p50Ms: (a.p50Ms + b.p50Ms) / 2,
    p99Ms: (a.p99Ms + b.p99Ms) / 2,
    errors: a.errors + b.errors,
    cpuPerRequestUs: (a.cpuPerRequestUs + b.cpuPerRequestUs) / 2,
  }
}
