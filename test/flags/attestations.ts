import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { ociDigestOf } from '../../src/formats/oci-digest.ts'
import { statementPayloadType } from '../../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../../src/sign/bundle.ts'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import { type Attestation, attestationTagOf, attestedImage, envelopeOf, setAttestations, statementAbout } from '../attestations/scene.ts'
import { type Case, child, cs, definePlain, disk, good, hand, index, rig, trusting, usage, withoutKey } from './setup.ts'

const predicateType = 'https://cosign.sigstore.dev/attestation/v1' // what --type names unless told
const scene = setAttestations(rig, 'flags-attested')
const { digest } = attestedImage
const review: Attestation = { statement: statementAbout(digest, { predicateType }) }
const asBundle = await scene.image('bundle', [review])
const asLayer = await scene.image('legacy', [review])
const verifying = `verify-attestation ${trusting}`
const none: Refusal = { exit: 1, code: 'ATTESTATIONS_NOT_FOUND', message: /^no matching attestations: none is attached$/ }
const repositoryOf = (name: string) => name.slice(`${rigHost}/`.length).replace(/@.*/, '')

const sbomTag = attestationTagOf(digest).replace('.att', '.sbom')
const withSbom = await attachSbom(await scene.image('bundle', []))

const fileBytes = encodeUtf8('countersign\n')
const hex = createHash('sha256').update(fileBytes).digest('hex')
const ofFile = statementAbout(ociDigestOf(fileBytes), { predicateType })
const signature = await teamKey.signer().sign(preAuthEncoding(statementPayloadType, ofFile))
disk.set('attested-file', fileBytes)
disk.set('attested.bundle', encodeEnvelopeBundle(teamKey.signer(), ofFile, signature))
disk.set('attested.envelope', JSON.stringify(envelopeOf(ofFile, signature)))
const onFile = `verify-blob-attestation ${trusting} --bundle attested.bundle`

definePlain('verify-attestation', { line: async () => `${verifying} ${asBundle}`, failing: withoutKey, prints: true })
definePlain('verify-blob-attestation', { line: async () => `${onFile} attested-file`, failing: withoutKey, prints: false })

definePlain('download attestation', {
  line: async () => `download attestation ${asBundle}`,
  failing: line => `${line}-nosuch`,
  prints: true,
})
definePlain('download sbom', { line: async () => `download sbom ${withSbom}`, failing: line => `${line}-nosuch`, prints: true })

/** An image with an SBOM under its tag, or under another. */
async function attachSbom(name: string, tag = sbomTag): Promise<string> {
  const content = encodeUtf8('{"bomFormat":"CycloneDX"}')
  const config = encodeUtf8('{}')
  const layer = {
    mediaType: 'application/vnd.cyclonedx+json',
    size: content.length,
    digest: await hand.putBlob(repositoryOf(name), content),
  }
  await hand.putManifest(repositoryOf(name), tag, {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: config.length,
      digest: await hand.putBlob(repositoryOf(name), config),
    },
    layers: [layer],
  })
  return name
}

