import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ErrorCode } from '../../src/codec/error.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import { extensionOid } from '../../src/formats/x509/certificate-extensions.ts'
import { freshSigner, type LeafOptions, signingTime } from '../../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../../src/testing/sigstore/test-sigstore.ts'
import type { TimestampFlaw } from '../../src/testing/sigstore/timestamp-authority.ts'
import type { LogFlaw } from '../../src/testing/sigstore/transparency-log.ts'
import { encodeTrustedRoot } from '../../src/trust/trusted-root.ts'
import type { BundleCase } from '../conformance/bundle-cases.ts'
import type { Judge } from '../mutations/judge.ts'
import { countersignJudge } from '../mutations/judges/countersign.ts'
import { cosignJudge, sigstoreGoJudge } from '../mutations/judges/processes.ts'
import { createPlace } from './harness/place.ts'

// What our Sigstore in memory makes, as the field's verifiers see it: sound bundles are accepted, and those that are broken in one named
// way are refused, by us always. So the tests that stand on it stand on the field's formats.

const place = createPlace()
after(place.remove)
const artifact = encodeUtf8('hello\n')
let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
  writeFileSync(place.path('artifact'), artifact)
  writeFileSync(place.path('trusted-root.json'), encodeTrustedRoot(sigstore.trustedRoot))
})

const ours = countersignJudge()
const [sigstoreGo, cosign] = [sigstoreGoJudge(place), cosignJudge(place)]

/** What each judge says of a bundle: `accepted`, or why not. */
async function judgements(name: string, options: SigningOptions, judges: readonly Judge[]): Promise<Record<string, string>> {
  const one: BundleCase = {
    name,
    isGood: true,
    bundle: '',
    artifact: place.path('artifact'),
    trustedRoot: place.path('trusted-root.json'),
    signer: options.key ? { key: place.path(`${name}.pub`) } : { identity: 'signer@example.com', issuer: 'https://issuer.example' },
  }
  if (options.key) writeFileSync(place.path(`${name}.pub`), encodePublicKeyPem(options.key.publicKey))
  const bundle = await sigstore.signBlob(artifact, options)
  const answers = judges.map(async judge => {
    const answer = await judge.judge(one, bundle, 'file')
    return [judge.name, answer.outcome === 'accepted' ? 'accepted' : answer.reason] as const
  })
  return Object.fromEntries(await Promise.all(answers))
}

const sound: readonly { readonly name: string; readonly options: SigningOptions }[] = [
  { name: 'Rekor v1', options: {} },
  { name: 'Rekor v1, stamped', options: { stamped: true } },
  { name: 'Rekor v2', options: { logs: ['v2'] } },
  { name: 'both logs', options: { logs: ['v1', 'v2'] } },
  { name: 'version 0.1', options: { version: '0.1' } },
  { name: 'version 0.2', options: { version: '0.2' } },
  { name: 'a key', options: { key: freshSigner() } },
  { name: 'a key, Rekor v2', options: { key: freshSigner(), logs: ['v2'] } },
  { name: 'a certificate for P-384', options: { leaf: { key: 'p384' } } },
  { name: 'a certificate for RSA', options: { leaf: { key: 'rsa' } } },
]

describe('sound bundles of ours', { concurrency: 2 }, () => {
  for (const { name, options } of sound)
    test(name, async () => {
      const said = await judgements(name.replaceAll(/\W+/g, '-'), options, [ours, sigstoreGo, cosign])
      assert.deepEqual(said, { countersign: 'accepted', 'sigstore-go': 'accepted', 'cosign 3': 'accepted' })
    })
})

/** Our code for what a log answers wrongly, whichever log it is. */
const logFlaws = {
  'neither promise nor proof': 'BUNDLE_MALFORMED',
  'no promise': 'TIME_UNPROVEN',
  'no proof': 'BUNDLE_MALFORMED',
  'proof without checkpoint': 'BUNDLE_MALFORMED',
  'promise by another key': 'TLOG_PROMISE_INVALID',
  'promise over another body': 'TLOG_PROMISE_INVALID',
  'promise at another time': 'TLOG_PROMISE_INVALID',
  'promise at another index': 'TLOG_PROMISE_INVALID',
  'another log id': 'TLOG_UNKNOWN',
  'checkpoint by another key': 'CHECKPOINT_INVALID',
  'checkpoint with another hint': 'CHECKPOINT_INVALID',
  'checkpoint with another name': 'CHECKPOINT_INVALID',
  'checkpoint of another origin': 'CHECKPOINT_INVALID',
  'checkpoint that only witnesses signed': 'CHECKPOINT_INVALID',
  'checkpoint without signatures': 'CHECKPOINT_MALFORMED',
  'checkpoint of another root': 'TLOG_INCLUSION_MISMATCH',
  'checkpoint of another size': 'TLOG_INCLUSION_MISMATCH',
  'proof of another root': 'TLOG_INCLUSION_MISMATCH',
  'path too short': 'TLOG_INCLUSION_MISMATCH',
  'path too long': 'TLOG_INCLUSION_MISMATCH',
  'path with a flipped bit': 'TLOG_INCLUSION_MISMATCH',
  'index off by one': 'TLOG_INCLUSION_MISMATCH',
  'body of another entry': 'TLOG_ENTRY_MISMATCH',
} as const satisfies Record<LogFlaw, ErrorCode>

