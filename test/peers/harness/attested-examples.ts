import { writeFileSync } from 'node:fs'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { ociDigestOf } from '../../../src/formats/oci-digest.ts'
import { buildImage, pushBuilt } from '../../../src/testing/image-builder.ts'
import { buildKitIndex } from '../../attestations/buildkit-index.ts'
import { statementAbout } from '../../attestations/scene.ts'
import { cosign3, ours } from './actor.ts'
import { runOk } from './command.ts'
import { inTwoSteps } from './in-two-steps.ts'
import type { Scene } from './scene.ts'

// What the examples about attestations find.

const documents = {
  cyclonedx: { bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'library', name: 'left-pad' }] },
  spdxjson: { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'app' },
  review: { approved: true },
  slsaprovenance1: {
    buildDefinition: { buildType: 'https://acme.example/build', externalParameters: {} },
    runDetails: { builder: { id: 'https://acme.example/builder' } },
  },
  vuln: { scanner: { uri: 'pkg:generic/scanner', version: '1', result: {} } },
} as const
const predicateTypes = {
  cyclonedx: 'https://cyclonedx.org/bom',
  spdxjson: 'https://spdx.dev/Document',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
} as const
type StatedType = keyof typeof predicateTypes

const image = buildImage()

/** What docker buildx would write: an index with the provenance of its image. */
export const withProvenance = buildKitIndex([
  { image, layers: [{ statement: statedOf(image.digest, 'slsaprovenance1'), predicateType: predicateTypes.slsaprovenance1 }] },
])

/** A statement of a type about something. */
export function statedOf(digest: string, type: StatedType): Uint8Array {
  return statementAbout(digest as typeof image.digest, { predicateType: predicateTypes[type], predicate: documents[type] })
}

/** Attests by the key of the examples what they verify and download, and pushes the index that is promoted. */
export async function pushAttested(scene: Scene): Promise<void> {
  const { host } = scene.registry
  const attest = async (type: string, document: object, name: string) => {
    const predicate = writeDocument(scene, document)
    const flags = [...cosign3.signs('bundle'), '--key', scene.a.key, '--type', type, '--predicate', predicate]
    await runOk(scene.place, cosign3.command(), ['attest', ...flags, name])
  }
  await attest('spdxjson', documents.spdxjson, `${host}/app@${scene.digest}`)
  await attest('https://acme.example/review/v1', documents.review, `${host}/app@${scene.digest}`)
  await attest('cyclonedx', documents.cyclonedx, `${host}/app:v1`)
  await pushBuilt(inTwoSteps, new URL(`http://${host}`), 'buildx', 'v1', withProvenance)
}

function writeDocument({ place }: Scene, document: object): string {
  const path = place.path('document.json')
  writeFileSync(path, JSON.stringify(document))
  return path
}

/** Files of the examples about attestations, by name. */
export const attestedFiles: Readonly<Record<string, (scene: Scene, path: string) => Promise<void> | void>> = {
  'sbom.cdx.json': (_, path) => writeFileSync(path, JSON.stringify(documents.cyclonedx)),
  'scan.json': (_, path) => writeFileSync(path, JSON.stringify(documents.vuln)),
  'provenance.json': (_, path) => writeFileSync(path, JSON.stringify(documents.slsaprovenance1)),
  'sbom.sigstore.json': async (scene, path) => void (await attested(scene, ['--bundle', path])),
  'all.jsonl': async (scene, path) => {
    const envelope = await attested(scene, ['--new-bundle-format=false'])
    writeFileSync(path, `${envelope}${envelope}`)
  },
}

/** An SBOM of `app:v1`, attested by the key and kept in no registry; what the command printed. */
async function attested(scene: Scene, flags: readonly string[]): Promise<string> {
  const predicate = ['--type', 'cyclonedx', '--predicate', writeDocument(scene, documents.cyclonedx)]
  const line = ['attest', '--key', scene.a.key, '--tlog-upload=false', '--use-signing-config=false', '--no-upload', ...predicate, ...flags]
  return (await runOk(scene.place, ours.command(), [...line, `${scene.registry.host}/app:v1`])).stdout
}

/** Attests provenance of a file by the key. */
export async function attestFileInBundle(scene: Scene, path: string, file: string): Promise<void> {
  const predicate = writeDocument(scene, documents.slsaprovenance1)
  const flags = [...cosign3.signs('bundle'), '--key', scene.a.key, '--type', 'slsaprovenance1', '--predicate', predicate]
  await runOk(scene.place, cosign3.command(), ['attest-blob', ...flags, '--bundle', path, file])
}

/** The digest of text as statements name it. */
export function digestOfText(text: string): ReturnType<typeof ociDigestOf> {
  return ociDigestOf(encodeUtf8(text))
}
