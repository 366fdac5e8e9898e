import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import type { JsonObject } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parseImageReference } from '../../oci/reference.ts'
import type { AdmittedObject, NamedImage, Requirement, Selected } from '../../policy/model.ts'
import { connectTo, createRigTime, type RigTime, untilSo } from '../../testing/admission/cluster-rig.ts'
import { createMemoryCluster, type MemoryCluster } from '../../testing/admission/memory-cluster.ts'
import { strangerKey, teamKey } from '../../testing/test-keys.ts'
import type { OutsideReferences } from '../policies/open-policies.ts'
import { type ClusterPolicies, createClusterPolicies } from './cluster-policies.ts'

const group = 'policy.sigstore.dev/v1alpha1'
const [policies, roots] = [`/apis/${group}/clusterimagepolicies`, `/apis/${group}/trustroots`]
const [secrets, configMaps] = ['/api/v1/namespaces/cosign-system/secrets', '/api/v1/namespaces/cosign-system/configmaps']
const resyncs = { policy: 36_000_000, trustRoot: 86_400_000, retry: 60_000 }

const policyOf = (name: string, spec: JsonObject): JsonObject => ({
  metadata: { name },
  spec: { images: [{ glob: `r.test/${name}**` }], ...spec },
})
const statics = (name: string, action: string) => policyOf(name, { authorities: [{ static: { action } }] })
const ofSecret = (name: string, secret: string) => policyOf(name, { authorities: [{ key: { secretRef: { name: secret } } }] })
const ofKms = (name: string, kms: string) => policyOf(name, { authorities: [{ key: { kms } }] })
const ofRoot = (name: string, trustRootRef: string) =>
  policyOf(name, { authorities: [{ keyless: { identities: [{ issuer: 'https://i.test', subject: 'ann' }], trustRootRef } }] })
const secretOf = (name: string, data: Readonly<Record<string, string>>): JsonObject => ({
  metadata: { name },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, encodeBase64(encodeUtf8(text))])),
})
const rootOf = (name: string) => ({
  metadata: { name },
  spec: { sigstoreKeys: { timestampAuthorities: [], certificateAuthorities: [], tLogs: [] } },
})

type Served = {
  readonly cluster: MemoryCluster
  readonly policies: ClusterPolicies
  readonly time: RigTime
  readonly log: readonly string[]
  readonly asked: readonly string[] // of KMS
  /** What applies to an image, and what it must meet. */
  readonly selected: (image: string) => readonly Selected[]
  readonly requirement: (image: string) => Requirement | undefined
  /** `STATUS REASON` of a condition, once it is about the object as it is. */
  readonly condition: (name: string, type: string, collection?: string) => string
}

/** Follows the policies of a cluster in memory while `use` lasts. */
async function serving(
  cluster: MemoryCluster,
  use: (served: Served) => Promise<void>,
  changes: Partial<OutsideReferences> = {},
): Promise<void> {
  const time = createRigTime()
  const [log, asked]: [string[], string[]] = [[], []]
  const events = {
    count: () => {},
    observe: () => {},
    audit: () => {},
    log: (level: string, message: string, facts = {}) => void log.push(`${level} ${message} ${JSON.stringify(facts)}`),
  }
  const outside: OutsideReferences = {
    world: { now: time.world.now, fetch: cluster.fetch },
    warn: line => void log.push(line),
    remoteText: async () => encodeUtf8(''),
    kmsKeys: async reference => {
      asked.push(reference)
      return [teamKey.signer().publicKey]
    },
    publicGood: async () => ({}),
    ...changes,
  }
  const ends = new AbortController()
  const served = createClusterPolicies({
    connect: () => connectTo(cluster),
    systemNamespace: 'cosign-system',
    outside,
    policyResyncMs: resyncs.policy,
    trustRootResyncMs: resyncs.trustRoot,
    events,
  })
  const ended = served.follow(time.world, ends.signal)
  const selected = (image: string) => served.sets()[0].select(imageOf(image), pod)
  const condition = (name: string, type: string, collection = policies) => {
    const { status, metadata } = (cluster.find(collection, name) ?? {}) as {
      status?: { observedGeneration: number; conditions: { type: string; status: string; reason: string }[] }
      metadata?: { generation: number }
    }
    const found = status?.conditions.find(one => one.type === type)
    return found && status?.observedGeneration === metadata?.generation ? `${found.status} ${found.reason}` : 'nothing'
  }
  const requirement = (image: string) => selected(image)[0]?.policy.requirement
  await use({ cluster, policies: served, time, log, asked, selected, requirement, condition })
  ends.abort()
  await ended
}

