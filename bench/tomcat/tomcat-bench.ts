import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startRedis, tempDir } from '@baton/testkit'
import { cpuSeconds } from '../nginx/cpu-time.ts'
import { needProgram } from '../programs.ts'
import { publish } from '../results-file.ts'
import { type ContestantName, contestants } from './contestants.ts'
import { prepareJars, versionsOf } from './jars.ts'
import { measureMemory } from './memory.ts'
import { reportLines } from './report.ts'
import { startTomcat, type Tomcat } from './tomcat.ts'

export interface TomcatBenchOptions {
  /** Of each measurement. */
  readonly seconds: number
  /** Each with JVMs of its own: one may be a fifth faster than the next, all else being equal. */
  readonly rounds: number
  readonly quick: boolean
  /** Parts of names of contestants; null for all. */
  readonly only: readonly string[] | null
}

/** Of a hundred requests so many write. The JVM compiles what it has seen often, most of it for the first mix. */
export const mixes = [
  { name: 'read-only', writes: 0, warmUpSeconds: 20 },
  { name: 'writes', writes: 100, warmUpSeconds: 6 },
] as const

/** One contestant in one pass over all of one mix. */
export interface TomcatMeasurement {
  readonly contestant: ContestantName
  readonly mix: (typeof mixes)[number]['name']
  /** Of this pass: each round has two. */
  readonly round: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  /** Processor time a request, in microseconds: of Tomcat, and of Redis. */
  readonly tomcatUs: number
  readonly redisUs: number
}

const sessionBytes = 2_000
/** So many visitors take turns. */
const sessionCount = 200

export async function benchTomcat(options: TomcatBenchOptions): Promise<void> {
  const wrk = needProgram('wrk')
  needProgram('redis-server')
  const { only, quick } = options
  const taking = contestants.filter(({ name }) => only === null || only.some((part) => name.includes(part)))
  const folder = await tempDir()
  const redis = await startRedis()
  const measurements: TomcatMeasurement[] = []
  try {
    const jars = prepareJars(folder.path)
    const sessions = quick ? 500 : 10_000
    const memory = await measureMemory(taking, { folder: folder.path, redis, jars, sessions, bytes: sessionBytes })
    for (let round = 1; round <= options.rounds; round++) {
      console.log(`round ${round}`)
      const tomcats: Tomcat[] = []
      try {
        for (const contestant of taking) {
          const redisUrl = `${redis.url}/${contestants.indexOf(contestant)}`
          tomcats.push(await startTomcat(contestant, { folder: folder.path, redisUrl, jars }))
        }
        measurements.push(...(await measureRound(tomcats, round, { ...options, wrk, redisPid: redis.pid })))
      } finally {
        await Promise.all(tomcats.map((tomcat) => tomcat.stop()))
      }
    }
    const versions = versionsOf(jars)
    publish(
      'tomcat',
      reportLines({ ...options, contestants: taking, measurements, memory, sessions, versions }),
      options,
    )
  } finally {
    await redis.stop()
    await folder.remove()
  }
}

/** All are up all the time and asked in turn, forth and back, so that a drift of the machine meets neighbours alike. */
async function measureRound(
  tomcats: readonly Tomcat[],
  round: number,
  { seconds, quick, wrk, redisPid }: TomcatBenchOptions & { readonly wrk: string; readonly redisPid: number },
): Promise<TomcatMeasurement[]> {
  const measurements: TomcatMeasurement[] = []
  for (const tomcat of tomcats) {
    await writeFile(join(tomcat.base, 'cookies'), `${(await tomcat.begin(sessionCount, sessionBytes)).join('\n')}\n`)
  }
  for (const mix of mixes) {
    const load = { wrk, seconds, writes: mix.writes, redisPid }
    for (const tomcat of tomcats) await measure(tomcat, { ...load, seconds: quick ? 1 : mix.warmUpSeconds })
    for (const order of [tomcats, tomcats.toReversed()]) {
      const pass = order === tomcats ? 0 : 1
      for (const tomcat of order) {
        const measured = await measure(tomcat, load)
        measurements.push({ contestant: tomcat.contestant.name, mix: mix.name, round: 2 * round + pass, ...measured })
      }
    }
  }
  return measurements
}

const script = fileURLToPath(new URL('../session/load.lua', import.meta.url))

async function measure(
  { url, base, pid }: Tomcat,
  { wrk, seconds, writes, redisPid }: { wrk: string; seconds: number; writes: number; redisPid: number },
): Promise<Omit<TomcatMeasurement, 'contestant' | 'mix' | 'round'>> {
  const before = [cpuSeconds([pid]), cpuSeconds([redisPid])] as const
  const options = ['-t1', '-c32', `-d${seconds}s`, '--latency', '--timeout', '10s', '-s', script, url]
  const { stdout } = await promisify(execFile)(wrk, [...options, '--', join(base, 'cookies'), String(writes)])
  const used = [cpuSeconds([pid]) - before[0], cpuSeconds([redisPid]) - before[1]] as const
  const line = /^result (.*)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk printed no result:\n${stdout}`)
  const result = JSON.parse(line) as Record<
    'requests' | 'durationUs' | 'p50Us' | 'p99Us' | 'badStatus' | 'broken',
    number
  >
  return {
    requestsPerSecond: (result.requests * 1e6) / result.durationUs,
    p50Ms: result.p50Us / 1000,
    p99Ms: result.p99Us / 1000,
    errors: result.badStatus + result.broken,
    tomcatUs: (used[0] * 1e6) / result.requests,
    redisUs: (used[1] * 1e6) / result.requests,
  }
}
