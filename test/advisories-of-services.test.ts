import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { createRig, createTestIssuer, emailIssuer, person, testTime } from './fulcio/rig.ts'

// Flaws of others that have no test beside the service that would have them.

const stranger = createTestIssuer()
const [jwk] = stranger.jwks.keys

for (const { name, header } of [
  { name: 'the key itself', header: { jwk } },
  { name: 'the key under the name of a known one', header: { jwk, kid: 'k1' } },
  { name: 'where keys are', header: { jku: 'https://attacker.example/keys' } },
  { name: 'where a certificate is', header: { x5u: 'https://attacker.example/certificate' } },
  { name: 'a certificate', header: { x5c: [createPublicKey({ key: jwk!, format: 'jwk' }).export({ type: 'spki', format: 'der' }).toString('base64')] } }, // biome-ignore format: a row
])
  test(`what a token's header brings along verifies nothing (GHSA-phw4-mc57-4hwc): ${name}`, async () => {
    const rig = await createRig()
    const token = stranger.token({ iss: emailIssuer, ...person }, testTime.getTime(), header)
    const response = await rig.ask(person, { token })
    assert.equal(response.status, 400)
    assert.match(rig.logs.join('\n'), /no key of .* verifies/)
    assert.equal(rig.logged.length, 0)
    assert.deepEqual(
      rig.asked.map(url => new URL(url).origin),
      [emailIssuer, emailIssuer],
      'nobody else is asked for keys',
    )
  })

test('a token that is encrypted is not opened (GHSA-c6gw-w398-hv78)', async () => {
  const rig = await createRig()
  const header = Buffer.from(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A256GCM', zip: 'DEF' })).toString('base64url')
  const response = await rig.ask(person, { token: `${header}.AAAA.AAAA.AAAA.AAAA` })
  assert.equal(response.status, 400)
  assert.match(rig.logs.join('\n'), /want three parts/)
  assert.deepEqual(rig.asked, [])
})
