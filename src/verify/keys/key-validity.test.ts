import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { encodeKeyBundle } from '../../formats/bundle.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { after, assertRefused, editBundle } from '../../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type TestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import type { TrustedKey } from '../../trust/key-set.ts'
import type { Validity } from '../../trust/validity.ts'
import { bundleCandidate, type Candidate } from '../evidence.ts'
import type { Policy, Trust } from '../policy.ts'
import { verify } from '../verify.ts'

const blob = encodeUtf8('hello\n')
const signer = teamKey.signer()
const key = signer.publicKey
const policy: Policy = {
  artifact: { kind: 'blob', name: 'blob', message: messageOfBytes(blob) },
  annotations: new Map(),
  predicateTypes: [signPredicateType],
  now: after(3600),
  unsafeSkipTlog: true,
  unsafeSkipClaims: false,
}
let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

/** A signature by the key, with timestamps of these times. */
async function signed(...times: readonly Date[]): Promise<Candidate> {
  const signature = await signer.sign(blob)
  const digest = digestOf('sha256', blob)
  const bundle = encodeKeyBundle(encodeBase64(key.id), { kind: 'message', messageDigest: { hash: 'sha256', digest }, signature })
  const timestamps = await Promise.all(times.map(time => sigstore.timestampAuthority.stamp(signature, { time })))
  return bundleCandidate(
    'b',
    editBundle(bundle, () => ({ timestamps })),
  )
}
const trusting = (...keys: readonly TrustedKey[]): Trust => ({ timestampAuthorities: sigstore.trustedRoot.timestampAuthorities, keys })
const limited = (validFor: Validity, name?: string): TrustedKey => ({ ...key, validFor, ...(name !== undefined && { name }) })
const span = (from: number, to?: number): Validity => ({ start: after(from), end: to === undefined ? undefined : after(to) })

for (const { name, stamps = [], keys, found } of [
  {
    name: 'stamped while valid, though it is over now',
    stamps: [0],
    keys: [limited(span(-60, 60))],
    found: /^2025-06-01T12:00:00.000Z \(.*\): from /,
  },
  { name: 'at its last moment', stamps: [0], keys: [limited(span(-60, 0))], found: /^2025-06-01T12/ },
  { name: 'at its first moment', stamps: [0], keys: [limited(span(0))], found: /since 2025-06-01T12/ },
  {
    name: 'stamped twice while valid',
    stamps: [0, 30],
    keys: [limited(span(-60, 60))],
    found: /12:00:00.000Z .*; 2025-06-01T12:00:30.000Z/,
  },
  {
    name: 'nothing proven, and valid now',
    keys: [limited(span(-60), 'release')],
    found: /13:00:00.000Z \(now, for nothing proves when it was made\): since .* \("release"\)$/,
  },
  { name: 'in one of two spans', stamps: [0], keys: [limited(span(-90, -60)), limited(span(-30, 30))], found: /from 2025-06-01T11:59:30/ },
])
  test(`a key that is valid for a time: ${name}`, async () => {
    const { derivation } = await verify([await signed(...stamps.map(after))], trusting(...keys), policy)
    const step = derivation.candidates[0]!.steps.find(({ name }) => name === 'key-validity')
    assert.equal(step?.outcome, 'passed')
    assert.match(step.found, found)
    assert.match(step.wanted, /^a signature made by ecdsa-p256 key \w+… while it was valid: /)
  })

for (const { name, stamps = [], keys, found } of [
  {
    name: 'stamped after its end',
    stamps: [1],
    keys: [limited(span(-60, 0))],
    found: /is valid from .* to .*; the signature counts as of 2025-06-01T12:00:01/,
  },
  {
    name: 'stamped before its start',
    stamps: [0],
    keys: [limited(span(1))],
    found: /is valid since .*; the signature counts as of 2025-06-01T12:00:00/,
  },
  { name: 'one of two stamps is late', stamps: [0, 61], keys: [limited(span(-60, 60))], found: /counts as of 2025-06-01T12:01:01/ },
  {
    name: 'nothing proven, and over now',
    keys: [limited(span(-60, 60), 'release')],
    found: /\("release"\); .* 2025-06-01T13:00:00.000Z \(now, for nothing proves when/,
  },
  { name: 'nothing proven, and not yet valid', keys: [limited(span(3601))], found: /now, for nothing proves/ },
  {
    name: 'a stamp in each of two spans',
    stamps: [0, 61],
    keys: [limited(span(-60, 30)), limited(span(60, 90))],
    found: /or from .*; the signature counts as of/,
  },
])
  test(`a key that is valid for a time, refused: ${name}`, async () => {
    const candidate = await signed(...stamps.map(after))
    await assertRefused(candidate, trusting(...keys), policy, { step: 'key-validity', code: 'KEY_EXPIRED', found })
  })

test('a key without a limit needs no such step, whatever stands beside it', async () => {
  const stranger = { ...strangerKey.signer().publicKey, validFor: span(-60, -30) }
  for (const keys of [[key], [stranger, key], [limited(span(-60, -30)), key]]) {
    const { derivation } = await verify([await signed()], trusting(...keys), policy)
    assert.ok(derivation.candidates[0]!.steps.every(({ name }) => name !== 'key-validity'))
  }
})

test('the limit is that of the key that signed', async () => {
  const stranger = { ...strangerKey.signer().publicKey, validFor: span(-60) }
  await verify([await signed(after(0))], trusting(stranger, limited(span(-60, 60))), policy)
  await assertRefused(await signed(after(61)), trusting(stranger, limited(span(-60, 60))), policy, {
    step: 'key-validity',
    code: 'KEY_EXPIRED',
    found: /is valid from/,
  })
})
