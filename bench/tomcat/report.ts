import { ratio, ratioText } from '../ratio.ts'
import { describeMachine, median, table } from '../results-file.ts'
import { type Contestant, goals } from './contestants.ts'
import type { MemoryUse } from './memory.ts'
import { mixes, type TomcatMeasurement } from './tomcat-bench.ts'

export interface TomcatResults {
  readonly contestants: readonly Contestant[]
  readonly measurements: readonly TomcatMeasurement[]
  readonly memory: readonly MemoryUse[]
  /** Whose memory it is. */
  readonly sessions: number
  readonly versions: string
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
}

export function reportLines(results: TomcatResults): string[] {
  const { contestants, measurements, memory, sessions, versions, seconds, rounds, quick } = results
  return [
    "# Tomcat's sessions beside their peers",
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.`,
    `${versions}.`,
    '',
    'One Tomcat each, 32 connections by wrk with one thread, 200 sessions of 2 KB in turn: twelve attributes, maps and lists. All are up',
    `and asked in turn, ${seconds} s each, forth and back, in ${rounds} rounds, each with JVMs of its own, as no two of the same kind are`,
    'equally fast: medians of all, and ratios are medians of the ratios within each pass. wrk, Tomcat and one redis-server on TCP share',
    'the cores. A read shows the name of the user; a write counts up a number. redisson-tomcat as it comes: readMode REDIS,',
    'updateMode DEFAULT. Made by `npm run bench -- tomcat`.',
    ...mixes.flatMap(({ name }) => [
      '',
      `## ${name}`,
      '',
      ...mixTable(
        contestants,
        measurements.filter(({ mix }) => mix === name),
      ),
    ]),
    '',
    '## What was to be reached',
    '',
    ...table(['goal', 'measured', ''], goalRows(measurements)),
    '',
    `## Memory of ${sessions.toLocaleString('en')} sessions`,
    '',
    "Live objects of the JVM after a full collection, Redis' used_memory and files; what they have grown by.",
    '',
    ...table(
      ['', 'JVM MB', 'Redis MB', 'files MB'],
      memory.map((use) => [use.contestant, ...[use.heapBytes, use.redisBytes, use.fileBytes].map(megabytes)]),
    ),
  ]
}

function mixTable(contestants: readonly Contestant[], measurements: readonly TomcatMeasurement[]): string[] {
  const rows = contestants.map(({ name }) => {
    const own = measurements.filter(({ contestant }) => contestant === name)
    const middle = (pick: (each: TomcatMeasurement) => number) => median(own.map(pick))
    return [
      name,
      Math.round(middle((each) => each.requestsPerSecond)).toLocaleString('en'),
      ratioText(ratio(measurements, { of: name, than: 'in memory' })),
      ratioText(ratio(measurements, { of: name, than: 'redisson-tomcat' })),
      middle((each) => each.p50Ms).toFixed(2),
      middle((each) => each.p99Ms).toFixed(2),
      middle((each) => each.tomcatUs).toFixed(0),
      middle((each) => each.redisUs).toFixed(1),
      String(own.reduce((sum, each) => sum + each.errors, 0)),
    ]
  })
  const heads = [
    'requests/s',
    'to in memory',
    'to redisson-tomcat',
    'p50 ms',
    'p99 ms',
    'Tomcat µs',
    'Redis µs',
    'errors',
  ]
  return table(['', ...heads], rows)
}

function goalRows(measurements: readonly TomcatMeasurement[]): string[][] {
  return goals.map(({ of, atLeast, than, mix }) => {
    const within = measurements.filter((each) => each.mix === mix)
    const measured = ratio(within, { of, than })
    const verdict = measured === undefined ? 'not measured' : measured >= atLeast ? 'reached' : '**missed**'
    return [`${of}: ${atLeast} × ${than}; ${mix}`, ratioText(measured), verdict]
  })
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
