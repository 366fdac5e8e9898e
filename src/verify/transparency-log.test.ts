import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { encodeUtf8 } from '../codec/text.ts'
import { messageOfBytes } from '../crypto/message.ts'
import { parseBundle } from '../formats/bundle.ts'
import type { LogEntry } from '../formats/log/log-entry.ts'
import { freshSigner } from '../testing/sigstore/certificate-authority.ts'
import { after, assertRefused, editBundle, keylessPolicy, type Refusal } from '../testing/sigstore/keyless-verification.ts'
import { createTestSigstore, type SigningOptions, type TestSigstore } from '../testing/sigstore/test-sigstore.ts'
import { type LogFlaw, type TestLogOptions, testLogSigners, testTransparencyLog } from '../testing/sigstore/transparency-log.ts'
import type { TransparencyLog } from '../trust/transparency-log.ts'
import type { Validity } from '../trust/validity.ts'
import { bundleCandidate, type Candidate } from './evidence.ts'
import type { Policy, Trust } from './policy.ts'
import { verify } from './verify.ts'

const blob = encodeUtf8('hello\n')
const message = messageOfBytes(blob)
const policy = keylessPolicy({ kind: 'blob', name: 'blob', message })
const validFor: Validity = { start: after(-3600), end: undefined }
const now = () => after(0)

let sigstore: TestSigstore
before(async () => {
  sigstore = await createTestSigstore()
})

const signed = async (options?: SigningOptions) => bundleCandidate('b', await sigstore.signBlob(blob, options))

