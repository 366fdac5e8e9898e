import assert from 'node:assert/strict'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { assertRefused, rigHost } from '../../src/testing/command-rig.ts'
import {
  bundled,
  type Case,
  child,
  classic,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  image,
  index,
  signatureManifest,
  signing,
  tags,
  text,
  trusting,
  unreadable,
  usage,
} from './setup.ts'

const taggedClassic = `${rigHost}/classic:v1`
const withoutImage = (line: string) => line.replace('classic', 'nosuch').replace('bundled', 'nosuch')

definePlain('tree', { line: async () => `tree ${bundled}`, failing: line => `${line}-nosuch`, prints: true })
definePlain('triangulate', { line: async () => `triangulate ${taggedClassic}`, failing: withoutImage, prints: true })
definePlain('generate', { line: async () => `generate ${taggedClassic}`, failing: withoutImage, prints: true })
definePlain('download signature', { line: async () => `download signature ${classic}`, failing: withoutImage, prints: true })
definePlain('attach signature', {
  line: async () => `attach signature --signature detached.sig --payload detached.json ${await fresh()}`,
  failing: line => line.replace('detached.sig', 'nowhere.sig'),
  prints: false,
})

await good(
  cs(`${signing} --new-bundle-format=false --upload=false --output-signature detached.sig --output-payload detached.json ${await fresh()}`),
)
disk.set('certificate.pem', pem('CERTIFICATE', [0x30, 0x07, 0x30, 0x00, 0x30, 0x00, 0x03, 0x01, 0x00]))
disk.set('chain.pem', `${text('certificate.pem')}${text('certificate.pem')}`)
disk.set('key.pem', pem('PUBLIC KEY', [0x30, 0x00]))
disk.set('stamp.tsr', Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00))
const logBundle = {
  SignedEntryTimestamp: 'AQID',
  Payload: { body: 'e30=', integratedTime: 1767322000, logIndex: 7, logID: 'ab'.repeat(32) },
}
disk.set('entry.json', JSON.stringify(logBundle))

function pem(label: string, der: readonly number[]): string {
  return `-----BEGIN ${label}-----\n${encodeBase64(Uint8Array.from(der))}\n-----END ${label}-----\n`
}

/** Annotations of the only layer that `attach signature` gave a new image. */
async function annotationsOf(flags: string): Promise<Readonly<Record<string, string>>> {
  const name = await fresh()
  await good(cs(`attach signature --signature detached.sig --payload detached.json ${flags} ${name}`))
  const { layers } = (await signatureManifest(name)) as { layers: readonly { annotations?: Record<string, string> }[] }
  assert.equal(layers.length, 1)
  return layers[0]?.annotations ?? {}
}

