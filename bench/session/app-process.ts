import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@baton/testkit'
import { type ServerProcess, startServerProcess } from '../proxy/server-process.ts'
import type { Contestant } from './contestants.ts'

/** A contestant that is up, and knows sessions of every size. */
export interface App extends ServerProcess {
  readonly contestant: Contestant
  readonly url: string
  /** A file with the cookies of its sessions of so many bytes, one a line; undefined: it cannot hold that many. */
  cookies(bytes: number): string | undefined
}

/** So many visitors take turns. */
const sessionCount = 200

export async function startApp(
  contestant: Contestant,
  site: { folder: string; redisUrl: string; database: number; sizes: readonly number[] },
): Promise<App> {
  const [port = 0] = await freePorts(1)
  const cwd = join(site.folder, String(port))
  await mkdir(cwd)
  const redis = `${site.redisUrl}/${site.database}`
  const store = { none: '', redis, 'redis, near cache': `${redis}#near`, lmdb: 'lmdb:./sessions' }[contestant.store]
  const program = fileURLToPath(new URL(`apps/${contestant.framework}.mjs`, import.meta.url))
  const url = `http://127.0.0.1:${port}`
  const profiling = process.env.BATON_BENCH_CPU_PROF
  const server = await startServerProcess(
    [
      process.execPath,
      ...(profiling === undefined ? [] : profiled(profiling)),
      program,
      String(port),
      contestant.way,
      store,
    ],
    { cwd, url: `${url}/begin?bytes=500`, env: { NODE_ENV: 'production' } },
  )
  const files = new Map<number, string>()
  try {
    for (const bytes of site.sizes) {
      const cookies = await begin(`${url}/begin?bytes=${bytes}`)
      if (cookies === undefined) continue
      files.set(bytes, join(cwd, `cookies-${bytes}`))
      await writeFile(join(cwd, `cookies-${bytes}`), `${cookies.join('\n')}\n`)
    }
  } catch (error) {
    await server.stop()
    throw error
  }
  return { ...server, contestant, url, cookies: (bytes) => files.get(bytes) }
}

async function begin(url: string): Promise<string[] | undefined> {
  const cookies: string[] = []
  for (let i = 0; i < sessionCount; i++) {
    const answer = await fetch(url)
    // iron-session keeps everything in the cookie, which browsers limit to 4 KB.
    if (answer.status !== 200) return undefined
    const pairs = answer.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '')
    cookies.push(pairs.length === 0 ? 'none=1' : pairs.join('; '))
  }
  return cookies
}

function profiled(folder: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`]
}
