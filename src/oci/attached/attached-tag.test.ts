import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { fallbackTag, parseAttachedTag, signatureTag } from './attached-tag.ts'

const subject = ociDigestOf(Uint8Array.of(1))
const hex = subject.slice('sha256:'.length)

for (const { name, tag, parsed } of [
  { name: 'a fallback tag', tag: fallbackTag(subject), parsed: { prefix: '', subject, suffix: '' } },
  { name: 'a signature tag', tag: signatureTag(subject, 'sig'), parsed: { prefix: '', subject, suffix: 'sig' } },
  { name: 'a prefix', tag: signatureTag(subject, 'att', 'pre-'), parsed: { prefix: 'pre-', subject, suffix: 'att' } },
  {
    name: 'the longest prefix',
    tag: signatureTag(subject, 'sbom', 'p'.repeat(52)),
    parsed: { prefix: 'p'.repeat(52), subject, suffix: 'sbom' },
  },
  { name: 'a suffix that is none of cosign’s', tag: `sha256-${hex}.removing`, parsed: { prefix: '', subject, suffix: 'removing' } },
  { name: 'longer than a tag can be', tag: `sha256-${hex}.sha256-${hex}.sig`, parsed: undefined },
  { name: 'capitals', tag: `sha256-${hex.toUpperCase()}.sig`, parsed: undefined },
  { name: 'a short digest', tag: `sha256-${hex.slice(1)}.sig`, parsed: undefined },
  { name: 'a tag of an image', tag: 'v1', parsed: undefined },
])
  test(`parseAttachedTag: ${name}`, () => assert.deepEqual(parseAttachedTag(tag), parsed))
