import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startRedis, tempDir } from '@baton/testkit'
import { cpuSeconds } from '../nginx/cpu-time.ts'
import { needProgram } from '../programs.ts'
import { publish } from '../results-file.ts'
import { type App, startApp } from './app-process.ts'
import { type ContestantName, contestants } from './contestants.ts'
import { reportLines } from './report.ts'

export interface SessionBenchOptions {
  /** Of each measurement. */
  readonly seconds: number
  /** Each with processes of its own: one may be a tenth faster than the next, all else being equal. */
  readonly rounds: number
  readonly quick: boolean
  /** Parts of names of contestants; null for all. */
  readonly only: readonly string[] | null
}

export const sizes = [2_000, 50_000] as const

/** Of a hundred requests so many write. */
export const mixes = [
  { name: 'read-only', writes: 0 },
  { name: '95/5', writes: 5 },
  { name: '50/50', writes: 50 },
] as const

/** One contestant in one round of one setting. */
export interface Measurement {
  readonly contestant: ContestantName
  readonly bytes: (typeof sizes)[number]
  readonly mix: (typeof mixes)[number]['name']
  readonly round: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
  /** Processor time a request, in microseconds: of the app, and of Redis. */
  readonly appUs: number
  readonly redisUs: number
}

export async function benchSession(options: SessionBenchOptions): Promise<void> {
  const wrk = needProgram('wrk')
  needProgram('redis-server')
  const { only } = options
  const taking = contestants.filter(({ name }) => only === null || only.some((part) => name.includes(part)))
  const folder = await tempDir()
  const redis = await startRedis()
  const measurements: Measurement[] = []
  try {
    for (let round = 1; round <= options.rounds; round++) {
      const apps: App[] = []
      try {
        for (const [database, contestant] of taking.entries()) {
          apps.push(await startApp(contestant, { folder: folder.path, redisUrl: redis.url, database, sizes }))
        }
        measurements.push(...(await measureRound(apps, round, { ...options, wrk, redisPid: redis.pid })))
      } finally {
        await Promise.all(apps.map((app) => app.stop()))
      }
    }
  } finally {
    await redis.stop()
    await folder.remove()
  }
  publish('session', reportLines({ contestants: taking, measurements, ...options }), options)
}

/** All are up all the time and asked in turn, in every other round from the end, so that a drift meets neighbours alike. */
async function measureRound(
  apps: readonly App[],
  round: number,
  { seconds, wrk, redisPid }: SessionBenchOptions & { readonly wrk: string; readonly redisPid: number },
): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const bytes of sizes) {
    for (const mix of mixes) {
      console.log(`round ${round}: ${bytes / 1000} KB, ${mix.name}`)
      for (const app of round % 2 === 0 ? apps : apps.toReversed()) {
        const cookies = app.cookies(bytes)
        if (cookies === undefined) continue
        const load = { wrk, cookies, writes: mix.writes, redisPid }
        // While the others had their turn it has lost its place in the processor's caches, and sessions in its own.
        await measure(app, { ...load, seconds: 1 })
        const measured = await measure(app, { ...load, seconds })
        measurements.push({ contestant: app.contestant.name, bytes, mix: mix.name, round, ...measured })
      }
    }
  }
  return measurements
}

const script = fileURLToPath(new URL('load.lua', import.meta.url))

async function measure(
  app: App,
  load: { wrk: string; cookies: string; seconds: number; writes: number; redisPid: number },
): Promise<Omit<Measurement, 'contestant' | 'bytes' | 'mix' | 'round'>> {
  const { wrk, cookies, seconds, writes, redisPid } = load
  const before = [cpuSeconds([app.pid]), cpuSeconds([redisPid])] as const
  const options = ['-t1', '-c32', `-d${seconds}s`, '--latency', '--timeout', '10s', '-s', script, app.url]
  const { stdout } = await promisify(execFile)(wrk, [...options, '--', cookies, String(writes)])
  const used = [cpuSeconds([app.pid]) - before[0], cpuSeconds([redisPid]) - before[1]] as const
  const line = /^result (.*)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk printed no result:\n${stdout}`)
  const {
    requests = 0,
    durationUs = 1,
    p50Us = 0,
    p99Us = 0,
    badStatus = 0,
    broken = 0,
  } = JSON.parse(line) as Record<string, number>
  return {
    requestsPerSecond: (requests * 1e6) / durationUs,
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
    errors: badStatus + broken,
    appUs: (used[0] * 1e6) / requests,
    redisUs: (used[1] * 1e6) / requests,
  }
}
