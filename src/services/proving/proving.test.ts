import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { encodeUtf8 } from '../../codec/text.ts'
import type { SignatureScheme } from '../../crypto/algorithm.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { parsePublicKeyDer } from '../../crypto/public-key.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { rekorV1Algorithms, rekorV1Kinds } from '../../formats/log/proposed/rekor-v1.ts'
import { rekorV2Algorithms } from '../../formats/log/proposed/rekor-v2.ts'
import { defaultKeyTypes, provenKey } from '../fulcio/proven-key.ts'
import type { KeyProof } from '../fulcio/signing-request.ts'
import { noEvents, ServiceRefusal } from '../service.ts'
import { type Accepted, proveHere } from './entry-prover.ts'
import { type ProvingThread, proveOnThread } from './prove-on-thread.ts'
import { serveProofs } from './serve-proofs.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const artifact = Buffer.from('artifact')
const digest = createHash('sha256').update(artifact).digest()
const signature = sign('sha256', artifact, privateKey).toString('base64')
const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes } }
const hashedRekordRequestV002 = { digest: digest.toString('base64'), signature: { content: signature, verifier } }
const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64')
const spec = {
  data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
  signature: { content: signature, publicKey: { content: pem } },
}

const popOf = (challenge: string) => sign('sha256', Buffer.from(challenge), privateKey)

const v2: Accepted = { version: 'v2', bodyBytes: 4096, acceptDsse: false, algorithms: rekorV2Algorithms }
const v1: Accepted = { version: 'v1', bodyBytes: 4096, kinds: rekorV1Kinds, algorithms: rekorV1Algorithms }

/** A thread that is none: the two ends of a channel, and the events that a worker has besides. */
function thread() {
  const { port1, port2 } = new MessageChannel()
  serveProofs(port2)
  const listeners = new Map<string, (cause: unknown) => void>()
  const on = (event: string, listener: (value: unknown) => void) =>
    event === 'message' ? port1.on('message', listener) : listeners.set(event, listener)
  const close = async () => port1.close()
  const made = { postMessage: (message: unknown, transfer: ArrayBuffer[]) => port1.postMessage(message, transfer), on, terminate: close }
  return { made: made as unknown as ProvingThread, fail: (cause: unknown) => listeners.get('error')!(cause), close }
}

const body = (value: unknown) => Uint8Array.from(encodeUtf8(JSON.stringify(value)))
const withDigest = (text: string) => ({ hashedRekordRequestV002: { ...hashedRekordRequestV002, digest: text } })

for (const { name, accepted, request, status, code, error } of [
  { name: 'an entry of v2', accepted: v2, request: { hashedRekordRequestV002 } },
  { name: 'an entry of v1', accepted: v1, request: { apiVersion: '0.0.1', kind: 'hashedrekord', spec } },
  {
    name: 'a signature of v2 that does not verify',
    accepted: v2,
    request: withDigest(Buffer.alloc(32).toString('base64')),
    status: 400,
    error: /^invalid hashedrekord request: signature: does not verify/,
  },
  {
    name: 'a signature of v1 that does not verify',
    accepted: v1,
    request: {
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: { ...spec, data: { hash: { algorithm: 'sha256', value: '00'.repeat(32) } } },
    },
    code: 'SIGNATURE_INVALID',
    error: /^signature: does not verify/,
  },
  { name: 'no request of v2', accepted: v2, request: 7, status: 400, error: /^invalid request: request: want an object/ },
  { name: 'an envelope that is not taken', accepted: v2, request: { dsseRequestV002: {} }, status: 400, error: /must be hashedrekord$/ },
  { name: 'no request of v1', accepted: v1, request: 7, code: 'JSON_MALFORMED', error: /want an object/ },
  { name: 'too long a request', accepted: v1, request: '7'.repeat(4096), code: 'LIMIT_EXCEEDED', error: /want at most 4096 bytes/ },
])
  test(`entries are proven on a thread as they are beside all else: ${name}`, async () => {
    const { made, close } = thread()
    try {
      const there = proveOnThread(made, noEvents).proving(accepted)
      const here = proveHere(accepted)
      if (!error) return assert.deepEqual(await there(body(request)), await here(body(request)))
      for (const prove of [there, here]) await assert.rejects(prove(body(request)), { ...(code ? { code } : { status }), message: error })
    } finally {
      await close()
    }
  })

