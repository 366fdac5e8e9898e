import assert from 'node:assert/strict'
import { assertRefused, type Refusal } from '../../src/testing/command-rig.ts'
import {
  type Case,
  child,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  hand,
  image,
  noLog,
  repositoryOf,
  rig,
  tags,
  unreadable,
  usage,
} from './setup.ts'

const attTag = `${image.digest.replace(':', '-')}.att`
const sbomTag = `${image.digest.replace(':', '-')}.sbom`
const [attachAttestation, attachSbom] = ['attach attestation', 'attach sbom']
const refused = (code: Refusal['code'], message: RegExp): Refusal => ({ exit: 1, code, message })

const attest = `attest --key team.key ${noLog} --no-upload --predicate predicate.json`
for (const [file, flags] of [
  ['ag-envelope.json', '--type openvex --new-bundle-format=false'],
  ['ag-other.json', '--type cyclonedx --new-bundle-format=false'],
  ['ag-bundle.json', '--type cyclonedx'],
] as const)
  disk.set(file, (await good(cs(`${attest} ${flags} ${await fresh()}`))).stdout)
disk.set(
  'ag-stranger.json',
  (await good(cs(`${attest} --type openvex --new-bundle-format=false ${await rig.push('ag-child', child)}`))).stdout,
)
disk.set('ag-sbom.json', '{"spdxVersion":"SPDX-2.3"}')
disk.set('ag-sbom.xml', '<?xml version="1.0"?><bom/>')
disk.set('ag-sbom.spdx', 'SPDXVersion: SPDX-2.3\n')

definePlain(attachAttestation, {
  line: async () => `${attachAttestation} --attestation ag-envelope.json ${await fresh()}`,
  failing: line => line.replace('ag-envelope', 'nowhere'),
  prints: false,
})
definePlain(attachSbom, {
  line: async () => `${attachSbom} --sbom ag-sbom.json ${await fresh()}`,
  failing: line => line.replace('ag-sbom', 'nowhere'),
  prints: false,
})

type Layer = { readonly mediaType: string; readonly digest: string; readonly annotations?: Readonly<Record<string, string>> }

async function layersOf(name: string, reference: string): Promise<readonly Layer[]> {
  return (await hand.manifest(repositoryOf(name), reference))['layers'] as Layer[]
}

/** Flags of the commands that attach what was made elsewhere, attestations and SBOMs. */
export function attachingCases(): readonly Case[] {
  return [...attestationCases(), ...sbomCases()]
}

function attestationCases(): readonly Case[] {
  return [
    {
      flag: 'attestation',
      commands: [attachAttestation],
      what: 'is stored as it is: envelopes at a tag, bundles as referrers, each once',
      check: async () => {
        const name = await fresh()
        const line = `${attachAttestation} --attestation ag-envelope.json --attestation - --attestation ag-bundle.json ${name}`
        const stdin = `${JSON.stringify(JSON.parse(String(disk.get('ag-other.json'))), null, 2)}\n`
        await good(cs(line, { stdin }))
        const layers = await layersOf(name, attTag)
        assert.deepEqual(
          layers.map(({ annotations }) => annotations),
          ['https://openvex.dev/ns', 'https://cyclonedx.org/bom'].map(predicateType => ({
            'dev.cosignproject.cosign/signature': '',
            predicateType,
          })),
        )
        const kept = await hand.blob(repositoryOf(name), layers[0]!.digest)
        assert.equal(`${new TextDecoder().decode(kept)}\n`, disk.get('ag-envelope.json'))
        assert.equal((await hand.referrers(repositoryOf(name), image.digest)).length, 1)
        const again = await good(cs(line, { stdin }))
        assert.match(again.stderr, /^3 of 3 were attached to registry\.test\/fresh-\d+@sha256:\w+ already$/m)
        assert.equal((await layersOf(name, attTag)).length, 2)

        disk.set('ag-forms.json', JSON.stringify({ payloadType: 'application/json', payload: 'e30=', signatures: [{ sig: 'AA==' }] }))
        disk.set('ag-unsigned.json', JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload: 'e30=', signatures: [] }))
        disk.set('ag-cut.json', String(disk.get('ag-envelope.json')).slice(0, -9))
        for (const [flags, refusal] of [
          ['', usage(/want --attestation FILE, or - for standard input, got none/)],
          ['--attestation - --attestation -', usage(/- is named twice/)],
          ['--attestation nowhere.json', unreadable],
          [
            '--attestation ag-stranger.json',
            refused('ARTIFACT_MISMATCH', /^attestation ag-stranger\.json: document 1: the statement is about /),
          ],
          [
            '--attestation ag-forms.json',
            refused('DSSE_MALFORMED', /invalid payloadType "application\/json" on envelope\. Expected application/),
          ],
          ['--attestation ag-unsigned.json', refused('DSSE_MALFORMED', /want exactly one signature, got 0/)],
          ['--attestation predicate.json', refused('BUNDLE_MALFORMED', /document 1: .*want a Sigstore bundle, .* a DSSE envelope/)],
          ['--attestation ag-cut.json', refused('JSON_MALFORMED', /the JSON object at byte 0 does not end/)],
          ['--attestation blob.json', refused('DSSE_MALFORMED', /want an attestation, got the signature of a file/)],
          ['--attestation ag-envelope.json --attestation ag-stranger.json', refused('ARTIFACT_MISMATCH', /the statement is about/)],
        ] as const) {
          const other = await fresh()
          assertRefused(await cs(`${attachAttestation} ${flags} -o json ${other}`), refusal)
          assert.deepEqual(await tags(other), ['v1'], flags)
        }
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: [attachAttestation],
      what: 'comes before the tag',
      check: async () => {
        const name = await fresh()
        await good(cs(`${attachAttestation} --attachment-tag-prefix our- --attestation ag-envelope.json ${name}`))
        assert.deepEqual(await tags(name), [`our-${attTag}`, 'v1'])
      },
    },
  ]
}