const imageOf = (text: string): NamedImage => ({ pointer: '', field: '', original: text, reference: parseImageReference(text) })
const pod: AdmittedObject = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  resource: 'pods',
  namespace: 'n',
  name: 'p',
  labels: new Map(),
  json: {},
}
const isReady = ({ policies: served }: Served) => untilSo('it is ready', () => served.problems().length === 0)
const passes = (requirement: Requirement | undefined) =>
  first(requirement)?.kind === 'static' && (first(requirement) as { passes: boolean }).passes
const first = (requirement: Requirement | undefined) => (requirement?.kind === 'quorum' ? requirement.of[0] : requirement)
const keysOf = (requirement: Requirement | undefined) => {
  const authority = first(requirement)
  return authority?.kind === 'authority' ? (authority.trust.keys ?? []).map(({ spki }) => encodeBase64(spki)) : [authority?.kind]
}
const [team, stranger] = [teamKey, strangerKey].map(key => encodeBase64(key.signer().publicKey.spki))

test('it is ready after the first full load, and says until then what it waits for', async () => {
  const cluster = createMemoryCluster()
  cluster.put(policies, statics('a', 'pass'))
  cluster.answer = (_, url) => (url.pathname === roots ? Response.json({ kind: 'Status', message: 'no' }, { status: 403 }) : undefined)
  await serving(cluster, async served => {
    await untilSo('a reason', () => served.policies.problems().length === 2)
    assert.deepEqual(served.policies.problems(), ['policies: not loaded yet', 'TrustRoot: API server: we may not, got status 403, "no"'])
    assert.throws(() => served.policies.sets(), { code: 'SERVICE_UNAVAILABLE', message: /^policies: not loaded yet; TrustRoot: / })
    cluster.answer = () => undefined
    await isReady(served)
    assert.ok(passes(served.requirement('r.test/a')))
  })
})

test('without any policy, and without settings, no image is admitted', () =>
  serving(createMemoryCluster(), async served => {
    await isReady(served)
    assert.deepEqual([served.policies.sets()[0].whenNone, served.selected('r.test/a').length], ['deny', 0])
  }))

test('a policy is made, changed and deleted', () =>
  serving(createMemoryCluster(), async served => {
    await isReady(served)
    served.cluster.put(policies, statics('a', 'pass'))
    await untilSo('it passes', () => passes(served.requirement('r.test/a')))
    await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    served.cluster.put(policies, statics('a', 'fail'))
    await untilSo('it fails', () => !passes(served.requirement('r.test/a')))
    served.cluster.remove(policies, 'a')
    await untilSo('it is gone', () => served.selected('r.test/a').length === 0)
  }))

test('what becomes no policy stays what it was; deleted and made again it does not', () =>
  serving(createMemoryCluster(), async served => {
    served.cluster.put(policies, statics('a', 'pass'))
    await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    const broken = policyOf('a', { authorities: [{ static: { action: 'maybe' } }] })
    served.cluster.put(policies, broken)
    await untilSo('its status', () => served.condition('a', 'Ready') === 'False LastGoodEnforced')
    assert.equal(served.condition('a', 'KeysInlined'), 'Unknown Unread')
    assert.ok(passes(served.requirement('r.test/a')))
    served.cluster.remove(policies, 'a')
    served.cluster.put(policies, broken)
    await untilSo('it refuses', () => served.requirement('r.test/a')?.kind === 'unusable')
    await untilSo('its status', () => served.condition('a', 'Ready') === 'False ImagesRefused')
  }))