for (const { name, proof, error, reason } of [
  { name: 'a signature over the challenge', proof: { kind: 'signature', key: Buffer.from(pem, 'base64'), signature: popOf('me') } },
  {
    name: 'a signature over another',
    proof: { kind: 'signature', key: Buffer.from(pem, 'base64'), signature: popOf('you') },
    error: /could not be verified$/,
    reason: /does not verify/,
  },
  {
    name: 'no key',
    proof: { kind: 'signature', key: Buffer.from('no'), signature: popOf('me') },
    error: /could not be parsed$/,
    reason: /PEM/i,
  },
] satisfies readonly { name: string; proof: KeyProof; error?: RegExp; reason?: RegExp }[])
  test(`keys are proven on a thread as they are beside all else: ${name}`, async () => {
    const { made, close } = thread()
    try {
      const { provenKey: there } = proveOnThread(made, noEvents)
      if (!error) return assert.deepEqual(await there(proof, 'me', defaultKeyTypes), await provenKey(proof, 'me', defaultKeyTypes))
      for (const prove of [there, provenKey])
        await assert.rejects(prove(proof, 'me', defaultKeyTypes), (cause: Error) => {
          assert.match(cause.message, error)
          assert.match(String((cause.cause as Error).message), reason!)
          return cause instanceof ServiceRefusal && cause.status === 400
        })
    } finally {
      await close()
    }
  })

for (const { name, by = publicKey, over, scheme = 'ecdsa', code, error } of [
  { name: 'a signature', over: 'me' },
  { name: 'one over something else', over: 'you', code: 'SIGNATURE_INVALID', error: /does not verify/ },
  {
    name: 'one by another key',
    by: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    over: 'me',
    code: 'SIGNATURE_INVALID',
    error: /does not/,
  },
  { name: 'one in a way that the key has not', over: 'me', scheme: 'rsa-pss', code: 'MATERIAL_UNSUPPORTED', error: /cannot be made with/ },
] as const satisfies readonly { scheme?: SignatureScheme; [name: string]: unknown }[])
  test(`signatures are checked on a thread as they are beside all else: ${name}`, async () => {
    const { made, close } = thread()
    try {
      const key = parsePublicKeyDer(by.export({ type: 'spki', format: 'der' }), 'key')
      const message = messageOfBytes(Buffer.from(`not this, ${over}`).subarray(10)) // part of a buffer
      const { checkSignature } = proveOnThread(made, noEvents)
      for (const check of [checkSignature, checkSignature, verifySignatureAs]) {
        const checking = check(key, popOf('me'), message, { scheme, hash: 'sha256' })
        if (!error) assert.equal(await checking, undefined)
        else await assert.rejects(checking, { code, message: error })
      }
    } finally {
      await close()
    }
  })

test('many at once, of two logs, each get their own', async () => {
  const { made, close } = thread()
  try {
    const { proving } = proveOnThread(made, noEvents)
    const [first, second] = [proving(v2), proving({ ...v2, algorithms: [] })]
    const asked = Array.from({ length: 40 }, (_, at) =>
      (at % 2 === 0 ? first : second)(body({ hashedRekordRequestV002 })).then(
        ({ kind }) => kind,
        (cause: Error) => cause.message,
      ),
    )
    for (const [at, told] of (await Promise.all(asked)).entries())
      assert.match(told, at % 2 === 0 ? /^hashedrekord$/ : /is not accepted here/)
  } finally {
    await close()
  }
})

test('where the thread ends, what it had fails, and the rest is proven here', async () => {
  const { made, fail, close } = thread()
  const logged: string[] = []
  const log = (level: string, message: string, facts?: { readonly [name: string]: unknown }) =>
    void logged.push(`${level} ${message} ${facts?.['why']}`)
  const { proving, checkSignature } = proveOnThread(made, { log })
  const prove = proving(v2)
  const lost = prove(body({ hashedRekordRequestV002 }))
  fail(new Error('out of memory'))
  await assert.rejects(lost, /the thread that proves entries has ended: out of memory/)
  assert.equal((await prove(body({ hashedRekordRequestV002 }))).kind, 'hashedrekord')
  const key = parsePublicKeyDer(publicKey.export({ type: 'spki', format: 'der' }), 'key')
  await checkSignature(key, popOf('me'), messageOfBytes(encodeUtf8('me')), { scheme: 'ecdsa', hash: 'sha256' })
  assert.equal(logged.length, 1)
  assert.match(logged[0]!, /^error the thread that checks entries has ended; .* out of memory$/)
  await close()
})
