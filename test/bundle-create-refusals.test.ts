import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { type GoJson, serializeGoJson } from '../src/codec/go-json.ts'
import { encodePem } from '../src/codec/pem.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { messageOfBytes } from '../src/crypto/message.ts'
import { assertRefused, good } from '../src/testing/command-rig.ts'
import { endless } from '../src/testing/hostile-bodies.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import type { LogFlaw } from '../src/testing/sigstore/transparency-log.ts'
import { answerOf } from './bundles/rekor.ts'
import { blobBundle, byCertificate, byKey, content, cs, disk, keyless, log, refused, rekor, sigstore } from './bundles/scene.ts'

// `bundle create` of parts that do not belong together, and of what a hostile log answers: no bundle, and nothing half written.

const other = await sigstore.sign(
  encodeUtf8('another\n'),
  { kind: 'message', message: messageOfBytes(encodeUtf8('another\n')) },
  { stamped: true },
)
disk.set('other.tsr', other.timestamps[0]!)
disk.set('other.bundle', serializeGoJson({ ...blobBundle(byCertificate), rekorBundle: blobBundle(other)['rekorBundle']! }))
disk.set('stranger.bundle', serializeGoJson({ ...blobBundle(byKey), rekorBundle: blobBundle(byCertificate)['rekorBundle']! }))
disk.set('broken.pem', encodePem('CERTIFICATE', Uint8Array.of(0x30, 3, 1, 1, 1)))

for (const { name, flags, code, message } of [
  {
    name: 'over another file',
    flags: `--artifact another --signature key.sig --key team.pub ${log}`,
    code: 'SIGNATURE_INVALID',
    message: /signature/,
  },
  {
    name: 'by another key',
    flags: `--artifact blob --signature key.sig --key stranger.pub ${log}`,
    code: 'SIGNATURE_INVALID',
    message: /signature/,
  },
  {
    name: 'by another certificate',
    flags: `--artifact blob --signature key.sig --certificate cert.pem ${log}`,
    code: 'SIGNATURE_INVALID',
    message: /signature/,
  },
  {
    name: 'that is none',
    flags: `--artifact blob --signature AAAA --key team.pub ${log}`,
    code: 'SIGNATURE_MALFORMED',
    message: /signature/,
  },
  {
    name: 'by no certificate',
    flags: `--artifact blob --signature key.sig --certificate broken.pem ${log}`,
    code: 'MATERIAL_MALFORMED',
    message: /certificate broken\.pem/,
  },
  {
    name: 'of an attestation by another key',
    flags: `--attestation key.att --key stranger.pub ${log}`,
    code: 'SIGNATURE_INVALID',
    message: /signature/,
  },
  {
    name: 'of an attestation of another file',
    flags: `--attestation key.att --artifact another --key team.pub ${log}`,
    code: 'ARTIFACT_MISMATCH',
    message: /^the signature is about sha256:[0-9a-f]{64}, not the artifact given$/,
  },
  {
    name: 'beside an attestation that holds another',
    flags: `--attestation key.att --artifact blob --signature key.sig --key team.pub ${log}`,
    code: 'SIGNATURE_INVALID',
    message: /^--signature is another one than that of "key\.att"$/,
  },
  {
    name: 'in a blob bundle around an attestation of another file',
    flags: `--bundle key.att.bundle --artifact another ${log}`,
    code: 'ARTIFACT_MISMATCH',
    message: /^the signature is about sha256:[0-9a-f]{64}, not the artifact given$/,
  },
  {
    name: 'of an attestation that is no envelope',
    flags: `--attestation blob --key team.pub ${log}`,
    code: 'DSSE_MALFORMED',
    message: /attestation blob: not JSON/,
  },
  {
    name: 'stamped with the time of another',
    flags: `--artifact blob --signature key.sig --key team.pub --rfc3161-timestamp other.tsr ${log}`,
    code: 'TIMESTAMP_INVALID',
    message: /is of other bytes: their sha256 is not its message imprint$/,
  },
  {
    name: 'stamped with no time',
    flags: `--artifact blob --signature key.sig --key team.pub --rfc3161-timestamp broken.tsr ${log}`,
    code: 'TIMESTAMP_MALFORMED',
    message: /^timestamp: /,
  },
  {
    name: 'in a blob bundle of another key',
    flags: `--artifact blob --bundle key.bundle --key stranger.pub ${log}`,
    code: 'KEY_MISMATCH',
    message: /cert is the public key [0-9a-f]{64}, not the one of --key/,
  },
  {
    name: 'in a blob bundle with a certificate and a key',
    flags: `--artifact blob --bundle cert.bundle --key team.pub ${log}`,
    code: 'KEY_MISMATCH',
    message: /cert is a certificate/,
  },
] as const)
  test(`bundle create refuses a signature ${name}, and asks no log about it`, async () => {
    disk.set('broken.tsr', Uint8Array.of(0x30, 0))
    const { requests } = await refused(flags, { exit: 1, code, message })
    assert.deepEqual(requests, [])
  })