for (const { name, spec, refuses, spares } of [
  { name: 'images alone', spec: { authorities: [{}] }, refuses: ['r.test/a'], spares: ['r.test/b'] },
  {
    name: 'no images',
    spec: { images: null, authorities: [{ static: { action: 'pass' } }] },
    refuses: ['r.test/a', 'r.test/b'],
    spares: [],
  },
  { name: 'a glob that is none', spec: { images: [{ glob: '[' }], authorities: [] }, refuses: ['r.test/a', 'r.test/b'], spares: [] },
  {
    name: 'objects of another kind',
    spec: { match: [{ resource: 'jobs', group: 'batch', version: 'v1' }], authorities: [{}] },
    refuses: [],
    spares: ['r.test/a', 'r.test/b'],
  },
  { name: 'a match that is none', spec: { match: [{ resource: 'cats' }], authorities: [{}] }, refuses: ['r.test/a'], spares: ['r.test/b'] },
])
  test(`a policy that never was one refuses the images that it is for: ${name}`, () =>
    serving(createMemoryCluster(), async served => {
      served.cluster.put(policies, policyOf('a', spec))
      await isReady(served)
      for (const image of refuses) {
        const requirement = served.requirement(image)
        assert.ok(requirement?.kind === 'unusable', image)
        assert.equal(requirement.error.code, 'POLICY_MALFORMED')
        assert.match(requirement.error.message, /ClusterImagePolicy "a?": validation failed/)
      }
      for (const image of spares) assert.equal(served.selected(image).length, 0, image)
    }))

test('a mode of warning is kept by what refuses', () =>
  serving(createMemoryCluster(), async served => {
    served.cluster.put(policies, policyOf('a', { mode: 'warn', authorities: [{}] }))
    served.cluster.put(policies, policyOf('b', { mode: 'shout', authorities: [{}] }))
    await isReady(served)
    assert.deepEqual(
      ['a', 'b'].map(name => served.selected(`r.test/${name}`)[0]?.policy.action),
      ['warn', 'enforce'],
    )
  }))

test('a Secret is followed by name alone, and never listed', () =>
  serving(createMemoryCluster(), async served => {
    served.cluster.put(secrets, secretOf('team', { 'any.pub': teamKey.publicPem }))
    served.cluster.put(secrets, secretOf('unrelated', { password: 's3cret' }))
    served.cluster.put(policies, ofSecret('a', 'team'))
    await isReady(served)
    assert.deepEqual(keysOf(served.requirement('r.test/a')), [team])
    const before = served.selected('r.test/a')[0]!.policy.fingerprint
    served.cluster.put(secrets, secretOf('team', { 'any.pub': strangerKey.publicPem }))
    await untilSo('another key', () => keysOf(served.requirement('r.test/a'))[0] === stranger)
    assert.notEqual(served.selected('r.test/a')[0]!.policy.fingerprint, before)
    for (const request of served.cluster.requests.filter(one => one.includes(secrets)))
      assert.match(request, /fieldSelector=metadata\.name%3Dteam&/)
    served.cluster.remove(policies, 'a')
    await untilSo('it is gone', () => served.selected('r.test/a').length === 0)
  }))

