import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Load {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Bytes of a POST's body; 0 for GET. */
  readonly postBytes: number
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were no 2xx or 3xx, and connections that broke or timed out. */
  readonly errors: number
}

const script = fileURLToPath(new URL('load.lua', import.meta.url))

/** Lets wrk, with one thread, ask as fast as it gets answers. */
export async function applyLoad(wrk: string, { url, connections, seconds, postBytes }: Load): Promise<LoadResult> {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '10s', '-s', script, url]
  const { stdout } = await promisify(execFile)(wrk, [...options, '--', String(postBytes)])
  const line = /^result (.*)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk printed no result:\n${stdout}`)
  const { requests, durationUs, p50Us, p99Us, badStatus, broken } = JSON.parse(line) as Record<string, number>
  return {
    requestsPerSecond: ((requests ?? 0) * 1e6) / (durationUs ?? 1),
    p50Ms: (p50Us ?? 0) / 1000,
    p99Ms: (p99Us ?? 0) / 1000,
    errors: (badStatus ?? 0) + (broken ?? 0),
  }
}