for (const flags of [log, '--ignore-tlog'])
  for (const { name, file, message } of [
    { name: 'another signature', file: 'other.bundle', message: /about something else: its signature is another one$/ },
    { name: 'another signer', file: 'stranger.bundle', message: /about something else: / },
  ])
    test(`a blob bundle whose entry is about ${name} is refused, ${flags.includes('ignore') ? 'also where the entry is left out' : 'before its log is asked'}`, async () => {
      const { requests } = await refused(`--artifact blob --bundle ${file} ${flags}`, { exit: 1, code: 'TLOG_ENTRY_MISMATCH', message })
      assert.deepEqual(requests, [])
    })

/** The entry of the signature by a certificate, as a log that is broken in one way answers with it. */
async function flawed(flaw: LogFlaw) {
  const { signature, certificate } = byCertificate
  const signer = { kind: 'certificate', certificate: certificate!.certificate } as const
  await sigstore.logs.v1.add({ signature: other.signature, signer, content }) // an equal leaf beside it would be as good
  return await sigstore.logs.v1.add({ signature, signer, content }, flaw)
}

type Answer = { readonly [id: string]: { readonly verification: { readonly [member: string]: GoJson } } }
const editEntry = (edit: (entry: Answer[string]) => GoJson) => (answer: GoJson) =>
  Object.fromEntries(Object.entries(answer as Answer).map(([id, entry]) => [id, edit(entry)]))
const [mine] = byCertificate.logEntries

