import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../../codec/error.ts'
import { parseYamlDocuments } from '../../../formats/kubernetes-manifest/yaml-documents.ts'
import { signPredicateType } from '../../../formats/statement.ts'
import { containerImage, createPolicyRig, type PolicyRig, podOf } from '../../../testing/policy/policy-rig.ts'
import { createTestSigstore } from '../../../testing/sigstore/test-sigstore.ts'
import { strangerKey, teamKey } from '../../../testing/test-keys.ts'
import { evaluateImage } from '../../evaluate/evaluate-image.ts'
import { readAdmittedObject } from '../../images/admitted-object.ts'
import type { AdmittedObject, Outcome } from '../../model.ts'
import { renderCipVerdicts } from './cip-refusal.ts'
import { type CipSetOptions, createCipPolicySet } from './policy-set.ts'
import { readClusterImagePolicy } from './read/read-cluster-image-policy.ts'
import type { CipReferences } from './translate/resolve-references.ts'
import { type TranslatedCip, translatePolicy } from './translate/translate-policy.ts'

// Policies as users write them, from their text to what is told to whoever asked: scenarios of spec admission §8.

const sigstore = await createTestSigstore()
const [team, stranger] = [teamKey.signer(), strangerKey.signer()]
const signal = AbortSignal.any([])
const byTeam = `key: {data: ${JSON.stringify(teamKey.publicPem)}}`
const byStranger = `key: {data: ${JSON.stringify(strangerKey.publicPem)}}`
const references: CipReferences = {
  secret: async () => undefined,
  configMapText: async () => undefined,
  remoteText: async url => assert.fail(`a request to ${url}`),
  kmsKeys: async reference => {
    throw new CountersignError('KMS_UNAVAILABLE', `KMS of ${reference} does not answer`)
  },
  trustRoot: async name => (name === 'own' ? sigstore.trustedRoot : undefined),
  publicGood: async () => sigstore.trustedRoot,
}

type Written = { readonly name?: string; readonly glob?: string; readonly authorities?: string; readonly spec?: string }

async function policy({ name = 'p', glob = '**', authorities = byTeam, spec = '' }: Written): Promise<TranslatedCip> {
  const text = `{apiVersion: policy.sigstore.dev/v1beta1, kind: ClusterImagePolicy, metadata: {name: ${name}}, spec: {images: [{glob: '${glob}'}], authorities: [${authorities
    .split(' | ')
    .map(authority => `{${authority}}`)
    .join(', ')}]${spec === '' ? '' : `, ${spec}`}}}`
  const cip = readClusterImagePolicy(parseYamlDocuments(text)[0], { systemNamespace: 'cosign-system' })
  return await translatePolicy(cip, references, { legacyReferrers: false }, signal)
}

type Asked = { readonly original?: string; readonly object?: AdmittedObject; readonly options?: CipSetOptions }

async function ask(
  rig: PolicyRig,
  written: readonly Written[],
  { original = 'r.test/app:v1', object = podOf(original), options = {} }: Asked = {},
) {
  const set = createCipPolicySet(await Promise.all(written.map(policy)), options)
  const verdict = await evaluateImage(containerImage(original), object, [set], rig.access, signal)
  return { verdict, ...renderCipVerdicts([verdict]) }
}

/** Digests in messages, shortened: their images are fresh. */
const short = (text: string | undefined) => text?.replaceAll(/sha256([:-])[0-9a-f]{64}/g, 'sha256$1X')
const path = 'spec.containers[0].image'

const attestedBy = (key: string, ...attestations: readonly string[]) =>
  `${key}, signatureFormat: auto, attestations: [${attestations.join(', ')}]`
const approved = (more = '') => `{name: approval, predicateType: 'https://example.com/verdict/v1'${more}}`
const inCel = (source: string) => `, policy: {type: cel, data: "${source}"}`
const keyless = (subject: string) =>
  `keyless: {identities: [{issuer: https://issuer.example, subject: ${subject}}]}, signatureFormat: bundle`
