import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { test } from 'node:test'
import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parsePublicKeyPem } from '../../crypto/public-key.ts'
import { encodeKeyBundle } from '../../formats/bundle.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { parseOciDigest } from '../../formats/oci-digest.ts'
import { signPredicateType, statementPayloadType } from '../../formats/statement.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { bundleCandidate } from '../../verify/evidence.ts'
import { verify } from '../../verify/verify.ts'
import { signatureFindings } from './verdict.ts'

const image = parseOciDigest(`sha256:${'ab'.repeat(32)}`, 'image')
const other = 'cd'.repeat(32)

/** A signed statement about these subjects. */
function candidate(subject: readonly object[]) {
  const payload = encodeUtf8(
    JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType: signPredicateType, predicate: {} }),
  )
  const key = createPrivateKey({ key: Buffer.from(decodeBase64(teamKey.pkcs8.replaceAll('\n', ''), 'key')), format: 'der', type: 'pkcs8' })
  const signature = Uint8Array.from(sign('sha256', preAuthEncoding(statementPayloadType, payload), key))
  const hint = encodeBase64(publicKey.id)
  return bundleCandidate('b', encodeKeyBundle(hint, { kind: 'dsse', envelope: { payloadType: statementPayloadType, payload, signature } }))
}
const publicKey = parsePublicKeyPem(encodeUtf8(teamKey.publicPem), 'key')
const about = (hex: string, env: string) => ({ digest: { sha256: hex }, annotations: { env } })

for (const { name, subjects, wanted, skip = false, shown } of [
  {
    name: 'that has the annotations asked for',
    subjects: [about('ab'.repeat(32), 'dev'), about('ab'.repeat(32), 'prod')],
    wanted: 'prod',
    shown: ['ab', 'prod'],
  },
  { name: 'that is the image', subjects: [about(other, 'dev'), about('ab'.repeat(32), 'prod')], wanted: undefined, shown: ['ab', 'prod'] },
  {
    name: 'that comes first, when claims are not compared',
    subjects: [about(other, 'dev'), about('ab'.repeat(32), 'prod')],
    wanted: undefined,
    skip: true,
    shown: ['cd', 'dev'],
  },
])
  test(`what verify prints: of several subjects shows the one ${name}`, async () => {
    const lines: string[] = []
    const context = { ...createTestContext(), stdout: (data: string | Uint8Array) => void lines.push(String(data)) }
    const annotations = new Map(wanted === undefined ? [] : [['env', wanted]])
    const verdict = await verify(
      [candidate(subjects)],
      { keys: [publicKey] },
      {
        artifact: { kind: 'image', digest: image },
        annotations,
        predicateTypes: [signPredicateType],
        now: new Date('2026-11-30T12:00:00Z'),
        unsafeSkipTlog: true,
        unsafeSkipClaims: skip,
      },
    )
    signatureFindings.write(context, { name: 'r.example/app:v1', digest: image, verdict }, 'json')
    const [{ critical, optional }] = JSON.parse(lines.join('')) as [
      { critical: { image: Record<string, string> }; optional: { env: string } },
    ]
    assert.deepEqual([critical.image['docker-manifest-digest'], optional.env], [`sha256:${shown[0]!.repeat(32)}`, shown[1]])
  })