for (const { name, data, reason } of [
  { name: 'with two entries', data: { a: teamKey.publicPem, b: teamKey.publicPem }, reason: 'False MATERIAL_MALFORMED' },
  { name: 'with no key in it', data: { a: 'x' }, reason: 'False KEY_MALFORMED' },
])
  test(`a Secret ${name}: the policy is not ready, and is enforced as it was`, () =>
    serving(createMemoryCluster(), async served => {
      served.cluster.put(secrets, secretOf('team', { a: teamKey.publicPem }))
      served.cluster.put(policies, ofSecret('a', 'team'))
      await isReady(served)
      served.cluster.put(secrets, secretOf('team', data))
      await untilSo(
        'its status',
        () => served.condition('a', 'KeysInlined') !== 'True Done' && served.condition('a', 'KeysInlined') !== 'nothing',
      )
      assert.equal(served.condition('a', 'KeysInlined').split(' ')[0], 'False')
      if (reason.endsWith('MATERIAL_MALFORMED')) assert.equal(served.condition('a', 'KeysInlined'), reason)
      assert.equal(served.condition('a', 'ConfigMapUpdated'), 'False LastGoodEnforced')
      assert.deepEqual(keysOf(served.requirement('r.test/a')), [team])
    }))

test('a Secret that is not there refuses until it is', () =>
  serving(createMemoryCluster(), async served => {
    served.cluster.put(policies, ofSecret('a', 'team'))
    await isReady(served)
    assert.deepEqual(keysOf(served.requirement('r.test/a')), ['unusable'])
    await untilSo('its status', () => served.condition('a', 'Ready') === 'False KEY_NOT_FOUND')
    served.cluster.put(secrets, secretOf('team', { a: teamKey.publicPem }))
    await untilSo('its key', () => keysOf(served.requirement('r.test/a'))[0] === team)
  }))

test('a Secret that may not be read refuses, and all others are judged', async () => {
  const cluster = createMemoryCluster()
  cluster.answer = (_, url) => (url.pathname === secrets ? Response.json({ kind: 'Status', message: 'no' }, { status: 403 }) : undefined)
  cluster.put(policies, ofSecret('a', 'team'))
  cluster.put(policies, statics('b', 'pass'))
  await serving(cluster, async served => {
    await isReady(served)
    const refused = first(served.requirement('r.test/a'))
    assert.ok(refused?.kind === 'unusable')
    assert.match(refused.error.message, /Secret "team": API server: we may not, got status 403/)
    assert.ok(passes(served.requirement('r.test/b')))
  })
})

test('a program of a ConfigMap is followed', () =>
  serving(createMemoryCluster(), async served => {
    const program = { type: 'cel', configMapRef: { name: 'programs', key: 'p' } }
    served.cluster.put(policies, policyOf('a', { authorities: [{ static: { action: 'pass' } }], policy: program }))
    await isReady(served)
    await untilSo('its status', () => served.condition('a', 'PoliciesInlined') === 'False FILE_UNREADABLE')
    assert.equal(served.condition('a', 'KeysInlined'), 'True Done')
    served.cluster.put(configMaps, { metadata: { name: 'programs' }, data: { p: 'true' } })
    await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    assert.equal(served.requirement('r.test/a')?.kind, 'judged')
  }))

test('a key in a KMS is asked for once for all policies, and anew after a resync', async () => {
  let key = teamKey
  const asked: string[] = []
  const kmsKeys: OutsideReferences['kmsKeys'] = async reference => {
    asked.push(reference)
    return [key.signer().publicKey]
  }
  await serving(
    createMemoryCluster(),
    async served => {
      for (const name of ['a', 'b']) served.cluster.put(policies, ofKms(name, 'gcpkms://k'))
      await isReady(served)
      assert.deepEqual(asked, ['gcpkms://k'])
      key = strangerKey
      served.cluster.put(policies, statics('c', 'pass'))
      await untilSo('c', () => served.selected('r.test/c').length === 1)
      assert.deepEqual(keysOf(served.requirement('r.test/a')), [team])
      served.time.pass(resyncs.policy)
      await untilSo('another key', () => keysOf(served.requirement('r.test/b'))[0] === stranger)
      assert.equal(asked.length, 2)
    },
    { kmsKeys },
  )
})

