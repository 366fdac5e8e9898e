import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { ociDigestOf } from '../../src/formats/oci-digest.ts'
import { encodeSignStatement, statementPayloadType } from '../../src/formats/statement.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { createRoot } from '../../src/testing/sigstore/certificate-authority.ts'
import { testTimestampAuthority } from '../../src/testing/sigstore/timestamp-authority.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import { type Case, cs, definePlain, disk, good, noLog, rig, text, usage } from './setup.ts'

disk.set('broken.json', '{}')

definePlain('bundle inspect', {
  line: async () => 'bundle inspect blob.json',
  failing: line => line.replace('blob.json', 'broken.json'),
  prints: true,
})
definePlain('bundle upgrade', {
  line: async () => 'bundle upgrade blob.json',
  failing: line => line.replace('blob.json', 'broken.json'),
  prints: true,
})

definePlain('bundle create', {
  line: async () => 'bundle create --artifact blob --signature blob.sig --key team.pub --ignore-tlog',
  failing: line => line.replace('team.', 'nowhere.'),
  prints: true,
})

/** Paths of the log that a command asked; the setup's rig has no such host. */
async function logsAsked(line: string): Promise<readonly string[]> {
  const outcome = await cs(`${line} -o json`)
  assertRefused(outcome, { exit: 1, code: 'TLOG_UNAVAILABLE', message: /^(GET|POST) https:\/\/[a-z.]+\/api\/v1\/log\/entries/ })
  return outcome.requests.map(request => request.replace(/\?.*/, ''))
}

/** Flags of `bundle create` over parts that lie apart, but for the one that a case leaves out. */
const parts = '--artifact blob --signature blob.sig --key team.pub'
const creating = `bundle create ${parts} --ignore-tlog`
const created = async (line: string) => parseBundle(encodeUtf8((await good(cs(line))).stdout))

/** An envelope by the team key, in `blob.att`. */
async function attest(): Promise<void> {
  const payload = encodeSignStatement(ociDigestOf(encodeUtf8(text('blob'))), new Map())
  const sig = encodeBase64(await teamKey.signer().sign(preAuthEncoding(statementPayloadType, payload)))
  disk.set('blob.att', JSON.stringify({ payloadType: statementPayloadType, payload: encodeBase64(payload), signatures: [{ sig }] }))
}

/** A certificate and a signature by it over `blob`, in `leaf.pem` and `leaf.sig`. */
async function certify(): Promise<void> {
  const { pem, signer } = await (await createRoot()).issueLeaf()
  disk.set('leaf.pem', pem)
  disk.set('leaf.sig', encodeBase64(await signer.sign(encodeUtf8(text('blob')))))
}

/** A log entry of a signature by a key over `blob`. */
function rekorBundle({ base64Signature: content, cert }: { readonly base64Signature: string; readonly cert: string }) {
  const value = createHash('sha256').update(text('blob')).digest('hex')
  const spec = { data: { hash: { algorithm: 'sha256', value } }, signature: { content, publicKey: { content: cert } } }
  const body = btoa(JSON.stringify({ apiVersion: '0.0.1', kind: 'hashedrekord', spec }))
  return { SignedEntryTimestamp: 'AA==', Payload: { body, integratedTime: 1, logIndex: 7, logID: 'ab'.repeat(32) } }
}

