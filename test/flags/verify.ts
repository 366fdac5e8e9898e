import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodeKeyBundle } from '../../src/formats/bundle.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { statementPayloadType } from '../../src/formats/statement.ts'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import {
  attested,
  bundled,
  type Case,
  child,
  classic,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  index,
  plainLine,
  rig,
  signing,
  text,
  transplant,
  trusting,
  usage,
  verifying,
  withoutKey,
} from './setup.ts'

definePlain('verify', { line: async () => `${verifying} ${bundled}`, failing: withoutKey, prints: true })
definePlain('verify-blob', {
  line: async () => `verify-blob ${trusting} --bundle blob.json blob`,
  failing: withoutKey,
  prints: false,
})

/** Flags of verify and verify-blob, and those that decide trust in whatever verifies. */
export function verifyCases(): readonly Case[] {
  const every = ['verify', 'verify-attestation', 'verify-blob', 'verify-blob-attestation', 'manifest verify', 'dockerfile verify']
  return [
    {
      flag: 'key',
      commands: every,
      what: 'is the key that must have signed',
      check: async name => {
        const line = await plainLine(name)
        const other: Refusal = { exit: 1, code: 'KEY_MISMATCH', message: /which is not the trusted key/ }
        assertRefused(await cs(`${line.replace('team.pub', 'stranger.pub')} -o json`), other)
        assertRefused(await cs(`${line.replace('--key team.pub', '')} -o json`), usage(/to verify with a key, name it by --key$/))
      },
    },
    {
      flag: 'offline',
      commands: every,
      what: 'fetches no key from the network',
      check: async name => {
        const line = (await plainLine(name)).replace('team.pub', 'https://keys.test/team.pub')
        await good(cs(line))
        const message = /offline: want no network, but the key is at a URL/
        const outcome = await cs(`${line} --offline -o json`)
        assertRefused(outcome, { exit: 1, code: 'SERVICE_UNAVAILABLE', message })
        assert.deepEqual(outcome.requests, [])
      },
    },
    {
      flag: 'signature-digest-algorithm',
      commands: every,
      what: 'is the one hash that is tried',
      check: async name => {
        const line = name === 'verify-blob' ? `${name} ${trusting} --signature blob.sig blob` : await plainLine(name)
        await good(cs(`${line} --signature-digest-algorithm sha256`))
        const outcome = await cs(`${line} --signature-digest-algorithm sha512 -o json`)
        assertRefused(outcome, { exit: 1, code: 'SIGNATURE_INVALID', message: /signature/ })
      },
    },
    {
      flag: 'signature',
      commands: ['verify-blob'],
      what: 'is a file, a URL or the text itself, and what is verified',
      check: async () => {
        const signature = text('blob.sig')
        rig.hosts.set('sigs.test', async () => new Response(signature))
        for (const given of ['blob.sig', 'https://sigs.test/blob.sig', signature])
          await good(cs(`verify-blob ${trusting} --signature ${given} blob`))
        disk.set('empty', '')
        assert.equal((await cs(`verify-blob ${trusting} --signature blob.sig empty`)).code, 1)
        assertRefused(await cs(`verify-blob ${trusting} --signature blob.sig --bundle blob.json -o json blob`), usage(/got both/))
      },
    },
    {
      flag: 'signature',
      commands: ['verify'],
      what: 'replaces those in the registry',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --upload=false --output-signature d.sig --output-payload d.json ${name}`))
        assert.equal((await cs(`${verifying} ${name}`)).code, 10)
        const outcome = await good(cs(`${verifying} --signature d.sig --payload d.json ${name}`))
        assert.deepEqual(outcome.requests, [])
        assertRefused(await cs(`${verifying} --signature d.sig -o json ${name}`), usage(/--signature goes with --payload/))
      },
    },
    {
      flag: 'payload',
      commands: ['verify'],
      what: 'is what the detached signature must be over',
      check: async () => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --upload=false --output-signature e.sig --output-payload e.json ${name}`))
        disk.set('forged.json', text('e.json').replace('fresh', 'forge'))
        const forged: Refusal = { exit: 12, code: 'SIGNATURE_INVALID', message: /e\.sig/ }
        assertRefused(await cs(`${verifying} --signature e.sig --payload forged.json -o json ${name}`), forged)
        assertRefused(await cs(`${verifying} --payload e.json -o json ${name}`), usage(/--payload goes with --signature/))
      },
    },
    {
      flag: 'max-workers',
      commands: ['verify'],
      what: 'is how many requests are under way at once',
      check: async () => {
        const most = async (workers: number) => {
          let [now, peak] = [0, 0]
          const busy: typeof rig.registry = async request => {
            peak = Math.max(peak, ++now)
            const response = await rig.registry(request)
            for (let turn = 0; turn < 20; turn++) await Promise.resolve()
            now--
            return response
          }
          const names = Array.from({ length: 8 }, (_, index) => bundled.replace(rigHost, `busy-${index}.test`))
          for (const name of names) rig.hosts.set(name.replace(/\/.*/, ''), busy)
          await good(cs(`${verifying} --max-workers ${workers} ${names.join(' ')}`))
          return peak
        }
        assert.equal(await most(1), 1)
        assert.equal(await most(3), 3)
        assertRefused(await cs(`${verifying} --max-workers 0 -o json ${bundled}`), usage(/--max-workers: want at least 1, got 0/))
      },
    },
    {
      flag: 'file',
      commands: ['verify'],
      what: 'names images, one on each line, and asks for one report',
      check: async () => {
        disk.set('images.txt', `# ours\n\n${bundled}\r\n  ${classic}  `)
        const { stdout } = await good(cs(`${verifying} --file images.txt`))
        const { images, ...counts } = JSON.parse(stdout)
        assert.deepEqual(
          images.map(({ image }: { image: string }) => image),
          [bundled, classic],
        )
        assert.deepEqual(counts, { verified: 2, failed: 0 })
        await good(cs(`${verifying} -f - `, { stdin: bundled }))
        assertRefused(await cs(`verify ${trusting} -o json`), usage(/at least 1 arg\(s\), only received 0 .*--file FILE/))
      },
    },
    {
      flag: 'via-index',
      commands: ['verify'],
      what: 'lets a signature over an index count for an image in it',
      check: async () => {
        const name = await fresh(index)
        await good(cs(`${signing} ${name}`))
        const inside = name.replace(/@.*/, `@${child.digest}`)
        assertRefused(await cs(`${verifying} -o json ${inside}`), {
          exit: 10,
          code: 'SIGNATURES_NOT_FOUND',
          message: /^no signatures found$/,
        })
        const { stderr } = await good(cs(`${verifying} --via-index ${name} ${inside}`))
        assert.match(stderr, /What was signed is an index that the image is in: index sha256:\S+ names sha256:\S+ for linux\/arm64/)
      },
    },
    {
      flag: 'local-image',
      commands: ['verify'],
      what: 'takes the image and its signatures from a folder',
      check: async () => {
        await good(cs(`save --dir saved ${bundled}`))
        const { requests } = await good(cs(`${verifying} --local-image saved`))
        assert.deepEqual(requests, [])
        assert.equal((await cs(`${verifying} saved`)).code, 1)
      },
    },
    {
      flag: 'new-bundle-format',
      commands: ['verify'],
      what: 'off, only the older layout is looked at',
      check: async () => {
        assert.equal((await cs(`${verifying} --new-bundle-format=false ${bundled}`)).code, 10)
        await good(cs(`${verifying} --new-bundle-format=false ${classic}`))
      },
    },
    {
      flag: 'any-predicate',
      commands: ['verify'],
      what: 'takes an attestation for a signature',
      check: async () => {
        const name = await attested(await fresh())
        const message = /^no signatures found: one attestation is there, .*verify-attestation.*--any-predicate$/
        assertRefused(await cs(`${verifying} -o json ${name}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message })
        await good(cs(`${verifying} --any-predicate ${name}`))
      },
    },
    {
      flag: 'any-predicate',
      commands: ['verify-blob'],
      what: 'takes an attestation about the file for a signature',
      check: async () => {
        const digest = createHash('sha256').update(disk.get('blob')!).digest('hex')
        const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ name: 'blob', digest: { sha256: digest } }] }
        const payload = encodeUtf8(JSON.stringify({ ...statement, predicateType: 'https://slsa.dev/provenance/v1', predicate: {} }))
        const signature = await teamKey.signer().sign(preAuthEncoding(statementPayloadType, payload))
        const envelope = { payloadType: statementPayloadType, payload, signature }
        disk.set('attested.json', encodeKeyBundle('', { kind: 'dsse', envelope }))
        const message =
          /the statement is of type "https:\/\/slsa\.dev\/provenance\/v1"; --any-predicate accepts an attestation about the file$/
        const line = `verify-blob ${trusting} --bundle attested.json -o json blob`
        assertRefused(await cs(line), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message })
        await good(cs(`${line} --any-predicate`))
      },
    },
    {
      flag: 'check-claims',
      commands: ['verify'],
      what: 'off, what was signed may be about another image',
      check: async () => {
        const name = await fresh(child)
        await transplant(classic, name)
        assertRefused(await cs(`${verifying} -o json ${name}`), {
          exit: 12,
          code: 'ARTIFACT_MISMATCH',
          message: /the signature is about sha256:/,
        })
        const outcome = await good(cs(`${verifying} --check-claims=false ${name}`))
        assert.doesNotMatch(outcome.stderr, /claims were validated/)
      },
    },
    {
      flag: 'output',
      commands: ['verify'],
      what: 'chooses JSON or text, and JSON for failures when it is asked for',
      check: async () => {
        assert.match((await good(cs(`${verifying} ${classic}`))).stdout, /^\n\[\{"critical":.*\}\]\n$/)
        assert.match((await good(cs(`${verifying} -o text ${classic}`))).stdout, /^\{"critical":.*\}\n$/)
        assert.equal((await cs(`${verifying} -a x=y ${classic}`)).stdout, '')
        assert.equal((await cs(`${verifying} -a x=y -o json ${classic}`)).failure?.code, 'ANNOTATION_MISMATCH')
      },
    },
  ]
}