test('a KMS that cannot be asked refuses, is asked again, and holds up nobody', async () => {
  let isThere = false
  const kmsKeys: OutsideReferences['kmsKeys'] = async () => {
    if (!isThere) throw new CountersignError('KMS_UNAVAILABLE', 'KMS: no answer')
    return [teamKey.signer().publicKey]
  }
  await serving(
    createMemoryCluster(),
    async served => {
      served.cluster.put(policies, ofKms('a', 'gcpkms://k'))
      await isReady(served)
      await untilSo('its status', () => served.condition('a', 'Ready') === 'False KMS_UNAVAILABLE')
      isThere = true
      served.time.pass(resyncs.retry)
      await untilSo('its key', () => keysOf(served.requirement('r.test/a'))[0] === team)
    },
    { kmsKeys },
  )
})

test('a KMS that is slow holds up no other policy, and the policy is enforced as it was meanwhile', async () => {
  let answer: Promise<unknown> = Promise.resolve()
  const kmsKeys: OutsideReferences['kmsKeys'] = async () => {
    await answer
    return [teamKey.signer().publicKey]
  }
  await serving(
    createMemoryCluster(),
    async served => {
      served.cluster.put(policies, ofKms('a', 'gcpkms://k'))
      await isReady(served)
      const slow = Promise.withResolvers<void>()
      answer = slow.promise
      served.cluster.put(policies, ofKms('a', 'gcpkms://other'))
      served.cluster.put(policies, statics('b', 'pass'))
      await untilSo('b', () => {
        served.time.pass(200)
        return passes(served.requirement('r.test/b'))
      })
      assert.deepEqual(keysOf(served.requirement('r.test/a')), [team])
      slow.resolve()
      await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    },
    { kmsKeys },
  )
})

test('keys of a Secret by k8s:// are those of its own namespace', async () => {
  await serving(createMemoryCluster(), async served => {
    served.cluster.put(secrets, secretOf('pair', { 'cosign.pub': teamKey.publicPem, 'cosign.key': 's3cret' }))
    served.cluster.put(policies, ofKms('a', 'k8s://cosign-system/pair'))
    served.cluster.put(policies, ofKms('b', 'k8s://team/pair'))
    served.cluster.put(policies, ofKms('c', 'k8s://cosign-system/none'))
    await isReady(served)
    assert.deepEqual(keysOf(served.requirement('r.test/a')), [team])
    for (const [name, reason] of [
      ['b', /Secret "pair": want namespace "cosign-system", got "team"/],
      ['c', /Secret "none": want cosign\.pub in it, got none/],
    ] as const) {
      const refused = first(served.requirement(`r.test/${name}`))
      assert.ok(refused?.kind === 'unusable')
      assert.match(refused.error.message, reason)
    }
    assert.deepEqual(served.asked, [])
  })
})

test('a TrustRoot that is deleted is trusted by nobody, and one that becomes none stays what it was', () =>
  serving(createMemoryCluster(), async served => {
    const certificate = encodeBase64(readFileSync(join(import.meta.dirname, '../../../test/vectors/tls/ca.pem')))
    const good = (name: string): JsonObject => ({
      metadata: { name },
      spec: {
        sigstoreKeys: {
          certificateAuthorities: [{ subject: { organization: 'o', commonName: 'c' }, uri: 'https://ca.test', certChain: certificate }],
        },
      },
    })
    served.cluster.put(roots, good('own'))
    served.cluster.put(policies, ofRoot('a', 'own'))
    await isReady(served)
    assert.equal(first(served.requirement('r.test/a'))?.kind, 'authority')
    served.cluster.put(roots, rootOf('own'))
    await untilSo('its status', () => served.condition('own', 'Ready', roots) === 'False POLICY_MALFORMED')
    assert.equal(first(served.requirement('r.test/a'))?.kind, 'authority')
    served.cluster.remove(roots, 'own')
    await untilSo('nobody is trusted', () => first(served.requirement('r.test/a'))?.kind === 'unusable')
    const refused = first(served.requirement('r.test/a'))
    assert.ok(refused?.kind === 'unusable')
    assert.equal(refused.error.code, 'TRUST_UNAVAILABLE')
    served.cluster.put(roots, good('own'))
    await untilSo('it is trusted', () => first(served.requirement('r.test/a'))?.kind === 'authority')
  }))

