import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createIssuer, memoryKeyStore } from '../src/services/issuer/issuer.ts'
import { createRig, person, testTime } from './fulcio/rig.ts'

// services.md §12, 47: a Fulcio that holds the keys of our issuer, while that changes the one it signs with.

const url = 'https://id.example'
const minuteMs = 60_000
const keyOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid

test('tokens of the key before and of the next get certificates from a Fulcio that asked for keys before they changed', async () => {
  let passedMs = 0
  const now = () => new Date(testTime.getTime() + passedMs)
  const world = { now, randomBytes: (length: number) => new Uint8Array(randomBytes(length)) }
  const issuer = await createIssuer({ url, users: [] }, memoryKeyStore([]), world)
  const fulcio = await createRig({
    now,
    config: `oidc-issuers: { "${url}": { client-id: sigstore, type: email } }`,
    fetch: async (input, init) => await issuer.handler(new Request(input, init)),
  })
  const token = () => issuer.token({ sub: person.email, ...person })
  const statusOf = async (token: string) => (await fulcio.ask(person, { token })).status

  await assert.rejects(issuer.rotate(), { code: 'USAGE', message: /must have been published for 600 s before it is used/ })
  passedMs += 10 * minuteMs
  const older = await token()
  assert.equal(await statusOf(older), 200)
  const asked = fulcio.asked.length
  assert.equal(asked, 2, fulcio.asked.join('\n')) // discovery and keys
  await issuer.rotate()
  const newer = await token()
  assert.notEqual(keyOf(newer), keyOf(older))
  assert.deepEqual([await statusOf(newer), await statusOf(older)], [200, 200])
  assert.equal(fulcio.asked.length, asked)

  passedMs += 9 * minuteMs // it asks again, and both are still told
  assert.deepEqual([await statusOf(newer), await statusOf(older)], [200, 200])
  assert.equal(fulcio.asked.length, asked + 2)
  passedMs += minuteMs
  assert.deepEqual([await statusOf(newer), await statusOf(older)], [400, 400]) // both have expired
})