const both = ['v1', 'v2'] as const
const v1 = ['v1'] as const
const v2 = ['v2'] as const
const rules = {
  promise: { code: 'TLOG_PROMISE_INVALID', found: /the log did not make it/ },
  root: { code: 'TLOG_INCLUSION_MISMATCH', found: /leaf \d+ does not lead to the root/ },
  signer: { code: 'CHECKPOINT_INVALID', found: /want a signature of "log.v[12].example" with key hint/ },
} as const
for (const { flaw, code, found, ...only } of [
  { flaw: 'no promise', logs: v1, code: 'TIME_UNPROVEN', found: /nobody trusted says when the signature was made/ },
  { flaw: 'no proof', code: 'BUNDLE_MALFORMED', found: /want an inclusion proof in a bundle of version 0.3, got none/ },
  { flaw: 'neither promise nor proof', code: 'BUNDLE_MALFORMED', found: /want an inclusion proof/ },
  { flaw: 'proof without checkpoint', code: 'BUNDLE_MALFORMED', found: /want a checkpoint in each inclusion proof/ },
  { flaw: 'promise by another key', logs: v1, ...rules.promise },
  { flaw: 'promise over another body', logs: v1, ...rules.promise },
  { flaw: 'promise at another time', logs: v1, ...rules.promise },
  { flaw: 'promise at another index', logs: v1, ...rules.promise },
  { flaw: 'another log id', code: 'TLOG_UNKNOWN', found: /0 < 1: no trusted log has id/ },
  { flaw: 'checkpoint by another key', code: 'CHECKPOINT_INVALID', found: /the log's signature is not over this tree head/ },
  { flaw: 'checkpoint with another hint', ...rules.signer },
  { flaw: 'checkpoint with another name', ...rules.signer },
  {
    flaw: 'checkpoint of another origin',
    logs: v2,
    code: 'CHECKPOINT_INVALID',
    found: /origin: want "log.v2.example", the host of the log/,
  },
  { flaw: 'checkpoint that only witnesses signed', ...rules.signer },
  { flaw: 'checkpoint without signatures', code: 'CHECKPOINT_MALFORMED', found: /want at least one signature line, got none/ },
  { flaw: 'checkpoint of another root', code: 'TLOG_INCLUSION_MISMATCH', found: /its root is not the one of the checkpoint/ },
  { flaw: 'checkpoint of another size', code: 'TLOG_INCLUSION_MISMATCH', found: /want the tree of size \d+ of the checkpoint/ },
  { flaw: 'proof of another root', ...rules.root },
  { flaw: 'path too short', code: 'TLOG_INCLUSION_MISMATCH', found: /path of \d+ hashes is too short/ },
  { flaw: 'path too long', code: 'TLOG_INCLUSION_MISMATCH', found: /path of \d+ hashes is too long/ },
  { flaw: 'path with a flipped bit', ...rules.root },
  { flaw: 'index off by one', logs: v1, code: 'TLOG_INCLUSION_MISMATCH', found: /(for|path of .*) leaf \d+|leaf \d+ does not lead/ },
  { flaw: 'index off by one', logs: v2, code: 'TLOG_INCLUSION_MISMATCH', found: /is for index \d+, the entry says/ },
  { flaw: 'body of another entry', code: 'TLOG_ENTRY_MISMATCH', found: /is about something else: its signature is another one/ },
] satisfies { flaw: LogFlaw; logs?: readonly ('v1' | 'v2')[]; code: string; found: RegExp }[])
  for (const log of 'logs' in only ? only.logs : both)
    test(`an entry of Rekor ${log} refuses its signature: ${flaw}`, async () => {
      const step = code === 'BUNDLE_MALFORMED' ? 'decode' : code === 'TIME_UNPROVEN' ? 'time' : 'transparency-log'
      await assertRefused(await signed({ logs: [log], logFlaw: flaw }), sigstore.trustedRoot, policy, { step, code, found })
    })

/** What is trusted, but the logs of one Rekor only while `validity` says. */
function trustLogWhile(rekor: 'v1' | 'v2', validity: Validity): Trust {
  const [logV1, logV2] = sigstore.trustedRoot.transparencyLogs as [TransparencyLog, TransparencyLog]
  const transparencyLogs = rekor === 'v1' ? [{ ...logV1, validFor: validity }, logV2] : [logV1, { ...logV2, validFor: validity }]
  return { ...sigstore.trustedRoot, transparencyLogs }
}

for (const { name, rekor, options } of [
  { name: 'Rekor v1, by the time it promised', rekor: 'v1', options: { logs: v1 } },
  { name: 'Rekor v2, by the time of a timestamp (GHSA-wqqc-jjcq-vfxm)', rekor: 'v2', options: { logs: v2 } },
  { name: 'Rekor v2, by the time that another log promised', rekor: 'v2', options: { logs: both } },
] satisfies { name: string; rekor: 'v1' | 'v2'; options: SigningOptions }[])
  test(`the days of a log count, both ends included: ${name}`, async () => {
    const candidate = await signed(options)
    for (const span of [
      { start: after(0), end: after(0) },
      { start: after(0), end: undefined },
      { start: after(-1), end: after(0) },
    ])
      await verify([candidate], trustLogWhile(rekor, span), policy)
    for (const span of [
      { start: after(1), end: undefined },
      { start: after(-10), end: after(-1) },
    ]) {
      const error = { code: 'TLOG_UNKNOWN', message: /log\.v[12]\.example is trusted (since|from) .*, not at 2025-06-01T12:00:00.000Z/ }
      await assert.rejects(verify([candidate], trustLogWhile(rekor, span), policy), error)
    }
  })

test('a log that is trusted from some later day on vouches for nothing, where no time is proven either', async () => {
  const key = freshSigner()
  const candidate = await signed({ key, logs: v2, stamped: false })
  const { identities: _, ...byKey } = policy
  const trust = (start: Date) => ({ ...trustLogWhile('v2', { start, end: undefined }), keys: [key.publicKey] })
  await verify([candidate], trust(policy.now), byKey)
  const later = new Date(policy.now.getTime() + 1)
  const refusal = { step: 'transparency-log', code: 'TLOG_UNKNOWN', found: /is trusted since .*, not at 2025-06-01T13:00:00\.000Z$/ }
  await assertRefused(candidate, trust(later), byKey, refusal)
  await verify([candidate], trust(later), { ...byKey, clockSkewMs: 1 })
})

test('a log that is listed twice counts for either of its spans, and not between them', async () => {
  const [log] = sigstore.trustedRoot.transparencyLogs as [TransparencyLog]
  const listed = (...spans: readonly Validity[]) => ({
    ...sigstore.trustedRoot,
    transparencyLogs: spans.map(span => ({ ...log, validFor: span })),
  })
  const [past, present, future] = [
    { start: after(-60), end: after(-1) },
    { start: after(0), end: after(0) },
    { start: after(1), end: undefined },
  ] as const
  await verify([await signed()], listed(past, present), policy)
  await assert.rejects(verify([await signed()], listed(past, future), policy), { code: 'TLOG_UNKNOWN' })
})

type Logged = { readonly options: Omit<TestLogOptions, 'now'>; readonly trusted?: boolean }

/** One signature with an entry in each of these logs, and trust in those that are said to be trusted. */
async function inLogs(...logs: readonly Logged[]): Promise<{ readonly candidate: Candidate; readonly trust: Trust }> {
  const parts = await sigstore.sign(blob, { kind: 'message', message })
  const started = logs.map(({ options, trusted = true }) => ({ log: testTransparencyLog({ now, ...options }), trusted }))
  const logEntries: LogEntry[] = []
  for (const { log } of started)
    logEntries.push(
      await log.add({
        signature: parts.signature,
        signer: { kind: 'certificate', certificate: parts.certificate!.certificate },
        content: { kind: 'message', message },
      }),
    )
  const bundle = editBundle(await sigstore.signBlob(blob), () => ({
    material: { kind: 'certificate', chain: [parts.certificate!.der] },
    content: { kind: 'message', messageDigest: { hash: 'sha256', digest: message.digest('sha256') }, signature: parts.signature },
    logEntries,
  }))
  const trusted = started.filter(log => log.trusted)
  const transparencyLogs = trusted.map(({ log: { logKey } }) => ({ ...logKey, validFor, operator: '' }))
  return { candidate: bundleCandidate('b', bundle), trust: { ...sigstore.trustedRoot, transparencyLogs } }
}

const oneKey = freshSigner()
const [logA, logB] = ['a.example', 'b.example'].map(host => ({ options: { rekor: 'v1', host, signer: freshSigner() } }) as const) as [
  Logged,
  Logged,
]
for (const { name, logs, logThreshold, code, error } of [
  { name: 'two logs', logs: [logA, logB], logThreshold: 2 },
  { name: 'one log beside one that nobody trusts', logs: [logA, { ...logB, trusted: false }], logThreshold: 1 },
  {
    name: 'one log and one that nobody trusts',
    logs: [logA, { ...logB, trusted: false }],
    logThreshold: 2,
    code: 'THRESHOLD_NOT_MET',
    error: /want entries in 2 trusted logs, got 1/,
  },
  {
    name: 'two logs with one key and id',
    logs: [
      { options: { rekor: 'v1', signer: oneKey } },
      { options: { rekor: 'v2', host: 'other.example', signer: oneKey, earlierEntries: 9 } },
    ],
    logThreshold: 2,
    code: 'THRESHOLD_NOT_MET',
    error: /want entries in 2 trusted logs, got 1/,
  },
  {
    name: 'two Ed25519 logs of different names and ids, but one key',
    logs: [
      { options: { rekor: 'v1', host: 'a.example', signer: freshSigner() } },
      { options: { rekor: 'v2', host: 'one.example', signer: testLogSigners.ed25519(3) } },
      { options: { rekor: 'v2', host: 'two.example', signer: testLogSigners.ed25519(3) } },
    ],
    logThreshold: 3,
    code: 'THRESHOLD_NOT_MET',
    error: /want entries in 3 trusted logs, got 2/,
  },
  { name: 'more logs than there are', logs: [logA, logB], logThreshold: 33, code: 'THRESHOLD_NOT_MET', error: /in 33 trusted logs, got 2/ },
] satisfies { name: string; logs: readonly Logged[]; logThreshold: number; code?: string; error?: RegExp }[])
  test(`logs are counted by their keys: ${name}`, async () => {
    const { candidate, trust } = await inLogs(...logs)
    const verified = verify([candidate], trust, { ...policy, logThreshold })
    if (error) await assert.rejects(verified, { code, message: error })
    else await verified
  })

/** One signature with `count` entries in one log. */
async function manyEntries(count: number): Promise<Candidate> {
  const log = sigstore.logs.v1
  const bundle = await sigstore.signBlob(blob)
  const { content, material, logEntries } = parseBundle(bundle)
  assert.ok(content.kind === 'message' && material.kind === 'certificate')
  const certificate = { der: material.chain[0], publicKey: sigstore.ctLog.key } // the log asks for no more
  const more: LogEntry[] = [...logEntries]
  while (more.length < count)
    more.push(
      await log.add({ signature: content.signature, signer: { kind: 'certificate', certificate }, content: { kind: 'message', message } }),
    )
  return bundleCandidate(
    'b',
    editBundle(bundle, () => ({ logEntries: more })),
  )
}

test('one log with many entries is one (GHSA-9vcr-p3rj-q5q6)', async () => {
  const candidate = await manyEntries(32)
  const { signatures } = await verify([candidate], sigstore.trustedRoot, policy)
  assert.equal(signatures[0].logged.length, 32)
  await assertRefused(
    candidate,
    sigstore.trustedRoot,
    { ...policy, logThreshold: 2 },
    {
      step: 'transparency-log',
      code: 'THRESHOLD_NOT_MET',
      found: /want entries in 2 trusted logs, got 1/,
    },
  )
})

/** A bundle of one v1 entry whose entries are made of it. */
async function withEntries(make: (entry: LogEntry) => readonly LogEntry[], options?: SigningOptions): Promise<Candidate> {
  return bundleCandidate(
    'b',
    editBundle(await sigstore.signBlob(blob, options), ({ logEntries: [entry] }) => ({ logEntries: make(entry!) })),
  )
}

/** An entry of Rekor v2, with the id of the trusted log, made by a log of the same key under another host. */
async function entryOfHost(host: string): Promise<{ readonly candidate: Candidate; readonly trust: Trust }> {
  const trusted = sigstore.trustedRoot.transparencyLogs[1]!
  const { candidate, trust } = await inLogs({ options: { rekor: 'v2', host, signer: testLogSigners.ed25519() } })
  const [log] = trust.transparencyLogs!
  return { candidate, trust: { ...trust, transparencyLogs: [{ ...log!, baseUrl: trusted.baseUrl }] } }
}

for (const { name, make, ...refusal } of [
  {
    name: 'one entry twice',
    make: async () => ({ candidate: await withEntries(entry => [entry, entry]) }),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /two log entries have index \d+ of log [0-9a-f]{64}/,
  },
  {
    name: 'one index with two bodies',
    make: async () => ({ candidate: await withEntries(entry => [entry, { ...entry, canonicalizedBody: encodeUtf8('{}') }]) }),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /two log entries have index/,
  },
  {
    name: 'a log id with the first 31 bytes of a trusted one',
    make: async () => ({ candidate: await withEntries(entry => [{ ...entry, logId: entry.logId.with(31, entry.logId[31]! ^ 1) }]) }),
    step: 'transparency-log',
    code: 'TLOG_UNKNOWN',
    found: /no trusted log has id [0-9a-f]{64}/,
  },
  {
    name: 'the first four bytes of a trusted log id',
    make: async () => ({ candidate: await withEntries(entry => [{ ...entry, logId: entry.logId.subarray(0, 4) }]) }),
    step: 'transparency-log',
    code: 'TLOG_UNKNOWN',
    found: /no trusted log has id [0-9a-f]{8}$/,
  },
  {
    name: 'no log id at all',
    make: async () => ({ candidate: await withEntries(entry => [{ ...entry, logId: new Uint8Array() }]) }),
    step: 'transparency-log',
    code: 'TLOG_UNKNOWN',
    found: /no trusted log has id $/,
  },
  {
    name: 'the id of another trusted log',
    make: async () => ({
      candidate: await withEntries(entry => [{ ...entry, logId: sigstore.logs.v2.logKey.logId }]),
    }),
    step: 'transparency-log',
    code: 'TLOG_PROMISE_INVALID',
    found: /the log did not make it/,
  },
  {
    name: 'a key that comes with the evidence is not looked at (GHSA-xvrc-2wvh-49vc)',
    make: async () => {
      const { candidate, trust } = await inLogs({ options: { rekor: 'v1', host: 'log.v1.example', signer: freshSigner() } })
      return { candidate, trust: { ...trust, transparencyLogs: sigstore.trustedRoot.transparencyLogs } }
    },
    step: 'transparency-log',
    code: 'TLOG_UNKNOWN',
    found: /no trusted log has id/,
  },
  ...['og.v2.example', 'log.v2.example.org', 'log.v2.exampl', 'v2.example', 'xlog.v2.example'].map(host => ({
    name: `checkpoint of origin ${host}, properly signed by the key of log.v2.example`,
    make: () => entryOfHost(host),
    step: 'transparency-log',
    code: 'CHECKPOINT_INVALID',
    found: /origin: want "log.v2.example", the host of the log, got "/,
  })),
  {
    name: 'an entry without a promise that states a time of its own',
    make: async () => ({ candidate: await withEntries(entry => [{ ...entry, inclusionPromise: undefined }]) }),
    step: 'time',
    code: 'TIME_UNPROVEN',
    found: /nobody trusted says when the signature was made/,
  },
  {
    name: 'an entry of Rekor v2 that states a time of its own',
    make: async () => ({
      candidate: await withEntries(entry => [{ ...entry, integratedTime: BigInt(after(0).getTime() / 1000) }], {
        logs: ['v2'],
        stamped: false,
      }),
    }),
    step: 'time',
    code: 'TIME_UNPROVEN',
    found: /nobody trusted says when the signature was made/,
  },
  {
    name: 'an entry that says it is of another kind than its body',
    make: async () => ({ candidate: await withEntries(entry => [{ ...entry, kind: 'dsse' }]) }),
    step: 'transparency-log',
    code: 'TLOG_ENTRY_MISMATCH',
    found: /want kind "dsse" "0.0.1" as the entry says, got "hashedrekord" "0.0.1"/,
  },
  {
    name: 'an entry of a kind that nobody reads',
    make: async () => ({
      candidate: await withEntries(entry => [
        { ...entry, kind: 'jar', canonicalizedBody: encodeUtf8('{"apiVersion":"0.0.1","kind":"jar","spec":{}}') },
      ]),
    }),
    step: 'transparency-log',
    code: 'LOG_ENTRY_MALFORMED',
    found: /entries of kind "jar" "0.0.1" are not read/,
  },
] satisfies (Refusal & { name: string; make: () => Promise<{ candidate: Candidate; trust?: Trust }> })[])
  test(`a log entry is refused: ${name}`, async () => {
    const made = await make()
    await assertRefused(made.candidate, 'trust' in made ? made.trust : sigstore.trustedRoot, policy, refusal)
  })

test('witnesses beside the log are neither needed nor in the way', async () => {
  const witnesses = [{ name: 'witness.example/w1', signer: testLogSigners.ed25519(21) }]
  const { candidate, trust } = await inLogs(logA, { options: { rekor: 'v2', signer: testLogSigners.ed25519(4), witnesses } })
  await verify([candidate], trust, { ...policy, logThreshold: 2 } satisfies Policy)
})

test('an index that the log did not sign is not told as one: Rekor v1 without a promise', async () => {
  const bundle = editBundle(await sigstore.signBlob(blob, { logFlaw: 'no promise', stamped: true }), ({ logEntries }) => ({
    logEntries: logEntries.map(entry => ({ ...entry, logIndex: 42n })),
  }))
  const { derivation } = await verify([bundleCandidate('b', bundle)], sigstore.trustedRoot, policy)
  const { found } = derivation.candidates[0]!.steps.find(({ name }) => name === 'transparency-log')!
  assert.match(found, /^leaf \d+ of a tree of log https:\/\/log\.v1\.example, included in its tree of size \d+$/)
})