test('settings are followed; what is none of them is told of and changes nothing', () =>
  serving(createMemoryCluster(), async served => {
    const settings = (data: JsonObject) => served.cluster.put(configMaps, { metadata: { name: 'config-policy-controller' }, data })
    await isReady(served)
    settings({ 'no-match-policy': 'allow' })
    await untilSo('allow', () => served.policies.sets()[0].whenNone === 'allow')
    settings({ 'no-match-policy': 'warn', 'insecure-registries': 'r.test' })
    await untilSo('it is told of', () => served.log.some(line => /the settings cannot be used, and stay.*insecure-registries/.test(line)))
    assert.equal(served.policies.sets()[0].whenNone, 'allow')
    settings({ 'no-match-policy': 'whatever' })
    await untilSo('deny', () => served.policies.sets()[0].whenNone === 'deny')
    served.cluster.put(policies, policyOf('a', { authorities: [] }))
    await untilSo('it refuses', () => served.requirement('r.test/a')?.kind === 'unusable')
    settings({ 'fail-on-empty-authorities': 'false' })
    await untilSo('nobody’s word counts', () => served.requirement('r.test/a')?.kind === 'quorum')
  }))

test('a status is written once, keeps the time of what did not change, and never answers another’s', () =>
  serving(createMemoryCluster(), async served => {
    const patches = () => served.cluster.requests.filter(request => request.startsWith('PATCH'))
    served.cluster.put(policies, statics('a', 'pass'))
    await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    assert.deepEqual(patches(), [`PATCH ${policies}/a/status`])
    const of = () => (served.cluster.find(policies, 'a') as { status: { conditions: object[] } }).status
    served.cluster.put(policies, { ...served.cluster.find(policies, 'a')!, status: { ...of(), conditions: [] } })
    served.cluster.put(policies, statics('b', 'pass'))
    await untilSo('its status', () => served.condition('b', 'Ready') === 'True Done')
    assert.equal(patches().length, 2)
    served.cluster.put(policies, {
      ...statics('a', 'fail'),
      status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' }] },
    })
    await untilSo('its status', () => served.condition('a', 'Ready') === 'True Done')
    assert.match(
      JSON.stringify(of()),
      /"type":"Ready","status":"True","reason":"Done","message":"","lastTransitionTime":"2020-01-01T00:00:00Z"/,
    )
    assert.match(
      JSON.stringify(of()),
      /"type":"KeysInlined","status":"True","reason":"Done","message":"","lastTransitionTime":"2026-01-02T03:04:05Z"/,
    )
  }))

test('without the right to write statuses it is judged the same', async () => {
  const cluster = createMemoryCluster()
  cluster.answer = method => (method === 'PATCH' ? Response.json({ kind: 'Status', message: 'no' }, { status: 403 }) : undefined)
  cluster.put(policies, statics('a', 'pass'))
  cluster.put(policies, statics('b', 'pass'))
  await serving(cluster, async served => {
    await isReady(served)
    await untilSo('it is told of', () => cluster.requests.filter(request => request.startsWith('PATCH')).length === 2)
    assert.equal(served.log.filter(line => /the status of an object cannot be written/.test(line)).length, 1)
    assert.ok(passes(served.requirement('r.test/a')))
  })
})

test('ten thousand policies', async () => {
  const cluster = createMemoryCluster()
  for (let at = 0; at < 10_000; at++) cluster.put(policies, statics(`p${at}e`, at % 2 === 0 ? 'pass' : 'fail'))
  await serving(cluster, async served => {
    await isReady(served)
    assert.deepEqual([passes(served.requirement('r.test/p9998e')), passes(served.requirement('r.test/p9999e'))], [true, false])
    cluster.put(policies, statics('p9999e', 'pass'))
    await untilSo('the last', () => passes(served.requirement('r.test/p9999e')) === true)
  })
})
