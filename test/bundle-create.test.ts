import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { sha256 } from '../src/crypto/digest.ts'
import { parseBundle } from '../src/formats/bundle.ts'
import { assertRefused, good } from '../src/testing/command-rig.ts'
import { blob, byCertificate, byKey, cs, disk, hex, keyed, keyless, log, refused, sigstore, unlogged } from './bundles/scene.ts'

// `bundle create`: parts of a signature that lie apart become a bundle of version 0.3 which verifies (formats-and-flows §4, §10; §11 61).
// What does not belong together: test/bundle-create-refusals.test.ts. Flags on their own: test/flags/bundles.ts.

for (const { name, flags, verifies, entries = 1, timestamps = 0, stdin } of [
  { name: 'a signature by a key, logged', flags: `--artifact blob --signature key.sig --key team.pub ${log}`, verifies: keyed },
  { name: 'a raw signature', flags: `--artifact blob --signature key.raw --key team.pub ${log}`, verifies: keyed },
  {
    name: 'a signature on the command line, over standard input',
    flags: `--artifact - --signature ${encodeBase64(byKey.signature)} --key team.pub ${log}`,
    stdin: 'countersign\n',
    verifies: keyed,
  },
  {
    name: 'a file by its digest',
    flags: `--artifact sha256:${hex(sha256(blob))} --signature key.sig --key team.pub ${log}`,
    verifies: keyed,
  },
  {
    name: 'a signature that no log has',
    flags: '--artifact blob --signature key.sig --key team.pub --ignore-tlog',
    verifies: `${keyed} ${unlogged}`,
    entries: 0,
  },
  {
    name: 'a key that signs with SHA-384',
    flags: `--artifact blob --signature p384.sig --key p384.pub ${log}`,
    verifies: keyed.replace('team', 'p384'),
  },
  {
    name: 'a signature by a key, logged and stamped',
    flags: `--artifact blob --signature key.sig --key team.pub --rfc3161-timestamp key.tsr ${log}`,
    verifies: `${keyed} --use-signed-timestamps`,
    timestamps: 1,
  },
  {
    name: 'a signature by a certificate, logged',
    flags: `--artifact blob --signature cert.sig --certificate cert.pem ${log}`,
    verifies: keyless,
  },
  {
    name: 'a certificate in base64 once more',
    flags: `--artifact blob --signature cert.sig --certificate cert.b64 ${log}`,
    verifies: keyless,
  },
  {
    name: 'a signature by a certificate, stamped and not logged',
    flags: '--artifact blob --signature cert.sig --certificate cert.pem --rfc3161-timestamp cert.tsr.json --ignore-tlog',
    verifies: `${keyless} ${unlogged} --use-signed-timestamps`,
    entries: 0,
    timestamps: 1,
  },
  { name: 'a blob bundle with a certificate', flags: `--artifact blob --bundle cert.bundle ${log}`, verifies: keyless },
  { name: 'a blob bundle with a certificate, by its log entry', flags: `--bundle cert.bundle ${log}`, verifies: keyless },
  {
    name: 'a blob bundle with a certificate, and a timestamp',
    flags: `--bundle cert.bundle --rfc3161-timestamp cert.tsr ${log}`,
    verifies: `${keyless} --use-signed-timestamps`,
    timestamps: 1,
  },
  { name: 'a blob bundle with a key', flags: `--artifact blob --bundle key.bundle --key team.pub ${log}`, verifies: keyed },
  {
    name: 'a blob bundle whose entry is looked up',
    flags: `--artifact blob --bundle cert-unlogged.bundle ${log}`,
    verifies: keyless,
  },
  {
    name: 'a blob bundle without its entry',
    flags: '--artifact blob --bundle key.bundle --ignore-tlog',
    verifies: `${keyed} ${unlogged}`,
    entries: 0,
  },
  { name: 'an attestation by a key', flags: `--attestation key.att --key team.pub ${log}`, verifies: keyed },
  {
    name: 'an attestation beside its file and signature, which cosign wants',
    flags: `--attestation key.att --artifact blob --signature key.att.sig --key team.pub ${log}`,
    verifies: keyed,
  },
  { name: 'an attestation by a certificate', flags: `--attestation cert.att --certificate cert.pem ${log}`, verifies: keyless },
  { name: 'a blob bundle of `attest-blob`', flags: `--bundle cert.att.bundle ${log}`, verifies: keyless },
  { name: 'a blob bundle of `attest-blob` beside its file', flags: `--bundle cert.att.bundle --artifact blob ${log}`, verifies: keyless },
])
  test(`bundle create makes one that verifies: ${name}`, async () => {
    const { stderr, requests } = await good(cs(`bundle create --out new ${flags}`, stdin === undefined ? {} : { stdin }))
    assert.doesNotMatch(stderr, /WARNING: neither/)
    assert.equal(requests.length, entries)
    const bundle = parseBundle(disk.get('new') as Uint8Array)
    assert.deepEqual([bundle.version, bundle.logEntries.length, bundle.timestamps.length], ['0.3', entries, timestamps])
    await good(cs(`${verifies} --bundle new blob`))
    const { code } = await cs(`${verifies} --bundle new another`)
    assert.equal(code, 1, 'another file')
  })

