import { quantile } from '@baton/testkit'
import { nginxVersion } from '../programs.ts'
import { nodeCounts, workloads } from '../proxy/proxy-bench.ts'
import { describeMachine, median, table } from '../results-file.ts'
import { type ChangeTimes, workerCount } from './change-times.ts'
import type { Contestant, Measured, Round } from './throughput.ts'

export interface NginxResults {
  readonly nginx: string
  readonly changes: ChangeTimes
  readonly measured: readonly Round[]
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
}

/** What the dynamic one is to reach, as a multiple of the static one's. */
const rateGoals = { 2: 0.95, 1000: 0.9 }
const p99Goal = 1.2
const changeGoalMs = 50

export function reportLines(results: NginxResults): string[] {
  const { nginx, changes, measured, seconds, rounds, quick } = results
  return [
    '# Dynamic nginx beside the same nginx with a static upstream',
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}. nginx ${nginxVersion(nginx)}.`,
    '',
    'One worker each, the same server block, the same keep-alive, no access log; 32 connections by wrk with one thread. wrk, nginx',
    'and the nodes (another nginx, on as many addresses) share the cores. Empty is the same nginx with Lua in the phases of',
    "Baton's that does nothing but choose the nodes in turn: what entering them costs. All are up all the time, and asked",
    `in turn, forth and back in a round, ${seconds} s each, so that a drift of the machine meets all alike. Ratios are medians of the`,
    `ratios of ${rounds} rounds, with their middle half in brackets. Made by \`npm run bench -- nginx\`.`,
    '',
    '## Requests a second',
    '',
    ...comparison(measured, { of: 'requestsPerSecond', format: (value) => Math.round(value).toLocaleString('en') }),
    '',
    '## p50, in milliseconds',
    '',
    ...comparison(measured, { of: 'p50Ms', format: (value) => value.toFixed(2) }),
    '',
    '## p99, in milliseconds',
    '',
    ...comparison(measured, { of: 'p99Ms', format: (value) => value.toFixed(2) }),
    '',
    "## Processor time of nginx's worker a request, in microseconds",
    '',
    ...comparison(measured, { of: 'cpuPerRequestUs', format: (value) => value.toFixed(1) }),
    '',
    `Failed requests in all of it: static ${failures(measured, 'static')}, empty ${failures(measured, 'empty')}, dynamic ${failures(measured, 'dynamic')}.`,
    '',
    `## A change of state, until all of ${workerCount} workers obey`,
    '',
    ...changeTable(changes),
    '',
    '## What was to be reached',
    '',
    ...table(['goal', 'measured', ''], [...rateRows(measured), ...p99Rows(measured), ...changeRows(changes)]),
  ]
}

type Quantity = Exclude<keyof Measured, 'errors'>

function comparison(
  measured: readonly Round[],
  { of, format }: { readonly of: Quantity; readonly format: (value: number) => string },
): string[] {
  const rows = settings(measured).map(({ name, rounds }) => {
    const usual = (contestant: Contestant) => format(median(rounds.map((each) => each[contestant][of])))
    return [
      name,
      ...[usual('static'), usual('empty'), usual('dynamic')],
      ...[spread(ratiosOf(rounds, of, 'empty')), spread(ratiosOf(rounds, of, 'dynamic'))],
    ]
  })
  return table(['', 'static', 'empty', 'dynamic', 'empty to static', 'dynamic to static'], rows)
}

function spread(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b)
  const [low, high] = [0.25, 0.75].map((share) => (quantile(sorted, share) ?? 0).toFixed(2))
  return `${median(sorted).toFixed(2)} × (${low} to ${high})`
}

function changeTable(changes: ChangeTimes): string[] {
  const row = (name: string, times: readonly number[]) => [
    name,
    String(times.length),
    `${median(times).toFixed(1)} ms`,
    `${Math.max(...times).toFixed(1)} ms`,
  ]
  return table(
    ['', 'changes', 'median', 'most'],
    [
      row('out: from the call to the last request that still came to the node', changes.out),
      row('in: from the call until every worker had brought an answer of the node', changes.in),
    ],
  )
}

function rateRows(measured: readonly Round[]): string[][] {
  return settings(measured).map(({ name, nodes, rounds }) => {
    const ratio = median(ratiosOf(rounds, 'requestsPerSecond'))
    const goal = rateGoals[nodes]
    return [`${goal} × the requests/s, ${name}`, `${ratio.toFixed(3)} ×`, verdict(ratio >= goal)]
  })
}

function p99Rows(measured: readonly Round[]): string[][] {
  return settings(measured).map(({ name, rounds }) => {
    const ratio = median(ratiosOf(rounds, 'p99Ms'))
    return [`p99 within ${p99Goal} ×, ${name}`, `${ratio.toFixed(2)} ×`, verdict(ratio <= p99Goal)]
  })
}

function changeRows(changes: ChangeTimes): string[][] {
  const row = (what: string, times: readonly number[]) => {
    const most = Math.max(...times)
    return [
      `a node ${what}, in every worker within ${changeGoalMs} ms`,
      `${most.toFixed(1)} ms`,
      verdict(most <= changeGoalMs),
    ]
  }
  return [row('out', changes.out), row('in', changes.in)]
}

function settings(measured: readonly Round[]) {
  return nodeCounts.flatMap((nodes) =>
    workloads.map((workload) => ({
      name: `${nodes.toLocaleString('en')} nodes, ${workload.name}`,
      nodes,
      rounds: measured.filter((each) => each.nodes === nodes && each.workload === workload.name),
    })),
  )
}

function ratiosOf(rounds: readonly Round[], of: Quantity, contestant: Contestant = 'dynamic'): number[] {
  return rounds.map((each) => each[contestant][of] / each.static[of])
}

function failures(measured: readonly Round[], of: Contestant): number {
  return measured.reduce((sum, each) => sum + each[of].errors, 0)
}

function verdict(isReached: boolean): string {
  return isReached ? 'reached' : '**missed**'
}
