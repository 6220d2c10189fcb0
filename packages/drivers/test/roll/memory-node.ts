import type { Node, ProbeResult } from '@baton/core'
import type { RollNode } from '../../src/roll/context.ts'

/** A node without a process: it runs what it was told to run, and is as healthy as the test says. */
export interface MemoryNode extends RollNode {
  readonly running: () => string | null
  setHealth(health: { readonly healthy: boolean }): void
}

export function createMemoryNode(id: string, running: string): MemoryNode {
  let healthy = true
  let [current, process] = [running, 'running' as 'running' | 'stopped']
  const runs = () => (process === 'running' ? current : null)
  const node: Node = {
    id,
    driver: 'memory',
    async fence() {},
    async inspect() {
      return { process, running: runs(), current, staged: [], restarts: 0, lastExit: null }
    },
    async stage() {},
    async verify() {},
    async stop() {
      process = 'stopped'
    },
    async activate(release) {
      current = release
    },
    async start() {
      process = 'running'
    },
    async prune() {},
    async logTail() {
      return []
    },
  }
  const answer = (): ProbeResult => ({ healthy, reason: healthy ? '' : 'GET / answered 500', release: runs() })
  return {
    node,
    probe: { check: async () => answer() },
    running: runs,
    setHealth(health) {
      healthy = health.healthy
    },
  }
}