/** Signs `blob` as cosign 2 did, into `blob.legacy`; beside the signature stand its entry in `true.legacy`, another's in `logged.legacy`. */
async function signLegacy(): Promise<void> {
  await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --bundle blob.legacy blob`))
  const bundle = JSON.parse(text('blob.legacy'))
  disk.set('true.legacy', JSON.stringify({ ...bundle, rekorBundle: rekorBundle(bundle) }))
  disk.set('logged.legacy', JSON.stringify({ ...bundle, rekorBundle: rekorBundle({ ...bundle, base64Signature: 'AA==' }) }))
}

/** Flags of the bundle commands. */
export function bundleCases(): readonly Case[] {
  return [
    {
      flag: 'output',
      commands: ['bundle inspect'],
      what: 'json prints the content as one document',
      check: async () => {
        const { stdout } = await good(cs('bundle inspect --output json blob.json'))
        const { verified, documents } = JSON.parse(stdout)
        assert.deepEqual([verified, documents.length, documents[0].format], [false, 1, 'bundle'])
        assert.match(
          (await good(cs('bundle inspect blob.json'))).stdout,
          /^Nothing was verified: .*\nFormat: Sigstore bundle, version 0\.3 /,
        )
      },
    },
    {
      flag: 'out',
      commands: ['bundle upgrade'],
      what: 'writes to a file, readable by its owner only',
      check: async () => {
        const { stdout } = await good(cs('bundle upgrade blob.json'))
        const written = await good(cs('bundle upgrade blob.json --out new.json'))
        assert.deepEqual([written.stdout, `${text('new.json')}\n`], ['', stdout])
        assert.equal(rig.modes.get('new.json'), 0o600)
        assert.match(written.stderr, /^Successfully upgraded bundle written to new\.json$/m)
        assertRefused(
          await cs('bundle upgrade blob.json --out blob.json -o json'),
          usage(/--out would overwrite "blob\.json", which is read/),
        )
      },
    },
    {
      flag: 'artifact',
      commands: ['bundle upgrade'],
      what: 'is the file that an older signature is over',
      check: async () => {
        await signLegacy()
        await good(cs('bundle upgrade blob.legacy --artifact blob'))
        assertRefused(await cs('bundle upgrade blob.legacy -o json'), usage(/^want --artifact FILE: /))
        const other = await cs('bundle upgrade blob.legacy --artifact team.pub -o json')
        assertRefused(other, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
        const needless = await cs('bundle upgrade blob.json --artifact blob -o json')
        assertRefused(needless, usage(/--artifact does not go with a Sigstore bundle, which is converted by itself/))
      },
    },
    {
      flag: 'key',
      commands: ['bundle upgrade'],
      what: 'is whose signature it must be',
      check: async () => {
        await signLegacy()
        await good(cs('bundle upgrade blob.legacy --artifact blob --key team.pub'))
        const other = await cs('bundle upgrade blob.legacy --artifact blob --key stranger.pub -o json')
        assertRefused(other, { exit: 1, code: 'KEY_MISMATCH', message: /cert is the public key [0-9a-f]{64}, not the one of --key, / })
        assertRefused(await cs('bundle upgrade blob.json --key team.pub -o json'), usage(/--key does not go with a Sigstore bundle/))
      },
    },
    {
      flag: 'ignore-tlog',
      commands: ['bundle upgrade'],
      what: 'leaves out a log entry that has no proof, and it is read all the same',
      check: async () => {
        await signLegacy()
        assert.deepEqual(await logsAsked('bundle upgrade true.legacy --artifact blob'), [
          'GET https://rekor.sigstore.dev/api/v1/log/entries',
        ])
        const { logEntries } = await created('bundle upgrade true.legacy --artifact blob --ignore-tlog')
        assert.deepEqual(logEntries, [])
        const dropped = await cs('bundle upgrade logged.legacy --artifact blob --ignore-tlog -o json')
        assertRefused(dropped, { exit: 1, code: 'TLOG_ENTRY_MISMATCH', message: /its signature is another one$/ })
        assertRefused(await cs('bundle upgrade blob.json --ignore-tlog -o json'), usage(/--ignore-tlog does not go with a Sigstore bundle/))
      },
    },
    {
      flag: 'rekor-url',
      commands: ['bundle upgrade'],
      what: 'is the log that a missing proof is asked of',
      check: async () => {
        await signLegacy()
        const line = 'bundle upgrade true.legacy --artifact blob'
        assert.deepEqual(await logsAsked(`${line} --rekor-url https://mine.test/`), ['GET https://mine.test/api/v1/log/entries'])
        assertRefused(await cs(`${line} --rekor-url mine -o json`), usage(/^--rekor-url: want a URL, got "mine"$/))
        await attest()
        const needless = await cs('bundle upgrade blob.att --key team.pub --rekor-url https://mine.test -o json')
        assertRefused(needless, usage(/--rekor-url does not go with a DSSE envelope/))
      },
    },
    ...creationCases(),
  ]
}

