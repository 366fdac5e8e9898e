import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { after, assertRefused, keylessPolicy } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import { bundleCandidate } from './evidence.ts'
import type { Policy } from './policy.ts'
import { provenTime, signingTimes } from './proven-time.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const policy = keylessPolicy({ kind: 'blob', name: 'blob', message: messageOfBytes(blob) })

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const signed = async (options?: SigningOptions) => bundleCandidate('b', await sigstore.signBlob(blob, options))
const minutes = 60_000

for (const { name, now, clockSkewMs = 0, isLater = false } of [
  { name: 'an hour later', now: after(3600) },
  { name: 'decades later', now: new Date('2099-01-01T00:00:00Z') },
  { name: 'in the same second', now: after(0) },
  { name: 'a second before it', now: after(-1), isLater: true },
  { name: 'a millisecond before it', now: new Date(after(0).getTime() - 1), isLater: true },
  { name: 'five minutes before it, as clocks may differ', now: after(-300), clockSkewMs: 5 * minutes },
  { name: 'a second more than clocks may differ', now: after(-301), clockSkewMs: 5 * minutes, isLater: true },
])
  test(`no proof is of a later time than the policy's: ${name}`, async () => {
    for (const [options, step, witness] of [
      [{ logs: ['v1'] }, 'transparency-log', /^log https:\/\/log\.v1\.example says 2025-06-01T12:00:00.000Z, which is later than /],
      [{ logs: ['v2'] }, 'timestamp', /^timestamp authority "CN=timestamps.example" says 2025-06-01T12:00:00.000Z, which is later than /],
    ] as const) {
      const candidate = await signed(options)
      const asked = { ...policy, now, clockSkewMs }
      if (!isLater) await verify([candidate], sigstore.trustedRoot, asked)
      else await assertRefused(candidate, sigstore.trustedRoot, asked, { step, code: 'TIME_UNPROVEN', found: witness })
    }
  })

const proven = (seconds: number, witness: string) => provenTime(after(seconds), () => witness, policy)

test('every proven time counts, and now does not', () => {
  const [log, authority] = [proven(0, 'log a'), proven(60, 'authority b')]
  for (const asked of [policy, { ...policy, unsafeSkipTlog: true }])
    assert.deepEqual(signingTimes([log, authority], asked).value, { kind: 'proven', times: [log, authority] })
})

test('now counts where nothing is proven, and only for a policy that does without a log', () => {
  const { value } = signingTimes([], { ...policy, unsafeSkipTlog: true })
  assert.deepEqual([value.kind, value.times[0].time], ['now', policy.now])
  const wanted = { code: 'TIME_UNPROVEN', message: /want a signed entry timestamp of a log, or a timestamp$/ }
  assert.throws(() => signingTimes([], policy), wanted)
})

/** When a certificate of ten minutes was used, by what came along, and whether the policy may call it now. */
for (const { name, options, changes, found } of [
  { name: 'log and timestamp within its minutes', options: { stamped: true, stampedAt: after(600) }, changes: {} },
  {
    name: 'log within, timestamp after',
    options: { stamped: true, stampedAt: after(601) },
    changes: {},
    found: /12:10:00.000Z is before .*12:10:01/,
  },
  {
    name: 'log within, timestamp before',
    options: { stamped: true, stampedAt: after(-1) },
    changes: {},
    found: /12:00:00.000Z is after .*11:59:59/,
  },
  {
    name: 'log skipped, timestamp within',
    options: { stamped: true },
    changes: { unsafeSkipTlog: true },
  },
  {
    name: 'log skipped though it was within, timestamp after',
    options: { stamped: true, stampedAt: after(601) },
    changes: { unsafeSkipTlog: true },
    found: /12:10:00.000Z is before .*12:10:01/,
  },
  { name: 'log skipped, now within', options: {}, changes: { unsafeSkipTlog: true, now: after(600) } },
  { name: 'log skipped, now after', options: {}, changes: { unsafeSkipTlog: true, now: after(601) }, found: /is before .*12:10:01/ },
  { name: 'log skipped, now before', options: {}, changes: { unsafeSkipTlog: true, now: after(-1) }, found: /is after .*11:59:59/ },
  {
    name: 'log skipped, clocks differ: no reason to be valid before',
    options: {},
    changes: { unsafeSkipTlog: true, now: after(-1), clockSkewMs: minutes },
    found: /is after/,
  },
  { name: 'log within, now long after', options: {}, changes: { now: new Date('2044-01-01T00:00:00Z') } },
] satisfies { name: string; options: SigningOptions; changes: Partial<Policy>; found?: RegExp }[])
  test(`a certificate must have been valid at every time that counts: ${name}`, async () => {
    const candidate = await signed(options)
    const asked = { ...policy, ...changes }
    if (found) await assertRefused(candidate, sigstore.trustedRoot, asked, { step: 'certificate', code: 'CERTIFICATE_EXPIRED', found })
    else await verify([candidate], sigstore.trustedRoot, asked)
  })