function sbomCases(): readonly Case[] {
  const typeOf = async (flags: string, options?: Parameters<typeof cs>[1]) => {
    const name = await fresh()
    await good(cs(`${attachSbom} ${flags} ${name}`, options))
    return (await layersOf(name, sbomTag)).map(({ mediaType }) => mediaType)
  }
  return [
    {
      flag: 'sbom',
      commands: [attachSbom],
      what: 'is stored as it is, in place of another',
      check: async () => {
        const name = await fresh()
        assert.match(
          (await good(cs(`${attachSbom} --sbom ag-sbom.spdx ${name}`))).stderr,
          /^WARNING: attaching an SBOM like this does not sign it/m,
        )
        await good(cs(`${attachSbom} --sbom - ${name}`, { stdin: '{"a": 1}' }))
        const [layer, ...others] = await layersOf(name, sbomTag)
        assert.deepEqual(others, [])
        assert.equal(new TextDecoder().decode(await hand.blob(repositoryOf(name), layer!.digest)), '{"a": 1}')
        assertRefused(await cs(`${attachSbom} -o json ${name}`), usage(/want --sbom FILE, or - for standard input, got none/))
      },
    },
    {
      flag: 'type',
      commands: [attachSbom],
      what: 'is the media type of the layer, with what the SBOM is written in',
      check: async () => {
        assert.deepEqual(await typeOf('--sbom ag-sbom.json'), ['text/spdx+json'])
        assert.deepEqual(await typeOf('--sbom ag-sbom.spdx'), ['text/spdx'])
        assert.deepEqual(await typeOf('--type cyclonedx --sbom ag-sbom.json'), ['application/vnd.cyclonedx+json'])
        assert.deepEqual(await typeOf('--type cyclonedx --sbom ag-sbom.xml'), ['application/vnd.cyclonedx+xml'])
        assert.deepEqual(await typeOf('--type syft --sbom ag-sbom.json'), ['application/vnd.syft+json'])
        for (const [flags, message] of [
          ['--type syft --sbom ag-sbom.xml', /want syft as json, got xml/],
          ['--type cyclonedx --sbom ag-sbom.spdx', /want cyclonedx as json or xml, got text/],
          ['--type foo --sbom ag-sbom.json', /want one of "spdx", "cyclonedx", "syft", got "foo"/],
        ] as const)
          assertRefused(await cs(`${attachSbom} ${flags} -o json ${await fresh()}`), usage(message))
      },
    },
    {
      flag: 'input-format',
      commands: [attachSbom],
      what: 'is what the SBOM must be written in',
      check: async () => {
        assert.deepEqual(await typeOf('--input-format json --sbom ag-sbom.json'), ['text/spdx+json'])
        for (const [flags, message] of [
          ['--input-format text --sbom ag-sbom.json', /--sbom ag-sbom\.json: want spdx as text, got json/],
          ['--type cyclonedx --input-format text --sbom ag-sbom.json', /invalid SBOM input format: "text", expected \(json\|xml\)/],
          ['--input-format zip --sbom ag-sbom.json', /want one of "json", "xml", "text", got "zip"/],
        ] as const)
          assertRefused(await cs(`${attachSbom} ${flags} -o json ${await fresh()}`), usage(message))
      },
    },
    {
      flag: 'registry-referrers-mode',
      commands: [attachSbom],
      what: 'makes it a referrer instead of a tag',
      check: async () => {
        const name = await fresh()
        const line = `${attachSbom} --registry-referrers-mode oci-1-1 --sbom ag-sbom.json ${name}`
        assertRefused(await cs(`${line} -o json`), usage(/you must set COSIGN_EXPERIMENTAL=1/))
        await good(cs(line, { environment: { COSIGN_EXPERIMENTAL: '1' } }))
        assert.deepEqual(await tags(name), ['v1'])
        const [listed] = await hand.referrers(repositoryOf(name), image.digest)
        const { config, layers, subject } = await hand.manifest(repositoryOf(name), String(listed?.['digest']))
        assert.equal((config as Layer).mediaType, 'application/vnd.dev.cosign.artifact.sbom.v1+json')
        assert.deepEqual(
          (layers as Layer[]).map(({ mediaType }) => mediaType),
          ['text/spdx+json'],
        )
        assert.deepEqual(subject, { mediaType: image.mediaType, size: image.manifest.length, digest: image.digest })
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: [attachSbom],
      what: 'comes before the tag',
      check: async () => {
        const name = await fresh()
        await good(cs(`${attachSbom} --attachment-tag-prefix our- --sbom ag-sbom.json ${name}`))
        assert.deepEqual(await tags(name), [`our-${sbomTag}`, 'v1'])
      },
    },
  ]
}