/** Flags of verify-attestation and verify-blob-attestation, and of what downloads, that are not those of every verifier. */
export function attestationCases(): readonly Case[] {
  return [
    {
      flag: 'type',
      commands: ['verify-attestation', 'verify-blob-attestation'],
      what: 'is the type that the attestation must have',
      check: async command => {
        const line = command === 'verify-attestation' ? `${verifying} ${asBundle}` : `${onFile} attested-file`
        for (const type of ['custom', predicateType]) await good(cs(`${line} --type ${type}`))
        const message =
          command === 'verify-attestation'
            ? /^none of the attestations matched the predicate type: vuln, found: https:\S+\/attestation\/v1$/
            : /^invalid predicate type, expected vuln got https:\S+\/attestation\/v1$/
        assertRefused(await cs(`${line} --type vuln -o json`), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message })
        assertRefused(await cs([...line.split(' '), '--type', '', '-o', 'json']), usage(/^--type: want a predicate type, got nothing$/))
      },
    },
    {
      flag: 'check-claims',
      commands: ['verify-attestation'],
      what: 'off, what was signed may be about another image',
      check: async () => {
        const name = await scene.image('bundle', [{ statement: statementAbout(child.digest, { predicateType }) }])
        const message = /the signature is about "registry\.test\/app" sha256:/
        assertRefused(await cs(`${verifying} -o json ${name}`), { exit: 1, code: 'ARTIFACT_MISMATCH', message })
        await good(cs(`${verifying} --check-claims=false ${name}`))
      },
    },
    {
      flag: 'check-claims',
      commands: ['verify-blob-attestation'],
      what: 'off, no file is needed, nor looked at',
      check: async () => {
        assertRefused(await cs(`${onFile} -o json`), usage(/^requires a file, or its digest .*--check-claims=false compares with neither$/))
        await good(cs(`${onFile} --check-claims=false`))
        assertRefused(await cs(`${onFile} -o json team.pub`), { exit: 1, code: 'ARTIFACT_MISMATCH', message: /not team\.pub$/ })
        await good(cs(`${onFile} --check-claims=false team.pub`))
      },
    },
    {
      flag: 'digest',
      commands: ['verify-blob-attestation'],
      what: 'takes the place of the file',
      check: async () => {
        await good(cs(`${onFile} --digestAlg sha256 --digest ${hex}`))
        const other = `${onFile} --digestAlg sha256 --digest ${'0'.repeat(64)} -o json`
        assertRefused(await cs(other), { exit: 1, code: 'ARTIFACT_MISMATCH', message: /is about .*, not sha256:0{64}$/ })
        const refused = async (flags: string, message: RegExp) => assertRefused(await cs(`${onFile} ${flags} -o json`), usage(message))
        await refused(`--digest ${hex}`, /^--digest goes with --digestAlg/)
        await refused(`--digestAlg sha256 --digest ${hex} attested-file`, /^want one of a file and --digest, got both$/)
        await refused(`--digestAlg sha256 --digest ${hex.slice(1)}`, /^--digest: want 64 digits of lower-case hex, as sha256 has them, got/)
      },
    },
    {
      flag: 'digestAlg',
      commands: ['verify-blob-attestation'],
      what: 'is the hash that the digest is by',
      check: async () => {
        const sha512 = createHash('sha512').update(fileBytes).digest('hex')
        const line = `${onFile} --digestAlg sha512 --digest ${sha512}`
        const message = /is about "registry\.test\/app" sha256:/ // nothing is known of the file by that hash
        assertRefused(await cs(`${line} -o json`), { exit: 1, code: 'ARTIFACT_MISMATCH', message })
        assertRefused(await cs(`${onFile} --digestAlg sha256 -o json attested-file`), usage(/^--digestAlg goes with --digest/))
      },
    },
    {
      flag: 'bundle',
      commands: ['verify-blob-attestation'],
      what: 'is what is verified',
      check: async () => {
        assertRefused(
          await cs(`${onFile.replace('--bundle attested.bundle', '')} -o json attested-file`),
          usage(/^missing flag '--bundle'/),
        )
        const message = /^invalid predicate type, expected custom got a signature$/
        const bare = `${onFile.replace('attested.bundle', 'blob.json')} -o json blob`
        assertRefused(await cs(bare), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message })
      },
    },
    {
      flag: 'signature',
      commands: ['verify-blob-attestation'],
      what: 'is an envelope: a file, a URL or base64',
      check: async () => {
        const envelope = disk.get('attested.envelope') as string
        rig.hosts.set('envelopes.test', async () => new Response(envelope))
        const line = onFile.replace('--bundle attested.bundle', '')
        for (const given of ['attested.envelope', 'https://envelopes.test/e', btoa(envelope)])
          await good(cs(`${line} --signature ${given} attested-file`))
        const refused: Refusal = { exit: 1, code: 'DSSE_MALFORMED', message: /envelope/ }
        assertRefused(await cs(`${line} --signature blob.sig -o json attested-file`), refused)
        assertRefused(await cs(`${onFile} --signature attested.envelope -o json attested-file`), usage(/got both/))
      },
    },
    {
      flag: 'file',
      commands: ['verify-attestation'],
      what: 'names images, one on each line, and asks for one report',
      check: async () => {
        disk.set('attested.txt', `${asBundle}\n${asLayer}\n`)
        const { images, ...counts } = JSON.parse((await good(cs(`${verifying} --file attested.txt`))).stdout)
        assert.deepEqual(counts, { verified: 2, failed: 0 })
        for (const { attestations } of images) assert.equal(JSON.parse(atob(attestations[0].payload)).predicateType, predicateType)
        assertRefused(await cs(`${verifying} -o json`), usage(/at least 1 arg\(s\), only received 0 .*--file FILE/))
      },
    },
    {
      flag: 'output',
      commands: ['verify-attestation'],
      what: 'text adds facts of certificates, json prints failures as JSON too',
      check: async () => {
        const line = `${verifying} ${asLayer}`
        assert.equal((await good(cs(`${line} -o text`))).stdout, (await good(cs(line))).stdout)
        assert.equal((await cs(`${line} --type vuln`)).stdout, '')
        assert.equal((await cs(`${line} --type vuln -o json`)).failure?.code, 'PREDICATE_TYPE_MISMATCH')
      },
    },
    {
      flag: 'max-workers',
      commands: ['verify-attestation'],
      what: 'is at least one',
      check: async () => {
        await good(cs(`${verifying} --max-workers 1 ${asLayer}`))
        assertRefused(await cs(`${verifying} --max-workers 0 -o json ${asLayer}`), usage(/--max-workers: want at least 1, got 0/))
      },
    },
    {
      flag: 'new-bundle-format',
      commands: ['verify-attestation'],
      what: 'off, only the older layout is looked at',
      check: async () => {
        assertRefused(await cs(`${verifying} --new-bundle-format=false -o json ${asBundle}`), none)
        await good(cs(`${verifying} --new-bundle-format=false ${asLayer}`))
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['verify-attestation'],
      what: 'stands before the tag',
      check: async () => {
        const name = await scene.image('legacy', [])
        const tag = attestationTagOf(digest)
        const from = repositoryOf(asLayer)
        const manifest = await hand.manifest(from, tag)
        for (const { digest } of [manifest['config'], ...(manifest['layers'] as unknown[])] as { digest: string }[])
          await hand.putBlob(repositoryOf(name), await hand.blob(from, digest))
        await hand.putManifest(repositoryOf(name), `pre-${tag}`, manifest)
        assertRefused(await cs(`${verifying} -o json ${name}`), none)
        await good(cs(`${verifying} --attachment-tag-prefix pre- ${name}`))
      },
    },
    {
      flag: 'experimental-oci11',
      commands: ['verify-attestation'],
      what: 'looks for older attestations among the referrers',
      check: async () => {
        const name = await scene.image('legacy', [])
        const manifest = await hand.manifest(repositoryOf(asLayer), attestationTagOf(digest))
        for (const { digest } of [manifest['config'], ...(manifest['layers'] as unknown[])] as { digest: string }[])
          await hand.putBlob(repositoryOf(name), await hand.blob(repositoryOf(asLayer), digest))
        const config = { ...(manifest['config'] as object), mediaType: 'application/vnd.dev.cosign.artifact.att.v1+json' }
        const { mediaType, manifest: bytes } = attestedImage
        const referrer = encodeUtf8(JSON.stringify({ ...manifest, config, subject: { mediaType, digest, size: bytes.length } }))
        await hand.putManifest(repositoryOf(name), ociDigestOf(referrer), referrer)
        assertRefused(await cs(`${verifying} -o json ${name}`), none)
        await good(cs(`${verifying} --experimental-oci11 ${name}`))
      },
    },
    {
      flag: 'local-image',
      commands: ['verify-attestation'],
      what: 'takes the image and its attestations from a folder',
      check: async () => {
        for (const [name, dir] of [
          [asBundle, 'saved-attested'],
          [asLayer, 'saved-attested-before'],
        ] as const) {
          await good(cs(`save --dir ${dir} ${name}`))
          assert.deepEqual((await good(cs(`${verifying} --local-image ${dir}`))).requests, [])
          assert.equal((await cs(`${verifying} ${dir}`)).code, 1)
        }
      },
    },
    {
      flag: 'predicate-type',
      commands: ['download attestation'],
      what: 'is of what is printed',
      check: async () => {
        const name = await scene.image('bundle', [review, { statement: statementAbout(digest), declared: 'https://cyclonedx.org/bom' }])
        const count = async (flags: string) => (await good(cs(`download attestation ${flags} ${name}`))).stdout.trimEnd().split('\n').length
        assert.equal(await count(''), 2)
        for (const type of ['custom', predicateType, 'cyclonedx']) assert.equal(await count(`--predicate-type ${type}`), 1)
        assertRefused(await cs(`download attestation --predicate-type vuln -o json ${name}`), {
          exit: 1,
          code: 'ATTESTATIONS_NOT_FOUND',
          message: /^no attestations with predicate type 'https:\S+\/vuln\/v1' found/,
        })
        const invalid = /^invalid predicate type: "nonsense": want one of custom, /
        assertRefused(await cs(`download attestation --predicate-type nonsense -o json ${name}`), usage(invalid))
      },
    },
    {
      flag: 'platform',
      commands: ['download attestation', 'download sbom'],
      what: 'is that of the one image of an index',
      check: async command => {
        const name = await rig.push(`flags-platform-${command.replace(' ', '-')}`, index)
        await scene.attach(repositoryOf(name), 'bundle', [review])
        await attachSbom(name)
        const none = command === 'download sbom' ? /^no sbom attached to reference/ : /^found no attestations/
        assertRefused(await cs(`${command} -o json ${name}`), { exit: 1, code: 'ATTESTATIONS_NOT_FOUND', message: none })
        await good(cs(`${command} --platform linux/amd64 ${name}`))
        assertRefused(await cs(`${command} --platform linux/arm64 -o json ${name}`), {
          exit: 1,
          code: 'ATTESTATIONS_NOT_FOUND',
          message: none,
        })
        const other = { exit: 1, code: 'PLATFORM_NOT_FOUND', message: /unable to find an entity for "plan9"/ } as const
        assertRefused(await cs(`${command} --platform plan9 -o json ${name}`), other)
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['download attestation', 'download sbom'],
      what: 'stands before the tag',
      check: async command => {
        const name = await attachSbom(await scene.image('legacy', [review]))
        await good(cs(`${command} ${name}`))
        const message = command === 'download sbom' ? /^no sbom attached to reference/ : /^found no attestations/
        assertRefused(await cs(`${command} --attachment-tag-prefix pre- -o json ${name}`), {
          exit: 1,
          code: 'ATTESTATIONS_NOT_FOUND',
          message,
        })
      },
    },
    {
      flag: 'recursive',
      commands: ['verify-attestation'],
      what: 'wants an attestation of every image of an index',
      check: async () => {
        const name = await rig.push('flags-attested-index', index)
        const attest = async (built: typeof index | typeof child | typeof attestedImage) => {
          const statement = statementAbout(built.digest, { predicateType })
          const bundle = encodeEnvelopeBundle(
            teamKey.signer(),
            statement,
            await teamKey.signer().sign(preAuthEncoding(statementPayloadType, statement)),
          )
          await hand.attachBundle(repositoryOf(name), built, bundle)
        }
        await attest(index)
        await good(cs(`${verifying} ${name}`))
        const refusal = { ...none, message: /^2 of 3 images were not verified$/ }
        assertRefused(await cs(`${verifying} -r -o json ${name}`), refusal)
        await attest(child)
        await attest(attestedImage)
        assert.equal((await good(cs(`${verifying} --recursive ${name}`))).stdout.trimEnd().split('\n').length, 3)
      },
    },
  ]
}
