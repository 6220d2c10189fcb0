import { ratio, ratioText } from '../ratio.ts'
import { describeMachine, median, table } from '../results-file.ts'
import { type Contestant, goals, versions } from './contestants.ts'
import { type Measurement, mixes, sizes } from './session-bench.ts'

export interface SessionResults {
  readonly contestants: readonly Contestant[]
  readonly measurements: readonly Measurement[]
  readonly seconds: number
  readonly rounds: number
  readonly quick: boolean
}

export function reportLines(results: SessionResults): string[] {
  const { contestants, measurements, seconds, rounds, quick } = results
  return [
    '# Shared sessions beside their peers',
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.`,
    `${versions()}; peers with Redis through connect-redis.`,
    '',
    'One process each, 32 connections by wrk with one thread, 200 sessions in turn. All are up and asked in turn, each for a second',
    `before and then for the ${seconds} s that count, in ${rounds} rounds, each with processes of its own, as no two of the same kind are`,
    'equally fast: medians of all, and ratios are medians of the ratios within each round. wrk, the app and one redis-server on TCP',
    'share the cores. A read shows the name of the user; a write counts up a number. What a session holds besides: ten attributes of',
    'JSON. The framework alone has no sessions, and answers the same. iron-session keeps everything in the cookie: 50 KB do not fit',
    'there. Made by `npm run bench -- session`.',
    ...settings().flatMap(({ name, bytes, mix }) => [
      '',
      `## ${name}`,
      '',
      ...settingTable(
        contestants,
        measurements.filter((each) => each.bytes === bytes && each.mix === mix),
      ),
    ]),
    '',
    '## What was to be reached',
    '',
    ...table(['goal', 'measured', ''], goalRows(measurements)),
    '',
    "## Redis' processor time a request beside the peer's",
    '',
    ...table(['', ...settings().map(({ name }) => name)], redisRows(measurements)),
  ]
}

function settings() {
  return sizes.flatMap((bytes) =>
    mixes.map(({ name: mix }) => ({
      name: `${bytes / 1000} KB, ${mix === 'read-only' ? mix : `reads/writes ${mix}`}`,
      bytes,
      mix,
    })),
  )
}

function settingTable(contestants: readonly Contestant[], measurements: readonly Measurement[]): string[] {
  const rows = contestants.map(({ name, framework, way }) => {
    const own = measurements.filter((each) => each.contestant === name)
    if (own.length === 0) return [name, '-', '-', '-', '-', '-', '-', '-']
    const middle = (pick: (each: Measurement) => number) => median(own.map(pick))
    return [
      name,
      Math.round(middle((each) => each.requestsPerSecond)).toLocaleString('en'),
      way === 'bare' ? '' : ratioText(ratio(measurements, { of: name, than: `${framework} alone` })),
      middle((each) => each.p50Ms).toFixed(2),
      middle((each) => each.p99Ms).toFixed(2),
      middle((each) => each.appUs).toFixed(0),
      middle((each) => each.redisUs).toFixed(1),
      String(own.reduce((sum, each) => sum + each.errors, 0)),
    ]
  })
  return table(['', 'requests/s', 'to the framework alone', 'p50 ms', 'p99 ms', 'app µs', 'Redis µs', 'errors'], rows)
}

function goalRows(measurements: readonly Measurement[]): string[][] {
  return goals.flatMap(({ of, atLeast, than, mix }) =>
    settings()
      .filter((setting) => (setting.mix === 'read-only') === (mix === 'read-only'))
      .map(({ name, bytes, mix: share }) => {
        const within = measurements.filter((each) => each.bytes === bytes && each.mix === share)
        const measured = ratio(within, { of, than })
        const verdict = measured === undefined ? 'not measured' : measured >= atLeast ? 'reached' : '**missed**'
        return [`${of}: ${atLeast} × ${than}; ${name}`, ratioText(measured), verdict]
      }),
  )
}

function redisRows(measurements: readonly Measurement[]): string[][] {
  const names = ['(redis)', '(near cache)', '@fastify/session', 'express-session']
  return [...new Set(measurements.map(({ contestant }) => contestant))]
    .filter((contestant) => names.some((name) => contestant.endsWith(name)))
    .map((contestant) => [
      contestant,
      ...settings().map(({ bytes, mix }) => {
        const own = measurements.filter(
          (each) => each.contestant === contestant && each.bytes === bytes && each.mix === mix,
        )
        return `${median(own.map((each) => each.redisUs)).toFixed(1)} µs`
      }),
    ])
}
