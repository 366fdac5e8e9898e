import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, type ErrorCode, errorKinds } from '../../codec/error.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { keyAuthority, keylessAuthority, policyOf, quorumOf, setOf, staticAuthority } from '../../testing/policy/policies.ts'
import { createPolicyRig, type PolicyRig, podOf } from '../../testing/policy/policy-rig.ts'
import { createTestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import { evaluateObject } from '../evaluate/evaluate-object.ts'
import { createVerdictCache } from '../evaluate/memory/verdict-cache.ts'
import type { PolicySet, Requirement } from '../model.ts'
import { type ExplainedRequirement, explain } from './explanation.ts'
import { reasonCodes, reasonOfFailure } from './reason-code.ts'
import { renderExplanation } from './render-explanation.ts'

const team = teamKey.signer()
const byTeam = keyAuthority('team', [team.publicKey])
const byStranger = keyAuthority('stranger', [strangerKey.signer().publicKey])
const sigstore = await createTestSigstore()
const live = new AbortController().signal

async function explained(rig: PolicyRig, sets: readonly PolicySet[], images = ['r.test/app:v1']) {
  return explain(await evaluateObject(podOf(...images), sets, rig.access, live), { uid: 'u-1', operation: 'CREATE', dryRun: false })
}

const demanding = (requirement: Requirement) => [setOf([policyOf('p', requirement)])]
const denied = (code: ErrorCode): Requirement => ({ kind: 'unusable', name: 'u', path: 'p', error: new CountersignError(code, 'why') })

test('every error has a reason, and no reason is there twice', () => {
  assert.equal(new Set(reasonCodes).size, reasonCodes.length)
  for (const code of Object.keys(errorKinds) as ErrorCode[])
    assert.ok(reasonCodes.includes(reasonOfFailure(new CountersignError(code, ''))), code)
})

const keyless = keylessAuthority('us', sigstore.trustedRoot)
const { demands, trust } = keyless

for (const { name, requirement, keylessly = false, reasonCode, message } of [
  { name: 'static pass', requirement: staticAuthority('s', true), reasonCode: 'STATIC_PASS', message: /allowed by static policy/ },
  { name: 'static fail', requirement: staticAuthority('s', false, 'old'), reasonCode: 'STATIC_FAIL', message: /static policy: old/ },
  { name: 'another key', requirement: byStranger, reasonCode: 'KEY_MISMATCH', message: /no matching signatures/ },
  { name: 'both of two', requirement: quorumOf([byTeam, byStranger], 2), reasonCode: 'REQUIRED_SIGNER_MISSING', message: /1 of 2 hold/ },
  {
    name: 'no signature',
    requirement: { ...byTeam, places: [{ tagPrefix: 'x-' }] },
    reasonCode: 'NO_SIGNATURE',
    message: /no signatures found/,
  },
  {
    name: 'another signer',
    keylessly: true,
    requirement: { ...keyless, demands: { ...demands, identities: [{ subject: { exact: 'x@x' } }] } },
    reasonCode: 'IDENTITY_MISMATCH',
    message: /signer@example\.com/,
  },
  {
    name: 'another authority',
    keylessly: true,
    requirement: { ...keyless, trust: { ...trust, certificateAuthorities: [] } },
    reasonCode: 'CERT_CHAIN',
    message: /no certificate authority/,
  },
  {
    name: 'no timestamp',
    keylessly: true,
    requirement: { ...keyless, demands: { ...demands, timestampThreshold: 1 } },
    reasonCode: 'TSA_MISSING',
    message: /0 < 1/,
  },
  {
    name: 'too few logs',
    keylessly: true,
    requirement: { ...keyless, demands: { ...demands, logThreshold: 2 } },
    reasonCode: 'TLOG_MISSING',
    message: /./,
  },
  {
    name: 'no trusted log',
    keylessly: true,
    requirement: { ...keyless, trust: { ...trust, transparencyLogs: [] } },
    reasonCode: 'TLOG_INVALID',
    message: /no trusted log has id/,
  },
  {
    name: 'no trusted certificate log',
    keylessly: true,
    requirement: { ...keyless, trust: { ...trust, ctLogs: [] } },
    reasonCode: 'SCT_INVALID',
    message: /SCT/,
  },
  {
    name: 'no log and too late',
    keylessly: true,
    requirement: { ...keyless, demands: { ...demands, unsafeSkipTlog: true } },
    reasonCode: 'CERT_EXPIRED_NO_TIME',
    message: /./,
  },
  { name: 'no trust', requirement: denied('TRUST_UNAVAILABLE'), reasonCode: 'TRUST_UNAVAILABLE', message: /why/ },
  { name: 'no KMS', requirement: denied('KMS_UNAVAILABLE'), reasonCode: 'KMS_UNAVAILABLE', message: /why/ },
  { name: 'a broken key', requirement: denied('KEY_MALFORMED'), reasonCode: 'POLICY_INVALID', message: /why/ },
] as const)
  test(`the reason: ${name}`, async () => {
    const rig = await createPolicyRig()
    if (keylessly) await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest), signPredicateType)
    else await rig.signLegacy(team)
    const { verdict, decisive, images } = await explained(rig, demanding(requirement))
    const told = images[0]?.policies[0]?.requirement
    assert.equal(told?.reasonCode, reasonCode)
    assert.match(told?.message ?? '', message)
    assert.deepEqual([decisive?.reasonCode, decisive?.pointer, decisive?.policy], [reasonCode, '/spec/containers/0/image', 'p'])
    assert.equal(verdict === 'passed', reasonCode === 'STATIC_PASS')
  })

