import { ServiceRefusal } from '../service.ts'

/** How many certificates the tokens of one configured issuer are worth. */
export type Rate = {
  readonly perSecond: number
  readonly burst: number // at once, after a pause
}

/**
 * Makes a bucket of tokens for each of a closed set of names. It throws ServiceRefusal 429, with the seconds after which to try again.
 *
 * @param nowMs - time since any moment
 */
export function createRateLimit({ perSecond, burst }: Rate, nowMs: () => number): (name: string) => void {
  const buckets = new Map<string, { left: number; at: number }>()
  return name => {
    const now = nowMs()
    const bucket = buckets.get(name) ?? { left: burst, at: now }
    const gained = (Math.max(0, now - bucket.at) / 1000) * perSecond
    const left = Math.min(burst, bucket.left + gained)
    buckets.set(name, { left: left < 1 ? left : left - 1, at: now })
    if (left >= 1) return
    const seconds = String(Math.ceil((1 - left) / perSecond))
    throw new ServiceRefusal(429, 'too many requests for tokens of this issuer', { headers: { 'retry-after': seconds } })
  }
}
