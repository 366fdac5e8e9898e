import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import type { Json } from '../../codec/json.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { parseRepository } from '../../oci/reference.ts'
import { buildImage, imageIndexType } from '../../testing/image-builder.ts'
import { demandOf, keyAuthority, keylessAuthority, policyOf, quorumOf, setOf, staticAuthority } from '../../testing/policy/policies.ts'
import { containerImage, createPolicyRig, type PolicyRig, podOf } from '../../testing/policy/policy-rig.ts'
import { freshSigner } from '../../testing/sigstore/certificate-authority.ts'
import { createTestSigstore } from '../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import type { Gate } from '../../verify/gates/gate.ts'
import type { Authority, Requirement } from '../model.ts'
import { evaluateImage } from './evaluate-image.ts'

const team = teamKey.signer()
const stranger = strangerKey.signer()
const live = new AbortController().signal
const byTeam = keyAuthority('team', [team.publicKey])
const byStranger = keyAuthority('stranger', [stranger.publicKey])
const named = containerImage('r.test/app:v1')

const evaluate = (rig: PolicyRig, requirement: Requirement, image = named) =>
  evaluateImage(image, podOf(image.original), [setOf([policyOf('p', requirement)])], rig.access, live)

/** The verdict on the only policy, in short. */
async function verdictOf(rig: PolicyRig, requirement: Requirement) {
  const { outcome, policies } = await evaluate(rig, requirement)
  const [{ verdict }] = policies as [(typeof policies)[number]]
  assert.equal(outcome, verdict.outcome)
  return verdict
}

const attesting = (authority: Authority, quantifier: 'some' | 'every', conditions: readonly Gate[]): Authority => ({
  ...authority,
  proves: { kind: 'attestations', of: [demandOf(quantifier, conditions)] },
})

/** Demands a member of the predicate to be true. */
const isTrue = (member: string): Gate => ({
  step: 'policy',
  wanted: `${member} to be true`,
  check: ({ statement }) => {
    const predicate = statement.predicate as Record<string, Json>
    if (predicate[member] !== true) throw new CountersignError('POLICY_REFUSED', `${member} is not true`)
    return `${member} is true`
  },
})

test('nobody signed: refused, saying where was looked', async () => {
  const rig = await createPolicyRig()
  const verdict = await verdictOf(rig, byTeam)
  assert.deepEqual([verdict.outcome, verdict.code], ['failed', 'SIGNATURES_NOT_FOUND'])
  assert.match(verdict.message, /^no signatures found for sha256:/)
  assert.deepEqual(
    verdict.looked?.map(place => place.replace(/sha256([:-])[0-9a-f]{64}/, 'sha256$1X')),
    ['referrers of r.test/app@sha256:X: 200, 0 listed', 'tag r.test/app:sha256-X.sig: 404', 'tag r.test/app:sha256-X: 404'],
  )
})

for (const layout of ['signLegacy', 'signBundle'] as const)
  test(`a key signed: ${layout}`, async () => {
    const rig = await createPolicyRig()
    await rig[layout](team)
    const verdict = await verdictOf(rig, byTeam)
    assert.deepEqual([verdict.outcome, verdict.signatures?.length, verdict.derivation?.outcome], ['passed', 1, 'accepted'])
    assert.match(verdict.message, /^signed: (tag|referrer|sha256)/)
    const other = await verdictOf(rig, byStranger)
    assert.deepEqual([other.outcome, other.code], ['failed', layout === 'signLegacy' ? 'SIGNATURE_INVALID' : 'KEY_MISMATCH'])
    assert.match(other.message, /^no matching signatures: /)
  })

for (const { name, formats, sign, code, looked } of [
  {
    name: 'legacy, where there are bundles',
    formats: 'legacy',
    sign: 'signBundle',
    code: 'SIGNATURES_NOT_FOUND',
    looked: /1 referrer of the type of Sigstore bundles present; only the older layout is asked for/,
  },
  {
    name: 'bundles, where there is the older layout',
    formats: 'bundle',
    sign: 'signLegacy',
    code: 'SIGNATURES_NOT_FOUND',
    looked: /1 in the older layout present; only Sigstore bundles are asked for/,
  },
  { name: 'legacy, where it is', formats: 'legacy', sign: 'signLegacy', code: undefined, looked: /\.sig: 200/ },
  { name: 'bundles, where they are', formats: 'bundle', sign: 'signBundle', code: undefined, looked: /referrers of .*: 200, 1 listed/ },
] as const)
  test(`the format counts: ${name}`, async () => {
    const rig = await createPolicyRig()
    await rig[sign](team)
    const verdict = await verdictOf(rig, { ...byTeam, formats })
    assert.equal(verdict.code, code)
    assert.match(verdict.looked?.join('\n') ?? '', looked)
  })