for (const { name, error, reasonCode } of [
  { name: 'unreachable', error: new CountersignError('REGISTRY_UNAVAILABLE', 'no'), reasonCode: 'REGISTRY_UNREACHABLE' },
  { name: 'denied', error: new CountersignError('REGISTRY_UNAUTHORIZED', 'no'), reasonCode: 'REGISTRY_AUTH' },
  { name: 'too slow', error: new CountersignError('TIMED_OUT', 'no'), reasonCode: 'TIMEOUT' },
  { name: 'a defect', error: new RangeError('no'), reasonCode: 'INTERNAL' },
])
  test(`the reason where a registry does not answer: ${name}`, async () => {
    const rig = await createPolicyRig({ wrap: honest => request => (request.method === 'HEAD' ? honest(request) : Promise.reject(error)) })
    const { decisive, verdict } = await explained(rig, demanding(byTeam))
    assert.deepEqual([decisive?.reasonCode, decisive?.path, verdict === 'passed'], [reasonCode, 'spec.authorities.team', false])
  })

test('an image of no tag, an object without images, a dialect without policy: each says so', async () => {
  const rig = await createPolicyRig()
  const lost = await explained(rig, demanding(byTeam), ['r.test/app:v9'])
  assert.deepEqual(
    [lost.images[0]?.failure?.reasonCode, lost.images[0]?.digest, lost.images[0]?.resolvedBy],
    ['DIGEST_UNRESOLVED', null, null],
  )
  const none = await explained(rig, demanding(byTeam), [])
  assert.deepEqual(
    [none.verdict, none.failure?.code, none.decisive?.message],
    ['failed', 'DOCUMENT_WITHOUT_IMAGES', 'Pod "shop/web": want at least one image, got none'],
  )
  const silent = await explained(rig, [setOf([])])
  assert.deepEqual(silent.decisive, {
    pointer: '/spec/containers/0/image',
    dialect: 'cip',
    reasonCode: 'NO_POLICY',
    message: 'no policy applies, which means deny',
  })
  assert.deepEqual(silent.images[0]?.unmatched, [{ dialect: 'cip', reasonCode: 'NO_POLICY', whenNone: 'deny' }])
})

