import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { messageOfBytes } from '../src/crypto/message.ts'
import { ociDigestOf } from '../src/formats/oci-digest.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { freshSigner, signingTime } from '../src/testing/sigstore/certificate-authority.ts'
import { createTestSigstore, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { type BlobBundleJson, rekorWith, setScene, who, workflow, workflowLeaf } from './keyless/scene.ts'

const rig = createRig()
const { cs, disk } = rig
const sigstore = await createTestSigstore()
const scene = setScene(rig, sigstore)
setScene(rig, await createTestSigstore(), 'their-')
const root = '--trusted-root trusted_root.json'
const strict = `${who} ${root}`
const key = teamKey.signer()
const byKey = `--key team.pub ${root}`
const content = encodeUtf8('countersign\n') // of every file in the scene
const chainTrust = { SIGSTORE_REKOR_PUBLIC_KEY: 'rekor.pub', SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'ctfe.pub' }

const layouts = [
  { layout: 'bundle', sign: (options?: SigningOptions) => scene.blob(options) },
  { layout: 'legacy bundle', sign: (options?: SigningOptions) => scene.legacyBlob(options) },
] as const

type Given = {
  readonly scenario: number
  readonly name: string
  readonly layout?: (typeof layouts)[number]['layout'] // both unless told
  readonly signing?: SigningOptions | (() => Promise<SigningOptions>)
  readonly flags?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly code?: ErrorCode
  readonly message?: RegExp
}

const cases: readonly Given[] = [
  {
    scenario: 30,
    name: 'a key with its certificate, by the chain',
    signing: { leaf: { key: freshSigner() } },
    flags: `${who} --certificate-chain chain.pem`,
    environment: chainTrust,
  },
  {
    scenario: 30,
    name: 'a key with its certificate, by roots and intermediates',
    flags: `${who} --ca-roots roots.pem --ca-intermediates intermediates.pem`,
    environment: chainTrust,
  },
  {
    scenario: 31,
    name: 'a chain that does not reach the root',
    flags: `${who} --ca-roots their-roots.pem`,
    environment: chainTrust,
    code: 'CERTIFICATE_UNTRUSTED',
    message: /its issuer "CN=intermediate 1,O=example\.com" is not known$/,
  },
  {
    scenario: 31,
    name: 'a certificate that had expired',
    signing: { leaf: { notBefore: new Date('2025-06-01T11:00:00Z') } },
    code: 'CERTIFICATE_EXPIRED',
    message: /expired before observed time: 2025-06-01T11:10:00\S* is before 2025-06-01T12:00:00/,
  },
  {
    scenario: 31,
    name: 'another identity',
    flags: `--certificate-identity someone@example.com --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    code: 'IDENTITY_MISMATCH',
    message: /want identity "someone@example\.com", got "https:/,
  },
  {
    scenario: 31,
    name: 'another issuer',
    flags: `--certificate-identity ${workflow.identity} --certificate-oidc-issuer https://accounts.google.com ${root}`,
    code: 'IDENTITY_MISMATCH',
    message: /want issuer "https:\/\/accounts\.google\.com", got "https:/,
  },
  {
    scenario: 32,
    name: 'a malformed pattern',
    flags: `--certificate-identity-regexp ( --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    code: 'PATTERN_MALFORMED',
    message: /^--certificate-identity-regexp: want a pattern of RE2/,
  },
  {
    scenario: 33,
    name: 'a fork: the same workflow in another repository',
    signing: { leaf: ofFork() },
    flags: `--certificate-identity-regexp /\\.github/workflows/build\\.yml@ --certificate-oidc-issuer ${workflow.issuer} --certificate-github-workflow-repository org/app ${root}`,
    code: 'IDENTITY_MISMATCH',
    message: /want github-workflow-repository "org\/app", got "fork\/app"$/,
  },
  {
    scenario: 34,
    name: 'no certificate timestamp',
    signing: { leaf: { ctLogs: [] } },
    code: 'SCT_INVALID',
    message: /the certificate brings none along$/,
  },
  {
    scenario: 34,
    name: 'no certificate timestamp, and none is asked for',
    signing: { leaf: { ctLogs: [] } },
    flags: `${strict} --insecure-ignore-sct`,
  },
  { scenario: 40, name: 'a log entry is there', signing: { logs: ['v1'] } },
  {
    scenario: 40,
    name: 'no log entry',
    signing: { logs: [] },
    flags: `${strict} --offline`,
    code: 'TLOG_ENTRY_MISSING',
    message: /the signature brings no log entry$/,
  },
  { scenario: 40, name: 'by a key, with its log entry', signing: { key }, flags: byKey },
  {
    scenario: 40,
    name: 'by a key, without log entry',
    signing: { key, logs: [] },
    flags: `${byKey} --offline`,
    code: 'TLOG_ENTRY_MISSING',
    message: /the signature brings no log entry$/,
  },
  {
    scenario: 40,
    name: 'by a key, without log entry, and none is asked for',
    signing: { key, logs: [] },
    flags: '--key team.pub --insecure-ignore-tlog',
  },
  {
    scenario: 42,
    name: 'a timestamp of another authority',
    layout: 'bundle',
    signing: { stamped: true },
    flags: `${who} --certificate-chain chain.pem --timestamp-certificate-chain their-tsa.pem`,
    environment: chainTrust,
    code: 'THRESHOLD_NOT_MET',
    message: /verified signed timestamps: 0 < 1: /,
  },
  {
    scenario: 43,
    name: 'a log entry and a timestamp',
    layout: 'bundle',
    signing: { stamped: true },
    flags: `${strict} --use-signed-timestamps`,
  },
  { scenario: 45, name: 'a log of Rekor v2 with a timestamp', layout: 'bundle', signing: { logs: ['v2'] } },
  {
    scenario: 46,
    name: 'a log of Rekor v2 without a timestamp',
    layout: 'bundle',
    signing: { logs: ['v2'], stamped: false },
    code: 'TIME_UNPROVEN',
    message: /nobody trusted says when/,
  },
  {
    scenario: 46,
    name: 'by a key, a log of Rekor v2 without a timestamp',
    layout: 'bundle',
    signing: { key, logs: ['v2'], stamped: false },
    flags: byKey,
  },
  {
    scenario: 47,
    name: 'expired, without log or timestamp',
    signing: { logs: [] },
    flags: `${strict} --insecure-ignore-tlog`,
    code: 'CERTIFICATE_EXPIRED',
    message: /expired before observed time: .* is before 2026-01-02/,
  },
  {
    scenario: 47,
    name: 'expired, with a timestamp',
    layout: 'bundle',
    signing: { logs: [], stamped: true },
    flags: `${strict} --insecure-ignore-tlog`,
  },
  {
    scenario: 48,
    name: 'a promise by another key',
    signing: { logFlaw: 'promise by another key' },
    code: 'TLOG_PROMISE_INVALID',
    message: /promise|signed entry timestamp/i,
  },
  {
    scenario: 48,
    name: 'another log id',
    signing: { logFlaw: 'another log id' },
    code: 'TLOG_UNKNOWN',
    message: /no trusted log has id [0-9a-f]{64}$/,
  },
  {
    scenario: 48,
    name: 'the body of another entry',
    signing: { logFlaw: 'body of another entry' },
    code: 'TLOG_ENTRY_MISMATCH',
    message: /signature/,
  },
  {
    scenario: 48,
    name: 'a checkpoint by another key',
    layout: 'bundle',
    signing: { logFlaw: 'checkpoint by another key' },
    code: 'CHECKPOINT_INVALID',
    message: /checkpoint/,
  },
  {
    scenario: 48,
    name: 'a proof with a flipped bit',
    layout: 'bundle',
    signing: { logFlaw: 'path with a flipped bit' },
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /does not lead to the root/,
  },
  { scenario: 59, name: 'by P-384 with SHA-384', layout: 'bundle', signing: { leaf: { key: freshSigner('p384') } } },
  { scenario: 59, name: 'by P-521 with SHA-512', layout: 'bundle', signing: { leaf: { key: freshSigner('p521') } } },
  { scenario: 61, name: 'version 0.1', layout: 'bundle', signing: { version: '0.1' } },
  { scenario: 61, name: 'version 0.2', layout: 'bundle', signing: { version: '0.2' } },
]

function ofFork() {
  const [repository, identity] = ['https://github.com/fork/app', workflow.identity.replace('/org/', '/fork/')]
  const fulcio = {
    ...workflowLeaf.fulcio,
    'github-workflow-repository': 'fork/app',
    'source-repository-uri': repository,
    'build-config-uri': identity,
  }
  return { names: [{ kind: 'uri', value: identity }], fulcio } as const
}

for (const given of cases)
  for (const { layout, sign } of layouts)
    if (given.layout === undefined || given.layout === layout)
      test(`scenario ${given.scenario}, blob, ${layout}: ${given.name}`, async () => {
        const { signing, flags = strict, environment = {}, code, message } = given
        const line = `verify-blob ${flags} ${await sign(typeof signing === 'function' ? await signing() : signing)}`
        if (code && message) return assertRefused(await cs(`${line} -o json`, { environment }), { exit: 1, code, message })
        const { stdout, stderr } = await good(cs(line, { environment }))
        assert.equal(stdout, '')
        assert.ok(stderr.endsWith('Verified OK\n'), stderr)
      })

for (const { layout, sign } of layouts) {
  test(`scenario 39, blob, ${layout}: offline, with every service down and nothing kept`, async () => {
    const { requests } = await good(cs(`verify-blob ${strict} --offline ${await sign()}`))
    assert.deepEqual(requests, [])
  })

  test(`scenario 60, blob, ${layout}: from standard input and by its digest`, async () => {
    const line = `verify-blob ${strict} ${(await sign()).replace(/\S+$/, '')}`
    await good(cs(`${line} -`, { stdin: 'countersign\n' }))
    await good(cs(`${line} ${ociDigestOf(content)}`))
    const refusal = { exit: 1, message: /./ } as const
    const code = layout === 'bundle' ? 'ARTIFACT_MISMATCH' : 'SIGNATURE_INVALID'
    assertRefused(await cs(`${line} - -o json`, { stdin: 'countersigned\n' }), { ...refusal, code })
    assertRefused(await cs(`${line} ${ociDigestOf(encodeUtf8('other'))} -o json`), { ...refusal, code })
  })
}

test('scenario 61: a bundle of cosign 2 is refused where its parts belong to different signatures', async () => {
  const bundles: BlobBundleJson[] = []
  const keep = (bundle: BlobBundleJson) => bundles[bundles.push(bundle) - 1]!
  for (const _ of ['one', 'another']) await good(cs(`verify-blob ${strict} ${await scene.legacyBlob({}, keep)}`))
  const [one, another] = bundles as [BlobBundleJson, BlobBundleJson]
  for (const { swapped, code, message } of [
    { swapped: { rekorBundle: another.rekorBundle }, code: 'TLOG_ENTRY_MISMATCH', message: /signature/ },
    { swapped: { cert: another.cert! }, code: 'SIGNATURE_INVALID', message: /does not verify/ },
    { swapped: { base64Signature: another.base64Signature }, code: 'SIGNATURE_INVALID', message: /does not verify/ },
    { swapped: { cert: '' }, code: 'MATERIAL_UNSUPPORTED', message: /no certificate found on signature$/ },
    {
      swapped: { cert: encodeBase64(encodeUtf8(teamKey.publicPem)) },
      code: 'MATERIAL_UNSUPPORTED',
      message: /expected certificate, not key signature$/,
    },
  ] as const) {
    const line = `verify-blob ${strict} ${await scene.legacyBlob({}, () => ({ ...one, ...swapped }))}`
    assertRefused(await cs(`${line} -o json`), { exit: 1, code, message })
  }
})

test('scenario 58: a file that was changed since, and the signature of another file', async () => {
  for (const { sign } of layouts) {
    const line = `verify-blob ${strict} ${(await sign()).replace(/\S+$/, '')}`
    disk.set('changed', 'countersign!\n')
    const outcome = await cs(`${line} changed -o json`)
    assert.ok(['ARTIFACT_MISMATCH', 'SIGNATURE_INVALID'].includes(outcome.failure?.code ?? ''), outcome.stderr)
    assert.equal(outcome.code, 1)
  }
})

test('scenario 58: signature and certificate in files of their own, with the timestamp, or with what the log has of them', async () => {
  const { line, parts } = await scene.detachedBlob({ stamped: true })
  disk.set('timestamp', parts.timestamps[0]!)
  await good(cs(`verify-blob ${strict} --insecure-ignore-tlog --rfc3161-timestamp timestamp ${line}`))
  rig.hosts.set('rekor.sigstore.dev', rekorWith(sigstore, parts.logEntries))
  const { requests } = await good(cs(`verify-blob ${strict} ${line}`))
  assert.deepEqual(requests, ['POST https://rekor.sigstore.dev/api/v1/log/entries/retrieve'])
})

test('a signature that somebody had recorded once more, after its certificate expired, counts by its first entry', async () => {
  const { line, parts } = await scene.detachedBlob()
  await scene.detachedBlob({ at: new Date('2025-07-01T00:00:00Z') }) // the log's clock goes on
  const message = messageOfBytes(content)
  const signer = { kind: 'certificate', certificate: parts.certificate!.certificate } as const
  const again = await sigstore.logs.v1.add({ signature: parts.signature, signer, content: { kind: 'message', message } })
  const [first] = parts.logEntries
  for (const entries of [
    [again, first!],
    [first!, again],
    [{ ...first!, integratedTime: 1n, logId: new Uint8Array(32) }, first!],
  ]) {
    rig.hosts.set('rekor.test', rekorWith(sigstore, entries))
    await good(cs(`verify-blob ${strict} --rekor-url https://rekor.test ${line}`))
  }
  rig.hosts.set('rekor.test', rekorWith(sigstore, [again]))
  const later = await cs(`verify-blob ${strict} --rekor-url https://rekor.test -o json ${line}`)
  assertRefused(later, { exit: 1, code: 'CERTIFICATE_EXPIRED', message: /expired before observed time/ })
  rig.hosts.set('rekor.test', rekorWith(sigstore, [{ ...again, integratedTime: first!.integratedTime! - 1n }, first!]))
  const lying = await cs(`verify-blob ${strict} --rekor-url https://rekor.test -o json ${line}`)
  assertRefused(lying, { exit: 1, code: 'TLOG_PROMISE_INVALID', message: /promise|signed entry timestamp/i })
})