const sigstore = await createTestSigstore()

for (const { name, changes, code, message } of [
  { name: 'as asked', changes: {} },
  {
    name: 'another identity',
    changes: { demands: { annotations: new Map(), identities: [{ subject: { exact: 'x@example.com' } }] } },
    code: 'IDENTITY_MISMATCH',
    message: /signer@example\.com/,
  },
  {
    name: 'another authority',
    changes: { trust: { ...sigstore.trustedRoot, certificateAuthorities: [] } },
    code: 'CERTIFICATE_UNTRUSTED',
    message: /no certificate authority is trusted/,
  },
  { name: 'no log', changes: { trust: { ...sigstore.trustedRoot, transparencyLogs: [] } }, code: 'TLOG_UNKNOWN', message: /log/ },
  {
    name: 'a timestamp as well',
    changes: { demands: { annotations: new Map(), identities: 'anybody', timestampThreshold: 1 } },
    code: 'THRESHOLD_NOT_MET',
    message: /verified signed timestamps: 0 < 1/,
  },
] as const satisfies readonly { name: string; changes: Partial<Authority>; code?: string; message?: RegExp }[])
  for (const layout of ['bundle', 'legacy'])
    test(`keyless, ${layout}: ${name}`, async () => {
      const rig = await createPolicyRig()
      if (layout === 'bundle') await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest), signPredicateType)
      else {
        const { payload, annotations } = await sigstore.signPayload(rig.digest)
        const { 'dev.cosignproject.cosign/signature': signature = '', ...others } = Object.fromEntries(annotations)
        await rig.hand.putSignatures('app', rig.digest, [{ payload, signature, annotations: others }])
      }
      const verdict = await verdictOf(rig, keylessAuthority('us', sigstore.trustedRoot, changes))
      assert.deepEqual([verdict.outcome, verdict.code], code === undefined ? ['passed', undefined] : ['failed', code])
      if (message) assert.match(verdict.message, message)
    })

for (const { name, made, quantifier, gates = [], outcome, code, message } of [
  {
    name: 'some, one of two holds',
    made: [{ ok: true }, { ok: false }],
    quantifier: 'some',
    gates: ['ok'],
    outcome: 'passed',
    message: /policy: ok is true/,
  },
  {
    name: 'every, one of two holds',
    made: [{ ok: true }, { ok: false }],
    quantifier: 'every',
    gates: ['ok'],
    outcome: 'failed',
    code: 'POLICY_REFUSED',
    message: /^verdict: referrer sha256:\w+: policy: ok is not true$/,
  },
  {
    name: 'every, both hold',
    made: [
      { ok: true, n: 1 },
      { ok: true, n: 2 },
    ],
    quantifier: 'every',
    gates: ['ok'],
    outcome: 'passed',
    message: /attested: referrer/,
  },
  {
    name: 'some, none holds',
    made: [{ ok: false }],
    quantifier: 'some',
    gates: ['ok'],
    outcome: 'failed',
    code: 'POLICY_REFUSED',
    message: /ok is not true/,
  },
  {
    name: 'two conditions, one holds',
    made: [{ ok: true }],
    quantifier: 'some',
    gates: ['ok', 'good'],
    outcome: 'failed',
    code: 'POLICY_REFUSED',
    message: /good is not true/,
  },
  {
    name: 'every, none there',
    made: [],
    quantifier: 'every',
    outcome: 'failed',
    code: 'ATTESTATIONS_NOT_FOUND',
    message: /^no attestations of type "https:\/\/example\.com\/verdict\/v1" found/,
  },
  {
    name: 'some, none there',
    made: [],
    quantifier: 'some',
    outcome: 'failed',
    code: 'ATTESTATIONS_NOT_FOUND',
    message: /^no attestations of type/,
  },
  { name: 'some, without conditions', made: [{}], quantifier: 'some', outcome: 'passed', message: /attested: referrer/ },
] as const satisfies readonly {
  name: string
  made: readonly Json[]
  quantifier: 'some' | 'every'
  gates?: readonly string[]
  outcome: string
  code?: string
  message: RegExp
}[])
  test(`attestations: ${name}`, async () => {
    const rig = await createPolicyRig()
    for (const predicate of made) await rig.attest(team, predicate)
    if (made.length > 0) await rig.attest(stranger, { ok: false, good: false }) // what others say counts for nothing
    const verdict = await verdictOf(rig, attesting(byTeam, quantifier, gates.map(isTrue)))
    assert.deepEqual([verdict.outcome, verdict.code], [outcome, code])
    assert.match(verdict.of?.[0]?.message ?? '', message)
  })

