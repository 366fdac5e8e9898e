import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../codec/base64.ts'
import { anonymous } from '../oci/credentials/credentials.ts'
import { parseRepository } from '../oci/reference.ts'
import { createRegistryClient } from '../oci/registry-client.ts'
import { createRegistryFetch } from '../oci/registry-fetch.ts'
import { createRegistry, memoryStore } from '../services/registry/registry.ts'
import { buildImage } from '../testing/image-builder.ts'
import { createHand, signatureTagOf } from '../testing/registry-hand.ts'
import { strangerKey, teamKey } from '../testing/test-keys.ts'
import { attachImagePayload, signImagePayload } from './image-signature.ts'

const world = {
  now: () => new Date('2026-01-02T03:04:05Z'),
  randomBytes: (length: number) => new Uint8Array(length),
  sleep: async () => {},
  fetch: async (input: string | URL | Request, init?: RequestInit) => registry(new Request(input, init)),
}
const registry = createRegistry(memoryStore(), world)
const hand = createHand(registry)
const client = createRegistryClient(createRegistryFetch(world, { credentials: anonymous }))
const [team, stranger] = [teamKey.signer(), strangerKey.signer()]
const { digest } = buildImage()
const signal = new AbortController().signal
let repositories = 0

/** Attaches again what is there already, once the test has changed what is there. */
async function attachTwice(change: (layer: { payload: Uint8Array; signature: Uint8Array }) => Parameters<typeof hand.putSignatures>[2]) {
  const name = `app-${++repositories}`
  const signed = await signImagePayload(team, digest, 'registry.test/app', new Map())
  await hand.putSignatures(name, digest, change(signed))
  const place = { repository: parseRepository(`registry.test/${name}`), tag: signatureTagOf(digest) }
  const { added } = await attachImagePayload(
    client,
    world,
    place,
    team,
    await signImagePayload(team, digest, 'registry.test/app', new Map()),
    {},
    signal,
  )
  return { added, layers: ((await hand.manifest(name, signatureTagOf(digest)))['layers'] as object[]).length }
}

for (const { name, change, added } of [
  {
    name: 'our own signature over the same payload is enough',
    change: (layer: { payload: Uint8Array; signature: Uint8Array }) => [layer],
    added: false,
  },
  {
    name: 'a broken signature is not',
    change: (layer: { payload: Uint8Array; signature: Uint8Array }) => [{ ...layer, signature: 'AAAA' }],
    added: true,
  },
  {
    name: 'no signature is not',
    change: (layer: { payload: Uint8Array; signature: Uint8Array }) => [{ ...layer, signature: '' }],
    added: true,
  },
  {
    name: 'one with further annotations is not',
    change: (layer: { payload: Uint8Array; signature: Uint8Array }) => [{ ...layer, annotations: { 'dev.sigstore.cosign/bundle': '{}' } }],
    added: true,
  },
])
  test(`signing again: ${name}`, async () => {
    assert.deepEqual(await attachTwice(change), { added, layers: added ? 2 : 1 })
  })

test("signing again: a stranger's signature over the same payload is not enough", async () => {
  const signed = await signImagePayload(stranger, digest, 'registry.test/app', new Map())
  assert.deepEqual(await attachTwice(() => [signed]), { added: true, layers: 2 })
})

test('what is signed is the payload, and the signature is over its bytes', async () => {
  const { payload, signature } = await signImagePayload(team, digest, 'a.test/b', new Map([['k', 'v']]))
  assert.match(new TextDecoder().decode(payload), /"docker-reference":"a\.test\/b".*"optional":\{"k":"v"\}\}$/)
  assert.match(encodeBase64(signature), /^ME/)
})
