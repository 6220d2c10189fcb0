import { styleText } from 'node:util'
import type { BatonEvent, DeployState, NodeProgress, Phase } from '@baton/core'
import { createLogUpdate } from 'log-update'
import type { Terminal } from '../terminal.ts'
import { linesOf } from './lines.ts'
import type { View } from './view.ts'

/** In flight by node id, as the balancer says; null while it cannot be asked. */
export type InflightSource = () => Promise<ReadonlyMap<string, number | null> | null>

const refreshMs = 200

/** Nodes, steps, in-flight counts and the time taken, redrawn in place; what matters stays above as lines. */
export function createLiveView(options: { readonly terminal: Terminal; readonly inflight: InflightSource }): View {
  const draw = createLogUpdate(process.stdout)
  let state: DeployState | undefined
  let inflight: ReadonlyMap<string, number | null> = new Map()
  let asking = false

  const redraw = () => {
    if (state !== undefined) draw(picture(state, inflight, Date.now()).join('\n'))
  }
  const timer = setInterval(() => {
    redraw()
    if (asking) return
    asking = true
    options.inflight().then(
      (found) => {
        inflight = found ?? inflight
        asking = false
      },
      () => {
        asking = false
      },
    )
  }, refreshMs)
  timer.unref()

  return {
    onEvent(event, next) {
      state = next
      if (isWorthKeeping(event)) {
        draw.clear()
        for (const line of linesOf(event)) options.terminal.out(colour(event, line))
      }
      redraw()
    },
    close() {
      clearInterval(timer)
      redraw()
      draw.done()
    },
  }
}

/** The picture tells the steps; these tell the story. */
function isWorthKeeping(event: BatonEvent): boolean {
  return !('node' in event)
    ? event.type !== 'deploy.surveyed'
    : event.type === 'node.failed' || event.type === 'node.baked'
}

function colour(event: BatonEvent, line: string): string {
  if (event.type === 'node.failed' || event.type === 'deploy.failed' || event.type === 'deploy.halted')
    return styleText('red', line)
  if (event.type === 'deploy.rolling-back' || event.type === 'deploy.waiting') return styleText('yellow', line)
  return event.type === 'deploy.finished' && event.outcome === 'succeeded' ? styleText('green', line) : line
}

function picture(state: DeployState, inflight: ReadonlyMap<string, number | null>, nowMs: number): string[] {
  const width = Math.max(...state.nodes.map((node) => node.planned.id.length))
  const seconds = Math.max(0, (nowMs - Date.parse(state.startedAt)) / 1_000).toFixed(0)
  const way = state.direction === 'forward' ? state.plan.release.id : 'back to what ran before'
  return [
    '',
    `${styleText('bold', state.plan.kind)} ${way}  ${styleText('dim', `${seconds} s`)}`,
    ...state.nodes.map((node) => nodeLine(node, width, inflight.get(node.planned.id))),
  ]
}

function nodeLine(node: NodeProgress, width: number, inflight: number | null | undefined): string {
  const busy = inflight === undefined || inflight === null ? '' : styleText('dim', `${inflight} in flight`)
  return `  ${mark(node.phase)} ${node.planned.id.padEnd(width)}  ${node.phase.padEnd(11)} ${busy}`.trimEnd()
}

function mark(phase: Phase): string {
  if (phase === 'failed') return styleText('red', '✗')
  if (phase === 'done' || phase === 'pruned' || phase === 'pruning') return styleText('green', '✓')
  return phase === 'waiting' || phase === 'staged' || phase === 'untouched'
    ? styleText('dim', '·')
    : styleText('yellow', '→')
}
