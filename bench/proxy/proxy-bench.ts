import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts, tempDir } from '@baton/testkit'
import { needProgram } from '../programs.ts'
import { publish } from '../results-file.ts'
import { type Backend, startBackend } from './backend.ts'
import { type Contestant, listContestants } from './contestants.ts'
import { applyLoad, type LoadResult } from './load.ts'
import { reportLines } from './report.ts'
import { startServerProcess } from './server-process.ts'

export interface ProxyBenchOptions {
  /** Of each measurement. */
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
  /** Names of contestants; null for all. */
  readonly only: readonly string[] | null
}

export interface Workload {
  readonly name: string
  readonly path: string
  readonly postBytes: number
}

export const workloads: readonly Workload[] = [
  { name: 'small answers', path: '/', postBytes: 0 },
  { name: '64 KiB answers', path: '/64k', postBytes: 0 },
  { name: 'POST of 4 KiB', path: '/', postBytes: 4096 },
]

export const nodeCounts = [2, 1000] as const

/** One round of one contestant, one workload. */
export interface Measurement extends LoadResult {
  readonly contestant: string
  readonly nodes: number
  readonly workload: string
  /** At the end of the load. */
  readonly residentBytes: number
}

export interface MemoryMeasurement {
  readonly contestant: string
  /** The most while 1,000 client connections were served. */
  readonly residentBytes: number
  readonly errors: number
}

export async function benchProxy(options: ProxyBenchOptions): Promise<void> {
  const [wrk, nginx] = [needProgram('wrk'), needProgram('nginx')]
  const { present, missing } = listContestants()
  const contestants = present.filter(({ name }) => options.only === null || options.only.includes(name))
  const folder = await tempDir()
  const backend = await startBackend(nginx, folder.path)
  const measurements: Measurement[] = []
  const memory: MemoryMeasurement[] = []
  try {
    for (let round = 0; round < options.rounds; round++) {
      // One at a time, in another order each round, so that no neighbour and no drift favours one of them.
      for (const contestant of rotate(contestants, round)) {
        for (const nodes of nodeCounts) {
          console.log(`round ${round + 1} of ${options.rounds}: ${contestant.name}, ${nodes} nodes`)
          measurements.push(...(await measure(contestant, { nodes, backend, wrk, folder: folder.path, ...options })))
        }
      }
    }
    for (const contestant of contestants) {
      console.log(`memory at 1,000 connections: ${contestant.name}`)
      memory.push(await measureMemory(contestant, { backend, wrk, folder: folder.path, ...options }))
    }
  } finally {
    await backend.stop()
    await folder.remove()
  }
  publish('proxy', reportLines({ contestants, missing, measurements, memory, ...options }), options)
}

interface Bench {
  readonly backend: Backend
  readonly wrk: string
  readonly folder: string
  readonly seconds: number
}

async function measure(contestant: Contestant, bench: Bench & { nodes: number }): Promise<Measurement[]> {
  const { nodes, wrk, seconds } = bench
  return withProxy(contestant, bench, async (url, residentBytes) => {
    const results: Measurement[] = []
    for (const { name, path, postBytes } of workloads) {
      const load = { url: `${url}${path}`, connections: 32, postBytes }
      await applyLoad(wrk, { ...load, seconds: 1 })
      const result = await applyLoad(wrk, { ...load, seconds })
      results.push({ contestant: contestant.name, nodes, workload: name, residentBytes: residentBytes(), ...result })
    }
    return results
  })
}

async function measureMemory(contestant: Contestant, bench: Bench): Promise<MemoryMeasurement> {
  return withProxy(contestant, { ...bench, nodes: 2 }, async (url, residentBytes) => {
    let most = 0
    const sampler = setInterval(() => {
      most = Math.max(most, residentBytes())
    }, 100)
    const load = { url: `${url}/`, connections: 1000, seconds: Math.max(2, bench.seconds), postBytes: 0 }
    const { errors } = await applyLoad(bench.wrk, load)
    clearInterval(sampler)
    return { contestant: contestant.name, residentBytes: most, errors }
  })
}

async function withProxy<T>(
  contestant: Contestant,
  { backend, nodes, folder }: Bench & { nodes: number },
  use: (url: string, residentBytes: () => number) => Promise<T>,
): Promise<T> {
  const [port = 0] = await freePorts(1)
  const cwd = join(folder, String(port))
  await mkdir(cwd)
  const { argv, env } = await contestant.prepare({ folder: cwd, port, upstreams: backend.addresses(nodes) })
  const url = `http://127.0.0.1:${port}`
  const server = await startServerProcess(argv, { cwd, url: `${url}/`, ...(env && { env }) })
  try {
    return await use(url, server.residentBytes)
  } finally {
    await server.stop()
  }
}

function rotate<T>(values: readonly T[], by: number): readonly T[] {
  const start = by % values.length
  return [...values.slice(start), ...values.slice(0, start)]
}
