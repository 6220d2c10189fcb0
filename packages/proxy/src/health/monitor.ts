import type { Table } from '../table/table.ts'
import { checkHealth, type HealthCheck } from './check.ts'

export interface HealthConfig extends HealthCheck {
  readonly intervalMs: number
  /** So many good checks in a row bring a node up. */
  readonly rise: number
  /** So many bad ones in a row take it down. */
  readonly fall: number
}

export interface HealthMonitor {
  stop(): void
}

/**
 * Checks every node that is in, each at its own moment of the interval: the first checks are spread over a whole one, and
 * a jitter of a tenth keeps them from falling into step. A node is checked again only after its last check has ended.
 */
export function monitorHealth(
  nodes: readonly { readonly id: string; readonly host: string; readonly port: number }[],
  table: Table,
  health: HealthConfig,
): HealthMonitor {
  const timers = new Map<string, NodeJS.Timeout>()
  let stopped = false
  for (const node of nodes) follow(node)

  return {
    stop() {
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }

  function follow(node: { readonly id: string; readonly host: string; readonly port: number }): void {
    let inARow = 0
    let last: boolean | undefined
    let lastTerm: number | undefined
    schedule(health.intervalMs * Math.random())

    function schedule(delayMs: number): void {
      if (!stopped) timers.set(node.id, setTimeout(check, delayMs).unref())
    }

    async function check(): Promise<void> {
      const term = table.term(node.id)
      if (term !== undefined) {
        const healthy = await checkHealth(node, health)
        // A check that began before the node was taken out or put back says nothing about it now.
        if (!stopped && table.term(node.id) === term) judge(healthy, term)
      }
      schedule(health.intervalMs * (0.95 + 0.1 * Math.random()))
    }

    function judge(healthy: boolean, term: number): void {
      inARow = healthy === last && term === lastTerm ? inARow + 1 : 1
      last = healthy
      lastTerm = term
      if (inARow >= (healthy ? health.rise : health.fall)) table.setHealthy(node.id, healthy)
    }
  }
}
