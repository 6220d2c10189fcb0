import type { MetricsSnapshot, OperationSnapshot, SessionMetrics } from './metrics/meter.ts'

/** A Registry of prom-client 14 or newer, or what looks like one. */
export interface PrometheusRegister {
  registerMetric(metric: PrometheusMetric): void
}

/** What a registry asks of a metric. */
export interface PrometheusMetric {
  get(): Promise<object>
  reset(): void
}

export interface ExportOptions {
  /** Before the names of all metrics; to be set where one process has several `createSessions`. Default `baton_session_`. */
  readonly prefix?: string
}

interface Value {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Where it is not the metric's own. */
  readonly metricName?: string
}

/**
 * Adds the sessions' metrics to a prom-client registry, read when it is scraped:
 *
 *     import { register } from 'prom-client'
 *     exportMetrics(sessions, register)
 *
 * `baton_session_` + `operations_total{operation,outcome}`, `operation_seconds{operation}` (histogram),
 * `dropped_writes_total`, `store_up`, `store_outages_total`, and with the near cache `cache_total{result}`,
 * `cache_dropped_total{reason}`, `cache_entries` and `cache_bytes`. No label ever holds an id or a name of a user.
 */
export function exportMetrics(
  sessions: { readonly metrics: SessionMetrics },
  register: PrometheusRegister,
  options: ExportOptions = {},
): void {
  const { prefix = 'baton_session_' } = options
  const hasCache = sessions.metrics.snapshot().cache !== undefined
  for (const { name, ...definition } of hasCache ? [...always, ...withCache] : always) {
    register.registerMetric(metricOf({ ...definition, name: prefix + name }, () => sessions.metrics.snapshot()))
  }
}

interface Definition {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How prom-client's cluster mode makes one value of those of several workers. */
  readonly aggregator?: 'sum' | 'min'
  values(snapshot: MetricsSnapshot, name: string): Value[]
}

const always: readonly Definition[] = [
  {
    name: 'operations_total',
    help: 'What the session store was asked, by operation and outcome.',
    type: 'counter',
    values: ({ operations }) =>
      asked(operations).flatMap(([operation, { outcomes }]) =>
        Object.entries(outcomes).map(([outcome, value]) => ({ value, labels: { operation, outcome } })),
      ),
  },
  {
    name: 'operation_seconds',
    help: 'How long the session store took to answer.',
    type: 'histogram',
    values: ({ operations }, name) => asked(operations).flatMap(([operation, one]) => series(name, operation, one)),
  },
  {
    name: 'dropped_writes_total',
    help: 'Writes dropped because their session had ended.',
    type: 'counter',
    values: ({ droppedWrites }) => single(droppedWrites),
  },
  {
    name: 'store_up',
    help: '1 while the session store answers.',
    type: 'gauge',
    aggregator: 'min',
    values: ({ store }) => single(store.up ? 1 : 0),
  },
  {
    name: 'store_outages_total',
    help: 'How often the session store stopped answering.',
    type: 'counter',
    values: ({ store }) => single(store.outages),
  },
]

const withCache: readonly Definition[] = [
  {
    name: 'cache_total',
    help: 'Sessions asked of the near cache: hit, miss, or stale (there, but not to be served).',
    type: 'counter',
    values: ({ cache }) =>
      cache === undefined
        ? []
        : labelled('result', { hit: cache.hits, miss: cache.misses - cache.stale, stale: cache.stale }),
  },
  {
    name: 'cache_dropped_total',
    help: 'Sessions dropped from the near cache because somebody wrote them, or for want of room.',
    type: 'counter',
    values: ({ cache }) =>
      cache === undefined ? [] : labelled('reason', { invalidated: cache.invalidated, evicted: cache.evicted }),
  },
  {
    name: 'cache_entries',
    help: 'Sessions in the near cache.',
    type: 'gauge',
    values: ({ cache }) => single(cache?.entries ?? 0),
  },
  {
    name: 'cache_bytes',
    help: 'Bytes of the sessions in the near cache.',
    type: 'gauge',
    values: ({ cache }) => single(cache?.bytes ?? 0),
  },
]

function metricOf(definition: Definition, snapshot: () => MetricsSnapshot): PrometheusMetric & { name: string } {
  const metric = {
    // A registry of OpenMetrics takes `_total` off counters' names.
    name: definition.name,
    help: definition.help,
    type: definition.type,
    get: async () => ({
      name: metric.name,
      help: definition.help,
      type: definition.type,
      aggregator: definition.aggregator ?? 'sum',
      values: definition.values(snapshot(), definition.name),
    }),
    // What the library counted stays counted.
    reset: () => {},
  }
  return metric
}

/** Those that were asked at least once: the others would be hundreds of lines of zeros. */
function asked(all: MetricsSnapshot['operations']) {
  return Object.entries(all).filter(([, { latency }]) => latency.count > 0)
}

function series(name: string, operation: string, { latency }: OperationSnapshot): Value[] {
  const { buckets, count, sumSeconds } = latency
  const bucket = (le: number | string, value: number): Value => ({
    value,
    labels: { le, operation },
    metricName: `${name}_bucket`,
  })
  return [
    ...buckets.map(({ leSeconds, count }) => bucket(leSeconds, count)),
    bucket('+Inf', count),
    { value: sumSeconds, labels: { operation }, metricName: `${name}_sum` },
    { value: count, labels: { operation }, metricName: `${name}_count` },
  ]
}

function single(value: number): Value[] {
  return [{ value, labels: {} }]
}

function labelled(label: string, values: Readonly<Record<string, number>>): Value[] {
  return Object.entries(values).map(([name, value]) => ({ value, labels: { [label]: name } }))
}