const signKeyless = async (rig: PolicyRig) =>
  await rig.hand.attachBundle('app', rig.image, await sigstore.signImage(rig.digest), signPredicateType)

const cases: readonly {
  readonly name: string
  readonly prepare?: (rig: PolicyRig) => Promise<unknown>
  readonly policies: readonly Written[]
  readonly asked?: Asked
  readonly outcome: Outcome
  readonly denial?: string | RegExp
  readonly warnings?: readonly (string | RegExp)[]
}[] = [
  { name: 'a signature by the key', prepare: rig => rig.signLegacy(team), policies: [{}], outcome: 'passed' },
  {
    name: 'no signature',
    policies: [{}],
    outcome: 'failed',
    denial: `validation failed: failed policy: p: ${path}\nr.test/app:v1 signature key validation failed for authority authority-0 for r.test/app@sha256:X: no signatures found for sha256:X; looked at: tag r.test/app:sha256-X.sig: 404`,
  },
  {
    name: 'a signature by another',
    prepare: rig => rig.signLegacy(stranger),
    policies: [{ authorities: `name: team, ${byTeam}` }],
    outcome: 'failed',
    denial:
      /^validation failed: failed policy: p: spec\.containers\[0\]\.image\nr\.test\/app:v1 signature key validation failed for authority team for r\.test\/app@sha256:X: no matching signatures: /,
  },
  {
    name: 'two policies, one refused (6)',
    prepare: rig => rig.signLegacy(team),
    policies: [{ name: 'b', authorities: byStranger }, { name: 'a' }],
    outcome: 'failed',
    denial: /^validation failed: failed policy: b: /,
  },
  {
    name: 'two policies refused, by name (6)',
    policies: [{ name: 'b' }, { name: 'a' }],
    outcome: 'failed',
    denial: /^validation failed: failed policy: a: spec[\s\S]*\nfailed policy: b: spec/,
  },
  {
    name: 'one of two authorities is enough (7)',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `${byStranger} | ${byTeam}` }],
    outcome: 'passed',
  },
  {
    name: 'each authority is told of',
    policies: [{ authorities: `${byStranger} | ${byTeam}` }],
    outcome: 'failed',
    denial:
      /for authority authority-0 for r\.test\/app@sha256:X: no signatures [\s\S]* signature key validation failed for authority authority-1 for /,
  },
  {
    name: 'warn alone (8)',
    policies: [{ spec: 'mode: warn' }],
    outcome: 'passed',
    warnings: [
      /^failed policy: p: spec\.containers\[0\]\.image\nr\.test\/app:v1 signature key validation failed for authority authority-0/,
    ],
  },
  {
    name: 'warn beside enforce (8)',
    policies: [{ name: 'a', spec: 'mode: warn' }, { name: 'b' }],
    outcome: 'failed',
    denial: /^validation failed: failed policy: b: /,
    warnings: [/^failed policy: a: /],
  },
  {
    name: 'no policy: denied (9)',
    policies: [{ glob: 'other/*' }],
    outcome: 'failed',
    denial: `validation failed: no matching policies: ${path}\nr.test/app:v1`,
  },
  {
    name: 'no policy: deny (9)',
    policies: [],
    asked: { options: { noMatchPolicy: 'deny' } },
    outcome: 'failed',
    denial: /no matching policies/,
  },
  {
    name: 'no policy: another word denies (9)',
    policies: [],
    asked: { options: { noMatchPolicy: 'Allow' } },
    outcome: 'failed',
    denial: /no matching policies/,
  },
  {
    name: 'no policy: warned (9)',
    policies: [],
    asked: { options: { noMatchPolicy: 'warn' } },
    outcome: 'passed',
    warnings: [`no matching policies: ${path}\nr.test/app:v1`],
  },
  { name: 'no policy: allowed (9)', policies: [], asked: { options: { noMatchPolicy: 'allow' } }, outcome: 'passed' },
  {
    name: 'docker.io of a glob is nobody (3)',
    policies: [{ glob: 'docker.io/**' }],
    asked: { original: 'docker.io/a/b' },
    outcome: 'failed',
    denial: /no matching policies/,
  },
  {
    name: 'the name as written, for a tester',
    policies: [{ glob: 'docker.io/**', authorities: 'static: {action: pass}' }],
    asked: { original: 'docker.io/a/b', options: { triesOriginal: true } },
    outcome: 'passed',
  },
  {
    name: 'a tag of a glob after pinning (4)',
    policies: [{ glob: 'r.test/app:v1' }],
    asked: { original: `r.test/app:v1@sha256:${'0'.repeat(64)}` },
    outcome: 'failed',
    denial: /no matching policies/,
  },
  { name: 'static: pass (10)', policies: [{ authorities: 'static: {action: pass}' }], outcome: 'passed' },
  {
    name: 'static: fail (10)',
    policies: [{ authorities: 'static: {action: fail, message: not here}' }],
    outcome: 'failed',
    denial: `validation failed: failed policy: p: ${path}\nr.test/app:v1 disallowed by static policy: not here`,
  },
  {
    name: 'a secret that is gone (11)',
    policies: [{ authorities: 'key: {secretRef: {name: x}}' }],
    outcome: 'unknown',
    denial: `validation failed: failed policy: p: ${path}\nr.test/app:v1 failed to process policy: authority-0: secret "x" not found`,
  },
  {
    name: 'a KMS that does not answer',
    policies: [{ authorities: "key: {kms: 'hashivault://x'}" }],
    outcome: 'unknown',
    denial: /failed to process policy: authority-0: KMS of hashivault:\/\/x does not answer$/,
  },
  {
    name: 'a TrustRoot that is gone (30)',
    policies: [{ authorities: `${byTeam}, ctlog: {trustRootRef: x}` }],
    outcome: 'unknown',
    denial: /failed to process policy: authority-0: trustRootRef x not found$/,
  },
  {
    name: 'an authority that cannot be made out beside one that holds',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `key: {secretRef: {name: x}} | ${byTeam}` }],
    outcome: 'passed',
  },
  { name: 'an identity (18)', prepare: signKeyless, policies: [{ authorities: keyless('signer@example.com') }], outcome: 'passed' },
  {
    name: 'another identity (14)',
    prepare: signKeyless,
    policies: [{ authorities: keyless('other@example.com') }],
    outcome: 'failed',
    denial:
      /signature keyless validation failed for authority authority-0 for r\.test\/app@sha256:X: no matching signatures: none of the expected identities matched what was in the certificate: .*"signer@example\.com"/,
  },
  {
    name: 'a log entry that is missing (15)',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `${byTeam}, ctlog: {url: 'https://rekor.test'}` }],
    outcome: 'failed',
    denial: /no matching signatures: signature not found in transparency log: /,
  },
  {
    name: 'a bundle by a key (18)',
    prepare: rig => rig.signBundle(team),
    policies: [{ authorities: `${byTeam}, signatureFormat: bundle` }],
    outcome: 'passed',
  },
  {
    name: 'a bundle where the older layout is asked for',
    prepare: rig => rig.signBundle(team),
    policies: [{}],
    outcome: 'failed',
    denial: /looked at: .*; 1 referrer of the type of Sigstore bundles present/,
  },
  {
    name: 'the older layout where a bundle is asked for',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `${byTeam}, signatureFormat: bundle` }],
    outcome: 'failed',
    denial: /no signatures found/,
  },
  {
    name: 'auto: a bundle',
    prepare: rig => rig.signBundle(team),
    policies: [{ authorities: `${byTeam}, signatureFormat: auto` }],
    outcome: 'passed',
  },
  {
    name: 'auto: the older layout',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `${byTeam}, signatureFormat: auto` }],
    outcome: 'passed',
  },
  {
    name: 'an attestation',
    prepare: rig => rig.attest(team, { ok: true }),
    policies: [{ authorities: attestedBy(byTeam, approved()) }],
    outcome: 'passed',
  },
  {
    name: 'a signature is no attestation',
    prepare: rig => rig.signBundle(team),
    policies: [{ authorities: attestedBy(byTeam, approved()) }],
    outcome: 'failed',
    denial:
      /attestation key validation failed for authority authority-0 for r\.test\/app@sha256:X: no matching attestations with type https:\/\/example\.com\/verdict\/v1/,
  },
  {
    name: 'an attestation whose program holds',
    prepare: rig => rig.attest(team, { ok: true }),
    policies: [{ authorities: attestedBy(byTeam, approved(inCel('predicate.ok'))) }],
    outcome: 'passed',
  },
  {
    name: 'an attestation whose program refuses',
    prepare: rig => rig.attest(team, { ok: false }),
    policies: [{ authorities: attestedBy(byTeam, approved(inCel('predicate.ok'))) }],
    outcome: 'failed',
    denial:
      /attestation key validation failed for authority authority-0 for r\.test\/app@sha256:X: failed evaluating cel policy for approval: /,
  },
  {
    name: 'of several attestations one is enough',
    prepare: async rig => {
      await rig.attest(team, { ok: false })
      await rig.attest(team, { ok: true })
    },
    policies: [{ authorities: attestedBy(byTeam, approved(inCel('predicate.ok'))) }],
    outcome: 'passed',
  },
  {
    name: 'two attestations, one missing (20)',
    prepare: rig => rig.attest(team, { ok: true }),
    policies: [{ authorities: attestedBy(byTeam, approved(), "{name: scan, predicateType: 'https://example.com/scan'}") }],
    outcome: 'failed',
    denial:
      /no matching attestations with type https:\/\/example\.com\/scan, checked the following predicateTypes: "https:\/\/example\.com\/verdict\/v1"/,
  },
  {
    name: 'a program over the whole that holds',
    prepare: rig => rig.signLegacy(team),
    policies: [{ spec: `policy: {type: cel, data: "size(authorityMatches['authority-0'].signatures) == 1"}` }],
    outcome: 'passed',
  },
  {
    name: 'a program over the whole that refuses',
    prepare: rig => rig.signLegacy(team),
    policies: [{ authorities: `${byTeam} | ${byStranger}`, spec: 'policy: {type: cel, data: "size(authorityMatches) == 2"}' }],
    outcome: 'failed',
    denial: `validation failed: failed policy: p: ${path}\nr.test/app:v1 failed evaluating cel policy for ClusterImagePolicy: policy of "p" is false`,
  },
  {
    name: 'a program over the whole does not run where nobody holds',
    policies: [{ spec: "policy: {type: cel, data: 'true'}" }],
    outcome: 'failed',
    denial: /no signatures found/,
  },
  {
    name: 'a program over the whole that meets an error',
    prepare: rig => rig.signLegacy(team),
    policies: [{ spec: "policy: {type: cel, data: 'authorityMatches.x == 1'}" }],
    outcome: 'failed',
    denial: /failed evaluating cel policy for ClusterImagePolicy: policy of "p": line 1/,
  },
  {
    name: 'an image whose tag leads nowhere',
    policies: [{}],
    asked: { original: 'r.test/app:none' },
    outcome: 'unknown',
    denial:
      /^validation failed: failed policy: p: [\s\S]*\ninvalid value: r\.test\/app:none must be an image digest: spec\.containers\[0\]\.image\n/,
  },
]