for (const { name, answer, code, message } of [
  {
    name: 'nothing',
    answer: () => answerOf([]),
    code: 'TLOG_ENTRY_MISSING',
    message: /^https:\/\/rekor\.test has no entry of this signature; --ignore-tlog does without one$/,
  },
  {
    name: 'status 404',
    answer: () => new Response('', { status: 404 }),
    code: 'TLOG_ENTRY_MISSING',
    message: /has no entry of this signature/,
  },
  {
    name: 'status 500',
    answer: () => new Response('{}', { status: 500 }),
    code: 'TLOG_UNAVAILABLE',
    message: /^POST https:\/\/rekor\.test\/api\/v1\/log\/entries\/retrieve: want status 200, got 500$/,
  },
  { name: 'status 201', answer: () => new Response('{}', { status: 201 }), code: 'TLOG_UNAVAILABLE', message: /want status 200, got 201$/ },
  {
    name: 'a redirect',
    answer: () => Response.redirect('https://elsewhere.test/', 302),
    code: 'TLOG_UNAVAILABLE',
    message: /want status 200, got 302$/,
  },
  { name: 'a page', answer: () => new Response('<html>'), code: 'LOG_ENTRY_MALFORMED', message: /retrieve: not JSON/ },
  {
    name: 'an object of something else',
    answer: () => new Response('{"message":"hi"}'),
    code: 'LOG_ENTRY_MALFORMED',
    message: /entry "message": want an object/,
  },
  { name: 'without end', answer: () => new Response(endless(encodeUtf8('['))), code: 'LIMIT_EXCEEDED', message: /4194304/ },
  {
    name: 'by breaking off',
    answer: () => Promise.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
    code: 'TLOG_UNAVAILABLE',
    message: /^POST https:\/\/rekor\.test/,
  },
  { name: 'eleven entries', answer: () => answerOf(Array(11).fill(mine!)), code: 'LIMIT_EXCEEDED', message: /at most 10/ },
  {
    name: 'the entry of another signature',
    answer: () => answerOf(other.logEntries),
    code: 'TLOG_ENTRY_MISMATCH',
    message: /its signature is another one$/,
  },
  {
    name: 'the entry of another signer',
    answer: () => answerOf(byKey.logEntries),
    code: 'TLOG_ENTRY_MISMATCH',
    message: /about something else/,
  },
  {
    name: 'a body under the id of another',
    answer: () =>
      answerOf(
        [mine!],
        editEntry(entry => ({ ...entry, body: encodeBase64(byKey.logEntries[0]!.canonicalizedBody) })),
      ),
    code: 'LOG_ENTRY_MALFORMED',
    message: /is not the id of its body/,
  },
  {
    name: 'a promise alone',
    answer: () =>
      answerOf(
        [mine!],
        editEntry(entry => ({ ...entry, verification: { signedEntryTimestamp: entry.verification['signedEntryTimestamp']! } })),
      ),
    code: 'CONVERSION_IMPOSSIBLE',
    message: /came without an inclusion proof with a checkpoint/,
  },
  ...(
    [
      ['path too short', 'TLOG_INCLUSION_MISMATCH', /too short/],
      ['path too long', 'TLOG_INCLUSION_MISMATCH', /too long|does not lead/],
      ['path with a flipped bit', 'TLOG_INCLUSION_MISMATCH', /does not lead to the root of its checkpoint$/],
      ['index off by one', 'TLOG_INCLUSION_MISMATCH', /does not lead|too short|too long/],
      ['checkpoint of another root', 'TLOG_INCLUSION_MISMATCH', /its root is not the one of its checkpoint$/],
      ['checkpoint of another size', 'TLOG_INCLUSION_MISMATCH', /its checkpoint of one of \d+$/],
      ['proof of another root', 'TLOG_INCLUSION_MISMATCH', /does not lead to the root of its checkpoint$/],
      ['checkpoint without signatures', 'CHECKPOINT_MALFORMED', /signature/],
    ] as const
  ).map(([flaw, code, message]) => ({
    name: `a proof that is broken: ${flaw}`,
    answer: async () => answerOf([await flawed(flaw)]),
    code,
    message,
  })),
] as const)
  test(`a log that answers ${name}`, async () => {
    rekor.answer = async () => await answer()
    try {
      const flags = `--artifact blob --signature cert.sig --certificate cert.pem ${log}`
      const { requests, servedBytes } = await refused(flags, { exit: 1, code, message })
      assert.equal(requests.length, 1, 'it is asked once, and nobody else is')
      assert.ok(servedBytes < 5 << 20)
    } finally {
      rekor.answer = undefined
    }
  })

test('of several entries of one signature the earliest goes into the bundle', async () => {
  rekor.answer = async () => answerOf([{ ...mine!, integratedTime: mine!.integratedTime! + 86_400n }, mine!])
  await good(cs(`bundle create --out several --artifact blob --signature cert.sig --certificate cert.pem ${log}`))
  rekor.answer = undefined
  await good(cs(`${keyless} --bundle several blob`))
})

test('an answer by a log that nobody trusts makes a bundle, and verify-blob refuses it', async () => {
  const stranger = await createTestSigstore()
  const { signature, certificate } = byCertificate
  const entry = await stranger.logs.v1.add({ signature, signer: { kind: 'certificate', certificate: certificate!.certificate }, content })
  rekor.answer = async () => answerOf([entry])
  await good(cs(`bundle create --out untrusted --artifact blob --signature cert.sig --certificate cert.pem ${log}`))
  rekor.answer = undefined
  assertRefused(await cs(`${keyless} --bundle untrusted blob -o json`), { exit: 1, code: 'TLOG_UNKNOWN', message: /./ })
})