test('attestations of another type are none, and are told of', async () => {
  const rig = await createPolicyRig()
  await rig.attest(team, {}, 'https://example.com/other/v1')
  await rig.signBundle(team)
  const verdict = await verdictOf(rig, attesting(byTeam, 'some', []))
  assert.deepEqual([verdict.outcome, verdict.code], ['failed', 'PREDICATE_TYPE_MISMATCH'])
  assert.match(
    verdict.of?.[0]?.looked?.join('\n') ?? '',
    /attestations of other types present: "https:\/\/example\.com\/other\/v1", "https:\/\/sigstore/,
  )
})

test('an attestation is no signature', async () => {
  const rig = await createPolicyRig()
  await rig.attest(team, {})
  const verdict = await verdictOf(rig, byTeam)
  assert.deepEqual([verdict.outcome, verdict.code], ['failed', 'SIGNATURES_NOT_FOUND'])
  assert.match(verdict.looked?.join('\n') ?? '', /attestations of other types present: "https:\/\/example\.com\/verdict\/v1"/)
})

test('a bundle hides no attestation of the older layout from a demand on every one', async () => {
  const rig = await createPolicyRig()
  await rig.attest(team, { ok: true })
  await rig.attestLegacy(team, { ok: false })
  const asked = (quantifier: 'some' | 'every') =>
    verdictOf(rig, attesting({ ...byTeam, formats: 'bundle-first' }, quantifier, [isTrue('ok')]))
  assert.equal((await asked('some')).outcome, 'passed')
  assert.equal((await asked('every')).code, 'POLICY_REFUSED')
})

test('a referrer hides no bundle of the fallback tag from a demand on every one', async () => {
  const rig = await createPolicyRig({
    wrap: honest => async request => {
      const answer = await honest(request)
      if (!request.url.includes('/referrers/')) return answer
      const index = (await answer.json()) as { manifests: { digest: string }[] }
      return Response.json({ ...index, manifests: index.manifests.filter(({ digest }) => digest !== hidden) }, answer)
    },
  })
  await rig.attest(team, { ok: true })
  const [good] = await rig.hand.referrers('app', rig.digest)
  await rig.attest(team, { ok: false })
  const bad = (await rig.hand.referrers('app', rig.digest)).find(({ digest }) => digest !== good?.['digest'])
  const hidden = String(bad?.['digest'])
  const index = { schemaVersion: 2, mediaType: imageIndexType, manifests: [bad] }
  await rig.hand.putManifest('app', rig.digest.replace(':', '-'), index, imageIndexType)
  for (const formats of ['bundle', 'bundle-first', 'every'] as const) {
    const asked = (quantifier: 'some' | 'every') => verdictOf(rig, attesting({ ...byTeam, formats }, quantifier, [isTrue('ok')]))
    assert.deepEqual([formats, (await asked('some')).outcome, (await asked('every')).code], [formats, 'passed', 'POLICY_REFUSED'])
  }
  assert.equal((await verdictOf(rig, attesting({ ...byTeam, formats: 'legacy' }, 'every', []))).code, 'ATTESTATIONS_NOT_FOUND')
})

test('each of several attestations is asked for, and told by its name', async () => {
  const rig = await createPolicyRig()
  await rig.attest(team, { ok: true })
  const other = 'https://example.com/other/v1'
  const authority: Authority = {
    ...byTeam,
    proves: { kind: 'attestations', of: [demandOf('some', [isTrue('ok')]), { ...demandOf('some', [], 'other'), predicateType: other }] },
  }
  const lacking = await verdictOf(rig, authority)
  assert.deepEqual(
    lacking.of?.map(({ name, outcome }) => [name, outcome]),
    [
      ['verdict', 'passed'],
      ['other', 'failed'],
    ],
  )
  await rig.attest(team, {}, other)
  const verdict = await verdictOf(rig, authority)
  assert.deepEqual([verdict.outcome, [...(verdict.attestations?.keys() ?? [])]], ['passed', ['verdict', 'other']])
})

