import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import type { JsonObject } from '../src/codec/json.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { statementPayloadType } from '../src/formats/statement.ts'
import { createVerdictCache } from '../src/policy/evaluate/memory/verdict-cache.ts'
import { noEvents } from '../src/services/service.ts'
import { encodeEnvelopeBundle } from '../src/sign/bundle.ts'
import { reviewOf, workloadOf, workloads } from '../src/testing/admission/reviews.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { attestationOf, createPolicyRig, type PolicyRig } from '../src/testing/policy/policy-rig.ts'
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

const refusing = async () => serve(await createPolicyRig(), [policy('signed', '**', byTeam)])

for (const workload of workloads)
  test(`an unsigned image is found wherever a ${workload.kind} of ${workload.version} may have one, whatever stands beside it`, async () => {
    const rig = await createPolicyRig()
    await rig.signLegacy(teamKey.signer())
    const ask = await serve(rig, [policy('signed', '**', byTeam)])
    const signed = `r.test/app@${rig.digest}`
    const bad = `r.test/bad@sha256:${'b'.repeat(64)}`
    const withSpec = (more: JsonObject) => {
      const object = structuredClone(workloadOf(workload, [signed])) as Record<string, JsonObject>
      const spec = workload.podPath.reduce<JsonObject>((value, name) => value[name] as JsonObject, object)
      Object.assign(spec, more)
      return object as JsonObject
    }
    assert.equal((await ask(reviewOf(workload, withSpec({})))).allowed, true)
    for (const [more, place] of [
      [{ initContainers: [{ name: 'x', image: bad }] }, 'initContainers[0].image'],
      [
        {
          containers: [
            { name: 'x', image: signed },
            { name: 'y', image: bad },
          ],
        },
        'containers[1].image',
      ],
      [{ ephemeralContainers: [{ name: 'x', image: bad }] }, 'ephemeralContainers[0].image'],
      [
        {
          volumes: [
            { name: 'x', emptyDir: {} },
            { name: 'y', image: { reference: bad } },
          ],
        },
        'volumes[1].image.reference',
      ],
    ] as const) {
      const expected = `validation failed: failed policy: signed: ${workload.podPath.join('.')}.${place}\n`
      for (const request of [{}, { operation: 'UPDATE', oldObject: withSpec({}) }, { dryRun: true }]) {
        const { allowed, status } = await ask(reviewOf(workload, withSpec(more), request))
        assert.equal(allowed, false, place)
        assert.ok(status?.message.startsWith(expected), `${status?.message}`)
      }
    }
  })

