import assert from 'node:assert/strict'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { type GoJson, serializeGoJson } from '../../src/codec/go-json.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { messageOfBytes } from '../../src/crypto/message.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { logBundleJson, logBundleOfEntry } from '../../src/formats/log/log-bundle.ts'
import type { OciDigest } from '../../src/formats/oci-digest.ts'
import { encodeSignStatement, statementPayloadType } from '../../src/formats/statement.ts'
import { assertRefused, createRig, type Outcome, type Refusal } from '../../src/testing/command-rig.ts'
import { freshSigner } from '../../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore, type SignedParts } from '../../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import { createTestRekor, rekorHost } from './rekor.ts'

// A file that was signed by a key, by a certificate and by a P-384 key, and attested by the first two; all of it is logged, and lies in
// files of its own on the disk of a rig: `key.sig`, `cert.pem`, `cert.tsr`, `cert.bundle`, `key.att`, …

export const rekor = createTestRekor()
export const rig = createRig({ hosts: { [rekorHost]: rekor.handler } })
export const { cs, disk } = rig
export const log = `--rekor-url https://${rekorHost}`
export const sigstore = await createTestSigstore()
disk.set('trusted_root.json', sigstore.trustedRootJson)

export const blob = encodeUtf8('countersign\n')
export const content = { kind: 'message', message: messageOfBytes(blob) } as const
export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
disk.set('blob', blob)
disk.set('another', 'another\n')

export const [byKey, byCertificate] = [
  await sigstore.sign(blob, content, { key: teamKey.signer(), stamped: true }),
  await sigstore.sign(blob, content, { stamped: true }),
]
const p384 = await sigstore.sign(blob, content, { key: freshSigner('p384') })
rekor.entries.push(...[byKey, byCertificate, p384].flatMap(({ logEntries }) => logEntries))

/** The blob bundle of cosign 2 that these parts make. */
export function blobBundle({ signature, certificate, logEntries: [entry] }: SignedParts): { readonly [member: string]: GoJson } {
  return {
    base64Signature: encodeBase64(signature),
    cert: encodeBase64(encodeUtf8(certificate?.pem ?? teamKey.publicPem)),
    rekorBundle: logBundleJson(logBundleOfEntry(entry!)),
  }
}
const without = ({ rekorBundle: _, ...others }: { readonly [member: string]: GoJson }) => others

for (const [name, parts] of Object.entries({ key: byKey, cert: byCertificate, p384 })) {
  disk.set(`${name}.sig`, encodeBase64(parts.signature))
  disk.set(`${name}.raw`, parts.signature)
  disk.set(`${name}.bundle`, serializeGoJson(blobBundle(parts)))
  disk.set(`${name}-unlogged.bundle`, serializeGoJson(without(blobBundle(parts))))
}
for (const [name, { timestamps }] of Object.entries({ key: byKey, cert: byCertificate })) {
  disk.set(`${name}.tsr`, timestamps[0]!)
  disk.set(`${name}.tsr.json`, JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(timestamps[0]!) }))
}
disk.set('cert.pem', byCertificate.certificate!.pem)
disk.set('cert.b64', encodeBase64(encodeUtf8(byCertificate.certificate!.pem)))
disk.set('p384.pub', encodePem('PUBLIC KEY', p384.signer.publicKey.spki))

const statement = encodeSignStatement(`sha256:${hex(sha256(blob))}` as OciDigest, new Map())
const unsigned = { payloadType: statementPayloadType, payload: statement }

/** Signs the statement and logs the envelope as it is written, as `attest-blob` of cosign 2 does. */
async function attest(name: string, signer: ReturnType<typeof teamKey.signer>, certificate?: SignedParts['certificate']): Promise<void> {
  const bytes = preAuthEncoding(unsigned.payloadType, unsigned.payload)
  const signature = await signer.sign(bytes)
  const text = JSON.stringify({
    payloadType: unsigned.payloadType,
    payload: encodeBase64(statement),
    signatures: [{ keyid: '', sig: encodeBase64(signature) }],
  })
  disk.set(`${name}.att`, text)
  disk.set(`${name}.att.sig`, encodeBase64(signature))
  const logged = { kind: 'envelope', envelope: { ...unsigned, signature }, preAuthEncoding: bytes, encoded: encodeUtf8(text) } as const
  const entrySigner = certificate
    ? ({ kind: 'certificate', certificate: certificate.certificate } as const)
    : ({ kind: 'key', key: signer.publicKey } as const)
  rekor.entries.push(await sigstore.logs.v1.add({ signature, signer: entrySigner, content: logged }))
  const parts = { signature: encodeUtf8(text), signer, certificate, logEntries: rekor.entries.slice(-1), timestamps: [] }
  disk.set(`${name}.att.bundle`, serializeGoJson(blobBundle(parts)))
}
await attest('key', teamKey.signer())
await attest('cert', byCertificate.signer, byCertificate.certificate)

const root = '--trusted-root trusted_root.json'
export const [keyed, keyless] = [
  `verify-blob ${root} --key team.pub`,
  `verify-blob ${root} --certificate-identity signer@example.com --certificate-oidc-issuer https://issuer.example`,
]
export const unlogged = '--insecure-ignore-tlog'

/** Asserts that `bundle create` refuses, leaves what stands at `--out` alone, and prints nothing but the failure. */
export async function refused(flags: string, refusal: Refusal): Promise<Outcome> {
  disk.set('kept', 'as it was')
  const outcome = await cs(`bundle create --out kept ${flags} -o json`)
  assertRefused(outcome, refusal)
  assert.equal(new TextDecoder().decode(encodeUtf8(disk.get('kept') as string)), 'as it was')
  assert.equal(outcome.stdout.trimEnd().split('\n').length, 1)
  return outcome
}