for (const { name, prepare, policies, asked, outcome, denial, warnings = [] } of cases)
  test(`ClusterImagePolicy: ${name}: ${outcome}`, async () => {
    const rig = await createPolicyRig()
    await prepare?.(rig)
    const told = await ask(rig, policies, asked)
    assert.equal(told.verdict.outcome, outcome, told.denial ?? '')
    const denied = short(told.denial)
    if (denial instanceof RegExp) assert.match(denied ?? '', denial)
    else assert.equal(denied, denial)
    assert.equal(told.warnings.length, warnings.length)
    for (const [index, warning] of warnings.entries())
      if (warning instanceof RegExp) assert.match(short(told.warnings[index]) ?? '', warning)
      else assert.equal(told.warnings[index], warning)
  })

for (const action of ['pass', 'fail, message: m'])
  test(`ClusterImagePolicy: static: {action: ${action}} asks no registry (10)`, async () => {
    const rig = await createPolicyRig()
    await ask(rig, [{ authorities: `static: {action: ${action}}` }])
    assert.deepEqual(rig.asked, [])
  })

test('ClusterImagePolicy: an entry of match and the labels of the object itself (5)', async () => {
  const rig = await createPolicyRig()
  const deployment = (labels: string, version = 'apps/v1', kind = 'Deployment') =>
    readAdmittedObject({
      apiVersion: version,
      kind,
      metadata: { name: 'd', namespace: 'n', labels: { app: labels } },
      spec: { template: { metadata: { labels: { app: 'template' } }, spec: { containers: [{ name: 'c', image: 'r.test/app:v1' }] } } },
    })
  const written = (match: string): Written => ({ authorities: 'static: {action: fail}', spec: `match: [${match}]` })
  const selected = '{resource: deployments, group: apps, version: v1, selector: {matchLabels: {app: web}}}'
  for (const [match, object, applies] of [
    [selected, deployment('web'), true],
    [selected, deployment('template'), false],
    [selected.replace('web', 'template'), deployment('web'), false],
    [selected, podOf('r.test/app:v1'), false],
    [selected, deployment('web', 'apps/v1', 'StatefulSet'), false],
    [selected.replace('version: v1', "version: '*'"), deployment('web', 'apps/v1beta1'), true],
    [selected, deployment('web', 'apps/v1beta1'), false],
    [selected.replace('group: apps, ', ''), deployment('web'), false],
    ["{resource: pods, version: '*'}", podOf('r.test/app:v1'), true],
    [`{resource: jobs, group: batch, version: v1}, ${selected}`, deployment('web'), true],
    [
      '{resource: deployments, group: apps, version: v1, selector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}}',
      deployment('web'),
      false,
    ],
    [
      '{resource: deployments, group: apps, version: v1, selector: {matchExpressions: [{key: app, operator: In, values: [a, web]}]}}',
      deployment('web'),
      true,
    ],
    [
      '{resource: deployments, group: apps, version: v1, selector: {matchExpressions: [{key: x, operator: DoesNotExist}, {key: app, operator: Exists}]}}',
      deployment('web'),
      true,
    ],
    [
      '{resource: deployments, group: apps, version: v1, selector: {matchExpressions: [{key: x, operator: Exists}]}}',
      deployment('web'),
      false,
    ],
    [
      '{resource: deployments, group: apps, version: v1, selector: {matchExpressions: [{key: x, operator: NotIn, values: [y]}]}}',
      deployment('web'),
      true,
    ],
  ] as const) {
    const { verdict } = await ask(rig, [written(match)], { object })
    assert.equal(verdict.policies.length === 1, applies, `${match} and ${object.kind} of ${object.version}`)
  }
})

