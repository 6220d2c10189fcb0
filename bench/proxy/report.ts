import { describeMachine, median, table } from '../results-file.ts'
import type { Contestant } from './contestants.ts'
import { type Measurement, type MemoryMeasurement, nodeCounts, workloads } from './proxy-bench.ts'

export interface ProxyResults {
  readonly contestants: readonly Contestant[]
  readonly missing: readonly string[]
  readonly measurements: readonly Measurement[]
  readonly memory: readonly MemoryMeasurement[]
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
}

/** What the embedded balancer is to reach, as a multiple of the other's requests a second. */
const goals = [
  { of: 'caddy', atLeast: 1.5 },
  { of: 'http-proxy', atLeast: 2 },
  { of: 'nginx', atLeast: 0.4 },
]
const memoryGoalBytes = 120 * 2 ** 20

export function reportLines(results: ProxyResults): string[] {
  const { contestants, missing, measurements, seconds, rounds, quick } = results
  return [
    '# The embedded balancer beside its peers',
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.`,
    `${contestants.map(({ name, version }) => `${name} ${version}`).join(', ')}.`,
    ...(missing.length === 0 ? [] : [`Not installed, and left out: ${missing.join(', ')}.`]),
    '',
    `One worker each, keep-alive on both sides, 32 connections by wrk with one thread, ${seconds} s a measurement after a`,
    `second of warming up; medians of ${rounds} rounds in turn. wrk, the proxy and the nodes (one nginx on as many addresses)`,
    'share the cores. Made by `npm run bench -- proxy`.',
    ...nodeCounts.flatMap((nodes) =>
      workloads.flatMap(({ name }) => [
        '',
        `## ${nodes.toLocaleString('en')} nodes, ${name}`,
        '',
        ...workloadTable(
          contestants,
          measurements.filter((each) => each.nodes === nodes && each.workload === name),
        ),
      ]),
    ),
    '',
    '## Memory at 1,000 client connections',
    '',
    ...table(
      ['', 'MB', 'errors'],
      results.memory.map((each) => [each.contestant, inMB(each.residentBytes), String(each.errors)]),
    ),
    '',
    '## What was to be reached',
    '',
    ...goalTable(results),
  ]
}

function workloadTable(contestants: readonly Contestant[], measurements: readonly Measurement[]): string[] {
  const rows = contestants.map(({ name }) => {
    const own = measurements.filter((each) => each.contestant === name)
    const middle = (pick: (each: Measurement) => number) => median(own.map(pick))
    return [
      name,
      Math.round(middle((each) => each.requestsPerSecond)).toLocaleString('en'),
      middle((each) => each.p50Ms).toFixed(2),
      middle((each) => each.p99Ms).toFixed(2),
      inMB(middle((each) => each.residentBytes)),
      String(own.reduce((sum, each) => sum + each.errors, 0)),
    ]
  })
  return table(['', 'requests/s', 'p50 ms', 'p99 ms', 'MB', 'errors'], rows)
}

function goalTable({ measurements, memory }: ProxyResults): string[] {
  const rate = (contestant: string, nodes: number, workload: string) => {
    const own = measurements.filter(
      (each) => each.contestant === contestant && each.nodes === nodes && each.workload === workload,
    )
    return median(own.map((each) => each.requestsPerSecond))
  }
  const rows = goals.flatMap(({ of, atLeast }) =>
    nodeCounts.flatMap((nodes) =>
      workloads.flatMap(({ name }) => {
        const [ours, theirs] = [rate('baton', nodes, name), rate(of, nodes, name)]
        if (ours === 0 || theirs === 0) return [[`${atLeast} × ${of}, ${nodes} nodes, ${name}`, '-', 'not measured']]
        const ratio = ours / theirs
        const verdict = ratio >= atLeast ? 'reached' : '**missed**'
        return [[`${atLeast} × ${of}, ${nodes} nodes, ${name}`, `${ratio.toFixed(2)} ×`, verdict]]
      }),
    ),
  )
  const ours = memory.find(({ contestant }) => contestant === 'baton')?.residentBytes
  const memoryRow =
    ours === undefined ? ['-', 'not measured'] : [`${inMB(ours)} MB`, ours < memoryGoalBytes ? 'reached' : '**missed**']
  return table(['goal', 'measured', ''], [...rows, ['less than 120 MB at 1,000 connections', ...memoryRow]])
}

function inMB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
