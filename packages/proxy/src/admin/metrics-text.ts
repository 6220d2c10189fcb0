import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { NodeMetrics } from '../table/node-metrics.ts'
import type { NodeView } from '../table/table.ts'

export interface MetricsSource {
  nodes(): Promise<readonly NodeView[]>
  metrics(id: string): NodeMetrics
  connections(): number
}

export interface MetricsText {
  readonly contentType: string
  /** In Prometheus' text format 0.0.4. */
  render(): Promise<string>
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Where it is not the family's own: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string
}

type Family = readonly [name: string, type: 'counter' | 'gauge' | 'histogram', help: string]

const states = ['serving', 'draining', 'drained', 'down'] as const

/** The table keeps the counts; they become samples only when somebody asks. */
export function createMetricsText(source: MetricsSource): MetricsText {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  let nodes: readonly NodeView[] = []

  const perNode = (
    [name, type, help]: Family,
    sample: (node: NodeView, counts: NodeMetrics) => readonly Sample[],
  ): void => register([name, type, help], () => nodes.flatMap((node) => sample(node, source.metrics(node.id))))
  const one = (family: Family, read: (node: NodeView, counts: NodeMetrics) => number): void =>
    perNode(family, (node, counts) => [{ labels: { node: node.id }, value: read(node, counts) }])

  perNode(['baton_requests_total', 'counter', 'Answers of the node, by status class.'], (node, { statuses }) =>
    Object.entries(statuses).map(([status, value]) => ({ labels: { node: node.id, status }, value })),
  )
  one(['baton_exchanges_total', 'counter', 'Requests sent to the node.'], (_, { requests }) => requests)
  one(['baton_failures_total', 'counter', "Requests that failed on the node's side."], (_, { failures }) => failures)
  one(['baton_retries_total', 'counter', 'Requests that went on to another node.'], (_, { retries }) => retries)
  one(['baton_inflight', 'gauge', 'Requests in flight, long-lived ones included.'], ({ inflight }) => inflight)
  one(['baton_long_lived', 'gauge', 'Upgraded connections and event streams.'], ({ longLived }) => longLived)
  one(['baton_node_weight', 'gauge', 'The share of the node.'], ({ weight }) => weight)
  one(['baton_node_healthy', 'gauge', '1 when its checks are passed.'], ({ healthy }) => Number(healthy))
  perNode(['baton_node_state', 'gauge', '1 for the state that the node is in.'], (node) =>
    states.map((state) => ({ labels: { node: node.id, state }, value: Number(node.state === state) })),
  )
  perNode(['baton_request_duration_seconds', 'histogram', 'From the choice of the node to the end.'], latencySamples)
  register(['baton_connections', 'gauge', 'Client connections.'], () => [{ labels: {}, value: source.connections() }])

  return {
    contentType: registry.contentType,
    async render() {
      nodes = await source.nodes()
      return registry.metrics()
    },
  }

  function register([name, type, help]: Family, read: () => readonly Sample[]): void {
    // A registry asks its metrics for nothing but their name and get(); its own classes could only be fed sample by sample.
    const metric = { name, get: async () => ({ name, type, help, aggregator: 'sum', values: read() }) }
    registry.registerMetric(metric as unknown as Metric)
  }
}

function latencySamples(node: NodeView, { latency }: NodeMetrics): readonly Sample[] {
  const name = 'baton_request_duration_seconds'
  const labels = { node: node.id }
  const buckets = latency.bounds.map((bound, i) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: Number.isFinite(bound) ? String(bound) : '+Inf' },
    value: latency.counts[i]!,
  }))
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: latency.sum },
    { metricName: `${name}_count`, labels, value: latency.counts.at(-1)! },
  ]
}