for (const { name, object, request = {}, message, code = 403 } of [
  { name: 'a field in another case', object: { spec: { Containers: [{ image: 'r.test/bad' }] } }, message: /Image|image/ },
  { name: 'no list', object: { spec: { containers: { 0: { image: 'r.test/bad' } } } }, message: /spec\.containers: want a list/ },
  { name: 'an image that is a list', object: { spec: { containers: [{ image: ['r.test/app'] }] } }, message: /want the name of an image/ },
  {
    name: 'a name of a prototype',
    object: { spec: JSON.parse('{"__proto__":{"containers":[{"image":"r.test/bad"}]}}') },
    message: /spec\.__proto__\.containers\[0\]\.image/,
  },
  { name: 'white space', object: { spec: { containers: [{ image: ' r.test/app:v1' }] } }, message: /repository|registry/ },
  {
    name: 'another alphabet',
    object: { spec: { containers: [{ image: 'r.test/\u0430pp:v1' }] } },
    message: /repository: want lower-case letters/,
  },
  {
    name: 'a line end',
    object: { spec: { containers: [{ image: 'r.test/app\n[countersign: STATIC_PASS]' }] } },
    message: /^[^\n]*\n\[countersign: [A-Z_]+ explain=[0-9a-f-]+\]$/,
  },
  {
    name: 'two digests',
    object: { spec: { containers: [{ image: `r.test/app@sha256:${'a'.repeat(64)}@sha256:${'b'.repeat(64)}` }] } },
    message: /digest: want sha256/,
  },
  {
    name: 'a digest of another kind',
    object: { spec: { containers: [{ image: `r.test/app@sha512:${'a'.repeat(128)}` }] } },
    message: /digest: want sha256/,
  },
  {
    name: 'a pull secret that is to be another',
    object: { spec: { containers: [{ image: 'r.test/bad' }], imagePullSecrets: [{ name: 'x' }] } },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'annotations that say that it was verified',
    object: {
      metadata: { annotations: { 'policy.sigstore.dev/verified': 'true', image: 'x' } },
      spec: { containers: [{ image: 'r.test/bad' }] },
    },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'a time of deletion (GHSA-hq4m-4948-64cc)',
    object: { metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' }, spec: { containers: [{ image: 'r.test/bad' }] } },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'a time of deletion that an update brings (GHSA-hq4m-4948-64cc)',
    object: { metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' }, spec: { containers: [{ image: 'r.test/bad' }] } },
    request: { operation: 'UPDATE', oldObject: { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ image: 'r.test/app' }] } } },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'containers that change places',
    object: { spec: { initContainers: [{ image: 'r.test/b' }], containers: [{ image: 'r.test/a' }] } },
    request: {
      operation: 'UPDATE',
      oldObject: { apiVersion: 'v1', kind: 'Pod', spec: { initContainers: [{ image: 'r.test/a' }], containers: [{ image: 'r.test/b' }] } },
    },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'an image that was not readable before',
    object: { spec: { containers: [{ image: 'r.test/bad' }] } },
    request: { operation: 'UPDATE', oldObject: { apiVersion: 'v1', kind: 'Pod', spec: { containers: 'x' } } },
    code: 503,
    message: /must be an image digest/,
  },
  {
    name: 'a subresource that nobody knows',
    object: { spec: { containers: [{ image: 'r.test/bad' }] } },
    request: { subResource: 'Status' },
    message: /subresource: want none/,
  },
] satisfies readonly {
  readonly name: string
  readonly object: JsonObject
  readonly request?: JsonObject
  readonly message: RegExp
  readonly code?: number
}[])
  test(`a pod is refused that has ${name}`, async () => {
    const ask = await refusing()
    assertRefused(await ask(reviewOf(pod!, { apiVersion: 'v1', kind: 'Pod', metadata: {}, ...object }, request)), message, code)
  })

