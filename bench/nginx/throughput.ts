import type { Backend } from '../proxy/backend.ts'
import { applyLoad, type LoadResult } from '../proxy/load.ts'
import { nodeCounts, workloads } from '../proxy/proxy-bench.ts'
import { cpuSeconds } from './cpu-time.ts'
import { type NginxUnderTest, startDynamic, startStatic } from './servers.ts'

/** One round of one setting: dynamic and static, each twice, in the order A B B A, so that a drift meets both alike. */
export interface Round {
  readonly nodes: number
  readonly workload: string
  readonly dynamic: Measured
  readonly static: Measured
}

export interface Measured extends LoadResult {
  /** Of nginx's worker, in microseconds. */
  readonly cpuPerRequestUs: number
}

export interface ThroughputOptions {
  readonly wrk: string
  readonly backend: Backend
  /** Of each of the four measurements of a round. */
  readonly seconds: number
  readonly rounds: number
}

export async function measureThroughput(options: ThroughputOptions): Promise<Round[]> {
  const rounds: Round[] = []
  for (const nodes of nodeCounts) {
    const site = { upstreams: options.backend.addresses(nodes), workers: 1 }
    const dynamic = await startDynamic(site)
    try {
      const still = await startStatic(site)
      try {
        rounds.push(...(await measureRounds({ dynamic, still, nodes }, options)))
      } finally {
        await still.nginx.close()
      }
    } finally {
      await dynamic.nginx.close()
    }
  }
  return rounds
}

interface Pair {
  readonly dynamic: NginxUnderTest
  readonly still: NginxUnderTest
  readonly nodes: number
}

async function measureRounds({ dynamic, still, nodes }: Pair, options: ThroughputOptions): Promise<Round[]> {
  const rounds: Round[] = []
  for (const workload of workloads) {
    const measure = (target: NginxUnderTest) => measureOnce(target, { ...workload, ...options })
    console.log(`${nodes} nodes, ${workload.name}`)
    for (const target of [dynamic, still]) await measure(target)
    for (let round = 0; round < options.rounds; round++) {
      const [outer, inner] = round % 2 === 0 ? [dynamic, still] : [still, dynamic]
      const [first, second, third, fourth] = [
        await measure(outer),
        await measure(inner),
        await measure(inner),
        await measure(outer),
      ]
      const [outers, inners] = [mean(first, fourth), mean(second, third)]
      const found = outer === dynamic ? { dynamic: outers, static: inners } : { dynamic: inners, static: outers }
      rounds.push({ nodes, workload: workload.name, ...found })
    }
  }
  return rounds
}

async function measureOnce(
  { nginx, url }: NginxUnderTest,
  { wrk, seconds, path, postBytes }: ThroughputOptions & { path: string; postBytes: number },
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