function creationCases(): readonly Case[] {
  const commands = ['bundle create']
  return [
    {
      flag: 'artifact',
      commands,
      what: 'is the file that was signed',
      check: async () => {
        await good(cs(creating))
        assertRefused(await cs(`${creating.replace('--artifact blob ', '')} -o json`), usage(/^must supply --artifact/))
        const other = await cs(`${creating.replace('--artifact blob', '--artifact team.pub')} -o json`)
        assertRefused(other, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
      },
    },
    {
      flag: 'attestation',
      commands,
      what: 'is an envelope that the bundle holds in place of a signature',
      check: async () => {
        await attest()
        const { content } = await created('bundle create --attestation blob.att --key team.pub --ignore-tlog')
        assert.equal(content.kind, 'dsse')
      },
    },
    {
      flag: 'bundle',
      commands,
      what: 'is a blob bundle that the parts are taken from',
      check: async () => {
        await signLegacy()
        const { content } = await created('bundle create --bundle blob.legacy --artifact blob --ignore-tlog')
        assert.deepEqual(content.kind === 'message' && encodeBase64(content.signature), JSON.parse(text('blob.legacy')).base64Signature)
      },
    },
    {
      flag: 'certificate',
      commands,
      what: 'is whose signature it must be, and goes into the bundle',
      check: async () => {
        await certify()
        const line = 'bundle create --artifact blob --certificate leaf.pem --ignore-tlog --signature'
        assert.equal((await created(`${line} leaf.sig`)).material.kind, 'certificate')
        const other = await cs(`${line} blob.sig -o json`)
        assertRefused(other, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
      },
    },
    {
      flag: 'ignore-tlog',
      commands,
      what: 'asks no log',
      check: async () => {
        assert.deepEqual((await good(cs(creating))).requests, [])
        const asked = await logsAsked(`bundle create ${parts}`)
        assert.deepEqual(asked, ['POST https://rekor.sigstore.dev/api/v1/log/entries/retrieve'])
      },
    },
    {
      flag: 'key',
      commands,
      what: 'is whose signature it must be',
      check: async () => {
        assert.deepEqual((await created(creating)).material, {
          kind: 'public-key',
          hint: encodeBase64(teamKey.signer().publicKey.id),
        })
        const other = await cs(`${creating.replace('team.pub', 'stranger.pub')} -o json`)
        assertRefused(other, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
      },
    },
    {
      flag: 'out',
      commands,
      what: 'writes to a file, readable by its owner only',
      check: async () => {
        const { stdout } = await good(cs(creating))
        const written = await good(cs(`${creating} --out created.json`))
        assert.deepEqual([written.stdout, `${text('created.json')}\n`], ['', stdout])
        assert.equal(rig.modes.get('created.json'), 0o600)
        assertRefused(await cs(`${creating} --out blob.sig -o json`), usage(/--out would overwrite "blob\.sig", which is read/))
      },
    },
    {
      flag: 'rekor-url',
      commands,
      what: 'is the log that is asked for the entry',
      check: async () => {
        const asked = await logsAsked(`bundle create ${parts} --rekor-url https://mine.test/`)
        assert.deepEqual(asked, ['POST https://mine.test/api/v1/log/entries/retrieve'])
      },
    },
    {
      flag: 'rfc3161-timestamp',
      commands,
      what: 'is a timestamp of the signature, which goes into the bundle',
      check: async () => {
        const authority = await testTimestampAuthority()
        const at = { time: new Date('2025-06-01T12:00:00Z') }
        disk.set('blob.tsr', await authority.stamp(Buffer.from(text('blob.sig'), 'base64'), at))
        disk.set('other.tsr', await authority.stamp(encodeUtf8('other'), at))
        assert.equal((await created(`${creating} --rfc3161-timestamp blob.tsr`)).timestamps.length, 1)
        const other = await cs(`${creating} --rfc3161-timestamp other.tsr -o json`)
        assertRefused(other, { exit: 1, code: 'TIMESTAMP_INVALID', message: /is of other bytes/ })
      },
    },
    {
      flag: 'signature',
      commands,
      what: 'is a file, or the signature itself',
      check: async () => {
        const fromFile = await created(creating)
        assert.deepEqual(await created(creating.replace('blob.sig', text('blob.sig').trim())), fromFile)
      },
    },
  ]
}
