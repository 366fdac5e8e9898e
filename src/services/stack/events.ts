import { pino } from 'pino'
import { Counter, Histogram, Registry } from 'prom-client'
import type { Handler } from '../listen.ts'
import type { ServiceEvents } from '../service.ts'

/** Events of services as an operator reads them: JSON lines, and metrics to scrape. */
export type OperatedEvents = {
  readonly events: ServiceEvents
  /** `GET /metrics`, in Prometheus's text format. */
  readonly metrics: Handler
}

const maxSeries = 200 // of one metric: labels come from closed sets, so more is a defect, and must not fill the memory

type Labels = Readonly<Record<string, string>>

/** Durations of requests, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]

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
  return {
    events: {
      count: (metric, labels = {}) => {
        const counter =
          counters.get(metric) ?? new Counter({ name: metric, help: metric, labelNames: Object.keys(labels), registers: [registry] })
        counters.set(metric, counter)
        counter.inc(bounded(metric, labels))
      },
      observe: (metric, seconds, labels = {}) => {
        const histogram =
          histograms.get(metric) ??
          new Histogram({ name: metric, help: metric, labelNames: Object.keys(labels), buckets, registers: [registry] })
        histograms.set(metric, histogram)
        histogram.observe(bounded(metric, labels), seconds)
      },
      log: (level, message, facts = {}) => log[level](facts, message),
      audit: (action, facts) => log.info({ audit: true, ...facts }, action),
    },
    metrics: async request => {
      if (new URL(request.url).pathname !== '/metrics') return new Response(null, { status: 404 })
      if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } })
      return new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } })
    },
  }
}
