import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, attestedOf } from '../../testing/sigstore/attested.ts'
import { after } from '../../testing/sigstore/keyless-verification.ts'
import { ageGate, formatAge } from './age.ts'

const signed = (signedAt: Date | undefined) => attestedOf('https://example.com/x', {}, { signedAt, now: after(3600) })
const hour = ageGate(3_600_000)

for (const { name, signedAt } of [
  { name: 'just as old as is allowed', signedAt: after(0) },
  { name: 'signed now', signedAt: after(3600) },
  { name: 'signed by a clock that is ahead', signedAt: after(3700) },
])
  test(`age passes: ${name}`, async () => assert.equal(await answerOf(hour, signed(signedAt)), `signed at ${signedAt.toISOString()}`))

test('age refuses what is a millisecond older', async () =>
  assert.rejects(answerOf(hour, signed(new Date(after(0).getTime() - 1))), {
    code: 'ATTESTATION_TOO_OLD',
    message: 'signed at 2025-06-01T11:59:59.999Z, 1h before 2025-06-01T13:00:00.000Z',
  }))

test('age refuses what nothing proves, whatever the document says', async () => {
  const attested = attestedOf('https://example.com/x', { timestamp: '2025-06-01T12:59:59Z' }, { signedAt: undefined, now: after(3600) })
  await assert.rejects(answerOf(hour, attested), { code: 'TIME_UNPROVEN', message: /^nobody trusted says when it was signed/ })
})

for (const [ms, text] of [
  [0, '0s'],
  [999, '999ms'],
  [1500, '1s500ms'],
  [60_000, '1m'],
  [5_400_000, '1h30m'],
  [86_400_000 * 30 + 3_661_000, '30d1h'],
  [86_400_000 + 1, '1d'],
] as const)
  test(`formatAge: ${ms} ms is ${text}`, () => assert.equal(formatAge(ms), text))
