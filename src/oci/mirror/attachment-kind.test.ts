import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { bundleMediaType, predicateTypeAnnotation } from '../../formats/bundle.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { mediaTypes } from '../manifest.ts'
import { digestOfText, manifestText } from '../registry-rig.test.ts'
import { kindOfReferrer } from './attachment-kind.ts'

const layer = (mediaType: string) => ({ mediaType, size: 1, digest: digestOfText('x') })
const config = (mediaType: string) => ({ mediaType, size: 2, digest: digestOfText('{}') })

for (const { name, fields, kind } of [
  { name: 'a bundle that declares a signature', fields: bundle(signPredicateType), kind: 'sig' },
  { name: 'a bundle that declares another predicate', fields: bundle('https://slsa.dev/provenance/v1'), kind: 'att' },
  { name: 'a bundle that declares none', fields: { layers: [layer(bundleMediaType)] }, kind: 'sig' },
  {
    name: 'a signature of the older layout as a referrer',
    fields: { config: config('application/vnd.dev.cosign.artifact.sig.v1+json') },
    kind: 'sig',
  },
  { name: 'a signature of Notation', fields: { artifactType: 'application/vnd.cncf.notary.signature' }, kind: 'sig' },
  { name: 'an SBOM by its artifact type', fields: { artifactType: 'application/spdx+json' }, kind: 'sbom' },
  { name: 'an SBOM by its layer', fields: { layers: [layer('application/vnd.cyclonedx+json')] }, kind: 'sbom' },
  { name: 'a statement in the open', fields: { artifactType: 'application/vnd.in-toto+json' }, kind: 'att' },
  { name: 'anything else', fields: { artifactType: 'application/x-thing', layers: [layer('text/plain')] }, kind: 'other' },
] as const)
  test(`kindOfReferrer: ${name} is ${kind}`, () => {
    const bytes = encodeUtf8(manifestText(fields))
    assert.equal(kindOfReferrer({ mediaType: mediaTypes.ociManifest, bytes, digest: ociDigestOf(bytes) }, 'm'), kind)
  })

function bundle(predicateType: string) {
  return { artifactType: bundleMediaType, layers: [layer(bundleMediaType)], annotations: { [predicateTypeAnnotation]: predicateType } }
}
