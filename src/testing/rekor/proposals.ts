import assert from 'node:assert/strict'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { testTimestampAuthority } from '../sigstore/timestamp-authority.ts'
import { type ClientKey, clientKey, type RekorRig, signContent, testTreeId } from './rekor-rig.ts'

// What clients of Rekor v1 send, and how its answers are read.

/** Where entries are uploaded and read. */
export const entriesPath = '/api/v1/log/entries'
/** The key of a client. */
export const p256 = clientKey('P-256')
/** The key of somebody else. */
export const stranger = clientKey('P-256')
/** What is signed. */
export const content = encodeUtf8('a release\n')
/** Base64 of the UTF-8 of a text. */
export const base64Text = (text: string) => encodeBase64(encodeUtf8(text))
/** The tree as entry ids have it. */
export const treeHex = testTreeId.toString(16).padStart(16, '0')

export type Spec = Record<string, unknown>

/** A signature over the content, the kind last as Go writes it. */
export function hashedRekord(
  key: ClientKey,
  hash: 'sha256' | 'sha384' | 'sha512' = 'sha256',
  signed = signContent(key, content, hash),
  pem = key.pem,
) {
  const spec = {
    data: { hash: { algorithm: hash as string, value: encodeHex(signed.digest) } },
    signature: { content: encodeBase64(signed.signature), publicKey: { content: base64Text(pem) } },
  }
  return { apiVersion: '0.0.1', spec, kind: 'hashedrekord' }
}

/** The same with one of its members changed. */
export function changed(change: (spec: ReturnType<typeof hashedRekord>['spec']) => void) {
  const entry = hashedRekord(p256)
  change(entry.spec)
  return entry
}

/** An in-toto statement with a subject and a material. */
export const statement = JSON.stringify({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'x', digest: { sha256: 'aa'.repeat(32) } }],
  predicateType: 'https://example.com/p',
  predicate: { materials: [{ digest: { sha1: 'bb'.repeat(20) } }] },
})
/** The type of the statement's envelope. */
export const payloadType = 'application/vnd.in-toto+json'
/** What a signature of the statement covers. */
export const preAuth = preAuthEncoding(payloadType, encodeUtf8(statement))

/** The JSON of an envelope that each of these keys has signed. */
export function envelope(...keys: readonly ClientKey[]): string {
  const signatures = keys.map(key => ({ keyid: '', sig: encodeBase64(signContent(key, preAuth).signature) }))
  return JSON.stringify({ payloadType, payload: base64Text(statement), signatures })
}

/** An envelope, with what its signatures verify with as PEM. */
export function dsse(text: string, ...verifiers: readonly string[]) {
  const proposedContent = { envelope: text, verifiers: verifiers.map(base64Text) }
  return { apiVersion: '0.0.1', kind: 'dsse', spec: { proposedContent, signatures: null } as Spec }
}

/** An attestation as sigstore-js proposes it. */
export function intoto2(key: ClientKey, change: (content: Spec) => void = () => {}) {
  const sig = base64Text(encodeBase64(signContent(key, preAuth).signature))
  const inner: Spec = {
    envelope: { payloadType, payload: base64Text(base64Text(statement)), signatures: [{ sig, publicKey: base64Text(key.pem) }] },
    hash: { algorithm: 'sha256', value: '12'.repeat(32) },
  }
  change(inner)
  return { apiVersion: '0.0.2', kind: 'intoto', spec: { content: inner } }
}

/** An attestation as rekor-cli proposes it. */
export function intoto1(text: string, key: ClientKey) {
  return { apiVersion: '0.0.1', kind: 'intoto', spec: { content: { envelope: text }, publicKey: base64Text(key.pem) } }
}

/** Signed content that comes along. */
export function rekord(key: ClientKey, change: (spec: { data: Spec; signature: Spec }) => void = () => {}) {
  const signature: Spec = {
    format: 'x509',
    content: encodeBase64(signContent(key, content).signature),
    publicKey: { content: base64Text(key.pem) },
  }
  const spec = { data: { content: encodeBase64(content) } as Spec, signature }
  change(spec)
  return { apiVersion: '0.0.1', kind: 'rekord', spec }
}

/** A timestamp by an authority that nobody knows. */
export async function rfc3161(changeResponse: (response: Uint8Array) => void = () => {}, carriesCertificate = true) {
  const authority = await testTimestampAuthority()
  const certificates = carriesCertificate ? [authority.certificate] : []
  const response = await authority.stamp(content, { time: new Date('2026-03-01T12:00:00Z'), certificates })
  changeResponse(response)
  return { apiVersion: '0.0.1', kind: 'rfc3161', spec: { tsr: { content: encodeBase64(response) } } }
}

/** What a client verifies answers of the log with. */
export function logKeyOf({ signer: { publicKey } }: RekorRig) {
  return { key: publicKey, scheme: { scheme: 'ecdsa', hash: 'sha256' }, logId: publicKey.id, baseUrl: 'https://rekor.example' } as const
}

export type Answer = Record<
  string,
  { body: string; logIndex: number; integratedTime: number; attestation?: { data: string }; verification: { signedEntryTimestamp: string } }
>

/** Uploads a proposal, which must be taken. */
export async function upload(rig: RekorRig, proposal: unknown): Promise<{ id: string; answer: Answer[string]; body: Spec }> {
  const response = await rig.post(entriesPath, proposal)
  const text = await response.text()
  assert.equal(response.status, 201, text)
  const [[id, answer] = []] = Object.entries(JSON.parse(text) as Answer)
  return { id: id!, answer: answer!, body: JSON.parse(Buffer.from(answer!.body, 'base64').toString()) as Spec }
}

/** The message of a refusal, whose code must be its status. */
export async function textOf(response: Response): Promise<string> {
  const { code, message } = (await response.json()) as { code: number; message: string }
  assert.equal(code, response.status)
  return message
}
