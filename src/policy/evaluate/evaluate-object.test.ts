import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../codec/error.ts'
import { keyAuthority, policyOf, quorumOf, setOf, staticAuthority } from '../../testing/policy/policies.ts'
import { createPolicyRig, type PolicyRig, podOf } from '../../testing/policy/policy-rig.ts'
import { after } from '../../testing/sigstore/keyless-verification.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import { readAdmittedObject } from '../images/admitted-object.ts'
import { parseImagePath } from '../images/image-path.ts'
import type { AdmittedObject, PolicySet } from '../model.ts'
import { type EvaluateObjectOptions, evaluateObject } from './evaluate-object.ts'
import { createVerdictCache } from './memory/verdict-cache.ts'

const team = teamKey.signer()
const stranger = strangerKey.signer()
const byTeam = keyAuthority('team', [team.publicKey], { formats: 'legacy' })
const byStranger = keyAuthority('stranger', [stranger.publicKey], { formats: 'legacy' })
const set = setOf([policyOf('p', byTeam)])
const live = new AbortController().signal
const evaluate = (rig: PolicyRig, object: AdmittedObject, sets: readonly PolicySet[] = [set], options: EvaluateObjectOptions = {}) =>
  evaluateObject(object, sets, rig.access, live, options)

test('one digest in eight containers is verified once, by three requests', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const policies = [policyOf('a', byTeam), policyOf('b', quorumOf([byTeam, byStranger])), policyOf('c', byTeam, 'warn')]
  const { outcome, images } = await evaluate(rig, podOf(...Array.from({ length: 8 }, () => 'r.test/app:v1')), [setOf(policies)])
  assert.deepEqual([outcome, images.length], ['passed', 8])
  assert.deepEqual(
    rig.asked.map(request => request.replace(/sha256:[0-9a-f]+/, 'X')),
    ['HEAD app/manifests/v1', `GET app/manifests/sha256-${rig.digest.slice(7, 11)}.sig`, 'GET app/blobs/X'],
  )
  const [first] = images
  for (const { policies } of images) assert.equal(policies[0]?.verdict.signatures?.[0], first?.policies[0]?.verdict.signatures?.[0])
})

test('every image must pass, and each is told of in its place', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(team)
  const { outcome, images } = await evaluate(rig, podOf('r.test/app:v1', 'r.test/other:v1'))
  assert.deepEqual(
    images.map(({ image, outcome }) => [image.field, outcome]),
    [
      ['spec.containers[0].image', 'passed'],
      ['spec.containers[1].image', 'unknown'],
    ],
  )
  assert.equal(outcome, 'unknown')
})

test('an object whose images cannot be told is refused', async () => {
  const rig = await createPolicyRig()
  const { outcome, images, failure } = await evaluate(rig, podOf('UPPER'))
  assert.deepEqual([outcome, images, failure?.code], ['failed', [], 'REFERENCE_MALFORMED'])
})

test('a kind that others defined may have no image, and is judged by those it has', async () => {
  const rig = await createPolicyRig()
  const custom = [{ group: 'x.test', kind: 'Thing', paths: [parseImagePath('spec.image', 'path')] }] as const
  const thing = (spec: object) => readAdmittedObject({ apiVersion: 'x.test/v1', kind: 'Thing', spec }, { resource: 'things' })
  assert.equal((await evaluate(rig, thing({}), [set], { custom })).outcome, 'passed')
  const unsigned = await evaluate(rig, thing({ image: 'r.test/app:v1' }), [set], { custom })
  assert.deepEqual([unsigned.outcome, unsigned.images[0]?.image.pointer], ['failed', '/spec/image'])
})

for (const { name, pending, step } of [
  {
    name: 'lookup',
    pending: (request: Request) => request.method === 'HEAD',
    step: /^no answer before the deadline: lookup of r\.test\/app:v1$/,
  },
  {
    name: 'tag of signatures',
    pending: ({ url }: Request) => url.endsWith('.sig'),
    step: /^no answer before the deadline: signatures of r\.test\/app@sha256:\w+ for team \(pending: manifest r\.test\/app sha256-\w+\.sig\)$/,
  },
  { name: 'signature', pending: ({ url }: Request) => url.includes('/blobs/'), step: /\(pending: blob r\.test\/app sha256:\w+\)$/ },
])
  test(`what is pending at the deadline is not known: ${name}`, async () => {
    const deadline = new AbortController()
    const rig = await createPolicyRig({
      wrap: honest => request => {
        if (!pending(request)) return honest(request)
        deadline.abort()
        return new Promise(() => {})
      },
    })
    await rig.signLegacy(team)
    const policies = [policyOf('a', staticAuthority('s', true)), policyOf('b', byTeam), policyOf('c', byTeam, 'warn')]
    const { outcome, images } = await evaluateObject(podOf('r.test/app:v1'), [setOf(policies)], rig.access, deadline.signal)
    assert.equal(outcome, 'unknown')
    const [image] = images
    assert.deepEqual(
      image?.policies.map(({ verdict }) => [verdict.outcome, verdict.code]),
      [
        ['passed', undefined],
        ['unknown', 'TIMED_OUT'],
        ['unknown', 'TIMED_OUT'],
      ],
    )
    assert.match(image?.policies[1]?.verdict.message ?? '', step)
  })