const twin = keyAuthority('twin', [team.publicKey], { path: 'elsewhere', places: [{ tagPrefix: '' }] })

for (const { name, of, least, outcome, code, message } of [
  { name: 'any of two', of: [byStranger, byTeam], least: 1, outcome: 'passed', message: /^1 of 2 hold, want 1$/ },
  {
    name: 'both of two',
    of: [byStranger, byTeam],
    least: 2,
    outcome: 'failed',
    code: 'THRESHOLD_NOT_MET',
    message: /^1 of 2 hold, want 2; stranger: no matching/,
  },
  { name: 'one, twice named', of: [byTeam, twin], least: 2, outcome: 'failed', code: 'THRESHOLD_NOT_MET', message: /^1 of 1 hold, want 2/ },
  {
    name: 'one, twice the same',
    of: [byTeam, byTeam],
    least: 2,
    outcome: 'failed',
    code: 'THRESHOLD_NOT_MET',
    message: /^1 of 1 hold, want 2/,
  },
  {
    name: 'none of one',
    of: [byStranger],
    least: 1,
    outcome: 'failed',
    code: 'SIGNATURE_INVALID',
    message: /^0 of 1 hold, want 1; stranger: no matching/,
  },
  { name: 'of nobody', of: [], least: 1, outcome: 'failed', code: 'THRESHOLD_NOT_MET', message: /nobody who could be enough/ },
  { name: 'none is enough', of: [byStranger], least: 0, outcome: 'failed', code: 'USAGE', message: /want at least 1 to be enough, got 0/ },
  { name: 'not a number', of: [byTeam], least: Number.NaN, outcome: 'failed', code: 'USAGE', message: /got NaN/ },
  {
    name: 'quorums in a quorum',
    of: [quorumOf([byStranger, byTeam]), quorumOf([byStranger])],
    least: 1,
    outcome: 'passed',
    message: /^1 of 2 hold/,
  },
] as const)
  test(`quorum: ${name}`, async () => {
    const rig = await createPolicyRig()
    await rig.signLegacy(team)
    const verdict = await verdictOf(rig, quorumOf(of, least))
    assert.deepEqual([verdict.outcome, verdict.code], [outcome, code])
    assert.match(verdict.message, message)
    assert.equal(verdict.of?.length, of.length)
  })

test('where the rest is not known, a quorum is not either', async () => {
  const rig = await createPolicyRig({ wrap: unreachable })
  const down = (least: number, ...of: Requirement[]) => verdictOf(rig, quorumOf(of, least))
  const pass = staticAuthority('pass', true)
  const fail = staticAuthority('fail', false)
  assert.deepEqual((await down(1, pass, byTeam)).outcome, 'passed')
  const half = await down(2, pass, byTeam)
  assert.deepEqual([half.outcome, half.code], ['unknown', 'REGISTRY_UNAVAILABLE'])
  assert.deepEqual((await down(2, fail, byTeam)).outcome, 'failed')
})

const unreachable = () => () => Promise.reject(new CountersignError('REGISTRY_UNAVAILABLE', 'registry r.test: connection refused'))

for (const { name, error, outcome } of [
  { name: 'unreachable', error: new CountersignError('REGISTRY_UNAVAILABLE', 'no connection'), outcome: 'unknown' },
  { name: 'denied', error: new CountersignError('REGISTRY_DENIED', 'pull is not allowed'), outcome: 'failed' },
  { name: 'malformed', error: new CountersignError('REGISTRY_RESPONSE_MALFORMED', 'garbage'), outcome: 'failed' },
] as const)
  test(`a registry that does not answer: ${name}`, async () => {
    const rig = await createPolicyRig({ wrap: () => () => Promise.reject(error) })
    const verdict = await evaluate(rig, byTeam)
    assert.deepEqual([verdict.outcome, verdict.failure?.code, verdict.policies[0]?.verdict.code], [outcome, error.code, error.code])
    const pinned = await evaluate(rig, byTeam, containerImage(`r.test/app@${rig.digest}`))
    assert.deepEqual([pinned.outcome, pinned.failure, pinned.policies[0]?.verdict.code], [outcome, undefined, error.code])
  })