for (const { group, version, kind } of [
  { group: '', version: 'v1', kind: 'List' },
  { group: '', version: 'v1', kind: 'PodTemplate' },
  { group: '', version: 'v1', kind: 'PodList' },
  { group: '', version: 'v2', kind: 'Pod' },
  { group: 'x.test', version: 'v1', kind: 'Pod' },
  { group: 'x.test', version: 'v1', kind: 'Deployment' },
  { group: '', version: 'v1', kind: 'pod' },
  { group: '', version: 'v1', kind: '__proto__' },
])
  test(`a kind that nobody knows the images of is refused: ${kind} of ${group}/${version}`, async () => {
    const ask = await serve(await createPolicyRig(), [policy('all', '**', pass)])
    const workload = { group, version, kind, resource: 'pods', podPath: ['spec'] }
    assertRefused(await ask(reviewOf(workload, workloadOf(workload, ['r.test/app']))), /want a workload of Kubernetes' own/)
  })

test('an attestation of another type, or of another image, admits none (GHSA-739f-hw6h-7wq8)', async () => {
  const wanted = { ...byTeam, signatureFormat: 'bundle', attestations: [{ name: 'scan', predicateType: 'https://example.com/scan/v1' }] }
  for (const predicateType of ['https://example.com/other/v1', 'https://sigstore.dev/cosign/sign/v1']) {
    const rig = await createPolicyRig()
    await rig.attest(teamKey.signer(), {}, predicateType)
    await rig.signLegacy(teamKey.signer())
    const ask = await serve(rig, [policy('scanned', '**', wanted)])
    const image = `r.test/app@${rig.digest}`
    assertRefused(
      await ask(reviewOf(pod!, workloadOf(pod!, [image]))),
      /no matching attestations with type https:\/\/example\.com\/scan\/v1/,
    )
    await rig.attest(teamKey.signer(), {}, 'https://example.com/scan/v1')
    const again = await serve(rig, [policy('scanned', '**', wanted)])
    assert.equal((await again(reviewOf(pod!, workloadOf(pod!, [image])))).allowed, true)
  }
  const [rig, other] = [await createPolicyRig(), buildImage({ command: ['/other'] })]
  await rig.push('other', other)
  const statement = attestationOf(rig.digest, {}, 'https://example.com/scan/v1') // of the image that is signed
  const signature = await teamKey.signer().sign(preAuthEncoding(statementPayloadType, statement))
  await rig.hand.attachBundle('app', other, encodeEnvelopeBundle(teamKey.signer(), statement, signature), 'https://example.com/scan/v1')
  const ask = await serve(rig, [policy('scanned', '**', wanted)])
  assertRefused(await ask(reviewOf(pod!, workloadOf(pod!, [`r.test/app@${other.digest}`]))), /attestation key validation failed/)
})

const written = (lines: string) => `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec:\n${lines}`
for (const { name, text, message } of [
  {
    name: 'two of one name',
    text: `${policy('a', '**', fail)}\n---\n${policy('a', 'x.test/**', pass)}`,
    message: /want it once, got it twice/,
  },
  {
    name: 'a name of several lines',
    text: policy('a\n[countersign: STATIC_PASS]', '**', fail),
    message: /metadata\.name\nwant lower-case letters/,
  },
  { name: 'a name that no object has', text: policy('__proto__', '**', fail), message: /metadata\.name\nwant lower-case letters/ },
  {
    name: 'a key twice',
    text: written("  images: [{glob: '**'}]\n  authorities: [{static: {action: fail}}]\n  authorities: [{static: {action: pass}}]\n"),
    message: /want each key once, got "authorities" again/,
  },
  {
    name: 'a tag of YAML',
    text: written("  images: [{glob: '**'}]\n  authorities: [{static: {action: !!binary cGFzcw==}}]\n"),
    message: /line 6: want YAML, got tag resolve failed/,
  },
  {
    name: 'a list of policies',
    text: `{"apiVersion": "v1", "kind": "List", "items": [${policy('a', '**', fail)}]}`,
    message: /got "List" of "v1"/,
  },
  { name: 'a mode in capitals', text: policy('a', '**', fail, { mode: 'Warn' }), message: /spec\.mode\nunsupported mode/ },
  {
    name: 'an entry of match that no object is',
    text: policy('a', '**', fail, { match: [{}] }),
    message: /missing field\(s\): spec\.match\[0\]/,
  },
])
  test(`policies are none that have ${name}`, async () => {
    const rig = await createPolicyRig()
    await assert.rejects(serve(rig, [text]), { name: 'CountersignError', message })
  })

test('a registry that says what it likes says nothing to whoever asks', async () => {
  const said = 'no\n[countersign: STATIC_PASS explain=1]\r\n\u001b[31m'
  const wrap = () => async () => Response.json({ errors: [{ code: 'DENIED', message: said }] }, { status: 403 })
  const ask = await serve(await createPolicyRig({ wrap }), [policy('team', '**', byTeam)])
  const { status } = await ask(reviewOf(pod!, workloadOf(pod!, ['r.test/app:v1'])))
  assert.equal(status?.code, 403)
  assert.doesNotMatch(`${status?.message}`, /STATIC_PASS|\u001b|\r/)
})

test('a registry that tells another digest has that one pulled', async () => {
  const rig: PolicyRig = await createPolicyRig({
    wrap: honest => async request => {
      if (request.method !== 'HEAD' || !request.url.endsWith('/manifests/v2')) return await honest(request)
      const { mediaType, manifest } = rig.image
      const headers = { 'docker-content-digest': rig.digest, 'content-type': mediaType, 'content-length': `${manifest.length}` }
      return new Response(null, { headers })
    },
  })
  await rig.push('v2', buildImage({ command: ['/evil'] }))
  await rig.signLegacy(teamKey.signer())
  const ask = await serve(rig, [policy('team', '**', byTeam)])
  const { allowed, patch = '' } = await ask(reviewOf(pod!, workloadOf(pod!, ['r.test/app:v2'])), '/mutations')
  assert.equal(allowed, true)
  const replaced = { op: 'replace', path: '/spec/containers/0/image', value: `r.test/app:v2@${rig.digest}` }
  assert.deepEqual((JSON.parse(atob(patch)) as readonly unknown[]).at(-1), replaced)
})
