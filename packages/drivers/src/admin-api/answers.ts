import { type BalancerNodeView, type BalancerView, BatonError, type NodeMetrics, type NodeState } from '@baton/core'

/** What GET /v1/nodes promises. */
export function viewOf(answer: unknown): BalancerView {
  const { generation, nodes } = objectAt(answer, 'answer')
  return {
    generation: textAt(generation, 'generation'),
    nodes: listAt(nodes, 'nodes').map((node, index) => nodeOf(node, `nodes[${index}]`)),
  }
}

/** A node as it is among the nodes, and as PUT /v1/nodes/:id answers it. */
export function nodeOf(answer: unknown, path = 'answer'): BalancerNodeView {
  const { id, address, state, weight, healthy, inflight, longLived } = objectAt(answer, path)
  const known = STATES.find((each) => each === state)
  if (known === undefined) throw invalid(`${path}.state`, `one of ${STATES.join(', ')}`)
  if (typeof healthy !== 'boolean') throw invalid(`${path}.healthy`, 'true or false')
  return {
    id: textAt(id, `${path}.id`),
    address: textAt(address, `${path}.address`),
    state: known,
    weight: countAt(weight, `${path}.weight`),
    healthy,
    inflight: countAt(inflight, `${path}.inflight`),
    longLived: countAt(longLived, `${path}.longLived`),
  }
}

/** What GET /v1/nodes/:id/metrics promises; Infinity, which JSON lacks, comes as null. */
export function metricsOf(answer: unknown): NodeMetrics {
  const { requests, statuses, failures, retries, latency } = objectAt(answer, 'answer')
  const { bounds, counts, sum } = objectAt(latency, 'latency')
  const metrics = {
    requests: countAt(requests, 'requests'),
    statuses: Object.fromEntries(
      Object.entries(objectAt(statuses, 'statuses')).map(([name, count]) => [name, countAt(count, `statuses.${name}`)]),
    ),
    failures: countAt(failures, 'failures'),
    retries: countAt(retries, 'retries'),
    latency: {
      bounds: listAt(bounds, 'latency.bounds').map((bound, index) =>
        bound === null ? Number.POSITIVE_INFINITY : numberAt(bound, `latency.bounds[${index}]`),
      ),
      counts: listAt(counts, 'latency.counts').map((count, index) => countAt(count, `latency.counts[${index}]`)),
      sum: numberAt(sum, 'latency.sum'),
    },
  }
  if (metrics.latency.bounds.length !== metrics.latency.counts.length)
    throw invalid('latency', 'a count for each bound')
  return metrics
}

export function assertObject(answer: unknown): void {
  objectAt(answer, 'answer')
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const STATES: readonly NodeState[] = ['serving', 'draining', 'drained', 'down', 'unknown']

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw invalid(path, 'an object')
  return value
}

function listAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(path, 'a list')
  return value
}

function textAt(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw invalid(path, 'a text')
  return value
}

function countAt(value: unknown, path: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalid(path, 'a count')
  return value as number
}

function numberAt(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(path, 'a number')
  return value
}

function invalid(path: string, wanted: string): BatonError {
  return new BatonError(
    'balancer-answer-invalid',
    `the balancer's answer is not what its API promises: ${path} must be ${wanted}`,
    {
      hint: 'see that baton and the running balancer are of one version',
    },
  )
}