test('a tag that is not there is not judged', async () => {
  const rig = await createPolicyRig()
  const verdict = await evaluate(rig, byTeam, containerImage('r.test/app:v9'))
  assert.deepEqual([verdict.outcome, verdict.digest, verdict.failure?.code], ['unknown', undefined, 'IMAGE_NOT_FOUND'])
})

test('a place that cannot be reached matters only where no other proves enough', async () => {
  const access = {
    clientFor: async (...[repository]: Parameters<PolicyRig['access']['clientFor']>) =>
      repository.registry === 'down.test'
        ? Promise.reject(new CountersignError('REGISTRY_UNAVAILABLE', 'down'))
        : await rig.access.clientFor(repository, [], live),
  }
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  await rig.attest(team, { ok: true })
  const places = [{ repository: parseRepository('down.test/signatures') }, {}] as const
  const judge = async (requirement: Requirement) =>
    (await evaluate({ ...rig, access: { ...rig.access, ...access } }, requirement)).policies[0]?.verdict
  assert.equal((await judge({ ...byTeam, places }))?.outcome, 'passed')
  const stranger = await judge({ ...byStranger, places })
  assert.deepEqual([stranger?.outcome, stranger?.code], ['unknown', 'REGISTRY_UNAVAILABLE'])
  assert.equal((await judge(attesting({ ...byTeam, places }, 'some', [isTrue('ok')])))?.outcome, 'passed')
  assert.equal((await judge(attesting({ ...byTeam, places }, 'every', [isTrue('ok')])))?.outcome, 'unknown')
})

test('an authority is looked for in its own place, by its own prefix', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const seen: (readonly [string, readonly string[]])[] = []
  const clientFor: PolicyRig['access']['clientFor'] = (repository, secrets, signal) => {
    seen.push([repository.repository, secrets])
    return rig.access.clientFor(repository, secrets, signal)
  }
  const place = { repository: parseRepository('r.test/signatures'), tagPrefix: 'x-', pullSecrets: ['s'] }
  const { policies } = await evaluate({ ...rig, access: { ...rig.access, clientFor } }, { ...byTeam, places: [place] })
  assert.match(policies[0]?.verdict.looked?.join('\n') ?? '', /tag r\.test\/signatures:x-sha256-[0-9a-f]{64}\.sig: 404/)
  assert.deepEqual(seen, [
    ['app', []],
    ['signatures', ['s']],
  ])
})

test('nothing is asked where every policy is static, or none applies', async () => {
  const rig = await createPolicyRig({ wrap: unreachable })
  const unusable = { kind: 'unusable', name: 'u', path: 'p', error: new CountersignError('KEY_MALFORMED', 'no key') } as const
  for (const { name, policies, whenNone, outcome } of [
    { name: 'passes', policies: [policyOf('p', staticAuthority('s', true))], whenNone: 'deny', outcome: 'passed' },
    { name: 'fails', policies: [policyOf('p', staticAuthority('s', false, 'no'))], whenNone: 'allow', outcome: 'failed' },
    {
      name: 'in a quorum',
      policies: [policyOf('p', quorumOf([staticAuthority('s', true), unusable]))],
      whenNone: 'deny',
      outcome: 'passed',
    },
    { name: 'unusable', policies: [policyOf('p', unusable)], whenNone: 'allow', outcome: 'failed' },
    { name: 'none, deny', policies: [], whenNone: 'deny', outcome: 'failed' },
    { name: 'none, warn', policies: [], whenNone: 'warn', outcome: 'passed' },
    { name: 'none, allow', policies: [], whenNone: 'allow', outcome: 'passed' },
  ] as const) {
    const verdict = await evaluateImage(named, podOf(named.original), [setOf(policies, { whenNone })], rig.access, live)
    assert.deepEqual([name, verdict.outcome, verdict.digest, verdict.failure], [name, outcome, undefined, undefined])
    assert.equal(verdict.unmatched.length, policies.length === 0 ? 1 : 0, name)
  }
  assert.deepEqual(rig.asked, [])
})

