import { execFileSync } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from '@baton/testkit'
import { createClient } from 'redis'
import { type Contestant, type ContestantName, contestants } from './contestants.ts'
import type { BenchJars } from './jars.ts'
import { startTomcat, type Tomcat } from './tomcat.ts'

/** What sessions take, in bytes: live objects of the JVM after a full collection, Redis, and files. */
export interface MemoryUse {
  readonly contestant: ContestantName
  readonly heapBytes: number
  readonly redisBytes: number
  readonly fileBytes: number
}

/** One Tomcat at a time: begins `sessions` sessions of `bytes` bytes and sees what has grown. */
export async function measureMemory(
  taking: readonly Contestant[],
  site: { folder: string; redis: Redis; jars: BenchJars; sessions: number; bytes: number },
): Promise<MemoryUse[]> {
  const uses: MemoryUse[] = []
  const client = createClient({ url: site.redis.url })
  await client.connect()
  try {
    for (const contestant of taking) {
      console.log(`memory of ${site.sessions} sessions: ${contestant.name}`)
      await client.flushAll()
      const database = contestants.indexOf(contestant)
      const tomcat = await startTomcat(contestant, { ...site, redisUrl: `${site.redis.url}/${database}` })
      try {
        // What is made once, by the first requests, is not the sessions'.
        await tomcat.begin(200, site.bytes)
        const before = await usedBy(tomcat, client)
        await tomcat.begin(site.sessions, site.bytes)
        const after = await usedBy(tomcat, client)
        const grown = (pick: 'heapBytes' | 'redisBytes' | 'fileBytes') => Math.max(0, after[pick] - before[pick])
        uses.push({
          contestant: contestant.name,
          heapBytes: grown('heapBytes'),
          redisBytes: grown('redisBytes'),
          fileBytes: grown('fileBytes'),
        })
      } finally {
        await tomcat.stop()
      }
    }
    await client.flushAll()
  } finally {
    client.destroy()
  }
  return uses
}

async function usedBy({ pid, base }: Tomcat, client: { info(section: string): Promise<string> }) {
  return {
    heapBytes: liveBytes(pid),
    redisBytes: Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1] ?? 0),
    fileBytes: await bytesIn(join(base, 'sessions')),
  }
}

/** The histogram counts what a full collection has left. */
function liveBytes(pid: number): number {
  const text = execFileSync('jcmd', [String(pid), 'GC.class_histogram'], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  return Number(/^Total\s+\d+\s+(\d+)/m.exec(text)?.[1] ?? Number.NaN)
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
