import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBundle, parseBundle } from '../src/formats/bundle.ts'
import type { LogEntry } from '../src/formats/log/log-entry.ts'
import { assertRefused, good } from '../src/testing/command-rig.ts'
import { answerOf } from './bundles/rekor.ts'
import { blob, byCertificate, byKey, cs, disk, keyed, keyless, log, rekor, sigstore } from './bundles/scene.ts'

// `bundle upgrade` of entries that have a promise and no proof, which a log is asked for; what a hostile log answers makes no bundle.
// What needs no log: test/bundle-conversion.test.ts.

const [signed, twice] = [
  parseBundle(await sigstore.signBlob(blob, { certificate: byCertificate.certificate!, stamped: true })),
  parseBundle(await sigstore.signBlob(blob, { certificate: byCertificate.certificate! })),
]
const [entry] = signed.logEntries as readonly [LogEntry]
rekor.entries.push(entry, ...twice.logEntries)

const unproven = (one: LogEntry): LogEntry => ({ ...one, inclusionProof: undefined })
const older = (logEntries: readonly LogEntry[]) => encodeBundle({ ...signed, version: '0.1', logEntries })
disk.set('promised', older([unproven(entry)]))
disk.set('rootless', older([{ ...entry, inclusionProof: { ...entry.inclusionProof!, checkpoint: undefined } }]))
disk.set('both', older([entry, unproven(twice.logEntries[0]!)]))
disk.set('proven', older([entry]))

for (const { name, file, asked, verifies, flags = '' } of [
  { name: 'a promise alone', file: 'promised', asked: 1, verifies: keyless },
  { name: 'a proof without a checkpoint', file: 'rootless', asked: 1, verifies: keyless },
  { name: 'a proof that is there', file: 'proven', asked: 0, verifies: keyless },
  { name: 'a blob bundle with a certificate', file: 'cert.bundle', asked: 1, verifies: keyless },
  { name: 'a blob bundle with a key', file: 'key.bundle', asked: 1, verifies: keyed },
  { name: 'a blob bundle with a certificate, over the file', file: 'cert.bundle', asked: 1, verifies: keyless, flags: '--artifact blob' },
])
  test(`the log is asked for the proofs that are missing, and the result verifies: ${name}`, async () => {
    const { requests } = await good(cs(`bundle upgrade ${file} --out new ${log} ${flags}`))
    assert.equal(requests.length, asked)
    for (const request of requests) assert.match(request, /^GET https:\/\/rekor\.test\/api\/v1\/log\/entries\?logIndex=\d+$/)
    const { version, logEntries } = parseBundle(disk.get('new') as Uint8Array)
    assert.equal(version, '0.3')
    for (const { inclusionPromise, inclusionProof } of logEntries) assert.ok(inclusionPromise && inclusionProof?.checkpoint)
    await good(cs(`${verifies} --bundle new blob`))
  })

test('a proof without a checkpoint is refused, with a word about what completes it', async () => {
  const { code, stderr } = await cs(`${keyless} --bundle rootless blob`)
  assert.equal(code, 1)
  assert.match(stderr, /^Try: .*`countersign bundle upgrade` completes it from the log\nError: .*want a checkpoint, got none$/m)
})

test('of two entries only the one without a proof is asked for, and all else stays as it is', async () => {
  const { requests } = await good(cs(`bundle upgrade both --out new ${log}`))
  assert.deepEqual(requests, [`GET https://rekor.test/api/v1/log/entries?logIndex=${twice.logEntries[0]!.logIndex}`])
  assert.deepEqual(parseBundle(disk.get('new') as Uint8Array), { ...signed, logEntries: [entry, ...twice.logEntries] })
})

test('--ignore-tlog leaves the entry of a blob bundle out, and its log unasked', async () => {
  const { requests, stderr } = await good(cs(`bundle upgrade cert.bundle --out new --ignore-tlog ${log}`))
  assert.deepEqual([requests, parseBundle(disk.get('new') as Uint8Array).logEntries], [[], []])
  assert.match(stderr, /^WARNING: neither a log entry nor a timestamp says when the certificate signed/m)
})

const { inclusionProof: proof } = entry
const answering = (edit: Partial<LogEntry>) => async () => answerOf([{ ...entry, ...edit }])
for (const { name, answer, code, message } of [
  {
    name: 'nothing',
    answer: async () => new Response('', { status: 404 }),
    code: 'TLOG_ENTRY_MISSING',
    message: /^https:\/\/rekor\.test has no entry with log index \d+$/,
  },
  {
    name: 'an entry of another index',
    answer: async () => answerOf(byKey.logEntries),
    code: 'TLOG_ENTRY_MISSING',
    message: /has no entry with log index/,
  },
  {
    name: 'another entry under this index',
    answer: answering({ canonicalizedBody: byKey.logEntries[0]!.canonicalizedBody }),
    code: 'TLOG_ENTRY_MISMATCH',
    message: /^log entry \(log index \d+\): the log has another entry at that index$/,
  },
  {
    name: 'the entry of another log',
    answer: answering({ logId: new Uint8Array(32) }),
    code: 'TLOG_ENTRY_MISMATCH',
    message: /^log entry \(log index \d+\): the log that was asked is another one$/,
  },
  {
    name: 'a proof that is too short',
    answer: answering({ inclusionProof: { ...proof!, hashes: [] } }),
    code: 'TLOG_INCLUSION_MISMATCH',
    message: /too short/,
  },
  {
    name: 'a proof by no checkpoint',
    answer: answering({ inclusionProof: { ...proof!, checkpoint: 'log.example\n' } }),
    code: 'CHECKPOINT_MALFORMED',
    message: /signed note/,
  },
  {
    name: 'by failing',
    answer: async () => new Response('{}', { status: 503 }),
    code: 'TLOG_UNAVAILABLE',
    message: /^GET https:\/\/rekor\.test\/api\/v1\/log\/entries: want status 200, got 503$/,
  },
] as const)
  test(`a log that answers ${name}: nothing is written`, async () => {
    rekor.answer = answer
    try {
      disk.set('kept', 'as it was')
      const outcome = await cs(`bundle upgrade promised --out kept ${log} -o json`)
      assertRefused(outcome, { exit: 1, code, message })
      assert.deepEqual([disk.get('kept'), outcome.requests.length], ['as it was', 1])
    } finally {
      rekor.answer = undefined
    }
  })
