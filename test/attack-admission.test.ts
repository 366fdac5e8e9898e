import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import type { JsonObject } from '../src/codec/json.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { createVerdictCache } from '../src/policy/evaluate/memory/verdict-cache.ts'
import { noEvents } from '../src/services/service.ts'
import { reviewOf, workloadOf, workloads } from '../src/testing/admission/reviews.ts'
import { createPolicyRig, type PolicyRig } from '../src/testing/policy/policy-rig.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { createAdmissionServer } from '../src/webhook/admission-server.ts'
import { decideByPolicies, updatesImages } from '../src/webhook/policies/decide-by-policies.ts'
import { followPolicies } from '../src/webhook/policies/followed-policies.ts'
import type { Mutation } from '../src/webhook/review/admission-response.ts'

// Whoever wants an image in that no policy admits: what such a person can send, against the server with policies, cache and registry behind it.

const [pod] = workloads
const deployment = workloads.find(({ kind }) => kind === 'Deployment')!
const live = AbortSignal.any([])
const outside = {
  world: { now: () => new Date(), fetch: async () => assert.fail('a request') },
  warn: () => {},
  remoteText: async () => assert.fail('a request'),
  kmsKeys: async () => {
    throw new CountersignError('KMS_UNAVAILABLE', 'no KMS')
  },
  publicGood: async () => assert.fail('the public instance'),
}

/** A policy as a document: in JSON, which is YAML. */
function policy(name: string, glob: string, authority: object, spec: object = {}): string {
  return JSON.stringify({
    apiVersion: 'policy.sigstore.dev/v1beta1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { images: [{ glob }], authorities: [authority], ...spec },
  })
}

const pass = { static: { action: 'pass' } }
const fail = { static: { action: 'fail' } }
const byTeam = { key: { data: teamKey.publicPem } }

/** A server that judges by these documents. */
async function serve(rig: PolicyRig, documents: readonly string[], mutation: Mutation = 'all') {
  const read = async () => [{ name: 'a.yaml', text: documents.join('\n---\n') }]
  const policies = await followPolicies({ read, systemNamespace: 'cosign-system', outside }, noEvents, live)
  const { handler } = createAdmissionServer(
    {
      decide: decideByPolicies({ policies: policies.sets, access: rig.access, cache: createVerdictCache() }),
      rules: { exemptNamespaces: new Set(['cosign-system']), imagesChanged: updatesImages(policies.sets) },
      mutation,
      problems: policies.problems,
    },
    { events: noEvents, metrics: async () => new Response() },
    { now: () => new Date(0), sleep: () => new Promise(() => {}) },
  )
  return async (review: JsonObject, path = '/validations') => {
    const body = encodeUtf8(JSON.stringify(review))
    const response = await handler(
      new Request(`https://w.test${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } }),
    )
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return (JSON.parse(text) as { response: Answer }).response
  }
}

type Answer = { readonly allowed: boolean; readonly patch?: string; readonly status?: { readonly code: number; readonly message: string } }

function assertRefused({ allowed, status }: Answer, message: RegExp, code = 403): void {
  assert.equal(allowed, false)
  assert.equal(status?.code, code, `${status?.message}`)
  assert.match(status?.message ?? '', message)
}

for (const image of ['R.TEST/app:v1', 'r.test:443/app:v1', 'R.Test:443/app'])
  test(`another spelling of a host evades no policy: ${image}`, async () => {
    const ask = await serve(await createPolicyRig(), [policy('all', '**', pass), policy('own', 'r.test/**', fail)])
    assertRefused(await ask(reviewOf(pod!, workloadOf(pod!, [image]))), /failed policy: own: spec\.containers\[0\]\.image/)
  })

test('a digest that is denied is denied by its tag as well', async () => {
  const rig = await createPolicyRig()
  const documents = [policy('all', '**', pass), policy('bad', `r.test/app@${rig.digest}`, fail)]
  for (const mutation of ['all', 'never'] as const)
    for (const path of ['/mutations', '/validations']) {
      const ask = await serve(rig, documents, mutation)
      assertRefused(await ask(reviewOf(pod!, workloadOf(pod!, ['r.test/app:v1'])), path), /failed policy: bad: spec/)
    }
})

test('a glob of a tag admits nothing, for a tag is no image', async () => {
  const ask = await serve(await createPolicyRig(), [policy('tag', 'r.test/app:v1', pass)])
  for (const path of ['/mutations', '/validations'])
    assertRefused(await ask(reviewOf(pod!, workloadOf(pod!, ['r.test/app:v1'])), path), /no matching policies/)
})

test('what is validated is pinned, for a tag may lead elsewhere when it is pulled', async () => {
  const rig = await createPolicyRig()
  await rig.signLegacy(teamKey.signer())
  const documents = [policy('team', '**', byTeam)]
  const review = reviewOf(pod!, workloadOf(pod!, ['r.test/app:v1']))
  const ask = await serve(rig, documents)
  assert.equal((await ask(review, '/mutations')).allowed, true)
  assertRefused(
    await ask(review),
    /^validation failed: invalid value: r\.test\/app:v1 must be an image digest: spec\.containers\[0\]\.image\n/,
  )
  assert.equal((await ask(reviewOf(pod!, workloadOf(pod!, [`r.test/app:v1@${rig.digest}`])))).allowed, true)
})

test('an object that is relabelled is judged by the policies that apply to it then', async () => {
  const match = (tier: string) => ({ match: [{ version: 'v1', resource: 'pods', selector: { matchLabels: { tier } } }] })
  const documents = [policy('test', '**', pass, match('test')), policy('prod', '**', byTeam, match('prod'))]
  const ask = await serve(await createPolicyRig(), documents)
  const labelled = (tier: string) => workloadOf(pod!, ['r.test/app:v1'], { labels: { tier } })
  assert.equal((await ask(reviewOf(pod!, labelled('test')))).allowed, true)
  assertRefused(
    await ask(reviewOf(pod!, labelled('prod'), { operation: 'UPDATE', oldObject: labelled('test') })),
    /failed policy: prod: spec/,
  )
})

test('an update is judged by a program that looks at the object, whatever its images', async () => {
  const cel = { type: 'cel', data: 'spec.replicas < 3', includeSpec: true }
  const ask = await serve(await createPolicyRig(), [policy('few', '**', pass, { policy: cel })])
  const scaled = (replicas: number) => {
    const made = workloadOf(deployment, ['r.test/app:v1'])
    return { ...made, spec: { ...(made['spec'] as JsonObject), replicas } }
  }
  assert.equal((await ask(reviewOf(deployment, scaled(1)), '/mutations')).allowed, true)
  assertRefused(await ask(reviewOf(deployment, scaled(9), { operation: 'UPDATE', oldObject: scaled(1) })), /failed policy: few: spec/)
})
