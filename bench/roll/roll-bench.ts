import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BatonEvent } from '@baton/core'
import { freePorts, type Site, startSite, tempDir } from '@baton/testkit'
import { describeMachine, median, publish, table } from '../results-file.ts'

export interface RollBenchOptions {
  readonly rolls: number
  readonly quick: boolean
}

/** Where the wall time of one `baton deploy` of two nodes went, in milliseconds. */
interface RollTimes {
  readonly whole: number
  /** The app's own: stopping, starting, passing its checks, and the bake that was asked for. */
  readonly app: number
  /** What is left, a node. */
  readonly ownPerNode: number
  /** Node's start, reading the configuration, planning, and ending: outside of the deploy's own events. */
  readonly command: number
}

const nodes = 2
const goalMs = 500

/** Pairs of events between which the app works, or the bake is waited for. */
const appSpans: readonly (readonly [BatonEvent['type'], BatonEvent['type']])[] = [
  ['node.stopping', 'node.stopped'],
  ['node.starting', 'node.started'],
  ['node.checking', 'node.healthy'],
  ['node.baking', 'node.baked'],
]

export async function benchRoll({ rolls, quick }: RollBenchOptions): Promise<void> {
  const folder = await tempDir()
  try {
    const ports = await freePorts(1 + nodes)
    await writeFile(join(folder.path, 'baton.yaml'), configuration(ports))
    const site = startSite(folder.path)
    const times: RollTimes[] = []
    try {
      await site.ready()
      for (let roll = 0; roll < rolls; roll++) {
        console.log(`roll ${roll + 1} of ${rolls}`)
        times.push(await timeRoll(site))
      }
    } finally {
      await site.stop()
    }
    publish('roll', reportLines(times, quick), { quick })
  } finally {
    await folder.remove()
  }
}

async function timeRoll(site: Site): Promise<RollTimes> {
  const { exitCode, stdout, stderr, durationMs } = await site.run('deploy', '--json')
  if (exitCode !== 0) throw new Error(`baton deploy ended with exit code ${exitCode}:\n${stderr}`)
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as BatonEvent)
  const app = appSpans.reduce((sum, [from, to]) => sum + spanMs(events, from, to), 0)
  const at = (event: BatonEvent | undefined) => Date.parse(event?.at ?? '')
  return {
    whole: durationMs,
    app,
    ownPerNode: (durationMs - app) / nodes,
    command: durationMs - (at(events.at(-1)) - at(events[0])),
  }
}

/** Between the two events of each node, added up. Nodes are rolled one after the other, so that spans do not overlap. */
function spanMs(events: readonly BatonEvent[], from: BatonEvent['type'], to: BatonEvent['type']): number {
  const ends = events.filter((event) => event.type === to && 'node' in event)
  return ends.reduce((sum, end) => {
    const node = 'node' in end ? end.node : ''
    const start = events.findLast(
      (event) => event.type === from && event.seq < end.seq && 'node' in event && event.node === node,
    )
    return start === undefined ? sum : sum + Date.parse(end.at) - Date.parse(start.at)
  }, 0)
}

function reportLines(times: readonly RollTimes[], quick: boolean): string[] {
  const row = (name: string, pick: (each: RollTimes) => number) => {
    const values = times.map(pick)
    return [name, ...[Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(0))]
  }
  const own = median(times.map((each) => each.ownPerNode))
  return [
    "# A roll's own time",
    '',
    ...(quick ? ['**A smoke run: these figures mean nothing.**', ''] : []),
    `${describeMachine()}. ${new Date().toISOString().slice(0, 10)}.`,
    '',
    `${times.length} rolls of two nodes by \`baton deploy\`, one node at a time, in milliseconds. Made by \`npm run bench -- roll\`.`,
    '',
    ...table(
      ['', 'least', 'median', 'most'],
      [
        row('wall time of the command', (each) => each.whole),
        row("the app's stop, start and checks, and the bake", (each) => each.app),
        row('what is left, a node', (each) => each.ownPerNode),
        row("of that, the command's start and end, for both", (each) => each.command),
      ],
    ),
    '',
    `Less than ${goalMs} ms a node was to be reached: ${own < goalMs ? 'reached' : '**missed**'}, with ${own.toFixed(0)} ms.`,
  ]
}

function configuration([balancer, ...apps]: readonly number[]): string {
  return `name: bench
release: { source: ${JSON.stringify(fileURLToPath(new URL('app', import.meta.url)))}, keep: 1 }
balancer: { driver: embedded, listen: 127.0.0.1:${balancer} }
app: { driver: process, command: node server.js }
nodes:
${apps.map((port, index) => `  web-${index + 1}: { address: 127.0.0.1:${port} }`).join('\n')}
rollout: { bake: 1s }
`
}
