import { quote } from '../codec/text.ts'
import { ServiceRefusal } from '../services/service.ts'

const unlessToldMs = 10_000 // as the API server has it
const most = 30 // seconds; the API server waits for no longer
const leastMarginMs = 250

/**
 * How long a review may take: what the API server says it waits, less a tenth of it and 250 ms at least, so that it always has its answer.
 *
 * @param query - of the address: `timeout=10s` and nothing else
 * @throws ServiceRefusal 400 for anything else
 * @see admission.md §5
 */
export function deadlineMs(query: URLSearchParams): number {
  for (const name of query.keys()) if (name !== 'timeout') throw new ServiceRefusal(400, `query: want timeout alone, got ${quote(name)}`)
  const [value, ...others] = query.getAll('timeout')
  if (others.length > 0) throw new ServiceRefusal(400, 'query: want one timeout, got several')
  const waitedMs = value === undefined ? unlessToldMs : parseTimeout(value)
  return waitedMs - Math.max(waitedMs / 10, leastMarginMs)
}

function parseTimeout(value: string): number {
  const [, seconds] = /^([0-9]{1,2})s$/.exec(value) ?? []
  if (seconds === undefined || Number(seconds) < 1 || Number(seconds) > most)
    throw new ServiceRefusal(400, `query: timeout: want 1s to ${most}s, got ${quote(value)}`)
  return Number(seconds) * 1000
}