test('past the deadline nothing is asked, and only what needs nothing is known', async () => {
  const rig = await createPolicyRig()
  const judge = (requirement: Parameters<typeof policyOf>[1]) =>
    evaluateObject(podOf('r.test/app:v1'), [setOf([policyOf('p', requirement)])], rig.access, AbortSignal.abort())
  assert.equal((await judge(byTeam)).images[0]?.failure?.code, 'TIMED_OUT')
  assert.equal((await judge(byTeam)).outcome, 'unknown')
  assert.equal((await judge(staticAuthority('s', true))).outcome, 'passed')
  assert.deepEqual(rig.asked, [])
})

/** A rig whose clock can be set, with a cache, and a way to ask for a verdict and what it cost. */
async function createCached(limits: Parameters<typeof createVerdictCache>[0] = {}) {
  const clock = { now: after(3600) }
  const rig = await createPolicyRig({ access: { now: () => clock.now } })
  const cache = createVerdictCache(limits)
  const image = `r.test/app@${rig.digest}`
  const judge = async (options: EvaluateObjectOptions = {}, policies: PolicySet = set) => {
    rig.asked.length = 0
    const verdict = await evaluateObject(podOf(image), [policies], rig.access, live, { cache, ...options })
    return { verdict, outcome: verdict.outcome, requests: rig.asked.length }
  }
  return { rig, cache, clock, judge }
}

test('what was proven is kept, and a hit gives an identical verdict', async () => {
  const { rig, judge, cache } = await createCached()
  await rig.signLegacy(team)
  const first = await judge()
  const second = await judge()
  assert.deepEqual([first.outcome, first.requests, second.requests, cache.size().entries], ['passed', 2, 0, 1])
  assert.deepEqual(second.verdict, first.verdict)
})

test('another fingerprint, repository or digest is another verdict', async () => {
  const { rig, judge } = await createCached()
  await rig.signLegacy(team)
  await judge()
  assert.equal((await judge({}, setOf([policyOf('p', byTeam, 'enforce', { fingerprint: 'other' })]))).requests, 2)
  assert.equal(
    (await judge({}, setOf([policyOf('q', { ...byTeam, places: [{ tagPrefix: 'x-' }] }, 'enforce', { fingerprint: 'fingerprint of p' })])))
      .outcome,
    'failed',
  )
})

for (const { name, sign, seconds, requests } of [
  { name: 'a proof, within an hour', sign: true, seconds: 3599, requests: 0 },
  { name: 'a proof, after an hour', sign: true, seconds: 3600, requests: 2 },
  { name: 'a refusal, within half a minute', sign: false, seconds: 29, requests: 0 },
  { name: 'a refusal, after half a minute', sign: false, seconds: 30, requests: 2 },
  { name: 'a proof, where the clock was set back', sign: true, seconds: -1, requests: 2 },
])
  test(`kept for its time: ${name}`, async () => {
    const { rig, judge, clock } = await createCached()
    if (sign) await rig.signLegacy(team)
    const first = await judge()
    clock.now = after(3600 + seconds)
    const second = await judge()
    assert.deepEqual([second.outcome, second.requests], [first.outcome, requests])
  })

test('a proof ends where the validity of a key does', async () => {
  const { rig, judge, clock } = await createCached()
  await rig.signLegacy(team)
  const limited = setOf([
    policyOf('p', { ...byTeam, trust: { keys: [{ ...team.publicKey, validFor: { start: new Date(0), end: after(3610) } }] } }),
  ])
  assert.equal((await judge({}, limited)).outcome, 'passed')
  clock.now = after(3610)
  assert.deepEqual([(await judge({}, limited)).requests, (await judge({}, limited)).outcome], [0, 'passed'])
  clock.now = new Date(after(3610).getTime() + 1)
  assert.equal((await judge({}, limited)).outcome, 'failed')
})

test('a dry run reads, and leaves nothing', async () => {
  const { rig, judge, cache } = await createCached()
  await rig.signLegacy(team)
  await judge({ dryRun: true })
  assert.equal(cache.size().entries, 0)
  await judge()
  assert.deepEqual([(await judge({ dryRun: true })).requests, cache.size().entries], [0, 1])
})

