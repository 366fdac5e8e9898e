import { pino } from 'pino'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Handler } from '../listen.ts'
import type { ServiceEvents } from '../service.ts'

/** Events of services as an operator reads them: JSON lines, and metrics to scrape. */
export type OperatedEvents = {
  readonly events: ServiceEvents
  /** `GET /metrics`, in Prometheus's text format. */
  readonly metrics: Handler
  /** Has values that are asked for at each scrape shown as gauges. */
  readonly measure: (read: () => Iterable<Measure>) => void
}

/** What a gauge shows now. */
export type Measure = { readonly metric: string; readonly value: number; readonly labels?: Labels }

const maxSeries = 200 // of one metric: labels come from closed sets, so more is a defect, and must not fill the memory

type Labels = Readonly<Record<string, string>>

/** Durations of requests, in seconds. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]

/** Sizes of requests, in bytes, to the most that any service takes. */
const bytesBuckets = [256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 32 << 20]

/**
 * Sets up the log stream and the metrics of one process.
 *
 * @param write - takes whole lines, each of them a JSON object with `level`, `time` (RFC 3339) and `msg`; audits have `audit: true`
 */
export function createOperatedEvents(write: (line: string) => void, now: () => Date): OperatedEvents {
  const log = pino(
    {
      base: null,
      timestamp: () => `,"time":"${now().toISOString()}"`,
      formatters: { level: level => ({ level }) },
    },
    { write },
  )
  const registry = new Registry()
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, Gauge>()
  const sources: (() => Iterable<Measure>)[] = []
  const series = new Map<string, Set<string>>()
  /** The labels of a series, or those of the one that takes what there is no room for. */
  const bounded = (metric: string, labels: Labels): Labels => {
    const known = series.get(metric) ?? new Set()
    series.set(metric, known)
    const key = JSON.stringify(labels)
    if (known.has(key)) return labels
    if (known.size >= maxSeries) return Object.fromEntries(Object.keys(labels).map(name => [name, 'other']))
    known.add(key)
    return labels
  }
  const readGauges = () => {
    for (const gauge of gauges.values()) gauge.reset() // of what is measured no longer nothing is shown
    for (const read of sources)
      for (const { metric, value, labels = {} } of read()) {
        const gauge =
          gauges.get(metric) ?? new Gauge({ name: metric, help: metric, labelNames: Object.keys(labels), registers: [registry] })
        gauges.set(metric, gauge)
        gauge.set(bounded(metric, labels), value)
      }
  }
  return {
    events: {
      count: (metric, labels = {}) => {
        const counter =
          counters.get(metric) ?? new Counter({ name: metric, help: metric, labelNames: Object.keys(labels), registers: [registry] })
        counters.set(metric, counter)
        counter.inc(bounded(metric, labels))
      },
      observe: (metric, amount, labels = {}) => {
        const histogram =
          histograms.get(metric) ??
          new Histogram({ name: metric, help: metric, labelNames: Object.keys(labels), buckets: bucketsOf(metric), registers: [registry] })
        histograms.set(metric, histogram)
        histogram.observe(bounded(metric, labels), amount)
      },
      log: (level, message, facts = {}) => log[level](facts, message),
      audit: (action, facts) => log.info({ audit: true, ...facts }, action),
    },
    metrics: async request => {
      if (new URL(request.url).pathname !== '/metrics') return new Response(null, { status: 404 })
      if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } })
      readGauges()
      return new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } })
    },
    measure: read => void sources.push(read),
  }
}

/** The unit of a metric is in its name. */
function bucketsOf(metric: string): number[] {
  return metric.endsWith('_size') ? bytesBuckets : secondsBuckets
}