/** Flags of the commands about what is attached to an image. */
export function attachedCases(): readonly Case[] {
  const place = `${rigHost}/classic:`
  const hex = image.digest.replace(':', '-')
  const attach = 'attach signature --signature detached.sig --payload detached.json'
  const refusesFile =
    (flags: string, message: RegExp): (() => Promise<void>) =>
    async () => {
      const outcome = await cs(`${attach} ${flags} ${await fresh()} -o json`)
      assertRefused(outcome, { exit: 1, code: 'MATERIAL_MALFORMED', message })
    }
  return [
    {
      flag: 'output',
      commands: ['tree'],
      what: 'json is one document',
      check: async () => {
        const { stdout } = await good(cs(`tree -o json ${classic}`))
        const { image: shown, digest, artifacts } = JSON.parse(stdout)
        assert.deepEqual([shown, digest, artifacts.length], [classic, image.digest, 1])
        assert.match((await good(cs(`tree ${classic}`))).stdout, /^📦 Supply Chain Security Related artifacts for an image: /)
      },
    },
    {
      flag: 'recursive',
      commands: ['tree'],
      what: 'shows what each image of an index has',
      check: async () => {
        const name = await fresh(index)
        await good(cs(`${signing} ${name.replace(/@.*/, '')}@${child.digest}`))
        const shown = async (flags: string) => JSON.parse((await good(cs(`tree -o json ${flags} ${name}`))).stdout)
        assert.equal((await shown('')).images, undefined)
        const { artifacts, images } = await shown('--recursive')
        assert.deepEqual(artifacts, [])
        assert.deepEqual(
          images.map((entry: { digest: string; artifacts: unknown[] }) => [entry.digest, entry.artifacts.length]),
          [
            [image.digest, 0],
            [child.digest, 1],
          ],
        )
      },
    },
    {
      flag: 'type',
      commands: ['triangulate'],
      what: 'chooses what the place is of',
      check: async () => {
        for (const [type, name] of [
          ['signature', `${place}${hex}.sig`],
          ['attestation', `${place}${hex}.att`],
          ['sbom', `${place}${hex}.sbom`],
          ['digest', classic],
        ])
          assert.equal((await good(cs(`triangulate --type ${type} ${taggedClassic}`))).stdout, `${name}\n`)
        assertRefused(await cs(`triangulate --type nosuch ${classic} -o json`), usage(/invalid argument "nosuch" for "--type" flag/))
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['triangulate'],
      what: 'begins the tag',
      check: async () =>
        assert.equal((await good(cs(`triangulate --attachment-tag-prefix p- ${classic}`))).stdout, `${place}p-${hex}.sig\n`),
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['download signature', 'attach signature'],
      what: 'names the tag to read and to write',
      check: async () => {
        const name = await fresh()
        await good(cs(`${attach} --attachment-tag-prefix p- ${name}`))
        assert.ok((await tags(name)).includes(`p-${hex}.sig`))
        assertRefused(await cs(`download signature ${name} -o json`), {
          exit: 1,
          code: 'SIGNATURES_NOT_FOUND',
          message: /no signatures associated/,
        })
        await good(cs(`download signature --attachment-tag-prefix p- ${name}`))
      },
    },
    {
      flag: 'annotations',
      commands: ['generate'],
      what: 'go into the payload',
      check: async () => {
        const { stdout } = await good(cs(['generate', '-a', 'b=<x>', '-a', 'a=1', taggedClassic]))
        assert.ok(stdout.endsWith('"optional":{"a":"1","b":"\\u003cx\\u003e"}}'), stdout)
        assertRefused(await cs(`generate -a foo ${classic} -o json`), usage(/^unable to parse annotation: "foo"/))
      },
    },
    {
      flag: 'signature',
      commands: ['attach signature'],
      what: 'is a file or standard input, base64 or raw',
      check: async () => {
        for (const [path, stdin] of [
          ['detached.sig', undefined],
          ['-', text('detached.sig')],
          ['raw.sig', undefined],
        ] as const) {
          disk.set('raw.sig', Uint8Array.from(Buffer.from(text('detached.sig'), 'base64')))
          const name = await fresh()
          await good(cs(`attach signature --signature ${path} --payload detached.json ${name}`, stdin === undefined ? {} : { stdin }))
          await good(cs(`verify ${trusting} ${name}`))
        }
        assertRefused(await cs(`attach signature ${await fresh()} -o json`), usage(/want --signature FILE.* or --bundle FILE, got neither/))
        disk.set('empty', '')
        const outcome = await cs(`attach signature --signature empty ${await fresh()} -o json`)
        assertRefused(outcome, { exit: 1, code: 'SIGNATURE_MALFORMED', message: /empty: want one, got nothing/ })
      },
    },
    {
      flag: 'payload',
      commands: ['attach signature'],
      what: 'is what was signed, and must be about this image; without it, one is made up aloud',
      check: async () => {
        const other = JSON.parse(text('detached.json'))
        other.critical.image['docker-manifest-digest'] = `sha256:${'0'.repeat(64)}`
        disk.set('other.json', JSON.stringify(other))
        const name = await fresh()
        const outcome = await cs(`attach signature --signature detached.sig --payload other.json ${name} -o json`)
        assertRefused(outcome, { exit: 1, code: 'ARTIFACT_MISMATCH', message: /want one about sha256:.* got one about sha256:0{64}/ })
        assert.deepEqual(await tags(name), ['v1'])
        assert.match(
          (await good(cs(`attach signature --signature detached.sig ${name}`))).stderr,
          /^WARNING: using obsolete implied signature payload data \(with digested reference registry\.test\/.*@sha256:.*--payload instead$/m,
        )
      },
    },
    {
      flag: 'bundle',
      commands: ['attach signature'],
      what: 'is attached as a referrer, and goes with nothing of the older layout',
      check: async () => {
        disk.set('given.json', (await good(cs(`download signature ${bundled}`))).stdout)
        const name = await fresh()
        await good(cs(`attach signature --bundle given.json ${name}`))
        await good(cs(`verify ${trusting} ${name}`))
        assertRefused(await cs(`${attach} --bundle given.json ${name} -o json`), usage(/^--signature does not go with a bundle/))
        assertRefused(await cs(`attach signature --bundle nowhere.json ${name} -o json`), unreadable)
      },
    },
    {
      flag: 'certificate',
      commands: ['attach signature'],
      what: 'is kept as PEM, and must be one certificate',
      check: async () => {
        const { 'dev.sigstore.cosign/certificate': kept } = await annotationsOf('--certificate certificate.pem')
        assert.equal(kept, text('certificate.pem'))
        await refusesFile('--certificate key.pem', /want PEM CERTIFICATE, got "PUBLIC KEY"/)()
        await refusesFile('--certificate chain.pem', /want one certificate, got 2/)()
      },
    },
    {
      flag: 'certificate-chain',
      commands: ['attach signature'],
      what: 'is kept as PEM, never without the certificate',
      check: async () => {
        const annotations = await annotationsOf('--certificate certificate.pem --certificate-chain chain.pem')
        assert.equal(annotations['dev.sigstore.cosign/chain'], text('chain.pem'))
        const alone = await cs(`${attach} --certificate-chain chain.pem ${await fresh()} -o json`)
        assertRefused(alone, usage(/^--certificate-chain goes with --certificate/))
        await refusesFile('--certificate certificate.pem --certificate-chain blob', /want 1 to 10 PEM certificates, got 0/)()
      },
    },
    {
      flag: 'tsr',
      commands: ['attach signature'],
      what: 'is kept in base64, and must be DER',
      check: async () => {
        const annotations = await annotationsOf('--tsr stamp.tsr')
        assert.equal(annotations['dev.sigstore.cosign/rfc3161timestamp'], '{"SignedRFC3161Timestamp":"MAMCAQA="}')
        await refusesFile('--tsr blob', /^timestamp blob: /)()
      },
    },
    {
      flag: 'rekor-response',
      commands: ['attach signature'],
      what: 'is kept as the log bundle it holds',
      check: async () => {
        const { body, integratedTime, logIndex, logID } = logBundle.Payload
        const answer = { body, integratedTime, logIndex, logID, verification: { signedEntryTimestamp: logBundle.SignedEntryTimestamp } }
        disk.set('blob-log.json', JSON.stringify({ base64Signature: 'AQID', rekorBundle: logBundle }))
        disk.set('answer.json', JSON.stringify({ ['24'.repeat(40)]: answer }))
        for (const path of ['entry.json', 'blob-log.json', 'answer.json'])
          assert.equal((await annotationsOf(`--rekor-response ${path}`))['dev.sigstore.cosign/bundle'], JSON.stringify(logBundle))
        disk.set('strange.json', '{"a":1}')
        const outcome = await cs(`${attach} --rekor-response strange.json ${await fresh()} -o json`)
        assertRefused(outcome, { exit: 1, code: 'LOG_ENTRY_MALFORMED', message: /want a log bundle, a blob bundle that holds one, or/ })
      },
    },
  ]
}
