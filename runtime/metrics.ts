/**
 * Metrics in memory, for Prometheus to fetch: the table's rows as prom-client keeps them, and what the process itself
 * has to tell. An observation costs about half a microsecond.
 */
import { stat } from 'node:fs/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../src/core/deps.ts';
import { METRICS, type MetricRow, REQUEST_BUCKETS } from '../src/core/metrics-table.ts';

/** Of the process's own, those whose names are not as Prometheus wants them; the same is told under other names. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export interface MetricsOptions {
  /** The database file, where there is one: its write-ahead log is measured. */
  readonly databaseFile?: string;
}

/** There is none between a checkpoint that emptied it and the next write. */
const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** Begins to measure. One a process: some of what is told is the process's alone. */
export function promMetrics({ databaseFile }: MetricsOptions = {}): Metrics {
  const register = new Registry();
  const counters = new Map<string, Counter<string>>();
  const gauges = new Map<string, Gauge<string>>();
  for (const [name, row] of Object.entries(METRICS) as [keyof typeof METRICS, MetricRow][]) {
    const own = { name, help: row.help, labelNames: Object.keys(row.labels ?? {}), registers: [register] };
    if (row.kind === 'counter') counters.set(name, new Counter(own));
    else if (row.kind === 'gauge') gauges.set(name, new Gauge(own));
  }
  const { help, labels } = METRICS.flaskpaste_request_duration_seconds;
  const requests = new Histogram({
    name: 'flaskpaste_request_duration_seconds',
    help,
    labelNames: Object.keys(labels),
    buckets: REQUEST_BUCKETS,
    registers: [register],
  });
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  if (databaseFile === undefined) gauges.get('sallyport_wal_bytes')?.remove();

  return {
    clock: () => performance.now(),
    observe: (listener, route, method, status, ms) =>
      requests.observe({ listener, route, method, status }, ms / 1000),
    add: (name, amount, of = {}) => counters.get(name)?.inc(of, amount),
    set(name, value, of = {}) {
      const metric = gauges.get(name) ?? counters.get(name);
      metric?.remove(of);
      // What comes from the database as a count was added up there.
      if (value !== undefined) metric?.inc(of, value);
    },
    async render() {
      if (databaseFile !== undefined)
        gauges.get('sallyport_wal_bytes')?.set(await sizeOf(`${databaseFile}-wal`));
      return register.metrics();
    },
  };
}
