// What the tests of the log commands share: our own Rekor v1 and v2 in memory, and how entries get there.
import assert from 'node:assert/strict'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { serializeGoJson } from '../../src/codec/go-json.ts'
import { encodeHex } from '../../src/codec/hex.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { defaultKeyDetails } from '../../src/crypto/key-details.ts'
import { bundleMediaType } from '../../src/formats/bundle.ts'
import { type LogEntry, logEntryJson } from '../../src/formats/log/log-entry.ts'
import { noteKeyId } from '../../src/formats/log/note-key.ts'
import type { Handler } from '../../src/services/listen.ts'
import { type ClientKey, certificateOf, clientKey, type RekorRig, signContent } from '../../src/testing/rekor/rekor-rig.ts'
import type { TransparencyLog } from '../../src/trust/transparency-log.ts'
import { openValidity } from '../../src/trust/validity.ts'

export const content = encodeUtf8('a release\n')
export const [alice, robot] = [clientKey('P-256'), clientKey('P-256')]
/** Headers of a posted body. Its length is told, as clients do: one whose length is not known takes the place of many. */
export const json = (body: string) => ({
  headers: { 'content-type': 'application/json', 'content-length': String(encodeUtf8(body).length) },
})

async function post(rekor: RekorRig, path: string, value: unknown): Promise<unknown> {
  const body = JSON.stringify(value)
  const response = await rekor.post(path, body, json(body))
  assert.equal(response.status, 201)
  return response.json()
}

export type Logged = {
  readonly rekor: RekorRig
  readonly host: string
  readonly add: (key: ClientKey, text: Uint8Array, email?: string) => Promise<unknown>
}

export async function addV1(rekor: RekorRig, key: ClientKey, text: Uint8Array, email?: string): Promise<unknown> {
  const { digest, signature } = signContent(key, text)
  const pem = email === undefined ? key.pem : encodePem('CERTIFICATE', await certificateOf(key, email))
  const spec = {
    data: { hash: { algorithm: 'sha256', value: encodeHex(digest) } },
    signature: { content: encodeBase64(signature), publicKey: { content: encodeBase64(encodeUtf8(pem)) } },
  }
  return post(rekor, '/api/v1/log/entries', { apiVersion: '0.0.1', kind: 'hashedrekord', spec })
}

export async function addV2(rekor: RekorRig, key: ClientKey, text: Uint8Array, email?: string): Promise<unknown> {
  const { digest, signature } = signContent(key, text)
  const named =
    email === undefined
      ? { publicKey: { rawBytes: encodeBase64(key.spki) } }
      : { x509Certificate: { rawBytes: encodeBase64(await certificateOf(key, email)) } }
  const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', ...named }
  const request = { hashedRekordRequestV002: { digest: encodeBase64(digest), signature: { content: encodeBase64(signature), verifier } } }
  return post(rekor, '/api/v2/log/entries', request)
}

export function trustedLog({ signer }: RekorRig, host: string, version: 'v1' | 'v2'): TransparencyLog {
  const { publicKey: key, hash } = signer
  const logId = version === 'v1' ? key.id : noteKeyId(host, key)
  const validFor = { ...openValidity, start: new Date('2020-01-01T00:00:00Z') }
  return { key, scheme: { scheme: defaultKeyDetails(key)!.scheme, hash }, logId, baseUrl: `https://${host}`, validFor, operator: '' }
}

/** A bundle around an entry, by a key. */
export function encodeKeyBundleWith(entry: LogEntry, digest: Uint8Array, signature: Uint8Array): Uint8Array {
  return encodeUtf8(
    serializeGoJson({
      mediaType: bundleMediaType,
      verificationMaterial: { publicKey: { hint: 'hint' }, tlogEntries: [logEntryJson(entry)] },
      messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: encodeBase64(digest) }, signature: encodeBase64(signature) },
    }),
  )
}

export const nobody = { certificateAuthorities: [], timestampAuthorities: [], ctLogs: [] }

/** The handler of a rig, which has its own host, under any. */
export function handlerOf(
  rekor: RekorRig,
  change: (request: Request, response: Response) => Response | Promise<Response> = (_, response) => response,
): Handler {
  return async request => {
    const { pathname, search } = new URL(request.url)
    if (request.method !== 'POST') return change(request, await rekor.get(pathname + search))
    const body = await request.text()
    return change(request, await rekor.post(pathname + search, body, json(body)))
  }
}