test('a static refusal says why', async () => {
  const verdict = await verdictOf(await createPolicyRig(), staticAuthority('s', false, 'legacy base'))
  assert.deepEqual([verdict.code, verdict.message], ['POLICY_REFUSED', 'disallowed by static policy: legacy base'])
})

for (const { name, actions, outcome } of [
  { name: 'warn alone', actions: ['warn'], outcome: 'passed' },
  { name: 'audit alone', actions: ['audit'], outcome: 'passed' },
  { name: 'warn and enforce', actions: ['warn', 'enforce'], outcome: 'failed' },
  { name: 'enforce, audit and warn', actions: ['enforce', 'audit', 'warn'], outcome: 'failed' },
] as const)
  test(`who fails: ${name}`, async () => {
    const rig = await createPolicyRig()
    const policies = actions.map((action, index) => policyOf(`p${index}`, byTeam, action))
    const { outcome: found, policies: told } = await evaluateImage(named, podOf(named.original), [setOf(policies)], rig.access, live)
    assert.equal(found, outcome)
    assert.deepEqual(
      told.map(({ verdict }) => verdict.outcome),
      actions.map(() => 'failed'),
    )
  })

test('every dialect must admit, each by its own rule for what none of its policies speaks of', async () => {
  const rig = await createPolicyRig()
  const passing = setOf([policyOf('p', staticAuthority('s', true))])
  for (const { whenNone, outcome } of [
    { whenNone: 'deny', outcome: 'failed' },
    { whenNone: 'allow', outcome: 'passed' },
  ] as const) {
    const verdict = await evaluateImage(
      named,
      podOf(named.original),
      [setOf([], { dialect: 'connaisseur', whenNone }), passing],
      rig.access,
      live,
    )
    assert.deepEqual([verdict.outcome, verdict.unmatched], [outcome, [{ dialect: 'connaisseur', whenNone }]])
  }
})

test('no dialect at all admits nothing, and what cannot be compared is refused', async () => {
  const rig = await createPolicyRig()
  const none = await evaluateImage(named, podOf(named.original), [], rig.access, live)
  assert.deepEqual(
    [none.outcome, none.failure?.code, none.failure?.message],
    ['failed', 'POLICY_EMPTY', 'want policies of one dialect at least, got none'],
  )
  const select = () => {
    throw new CountersignError('REFERENCE_MALFORMED', 'cannot be compared')
  }
  const odd = await evaluateImage(named, podOf(named.original), [{ ...setOf([]), select, whenNone: 'allow' }], rig.access, live)
  assert.deepEqual([odd.outcome, odd.failure?.code], ['failed', 'REFERENCE_MALFORMED'])
})

test('a judge sees what holds, and can only refuse', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const seen: unknown[] = []
  const judged = (requirement: Requirement, judge: Extract<Requirement, { kind: 'judged' }>['judge']): Requirement => ({
    kind: 'judged',
    path: 'spec.policy',
    requirement,
    judge,
  })
  const passes = await verdictOf(
    rig,
    judged(quorumOf([byTeam]), async (outcome, { digest, configurations }, signal) => {
      seen.push(outcome.signatures?.length, digest, [...(await configurations(signal)).keys()])
      return ['look out']
    }),
  )
  assert.deepEqual(seen, [1, rig.digest, ['linux/amd64']])
  assert.deepEqual([passes.outcome, passes.warnings, passes.of?.length], ['passed', ['look out'], 1])
  const refuses = await verdictOf(
    rig,
    judged(byTeam, () => Promise.reject(new CountersignError('POLICY_REFUSED', 'no root, please'))),
  )
  assert.deepEqual([refuses.outcome, refuses.code, refuses.message], ['failed', 'POLICY_REFUSED', 'no root, please'])
  const breaks = await verdictOf(
    rig,
    judged(byTeam, () => Promise.reject(new RangeError('broken'))),
  )
  assert.deepEqual([breaks.outcome, breaks.code, breaks.message], ['unknown', undefined, 'internal error: broken'])
  const unasked = await verdictOf(
    rig,
    judged(byStranger, () => assert.fail('asked')),
  )
  assert.deepEqual([unasked.outcome, unasked.code], ['failed', 'SIGNATURE_INVALID'])
})