test('ClusterImagePolicy: what is selected does not depend on the order of the policies (6)', async () => {
  const all = await Promise.all(['c', 'a', 'b'].map(name => policy({ name })))
  const orders = [all, all.toReversed(), [all[1]!, all[2]!, all[0]!]]
  for (const order of orders) {
    const selected = createCipPolicySet(order).select(containerImage('r.test/app:v1'), podOf('r.test/app:v1'))
    assert.deepEqual(
      selected.map(({ policy: { name }, matchedBy }) => [name, matchedBy]),
      [
        ['a', 'glob **'],
        ['b', 'glob **'],
        ['c', 'glob **'],
      ],
    )
  }
})

const seen = (fields: string, source: string): Written => ({
  authorities: 'static: {action: pass}',
  spec: `policy: {type: cel, ${fields}, data: "${source}"}`,
})
for (const [fields, source, holds] of [
  ['includeSpec: false', "authorityMatches['authority-0'].static", true],
  ['includeSpec: true', "spec.containers[0].image == 'r.test/app:v1'", true],
  ['includeSpec: true', 'has(spec.nothing)', false],
  ['includeObjectMeta: true', "metadata.namespace == 'shop'", true],
  ['includeObjectMeta: true', "metadata.namespace == 'other'", false],
  ['includeTypeMeta: true', "typemeta == {'apiVersion': 'v1', 'kind': 'Pod'}", true],
  ['includeTypeMeta: true', "typemeta.kind == 'Job'", false],
  ['fetchConfigFile: true', "config.all(platform, config[platform].os == 'linux') && size(config) == 1", true],
  ['fetchConfigFile: true', "config.exists(platform, platform == 'windows/amd64')", false],
] as const)
  test(`ClusterImagePolicy: a program with ${fields}: ${source}: ${holds} (23, 24)`, async () => {
    const { verdict, denial } = await ask(await createPolicyRig(), [seen(fields, source)])
    assert.equal(verdict.outcome, holds ? 'passed' : 'failed', denial ?? '')
  })

