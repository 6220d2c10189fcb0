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
  readonly rounds: number
  readonly quick: boolean
  /** Parts of names of contestants; null for all. */
  readonly only: readonly string[] | null
}

/** Of a hundred requests so many write. */
export const mixes = [
  { name: 'read-only', writes: 0 },
  { name: 'writes', writes: 100 },
] as const

/** One contestant in one round of one mix. */
export interface TomcatMeasurement {
  readonly contestant: ContestantName
  readonly mix: (typeof mixes)[number]['name']
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
  const tomcats: Tomcat[] = []
  try {
    const jars = prepareJars(folder.path)
    const sessions = quick ? 500 : 10_000
    const memory = await measureMemory(taking, { folder: folder.path, redis, jars, sessions, bytes: sessionBytes })
    for (const contestant of taking) {
      const redisUrl = `${redis.url}/${contestants.indexOf(contestant)}`
      tomcats.push(await startTomcat(contestant, { folder: folder.path, redisUrl, jars }))
    }
    const measurements = await measureAll(tomcats, { ...options, wrk, redisPid: redis.pid })
    const versions = versionsOf(jars)
    publish(
      'tomcat',
      reportLines({ ...options, contestants: taking, measurements, memory, sessions, versions }),
      options,
    )
  } finally {
    await Promise.all(tomcats.map((tomcat) => tomcat.stop()))
    await redis.stop()
    await folder.remove()
  }
}

async function measureAll(
  tomcats: readonly Tomcat[],
  { rounds, seconds, quick, wrk, redisPid }: TomcatBenchOptions & { readonly wrk: string; readonly redisPid: number },
): Promise<TomcatMeasurement[]> {
  const measurements: TomcatMeasurement[] = []
  for (const tomcat of tomcats) {
    await writeFile(join(tomcat.base, 'cookies'), `${(await tomcat.begin(sessionCount, sessionBytes)).join('\n')}\n`)
  }
  for (const mix of mixes) {
    // All are up all the time and asked in turn, so that a drift of the machine meets neighbours alike.
    for (let round = -1; round < rounds; round++) {
      console.log(`${mix.name}, ${round < 0 ? 'warming up' : `round ${round + 1}`}`)
      for (const tomcat of round % 2 === 0 ? tomcats : tomcats.toReversed()) {
        // The JVM compiles what it has seen often.
        const warmUp = quick ? 1 : 10
        const load = { wrk, seconds: round < 0 ? warmUp : seconds, writes: mix.writes, redisPid }
        const measured = await measure(tomcat, load)
        if (round < 0) continue
        measurements.push({ contestant: tomcat.contestant.name, mix: mix.name, round, ...measured })
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
