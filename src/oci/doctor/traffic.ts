import { signPredicateType } from '../../formats/statement.ts'
import { signatureTag } from '../attached/attached-tag.ts'
import { fetchEvidence } from '../attached/image-evidence.ts'
import { createRegistryClient } from '../registry-client.ts'
import { createRegistryFetch } from '../registry-fetch.ts'
import type { Examination } from './examination.ts'
import { type Finding, probe } from './finding.ts'
import { createObserver } from './observer.ts'

const mostSkewSeconds = 60

/** How far the registry's clock is from ours. */
export function clockFinding({ observer }: Examination): Finding {
  const name = 'clock'
  const skew = observer.skewSeconds()
  if (skew === undefined) return { name, state: 'unknown', seen: 'the registry sends no Date' }
  const seen = skew === 0 ? 'the same' : `${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} ours`
  if (Math.abs(skew) <= mostSkewSeconds) return { name, state: 'good', seen }
  return { name, state: 'limited', seen, advice: 'one of the clocks is wrong: tokens and certificates may count as expired' }
}

/** What it costs to look for the evidence of the image from scratch, in requests; `count` is for the rate limits. */
export async function examineCost({ world, host, access, image, repository, resolved, attachmentBytes, signal }: Examination): Promise<{
  readonly finding: Finding
  readonly count: number | undefined
}> {
  let count: number | undefined
  const finding = await probe('cost of verify', 'unknown', signal, async () => {
    if (!resolved) return { state: 'unknown', seen: 'the image could not be pulled' }
    const observer = createObserver(world, host, access.credentials)
    const client = createRegistryClient(createRegistryFetch({ ...world, fetch: observer.fetch }, access))
    const { digest } = await client.resolve(image, signal)
    const query = { image: digest, repository, formats: 'bundle-first', tag: signatureTag(digest, 'sig'), legacyReferrers: false } as const
    const limits = { maxWorkers: 10, ...(attachmentBytes !== undefined && { maxBytes: attachmentBytes }) }
    const evidence = await fetchEvidence(client, { ...query, ...limits, predicateTypes: [signPredicateType] }, signal)
    const requests = [...observer.requests()]
    count = requests.reduce((sum, [, number]) => sum + number, 0)
    const parts = requests.map(([kind, number]) => `${number} ${kind}`).join(', ')
    return { state: 'good', seen: `${count} requests (${parts}); evidence found: ${evidence.length}` }
  })
  return { finding, count }
}

/** What the registry says of its limits; too little is left where not even one image can be verified. */
export function rateFinding({ observer }: Examination, cost: number | undefined): Finding {
  const name = 'rate limits'
  const rates = observer.rates()
  if (rates.size === 0) return { name, state: 'good', seen: 'none announced' }
  const seen = [...rates].map(([header, value]) => `${header}: ${value}`).join(', ')
  const left = ['ratelimit-remaining', 'x-ratelimit-remaining'].flatMap(
    header => /^"([0-9]{1,9})\b/.exec(rates.get(header) ?? '')?.[1] ?? [],
  )
  const isLow = left.some(number => Number(number) < (cost ?? 1)) || rates.has('retry-after')
  if (!isLow) return { name, state: 'good', seen }
  return { name, state: 'limited', seen, advice: 'log in, wait, or verify from a mirror: not even one more image can be verified' }
}