test('a log is asked for what a signature did not bring along, and is not believed', async () => {
  const { payload, annotations, parts } = await sigstore.signPayload((await createPolicyRig()).digest)
  const {
    'dev.cosignproject.cosign/signature': signature = '',
    'dev.sigstore.cosign/bundle': bundle,
    ...others
  } = Object.fromEntries(annotations)
  assert.ok(bundle)
  const asked: string[] = []
  for (const { entries, code } of [
    { entries: parts.logEntries, code: undefined },
    { entries: [], code: 'TLOG_ENTRY_MISSING' },
  ]) {
    const searchLog: PolicyRig['access']['searchLog'] = async log => {
      asked.push(log.href)
      return entries
    }
    const rig = await createPolicyRig({ access: { searchLog } })
    await rig.hand.putSignatures('app', rig.digest, [{ payload, signature, annotations: others }])
    const authority = keylessAuthority('us', sigstore.trustedRoot)
    assert.equal((await verdictOf(rig, authority)).code, 'TLOG_ENTRY_MISSING')
    assert.equal((await verdictOf(rig, { ...authority, askedLog: new URL('https://log.test/') })).code, code)
  }
  assert.deepEqual(asked, ['https://log.test/', 'https://log.test/'])
})

test('a moving tag is looked up once, and its digest is what counts', async () => {
  const other = buildImage({ command: ['/other'] })
  const rig = await createPolicyRig({
    wrap: honest => async request => {
      const answer = await honest(request)
      if (request.method === 'HEAD') await rig.push('v1', other) // moves as soon as it was looked up
      return answer
    },
  })
  await rig.signLegacy(team)
  const { digest, outcome } = await evaluate(rig, quorumOf([byTeam, byStranger]))
  assert.deepEqual([digest, outcome], [rig.digest, 'passed'])
  assert.equal(rig.asked.filter(request => request.endsWith('/manifests/v1')).length, 1)
  const later = await evaluate(rig, byTeam)
  assert.deepEqual([later.digest, later.outcome], [other.digest, 'failed'])
})

test('annotations and hashes are demanded', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const annotated = await verdictOf(rig, { ...byTeam, demands: { ...byTeam.demands, annotations: new Map([['env', 'prod']]) } })
  assert.deepEqual([annotated.outcome, annotated.code], ['failed', 'ANNOTATION_MISMATCH'])
  const hashed = await verdictOf(rig, { ...byTeam, demands: { ...byTeam.demands, hashes: ['sha512'] } })
  assert.deepEqual([hashed.outcome, hashed.code], ['failed', 'SIGNATURE_INVALID'])
})

test('a key without a limit, and one that had its time', async () => {
  const key = freshSigner()
  const rig = await createPolicyRig()
  await rig.signBundle(key)
  const limited = { ...key.publicKey, validFor: { start: new Date(0), end: new Date(1) } }
  assert.equal((await verdictOf(rig, keyAuthority('k', [key.publicKey]))).outcome, 'passed')
  assert.equal((await verdictOf(rig, keyAuthority('k', [limited]))).code, 'KEY_EXPIRED')
})

test('the order is that of dialect and name, however they come', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const policies = ['d', 'a', 'c', 'b'].map((name, index) =>
    policyOf(name, quorumOf([byTeam, byStranger]), index % 2 === 0 ? 'warn' : 'enforce'),
  )
  const sets = (order: readonly number[]) => [
    setOf([policyOf('k', byTeam)], { dialect: 'kyverno' }),
    setOf(order.map(index => policies[index]!)),
  ]
  const wanted = JSON.stringify(await evaluateImage(named, podOf(named.original), sets([0, 1, 2, 3]), rig.access, live))
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed % below
  }
  for (let round = 0; round < 100; round++) {
    const order = [0, 1, 2, 3]
    for (let at = 3; at > 0; at--) {
      const other = random(at + 1)
      ;[order[at], order[other]] = [order[other]!, order[at]!]
    }
    const shuffled = sets(order)
    const verdict = await evaluateImage(named, podOf(named.original), round % 2 === 0 ? shuffled : shuffled.toReversed(), rig.access, live)
    assert.equal(JSON.stringify(verdict), wanted, `seed ${seed}`)
  }
  assert.deepEqual(
    JSON.parse(wanted).policies.map(({ policy }: { policy: { name: string } }) => policy.name),
    ['a', 'b', 'c', 'd', 'k'],
  )
})