test('scenario 34: a detached certificate timestamp', async () => {
  const certificate = await sigstore.authority.issueLeaf(workflowLeaf)
  disk.set('sct.json', await sigstore.ctLog.answer(certificate.certificate, signingTime))
  const line = `verify-blob ${strict} ${await scene.legacyBlob({ certificate })}`
  assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'SCT_INVALID', message: /brings none along$/ })
  await good(cs(`${line} --sct sct.json`))
})

test('scenario 32: an over-broad pattern draws a warning with an example of whom else it admits', async () => {
  const line = `verify-blob --certificate-identity-regexp github.com/org --certificate-oidc-issuer ${workflow.issuer} ${root} ${await scene.blob()}`
  assert.match((await good(cs(line))).stderr, /^WARNING: --certificate-identity-regexp "github\.com\/org" also admits "https:\/\//m)
})

test('--explain shows where trust came from, and as JSON is the only thing on standard output', async () => {
  const line = `verify-blob ${strict} ${await scene.blob()} --explain`
  assert.match((await good(cs(line))).stderr, /^Trusted: file trusted_root\.json\n {2}accepted /m)
  const { trust, derivation } = JSON.parse((await good(cs(`${line} --output json`))).stdout)
  assert.deepEqual([trust, derivation.outcome], [['file trusted_root.json'], 'accepted'])
})
