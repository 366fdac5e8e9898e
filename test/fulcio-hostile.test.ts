import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import { freshSigner } from '../src/testing/sigstore/certificate-authority.ts'
import { createRig, get, person, post, tokenOf } from './fulcio/rig.ts'

// Whatever is sent: an answer of the kind that clients understand, nothing logged, nothing certified, and never a fault of ours.

const rig = await createRig()
const signer = freshSigner()
const sound = {
  credentials: { oidcIdentityToken: tokenOf(person) },
  publicKeyRequest: {
    publicKey: { algorithm: 'ECDSA', content: encodePublicKeyPem(signer.publicKey) },
    proofOfPossession: encodeBase64(await signer.sign(Buffer.from('dev@example.com'))),
  },
}

async function assertRefused(request: Request): Promise<void> {
  const response = await rig.handler(request)
  const body = (await response.json()) as { code: number; message: string; details: unknown[] }
  assert.equal(response.status, 400, JSON.stringify(body))
  assert.equal(body.code, 3)
  assert.deepEqual(body.details, [])
  assert.ok(body.message.length < 300)
}

test('any JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), fc.constantFrom('v1', 'v2'), (body, version) =>
      assertRefused(post(`/api/${version}/signingCert`, body, tokenOf(person))),
    ),
    { numRuns: 200 },
  )
})

test('any text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), body =>
      assertRefused(post('/api/v2/signingCert', body, tokenOf(person))),
    ),
    { numRuns: 200 },
  )
})

test('a sound request with one value that is anything', async () => {
  const paths = [['credentials', 'oidcIdentityToken'], ['publicKeyRequest', 'publicKey', 'content'], ['publicKeyRequest', 'proofOfPossession'], ['publicKeyRequest'], ['certificateSigningRequest']] // biome-ignore format: a list
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.oneof(fc.string(), fc.base64String(), fc.jsonValue()), async (path, value) => {
      fc.pre(value !== null && value !== '')
      const request = structuredClone(sound) as Record<string, unknown>
      const last = path.slice(0, -1).reduce((object, name) => object[name] as Record<string, unknown>, request)
      last[path.at(-1)!] = value
      await assertRefused(post('/api/v2/signingCert', request))
    }),
    { numRuns: 300 },
  )
})

test('any header, and any path', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 100 }), async text => {
      const body = { ...sound, credentials: null }
      await assertRefused(post('/api/v2/signingCert', body, text.replace(/[^!-~]/g, '~')))
      assert.equal((await rig.handler(get(`/api/v2/${encodeURIComponent(text)}/x`))).status, 404)
    }),
    { numRuns: 100 },
  )
})

test('nothing came of it', async () => {
  assert.equal(rig.logged.length, 0)
  assert.equal(rig.audits.length, 0)
  assert.deepEqual(rig.asked.slice(2), [], 'the issuer was asked for its keys once')
  assert.equal((await rig.handler(post('/api/v2/signingCert', sound))).status, 200)
})

test('a body that is cut off', async () => {
  const body = new ReadableStream<Uint8Array>({
    start: controller => {
      controller.enqueue(Buffer.from('{"a":'))
      controller.error(new Error('gone'))
    },
  })
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
  await assertRefused(new Request('http://fulcio.test/api/v2/signingCert', init))
})
