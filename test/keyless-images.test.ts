import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../src/codec/error.ts'
import { assertRefused, createRig, good } from '../src/testing/command-rig.ts'
import { createRoot, freshSigner } from '../src/testing/sigstore/certificate-authority.ts'
import { createCtLog } from '../src/testing/sigstore/certificate-log.ts'
import { createTestSigstore, type SigningOptions } from '../src/testing/sigstore/test-sigstore.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { setScene, who, workflow, workflowLeaf } from './keyless/scene.ts'

const rig = createRig()
const { cs } = rig
const sigstore = await createTestSigstore()
const scene = setScene(rig, sigstore)
setScene(rig, await createTestSigstore(), 'their-')
const root = '--trusted-root trusted_root.json'
const strict = `${who} ${root}`
const key = teamKey.signer()
const byKey = `--key team.pub ${root}`

/** Both layouts of a signature, and the exit status where none matches. */
const layouts = [
  { layout: 'bundle', sign: (options?: SigningOptions) => scene.image(options), none: 1 },
  { layout: 'legacy', sign: (options?: SigningOptions) => scene.legacyImage(options), none: 12 },
] as const

type Named = {
  readonly name: string
  readonly signing?: SigningOptions | (() => Promise<SigningOptions>)
  readonly flags?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly layout?: 'bundle' | 'legacy' // both unless told
  readonly exit?: 0 | 1 | 10 | 12 // that of the layout where it is refused
  readonly code?: ErrorCode
  readonly message?: RegExp
  readonly claims?: readonly RegExp[]
}

const logged = /Existence of the claims in the transparency log was verified offline/
const certified = /The code-signing certificate was verified using trusted certificate authority certificates/
const keyed = /The signatures were verified against the specified public key/
const everything = [logged, certified, keyed, /certificate timestamp/]

/** Every way of signing, verified by both layouts: what is refused is so for the reason told, and only what was checked is claimed. */
async function check(given: Named, { sign, none }: (typeof layouts)[number]): Promise<void> {
  const signing = typeof given.signing === 'function' ? await given.signing() : given.signing
  const line = `verify ${given.flags ?? strict} ${await sign(signing)}`
  const environment = given.environment ?? {}
  if (given.code && given.message) {
    const refusal = { exit: given.exit ?? none, code: given.code, message: given.message }
    return assertRefused(await cs(`${line} -o json`, { environment }), refusal)
  }
  const { stderr } = await good(cs(line, { environment }))
  for (const claim of everything) {
    const isClaimed = (given.claims ?? [logged, certified]).includes(claim)
    ;(isClaimed ? assert.match : assert.doesNotMatch)(stderr, claim)
  }
}

const chainTrust = { SIGSTORE_REKOR_PUBLIC_KEY: 'rekor.pub', SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'ctfe.pub' }
const keyOfItsOwn = freshSigner()
const expired = { at: new Date('2025-06-01T12:00:00Z') }

