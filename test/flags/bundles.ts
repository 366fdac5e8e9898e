import assert from 'node:assert/strict'
import { assertRefused } from '../../src/testing/command-rig.ts'
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

/** An entry about another signature: what is logged is compared before it is believed. */
function loggedBody(): string {
  const spec = { data: { hash: { algorithm: 'sha256', value: '00'.repeat(32) } }, signature: { content: 'AA==' } }
  return btoa(JSON.stringify({ apiVersion: '0.0.1', kind: 'hashedrekord', spec }))
}

/** Signs `blob` as cosign 2 did, into `blob.legacy`, and puts a log entry beside the signature, into `logged.legacy`. */
async function signLegacy(): Promise<void> {
  await good(cs(`sign-blob --key team.key ${noLog} --new-bundle-format=false --bundle blob.legacy blob`))
  const Payload = { body: loggedBody(), integratedTime: 1, logIndex: 7, logID: 'ab'.repeat(32) }
  disk.set('logged.legacy', JSON.stringify({ ...JSON.parse(text('blob.legacy')), rekorBundle: { SignedEntryTimestamp: 'AA==', Payload } }))
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
        const kept = await cs('bundle upgrade logged.legacy --artifact blob -o json')
        assertRefused(kept, {
          exit: 1,
          code: 'CONVERSION_IMPOSSIBLE',
          message: /log index 7\) has an inclusion promise and no inclusion proof/,
        })
        const dropped = await cs('bundle upgrade logged.legacy --artifact blob --ignore-tlog -o json')
        assertRefused(dropped, { exit: 1, code: 'ARTIFACT_MISMATCH', message: /its log entry is about another signature/ })
        assertRefused(await cs('bundle upgrade blob.json --ignore-tlog -o json'), usage(/--ignore-tlog does not go with a Sigstore bundle/))
      },
    },
  ]
}
