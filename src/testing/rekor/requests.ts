import assert from 'node:assert/strict'
import { encodeBase64 } from '../../codec/base64.ts'
import type { Json } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { type ClientKey, clientKey, type RekorRig, type SignedContent, signContent } from './rekor-rig.ts'

// What clients of Rekor v2 send, and how its answers are read.

/** Where entries are uploaded. */
export const entriesPathV2 = '/api/v2/log/entries'
/** The key of a client. */
export const p256 = clientKey('P-256')
/** The key of somebody else. */
export const stranger = clientKey('P-256')
/** What is signed. */
export const content = encodeUtf8('a release\n')

export type Request = { hashedRekordRequestV002: { digest: string; signature: { content: string; verifier: Record<string, unknown> } } }

/** A signature by a key, which says that it is of these details. */
export function hashedRekord(
  key: ClientKey,
  keyDetails: string,
  { digest, signature }: SignedContent = signContent(key, content),
): Request {
  const verifier = { keyDetails, publicKey: { rawBytes: encodeBase64(key.spki) } }
  return { hashedRekordRequestV002: { digest: encodeBase64(digest), signature: { content: encodeBase64(signature), verifier } } }
}

/** A signature over the content that is as it should be. */
export const sound = () => hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256')

/** The same with one of its members changed. */
export function changed(change: (request: Request['hashedRekordRequestV002']) => void): Request {
  const request = sound()
  change(request.hashedRekordRequestV002)
  return request
}

/** An envelope that each of these keys has signed, and what it is to verify with. */
export function envelopeRequest(keys: readonly ClientKey[], verifiers = keys): object {
  const [payloadType, payload] = ['application/vnd.in-toto+json', encodeUtf8(JSON.stringify({ subject: [{ digest: { sha256: 'ab' } }] }))]
  const signatures = keys.map(key => ({ sig: encodeBase64(signContent(key, preAuthEncoding(payloadType, payload)).signature), keyid: '' }))
  return {
    dsseRequestV002: {
      envelope: { payload: encodeBase64(payload), payloadType, signatures },
      verifiers: verifiers.map(({ spki }) => ({ keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: encodeBase64(spki) } })),
    },
  }
}

/** What a client verifies answers of the log with. */
export function logKeyOf({ signer }: RekorRig) {
  const key = signer.publicKey
  return {
    key,
    scheme: { scheme: 'ed25519', hash: undefined },
    logId: noteKeyId('log.example', key),
    baseUrl: 'https://log.example',
  } as const
}

/** An answer without the members that have no value, as bundles have it. */
export function withoutEmpty(answer: Record<string, Json>): Record<string, Json> {
  assert.equal(answer['inclusionPromise'], null)
  assert.equal(answer['integratedTime'], '0')
  const { inclusionPromise: _, ...others } = answer
  return others
}

/** A prehashed signature by a new Ed25519 key. */
export async function ed25519ph(): Promise<{ key: ClientKey; digest: Uint8Array; signature: Uint8Array }> {
  const key = clientKey('ed25519')
  const der = Uint8Array.from(key.privateKey.export({ type: 'pkcs8', format: 'der' }))
  const signature = await signerFromPkcs8(der, 'key', { ed25519: 'prehashed' }).sign(content)
  return { key, digest: signContent(key, content, 'sha512').digest, signature }
}

/** A signature over the content by a new key of this kind. */
export function hashedRekordBy(kind: 'P-384' | 'P-521' | 'rsa-2048', details: string, hash: 'sha256' | 'sha384' | 'sha512'): Request {
  const key = clientKey(kind)
  return hashedRekord(key, details, signContent(key, content, hash))
}