const cases: readonly (Named & { readonly scenario: number })[] = [
  {
    scenario: 30,
    name: 'a key with its certificate, by the roots and intermediates',
    signing: { leaf: { key: keyOfItsOwn } },
    flags: `${who} --ca-roots roots.pem --ca-intermediates intermediates.pem`,
    environment: chainTrust,
  },
  {
    scenario: 30,
    name: 'a key with its certificate, by the chain',
    signing: { leaf: { key: keyOfItsOwn } },
    flags: `${who} --certificate-chain chain.pem`,
    environment: chainTrust,
  },
  {
    scenario: 30,
    name: 'a certificate that the root itself issued, by the roots alone',
    signing: async () => ({ certificate: await sigstore.root.issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf }) }),
    flags: `${who} --ca-roots roots.pem`,
    environment: chainTrust,
  },
  {
    scenario: 31,
    name: 'a chain that does not reach the root',
    flags: `${who} --ca-roots their-roots.pem`,
    environment: chainTrust,
    code: 'CERTIFICATE_UNTRUSTED',
    message: /its issuer "CN=intermediate 1,O=example\.com" is not known$|not signed by certificate "CN=root,O=example\.com"/,
  },
  {
    scenario: 31,
    name: 'the root alone, and nothing that leads to it',
    layout: 'bundle',
    flags: `${who} --ca-roots roots.pem`,
    environment: chainTrust,
    code: 'CERTIFICATE_UNTRUSTED',
    message: /its issuer "CN=intermediate 1,O=example\.com" is not known$/,
  },
  {
    scenario: 31,
    name: 'another authority of the same names',
    signing: async () => ({
      certificate: await (await (await createRoot()).issueIntermediate()).issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf }),
    }),
    code: 'CERTIFICATE_UNTRUSTED',
    message: /not signed by certificate "CN=intermediate 1,O=example\.com"/,
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
    name: 'a certificate that was not valid yet',
    signing: { leaf: { notBefore: new Date('2025-06-01T13:00:00Z') } },
    code: 'CERTIFICATE_EXPIRED',
    message: /not valid (until|before)|observed time/,
  },
  {
    scenario: 31,
    name: 'another identity',
    flags: `--certificate-identity someone@example.com --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    code: 'IDENTITY_MISMATCH',
    message:
      /want identity "someone@example\.com", got "https:\/\/github\.com\/org\/app\/\.github\/workflows\/build\.yml@refs\/heads\/main"$/,
  },
  {
    scenario: 31,
    name: 'another issuer',
    flags: `--certificate-identity ${workflow.identity} --certificate-oidc-issuer https://accounts.google.com ${root}`,
    code: 'IDENTITY_MISMATCH',
    message: /want issuer "https:\/\/accounts\.google\.com", got "https:\/\/token\.actions\.githubusercontent\.com"$/,
  },
  {
    scenario: 32,
    name: 'both by pattern',
    flags: `--certificate-identity-regexp ^https://github\\.com/org/app/.+@refs/heads/main$ --certificate-oidc-issuer-regexp ^https://token\\.actions\\.githubusercontent\\.com$ ${root}`,
  },
  {
    scenario: 32,
    name: 'a pattern of another repository',
    flags: `--certificate-identity-regexp ^https://github\\.com/org/other/ --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    code: 'IDENTITY_MISMATCH',
    message: /want identity matching "\^https:.*other\/"/,
  },
  {
    scenario: 32,
    name: 'a malformed pattern',
    flags: `--certificate-identity-regexp *a --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    exit: 1,
    code: 'PATTERN_MALFORMED',
    message: /^--certificate-identity-regexp: want a pattern of RE2, got "\*a"/,
  },
  {
    scenario: 32,
    name: 'a pattern with what RE2 leaves out for being slow',
    flags: `--certificate-identity-regexp (a+)\\1 --certificate-oidc-issuer ${workflow.issuer} ${root}`,
    exit: 1,
    code: 'PATTERN_MALFORMED',
    message: /^--certificate-identity-regexp: want a pattern of RE2/,
  },
  {
    scenario: 34,
    name: 'no certificate timestamp',
    signing: { leaf: { ctLogs: [] } },
    code: 'SCT_INVALID',
    message: /only able to verify 0 SCT entries; unable to meet threshold of 1: the certificate brings none along$/,
  },
  {
    scenario: 34,
    name: 'no certificate timestamp, and none is asked for',
    signing: { leaf: { ctLogs: [] } },
    flags: `${strict} --insecure-ignore-sct`,
  },
  {
    scenario: 34,
    name: 'a certificate timestamp of a log that nobody trusts',
    signing: { leaf: { ctLogs: [createCtLog(freshSigner())] } },
    code: 'SCT_INVALID',
    message: /unable to meet threshold of 1: log [0-9a-f]{16}… is not trusted$/,
  },
  { scenario: 40, name: 'a log entry is there', signing: { logs: ['v1'] } },
  {
    scenario: 40,
    name: 'no log entry',
    signing: { logs: [], stamped: true },
    code: 'TLOG_ENTRY_MISSING',
    message: /the signature brings no log entry$/,
    flags: `${strict} --offline`,
  },
  {
    scenario: 40,
    name: 'no log entry, and none is asked for',
    signing: { logs: [], stamped: true },
    flags: `${strict} --insecure-ignore-tlog`,
    claims: [certified],
  },
  { scenario: 40, name: 'by a key, with its log entry', signing: { key }, flags: byKey, claims: [logged, keyed] },
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
    flags: `${byKey} --insecure-ignore-tlog`,
    claims: [keyed],
  },
  {
    scenario: 42,
    name: 'a timestamp of the authority that is trusted',
    signing: { stamped: true },
    flags: `${who} --certificate-chain chain.pem --timestamp-certificate-chain tsa.pem`,
    environment: chainTrust,
  },
  {
    scenario: 42,
    name: 'a timestamp of another authority',
    signing: { stamped: true },
    flags: `${who} --certificate-chain chain.pem --timestamp-certificate-chain their-tsa.pem`,
    environment: chainTrust,
    code: 'THRESHOLD_NOT_MET',
    message: /threshold not met for verified signed timestamps: 0 < 1: /,
  },
  {
    scenario: 42,
    name: 'by a key, with a timestamp of the authority',
    signing: { key, stamped: true },
    flags: '--key team.pub --insecure-ignore-tlog --timestamp-certificate-chain tsa.pem',
    claims: [keyed],
  },
  {
    scenario: 42,
    name: 'by a key, with a timestamp of another authority',
    signing: { key, stamped: true },
    flags: '--key team.pub --insecure-ignore-tlog --timestamp-certificate-chain their-tsa.pem',
    code: 'THRESHOLD_NOT_MET',
    message: /verified signed timestamps: 0 < 1/,
  },
  {
    scenario: 42,
    name: 'by a key, without the timestamp',
    signing: { key },
    flags: '--key team.pub --insecure-ignore-tlog --timestamp-certificate-chain tsa.pem',
    code: 'THRESHOLD_NOT_MET',
    message: /verified signed timestamps: 0 < 1/,
  },
  {
    scenario: 42,
    name: 'a timestamp of other bytes',
    signing: { stamped: true, timestampFlaw: 'imprint of other bytes' },
    code: 'TIMESTAMP_INVALID',
    message: /imprint/,
  },
  { scenario: 43, name: 'a log entry and a timestamp', signing: { stamped: true }, flags: `${strict} --use-signed-timestamps` },
  {
    scenario: 43,
    name: 'a timestamp of a time when the certificate had expired, beside a sound log entry',
    signing: { stamped: true, stampedAt: new Date('2025-06-01T13:00:00Z') },
    code: 'CERTIFICATE_EXPIRED',
    message: /expired before observed time/,
  },
  {
    scenario: 47,
    name: 'expired, without log or timestamp',
    signing: { ...expired, logs: [] },
    flags: `${strict} --insecure-ignore-tlog`,
    code: 'CERTIFICATE_EXPIRED',
    message: /expired before observed time: .* is before 2026-01-02/,
  },
  {
    scenario: 47,
    name: 'expired, with a timestamp',
    signing: { ...expired, logs: [], stamped: true },
    flags: `${strict} --insecure-ignore-tlog`,
    claims: [certified],
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
    name: 'a promise of another time',
    signing: { logFlaw: 'promise at another time' },
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
    name: 'a checkpoint of another root',
    layout: 'bundle',
    signing: { logFlaw: 'checkpoint of another root' },
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /root/,
  },
  {
    scenario: 48,
    name: 'a proof with a flipped bit',
    layout: 'bundle',
    signing: { logFlaw: 'path with a flipped bit' },
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /does not lead to the root/,
  },
  {
    scenario: 48,
    name: 'a proof that is too short',
    layout: 'bundle',
    signing: { logFlaw: 'path too short' },
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /./,
  },
  { scenario: 45, name: 'a log of Rekor v2 with a timestamp', layout: 'bundle', signing: { logs: ['v2'] } },
  {
    scenario: 46,
    name: 'a log of Rekor v2 without a timestamp',
    layout: 'bundle',
    signing: { logs: ['v2'], stamped: false },
    code: 'TIME_UNPROVEN',
    message: /nobody trusted says when the signature was made/,
  },
  {
    scenario: 46,
    name: 'by a key, a log of Rekor v2 without a timestamp',
    layout: 'bundle',
    signing: { key, logs: ['v2'], stamped: false },
    flags: byKey,
    claims: [logged, keyed],
  },
  {
    scenario: 46,
    name: 'a checkpoint of Rekor v2 under another origin',
    layout: 'bundle',
    signing: { logs: ['v2'], logFlaw: 'checkpoint of another origin' },
    code: 'CHECKPOINT_INVALID',
    message: /origin/,
  },
  { scenario: 43, name: 'logs of both versions', layout: 'bundle', signing: { logs: ['v1', 'v2'] } },
]

for (const given of cases)
  for (const how of layouts)
    if (given.layout === undefined || given.layout === how.layout)
      test(`scenario ${given.scenario}, image, ${how.layout}: ${given.name}`, () => check(given, how))