test('the record, whole', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const record = await explained(rig, [setOf([policyOf('p', quorumOf([byStranger, byTeam]), 'enforce', { rule: 'r' })])])
  const shown = JSON.parse(
    JSON.stringify(record)
      .replaceAll(rig.digest, 'DIGEST')
      .replaceAll(rig.digest.slice(7), 'HEX')
      .replace(/sha256:[0-9a-f]{64}/g, 'OTHER')
      .replace(/[0-9a-f]{64}/g, 'KEY'),
  )
  const [stranger, accepted] = shown.images[0].policies[0].requirement.of as ExplainedRequirement[]
  const looked = ['referrers of r.test/app@DIGEST: 200, 0 listed', 'tag r.test/app:sha256-HEX.sig: 200', 'tag r.test/app:sha256-HEX: 404']
  assert.deepEqual(
    {
      ...shown,
      images: [
        {
          ...shown.images[0],
          policies: [{ ...shown.images[0].policies[0], requirement: { ...shown.images[0].policies[0].requirement, of: [] } }],
        },
      ],
    },
    {
      apiVersion: 'countersign.dev/v1',
      kind: 'Explanation',
      request: {
        uid: 'u-1',
        operation: 'CREATE',
        kind: { group: '', version: 'v1', kind: 'Pod' },
        namespace: 'shop',
        name: 'web',
        dryRun: false,
      },
      verdict: 'passed',
      decisive: {
        pointer: '/spec/containers/0/image',
        dialect: 'cip',
        policy: 'p',
        rule: 'r',
        path: 'spec.authorities.team',
        message: 'signed: sha256-HEX.sig layer 0',
      },
      images: [
        {
          pointer: '/spec/containers/0/image',
          field: 'spec.containers[0].image',
          original: 'r.test/app:v1',
          canonical: 'r.test/app:v1',
          digest: 'DIGEST',
          resolvedBy: 'tag',
          verdict: 'passed',
          policies: [
            {
              dialect: 'cip',
              name: 'p',
              rule: 'r',
              fingerprint: 'fingerprint of p',
              matchedBy: '**',
              action: 'enforce',
              verdict: 'passed',
              requirement: {
                kind: 'quorum',
                name: '1 of 2',
                path: 'spec.authorities',
                verdict: 'passed',
                message: '1 of 2 hold, want 1',
                least: 1,
                of: [],
              },
            },
          ],
          unmatched: [],
        },
      ],
    },
  )
  assert.deepEqual(accepted, {
    kind: 'authority',
    name: 'team',
    path: 'spec.authorities.team',
    verdict: 'passed',
    message: 'signed: sha256-HEX.sig layer 0',
    looked,
    evidence: [{ source: 'sha256-HEX.sig layer 0', format: 'simple-signing', accepted: true, tlog: [], tsa: [] }],
  })
  assert.deepEqual(
    [stranger?.reasonCode, stranger?.evidence?.[0]?.step, stranger?.evidence?.[0]?.accepted, stranger?.looked],
    ['KEY_MISMATCH', 'signature', false, looked],
  )
  assert.match(stranger?.expected ?? '', /^ecdsa-p256 key /)
})

test('a keyless signature tells who, by whom, when and where', async () => {
  const rig = await createPolicyRig()
  await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest, { stamped: true }), signPredicateType)
  const { images } = await explained(rig, demanding(keyless))
  const [piece] = images[0]?.policies[0]?.requirement.evidence ?? []
  assert.deepEqual(
    [piece?.signer, piece?.issuer, piece?.sct, piece?.tlog?.length, piece?.tsa, piece?.integratedTime],
    ['signer@example.com', 'https://issuer.example', true, 1, ['2025-06-01T12:00:00.000Z'], '2025-06-01T12:00:00.000Z'],
  )
})

test('a hit of the cache is explained by the same bytes', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const cache = createVerdictCache()
  const judge = async () =>
    JSON.stringify(
      explain(
        await evaluateObject(podOf(`r.test/app@${rig.digest}`), demanding(quorumOf([byStranger, byTeam])), rig.access, live, { cache }),
      ),
    )
  assert.equal(await judge(), await judge())
})

test('as lines for people, where nothing from outside drives a terminal', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const sets = [setOf([policyOf('p', byStranger), policyOf('q', staticAuthority('s\u001b[31m', false, 'no'), 'warn')])]
  const text = renderExplanation(await explained(rig, sets))
    .replaceAll(rig.digest, 'DIGEST')
    .replaceAll(rig.digest.slice(7), 'HEX')
    .replace(/[0-9a-f]{16,64}…?/g, 'KEY')
  const lines = text.split('\n')
  assert.equal(lines[0], '✗ Pod shop/web: failed')
  assert.match(lines[1] ?? '', /^ {2}because: KEY_MISMATCH no matching signatures: sha256-HEX\.sig layer 0: /)
  assert.equal(lines[2], '  ✗ spec.containers[0].image: r.test/app:v1 is DIGEST')
  assert.equal(lines[3], '    ✗ cip p (enforce, by **)')
  assert.match(lines[4] ?? '', /^ {6}✗ stranger at spec\.authorities\.stranger: KEY_MISMATCH: no matching/)
  assert.match(lines[5] ?? '', /^ {8}want ecdsa-p256 key KEY; got signature: /)
  assert.match(lines[6] ?? '', /^ {8}refused sha256-HEX\.sig layer 0 \(simple-signing\): signature: /)
  assert.deepEqual(lines.slice(7), [
    '        looked: referrers of r.test/app@DIGEST: 200, 0 listed',
    '        looked: tag r.test/app:sha256-HEX.sig: 200',
    '        looked: tag r.test/app:sha256-HEX: 404',
    '    ✗ cip q (warn, by **)',
    '      ✗ s\\u{001b}[31m at spec.authorities.s\\u{001b}[31m: STATIC_FAIL: disallowed by static policy: no',
    '',
  ])
})