test('ClusterImagePolicy: what a program sees of signatures and attestations', async () => {
  const rig = await createPolicyRig()
  await signKeyless(rig)
  await rig.attest(team, { ok: true })
  const source = `authorityMatches.who.signatures.all(s, s.subject == 'signer@example.com' && s.issuer == 'https://issuer.example' && s.id.matches('^[0-9a-f]{64}$') && !has(s.githubWorkflowRef))
    && authorityMatches.key.attestations.approval.all(a, a.predicateType == 'https://example.com/verdict/v1' && a.digest.startsWith('sha256:') && !has(a.subject))`
  const { verdict, denial } = await ask(rig, [
    {
      authorities: `name: who, ${keyless('signer@example.com')} | name: key, ${attestedBy(byTeam, approved())}`,
      spec: `policy: {type: cel, data: ${JSON.stringify(source)}}`,
    },
  ])
  assert.equal(verdict.outcome, 'passed', denial ?? '')
})

test('renderCipVerdicts: the same refusal of two places is one error', async () => {
  const rig = await createPolicyRig()
  const set = createCipPolicySet([await policy({ authorities: 'static: {action: fail, message: m}' })])
  const verdicts = await Promise.all(
    [1, 0].map(index => evaluateImage(containerImage('r.test/app:v1', index), podOf('r.test/app:v1'), [set], rig.access, signal)),
  )
  assert.equal(
    renderCipVerdicts(verdicts).denial,
    'validation failed: failed policy: p: spec.containers[0].image, spec.containers[1].image\nr.test/app:v1 disallowed by static policy: m',
  )
})