test('what could not be found out is not kept', async () => {
  let isDown = true
  const rig = await createPolicyRig({
    wrap: honest => request => (isDown ? Promise.reject(new CountersignError('REGISTRY_UNAVAILABLE', 'down')) : honest(request)),
  })
  await rig.signLegacy(team)
  const cache = createVerdictCache()
  const judge = () => evaluate(rig, podOf(`r.test/app@${rig.digest}`), [set], { cache })
  assert.deepEqual([(await judge()).outcome, cache.size().entries], ['unknown', 0])
  isDown = false
  assert.deepEqual([(await judge()).outcome, cache.size().entries], ['passed', 1])
})

test('conditions and judges are asked anew on a hit: what they say may depend on the time and the object', async () => {
  const { rig, cache, clock } = await createCached()
  await rig.attest(team, {})
  const seen: string[] = []
  const check = ({ now }: { readonly now: Date }) => {
    seen.push(now.toISOString())
    return 'seen'
  }
  const demand = {
    name: 'v',
    path: 'a',
    predicateType: 'https://example.com/verdict/v1',
    quantifier: 'some',
    conditions: [{ step: 'policy', wanted: 'x', check }],
  } as const
  const requirement = {
    kind: 'judged',
    path: 'j',
    judge: async () => [seen.push('judged') ? 'w' : ''],
    requirement: keyAuthority('k', [team.publicKey], { proves: { kind: 'attestations', of: [demand] } }),
  } as const
  const judge = () => evaluate(rig, podOf(`r.test/app@${rig.digest}`), [setOf([policyOf('p', requirement)])], { cache })
  await judge()
  clock.now = after(3700)
  await judge()
  assert.deepEqual(seen, [after(3600).toISOString(), 'judged', after(3700).toISOString(), 'judged'])
})

test('what a cache holds is bounded, by number and by bytes', async () => {
  const byNumber = await createCached({ entries: 1 })
  await byNumber.rig.signLegacy(team)
  const other = setOf([policyOf('other', byTeam)])
  for (const [policies, requests] of [
    [set, 2],
    [set, 0],
    [other, 2],
    [other, 0],
    [set, 2],
  ] as const)
    assert.equal((await byNumber.judge({}, policies)).requests, requests)
  assert.equal(byNumber.cache.size().entries, 1)
  const byBytes = await createCached({ bytes: 20_000 })
  await byBytes.rig.signLegacy(team)
  for (const name of ['a', 'b', 'c', 'd', 'e']) await byBytes.judge({}, setOf([policyOf(name, byTeam)]))
  const { entries, bytes } = byBytes.cache.size()
  assert.ok(entries >= 1 && entries < 5 && bytes <= 20_000, `${entries} entries, ${bytes} bytes`)
  const none = await createCached({ bytes: 100 })
  await none.rig.signLegacy(team)
  assert.deepEqual([(await none.judge()).outcome, none.cache.size()], ['passed', { entries: 0, bytes: 0 }])
})

test('many requests at once fetch once, unless they are of different workloads', async () => {
  const { rig, cache } = await createCached()
  await rig.signLegacy(team)
  const object = podOf(`r.test/app@${rig.digest}`)
  const judge = (workload: string) => evaluateObject(object, [set], { ...rig.access, workload }, live, { cache, dryRun: true })
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => judge('a')))
  assert.deepEqual([new Set(verdicts.map(({ outcome }) => outcome)), rig.asked.length], [new Set(['passed']), 2])
  rig.asked.length = 0
  await Promise.all([judge('a'), judge('b')])
  assert.equal(rig.asked.length, 4)
})

test('the end of one request is not the end of another that waits for the same', async () => {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const rig = await createPolicyRig({
    wrap: honest => async request => {
      begun.resolve()
      await gate.promise
      return await honest(request)
    },
  })
  await rig.signLegacy(team)
  const cache = createVerdictCache()
  const first = new AbortController()
  const object = podOf(`r.test/app@${rig.digest}`)
  const judge = (signal: AbortSignal) => evaluateObject(object, [set], rig.access, signal, { cache })
  const [one, other] = [judge(first.signal), judge(live)]
  await begun.promise
  first.abort()
  assert.equal((await one).outcome, 'unknown')
  gate.resolve()
  assert.deepEqual([(await other).outcome, rig.asked.length], ['passed', 2])
})

test('an object of a thousand images lets others have their turn', async () => {
  const rig = await createPolicyRig()
  const object = podOf(...Array.from({ length: 1000 }, (_, index) => `r.test/app${index}:v1`))
  let turns = 0
  const judging = evaluateObject(object, [setOf([policyOf('all', staticAuthority('any', true))])], rig.access, live)
  let isOver = false
  void judging.then(() => {
    isOver = true
  })
  for (; !isOver; turns++) await new Promise<void>(resolve => setImmediate(resolve))
  assert.equal((await judging).outcome, 'passed')
  assert.ok(turns > 100, `${turns} turns`)
})