test('a certificate with nothing that says when it signed is warned of', async () => {
  const { stdout, stderr } = await good(cs('bundle create --artifact blob --signature cert.sig --certificate cert.pem --ignore-tlog'))
  assert.match(stderr, /^WARNING: neither a log entry nor a timestamp says when the certificate signed: /m)
  disk.set('timeless', stdout)
  assertRefused(await cs(`${keyless} ${unlogged} --bundle timeless blob -o json`), { exit: 1, code: 'CERTIFICATE_EXPIRED', message: /./ })
})

test('a bundle on standard output ends in a newline, and is the one of the file', async () => {
  const flags = `--artifact blob --signature key.sig --key team.pub ${log}`
  const { stdout } = await good(cs(`bundle create ${flags}`))
  await good(cs(`bundle create ${flags} --out same`))
  assert.equal(stdout, `${new TextDecoder().decode(disk.get('same') as Uint8Array)}\n`)
})

const usage = (message: RegExp) => ({ exit: 1, code: 'USAGE', message }) as const
for (const { name, flags, message } of [
  { name: 'nothing', flags: '', message: /^want one of --signature, --attestation and --bundle, got none$/ },
  {
    name: 'a signature and a bundle',
    flags: '--signature key.sig --bundle key.bundle --artifact blob',
    message: /got --signature and --bundle$/,
  },
  { name: 'all three', flags: '--signature a --bundle b --attestation c', message: /got --attestation and --bundle$/ },
  { name: 'a signature over nothing', flags: '--signature key.sig --key team.pub', message: /^must supply --artifact: / },
  {
    name: 'a bundle and a certificate',
    flags: '--bundle cert.bundle --certificate cert.pem',
    message: /--certificate does not go with --bundle/,
  },
  {
    name: 'a key and a certificate',
    flags: '--signature key.sig --artifact blob --key team.pub --certificate cert.pem',
    message: /^want one of --certificate and --key, got both$/,
  },
  { name: 'neither key nor certificate', flags: '--signature key.sig --artifact blob', message: /^want one of .*, got neither$/ },
  {
    name: 'a log at no URL',
    flags: '--signature key.sig --artifact blob --key team.pub --rekor-url rekor',
    message: /--rekor-url: want a URL/,
  },
  {
    name: 'a blob bundle that says neither file nor digest',
    flags: '--bundle key-unlogged.bundle --ignore-tlog',
    message: /^want --artifact FILE: the bundle does not say which file/,
  },
  { name: 'a Sigstore bundle', flags: '--bundle sigstore.json', message: /"sigstore.json" is a Sigstore bundle; `bundle upgrade` brings/ },
  {
    name: 'an output that is the timestamp',
    flags: '--signature key.sig --artifact blob --key team.pub --rfc3161-timestamp key.tsr --out key.tsr',
    message: /--out would overwrite "key.tsr", which is read/,
  },
])
  test(`bundle create refuses to be asked for ${name}`, async () => {
    disk.set('sigstore.json', await sigstore.signBlob(blob, { certificate: byCertificate.certificate! }))
    const { requests } = await refused(flags, usage(message))
    assert.deepEqual(requests, [])
  })