test('renderCipVerdicts: an image whose name is none', () => {
  const image = { ...containerImage('r.test/app:v1'), original: 'a b\u001b' }
  const failure = new CountersignError('REFERENCE_MALFORMED', 'image "a b": want a name')
  const { denial } = renderCipVerdicts([{ image, outcome: 'failed', policies: [], unmatched: [], failure }])
  assert.equal(denial, `validation failed: invalid value: a b\\u{001b}: ${path}\nimage "a b": want a name`)
})

test('renderCipVerdicts: what could not be found out is no mismatch', async () => {
  const rig = await createPolicyRig({
    wrap: honest => async request => (request.url.includes('.sig') ? new Response('', { status: 500 }) : await honest(request)),
  })
  const { verdict, denial } = await ask(rig, [{}])
  assert.equal(verdict.outcome, 'unknown')
  assert.match(short(denial) ?? '', /for authority authority-0 for r\.test\/app@sha256:X: (?!no matching)/)
})

test('renderCipVerdicts: evidence is looked for where the policy says (19)', async () => {
  const rig = await createPolicyRig()
  await ask(rig, [{ authorities: `${byTeam}, source: [{oci: r.test/sigs, tagPrefix: x-}]` }])
  assert.ok(
    rig.asked.some(line => /GET sigs\/manifests\/x-sha256-[0-9a-f]{4}\.sig/.test(line)),
    rig.asked.join('\n'),
  )
})
