import { findServer, verdictLines } from '@baton/testkit'
import { haproxyVersion, nginxVersion } from '../programs.ts'
import { describeMachine, median, table } from '../results-file.ts'
import { load, restMs, type WayResult } from './balancers-bench.ts'
import { nginxWorkers, type Way } from './way.ts'

export interface BalancersResults {
  readonly results: readonly WayResult[]
  readonly missing: readonly Way[]
  readonly cycles: number
  readonly quick: boolean
}

export function reportLines({ results, missing, cycles, quick }: BalancersResults): string[] {
  return [
    '# Taking a node out and putting it back under traffic',
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.${versions()}`,
    ...(missing.length === 0 ? [] : [`Not installed, and left out: ${missing.map(({ name }) => name).join(', ')}.`]),
    '',
    `${cycles} drains and ${cycles} joins of one of two nodes (${2 * cycles} changes), ${restMs} ms after each, under ${load.clients} keep-alive clients that`,
    `send ${load.ratePerSecond} requests a second together, so that each thinks for ${Math.round((1000 * load.clients) / load.ratePerSecond)} ms between two; ${load.postShare * 100} % of them are POSTs, most of those`,
    'orders that the nodes record. A client that finds its connection cut does not send its request again. With Baton a node joins',
    'again only when the balancer itself says that nothing is in flight there; by hand (the upstream file written anew, then',
    `\`nginx -s reload\`) nothing is waited for, and nobody knows. nginx has ${nginxWorkers} workers. Made by \`npm run bench -- balancers\`.`,
    '',
    ...resultTable(results),
    '',
    ...results.flatMap(problemLines),
    '## What was to be reached',
    '',
    ...table(['goal', 'measured', ''], results.flatMap(goalRow)),
    ...quotations(results, cycles),
  ]
}

function resultTable(results: readonly WayResult[]): string[] {
  const heads = ['', 'requests', 'failed', 'lost', 'doubled', 'logged out', 'connections cut', 'p99 ms', 'a drain ms']
  const rows = results.map(({ way, verdict, drainsMs }) => [
    way.name,
    verdict.requests.toLocaleString('en'),
    String(verdict.failed),
    String(verdict.lost ?? '-'),
    String(verdict.doubled ?? '-'),
    String(verdict.logouts),
    String(verdict.reconnects),
    verdict.p99Ms?.toFixed(1) ?? '-',
    way.expected === 'failures' ? 'not known' : `${median(drainsMs).toFixed(0)}, at most ${most(drainsMs)}`,
  ])
  return table(heads, rows)
}

/** What went wrong where nothing was to go wrong. */
function problemLines({ way, verdict }: WayResult): string[] {
  if (way.expected !== 'clean' || verdict.clean) return []
  return [`What went wrong with ${way.name}:`, '', ...verdictLines(verdict).map((line) => `    ${line}`), '']
}

function goalRow({ way, verdict }: WayResult): string[][] {
  const { failed, lost, doubled, logouts, wrongCarts } = verdict
  const bad = failed + (lost ?? 0) + (doubled ?? 0) + logouts + wrongCarts
  if (way.expected === 'clean') {
    return [[`nothing failed, lost, doubled or logged out: ${way.name}`, String(bad), verdictWord(verdict.clean)]]
  }
  if (way.expected === null) return [[`printed, not judged: ${way.name}`, `${failed} failed`, '-']]
  const saw = failed > 0 ? 'reached' : '**the rig saw nothing**'
  return [[`the rig sees what fails: ${way.name}`, `${failed} failed`, saw]]
}

/** What the documentation says of reloads, in its words. */
function quotations(results: readonly WayResult[], cycles: number): string[] {
  const reloading = results.filter(({ way }) => way.expected !== 'clean')
  return reloading.length === 0 ? [] : ['', '## To quote', '', ...reloading.map((result) => quotation(result, cycles))]
}

function quotation({ way, verdict }: WayResult, cycles: number): string {
  const count = (value: number) => value.toLocaleString('en')
  const figure = `${count(verdict.failed)} of ${count(verdict.requests)} requests failed over ${count(2 * cycles)} reloads`
  return `- ${way.name}: ${figure}, under ${load.clients} keep-alive clients with think time.`
}

function versions(): string {
  const [nginx, haproxy] = [findServer('nginx'), findServer('haproxy')]
  const found = [nginx && `nginx ${nginxVersion(nginx)}`, haproxy && `haproxy ${haproxyVersion(haproxy)}`]
  return found.map((each) => (each === null ? '' : ` ${each}.`)).join('')
}

function verdictWord(isReached: boolean): string {
  return isReached ? 'reached' : '**missed**'
}

function most(values: readonly number[]): string {
  return Math.max(...values).toFixed(0)
}
