import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { teamKey } from '../../../src/testing/test-keys.ts'
import { createAdmissionRig } from './admission-rig.ts'
import { demo, demoImage, type EndToEndCase, image, sigstore } from './e2e-case.ts'
import { foreignPolicies } from './foreign-cases.ts'
import { nativeCases } from './native-cases.ts'
import { inCel, upstreamPolicies, upstreamPolicy } from './upstream-policy.ts'

// policy-controller's end-to-end cases: its policies with our key in place of its own, look-alikes of its images signed as its scripts
// sign them, the webhook's own decision.

const same = (text: string) => text

async function judgedAsUpstream({ prepare, beside = [], asked = {}, patched, ...wanted }: EndToEndCase, text: string): Promise<void> {
  const rig = createAdmissionRig(sigstore)
  await rig.push(demo.repository, image)
  await prepare?.(rig)
  const { allowed, status, message, warnings } = await rig.ask([patched?.(text) ?? text, ...beside], { image: demoImage, ...asked })
  const { admitted, ours, says } = wanted
  assert.equal(allowed, ours?.admitted ?? admitted, message)
  const told = allowed ? warnings.join('\n') : message
  const expected = ours ? ours.says : says
  if (expected === undefined) assert.equal(told, '')
  else assert.ok(told.includes(expected), `${told}\nshould say\n${expected}`)
  if (ours) assert.ok(allowed !== admitted || !told.includes(says!), 'it is as upstream has it by now')
  if (allowed) return
  assert.match(message, /^validation failed: (failed policy|no matching policies): [\s\S]*\n\[countersign: [A-Z_]+ explain=[0-9a-f-]+\]$/)
  assert.ok(status === 403 || status === 503)
}

for (const [policy, cases] of Object.entries(nativeCases))
  describe(policy, () => {
    for (const one of cases) test(`${policy}: ${one.name}`, () => judgedAsUpstream(one, upstreamPolicy(policy, teamKey.publicPem)))
  })

for (const [policy, { programs, language, cases }] of Object.entries(foreignPolicies)) {
  test(`${policy}: known difference: ${language} is not run here, and it is refused by name`, async () => {
    const rig = createAdmissionRig(sigstore)
    await assert.rejects(rig.ask([upstreamPolicy(policy, teamKey.publicPem)], { image: demoImage }), {
      code: 'CAPABILITY_MISSING',
      message: /policies in CUE and Rego are not run here/,
    })
  })
  describe(`${policy} in CEL`, () => {
    for (const one of cases)
      test(`${policy} in CEL: ${one.name}`, () => {
        const { patched = same, ...rest } = one
        return judgedAsUpstream(rest, inCel(patched(upstreamPolicy(policy, teamKey.publicPem)), programs))
      })
  })
}

test('every policy of the end-to-end suite is run, or is a known difference', () => {
  assert.deepEqual([...Object.keys(nativeCases), ...Object.keys(foreignPolicies)].sort(), upstreamPolicies())
  assert.equal(upstreamPolicies().length, 22)
})