const timestampFlaws = {
  refused: 'TIMESTAMP_INVALID',
  'imprint of other bytes': 'TIMESTAMP_INVALID',
  'digest of other content': 'TIMESTAMP_INVALID',
  'no content type': 'TIMESTAMP_MALFORMED',
  'no message digest': 'TIMESTAMP_MALFORMED',
  'no signing certificate': 'TIMESTAMP_MALFORMED',
  'id of another certificate': 'TIMESTAMP_INVALID',
  'id of another issuer': 'TIMESTAMP_INVALID',
  'id of another serial number': 'TIMESTAMP_INVALID',
  'signer of another issuer': 'TIMESTAMP_INVALID',
  'signer of another serial number': 'TIMESTAMP_INVALID',
  'signed by another key': 'TIMESTAMP_INVALID',
  'signed over other attributes': 'TIMESTAMP_INVALID',
  'signed over the content': 'TIMESTAMP_INVALID',
  'two signers': 'TIMESTAMP_MALFORMED',
} as const satisfies Record<TimestampFlaw, ErrorCode>

const hour = 3600_000
const leafFlaws: readonly { readonly name: string; readonly leaf: LeafOptions; readonly code: ErrorCode }[] = [
  { name: 'signature changed', leaf: { flaw: 'signature-changed' }, code: 'CERTIFICATE_UNTRUSTED' },
  { name: 'signed by a stranger', leaf: { flaw: 'signed-by-stranger' }, code: 'CERTIFICATE_UNTRUSTED' },
  { name: 'no SCT', leaf: { ctLogs: [] }, code: 'SCT_INVALID' },
  { name: 'expired when it was used', leaf: { notBefore: new Date(signingTime.getTime() - hour) }, code: 'CERTIFICATE_EXPIRED' },
  {
    name: 'not valid yet',
    leaf: { notBefore: new Date(signingTime.getTime() + hour), notAfter: new Date(signingTime.getTime() + 2 * hour) },
    code: 'CERTIFICATE_EXPIRED',
  },
  { name: 'no extended key usage', leaf: { without: [extensionOid.extendedKeyUsage] }, code: 'CERTIFICATE_UNTRUSTED' },
  { name: 'for time-stamping', leaf: { purpose: 'time-stamping' }, code: 'CERTIFICATE_UNTRUSTED' },
  { name: 'another identity', leaf: { names: [{ kind: 'email', value: 'eve@example.com' }] }, code: 'IDENTITY_MISMATCH' },
  { name: 'another issuer', leaf: { fulcio: { issuer: 'https://eve.example' } }, code: 'IDENTITY_MISMATCH' },
]

const broken: readonly { readonly name: string; readonly options: SigningOptions; readonly code: ErrorCode }[] = [
  ...entriesOf(logFlaws).map(([logFlaw, code]) => ({ name: `Rekor v1: ${logFlaw}`, options: { logFlaw }, code })),
  ...entriesOf(logFlaws)
    .filter(([flaw]) => !flaw.includes('promise') && flaw !== 'no proof')
    .map(([logFlaw, code]) => ({ name: `Rekor v2: ${logFlaw}`, options: { logs: ['v2'], logFlaw } as const, code })),
  ...entriesOf(timestampFlaws).map(([timestampFlaw, code]) => ({
    name: `timestamp: ${timestampFlaw}`,
    options: { logs: ['v2'], timestampFlaw } as const,
    code,
  })),
  ...leafFlaws.map(({ name, leaf, code }) => ({ name: `certificate: ${name}`, options: { leaf }, code })),
]

function entriesOf<Name extends string>(codes: Readonly<Record<Name, ErrorCode>>) {
  return Object.entries(codes) as [Name, ErrorCode][]
}

/** What sigstore-go, and so cosign, takes for sound, and why we do not. */
const takenByOthers: ReadonlyMap<string, string> = new Map([
  ['Rekor v1: checkpoint with another name', 'the key hint alone chooses the signature of a v1 checkpoint there'],
  ['Rekor v1: checkpoint of another size', 'the root of a v1 checkpoint is compared with the proof there, the size is not'],
  ['Rekor v2: index off by one', 'the index of the entry is looked at there, that of the proof is not'],
  ['Rekor v2: body of another entry', 'the body is made anew from the bundle there, whatever it says'],
  ['timestamp: no content type', 'RFC 5652 §11.1 wants it'],
  ['timestamp: no signing certificate', 'RFC 3161 §2.4.2 wants it, RFC 5816 as well'],
  ['timestamp: id of another certificate', 'RFC 5816 §2.2.1: it names the certificate that must verify'],
  ['timestamp: id of another issuer', 'RFC 5816 §2.2.1'],
  ['timestamp: id of another serial number', 'RFC 5816 §2.2.1'],
  ['certificate: no extended key usage', 'for any use is not for signing code: services.md §1.5'],
])

/** What everybody takes, and why: none of it lets anything pass that the log did not sign. */
const takenByAll: ReadonlyMap<string, string> = new Map([
  [
    'Rekor v1: checkpoint of another origin',
    'the host in a v1 checkpoint is whatever the server was called, which the trusted root does not say',
  ],
])

describe('broken bundles of ours', { concurrency: 2 }, () => {
  for (const { name, options, code } of broken)
    test(name, async () => {
      const said = await judgements(name.replaceAll(/\W+/g, '-'), options, [ours, sigstoreGo, cosign])
      if (takenByAll.has(name)) assert.equal(said['countersign'], 'accepted')
      else assert.match(said['countersign']!, new RegExp(`^${code} `))
      const isTaken = takenByAll.has(name) || takenByOthers.has(name)
      for (const { name: judge } of [sigstoreGo, cosign]) assert.equal(said[judge] === 'accepted', isTaken, `${judge}: ${said[judge]}`)
    })
})

test('whatever is listed is tried', () => {
  const names = new Set(broken.map(({ name }) => name))
  assert.deepEqual(
    [...takenByOthers.keys(), ...takenByAll.keys()].filter(name => !names.has(name)),
    [],
  )
})
