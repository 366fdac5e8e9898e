import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { createRig, good, type RigOptions, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { strangerKey, teamKey } from '../src/testing/test-keys.ts'
import { anchorOf, defaultMirror } from '../src/trust/load-trust.ts'

// `policy check` and `policy lint` in process: policies and manifests on a disk in memory, images in a registry in memory.

const byKey = (pem: string, more = '') => `{key: {data: ${JSON.stringify(pem)}}, signatureFormat: bundle${more}}`
type Spec = { readonly name?: string; readonly glob?: string; readonly authority?: string; readonly more?: string }
const policyOf = ({ name = 'p', glob = '**', authority = byKey(teamKey.publicPem), more = '' }: Spec = {}) =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: ${name}}\nspec:\n  images:\n  - glob: '${glob}'\n  authorities:\n  - ${authority}\n${more === '' ? '' : `  ${more}\n`}`
const statically = (action: string) => `{static: {action: ${action}}}`
const deployment = (image: string, more = '') =>
  `# what runs\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop${more}}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: ${image}\n`

async function scene(options: RigOptions = {}) {
  const rig = createRig(options)
  const [signed, unsigned] = [await rig.push('app', buildImage()), await rig.push('bare', buildImage())]
  await good(rig.cs(`sign --key team.key --tlog-upload=false ${signed}`))
  const set = (files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) rig.disk.set(path, text)
  }
  return { rig, signed, unsigned, set }
}

const app = `${rigHost}/app:v1`
const bare = `${rigHost}/bare:v1`

type Case = {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly line: string
  readonly code: number
  readonly stdout?: RegExp
  readonly stderr?: RegExp
  readonly asksNobody?: true
}

const checks: readonly Case[] = [
  {
    name: 'a signed image',
    files: { 'p.yaml': policyOf() },
    line: `-f p.yaml ${app}`,
    code: 0,
    stdout: /^admitted {2}registry\.test\/app:v1\n$/,
  },
  {
    name: 'an unsigned image is untrusted',
    files: { 'p.yaml': policyOf() },
    line: `-f p.yaml ${bare}`,
    code: 4,
    stdout: /^denied {4}registry\.test\/bare:v1\n$/,
    stderr: /NO_SIGNATURE[\s\S]*Error: validation failed: failed policy: p: spec\.containers\[0\]\.image/,
  },
  {
    name: 'another signed it',
    files: { 'p.yaml': policyOf({ authority: byKey(strangerKey.publicPem) }) },
    line: `-f p.yaml ${app}`,
    code: 4,
    stderr: /KEY_MISMATCH/,
  },
  {
    name: 'no policy applies',
    files: { 'p.yaml': policyOf({ glob: 'other/**' }) },
    line: `-f p.yaml ${app}`,
    code: 5,
    stderr: /NO_POLICY[\s\S]*Error: validation failed: no matching policies/,
    asksNobody: true,
  },
  {
    name: 'no policy applies, and the ConfigMap says that this is allowed',
    files: {
      'p.yaml': `${policyOf({ glob: 'other/**' })}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-policy-controller, namespace: cosign-system}\ndata: {no-match-policy: allow}\n`,
    },
    line: `-f p.yaml ${app}`,
    code: 0,
    stdout: /^admitted/,
  },
  {
    name: 'a verdict whoever signed is denied, and asks nobody (10)',
    files: { 'p.yaml': policyOf({ authority: '{static: {action: fail, message: not here}}' }) },
    line: `-f p.yaml ${app}`,
    code: 5,
    stderr: /STATIC_FAIL[\s\S]*Error: validation failed: failed policy: p: [\s\S]*disallowed by static policy: not here/,
    asksNobody: true,
  },
  {
    name: 'static pass asks nobody (10)',
    files: { 'p.yaml': policyOf({ authority: statically('pass') }) },
    line: `-f p.yaml nowhere.test/x:v1`,
    code: 0,
    asksNobody: true,
  },
  {
    name: 'a registry that cannot be reached could not be found out',
    files: { 'p.yaml': policyOf() },
    line: '-f p.yaml nowhere.test/x:v1',
    code: 6,
    stdout: /^unknown {3}nowhere\.test/,
    stderr: /REGISTRY_UNREACHABLE/,
  },
  {
    name: 'mode warn admits with a warning (8)',
    files: { 'p.yaml': policyOf({ more: 'mode: warn' }) },
    line: `-f p.yaml ${bare}`,
    code: 0,
    stdout: /^admitted/,
    stderr: /WARNING: registry\.test\/bare:v1: failed policy: p: spec\.containers\[0\]\.image/,
  },
  {
    name: 'mode warn beside one that refuses (8)',
    files: { 'p.yaml': `${policyOf({ name: 'a', more: 'mode: warn' })}---\n${policyOf({ name: 'b' })}` },
    line: `-f p.yaml ${bare}`,
    code: 4,
    stderr: /Error: validation failed: failed policy: b: /,
  },
  {
    name: 'a glob of a tag holds of no image after pinning, as in a cluster (4)',
    files: { 'p.yaml': policyOf({ glob: app }) },
    line: `-f p.yaml ${app}`,
    code: 5,
    stderr: /no matching policies/,
  },
  {
    name: 'the glob docker.io/** holds of nothing (3)',
    files: { 'p.yaml': policyOf({ glob: 'docker.io/**', authority: statically('pass') }) },
    line: '-f p.yaml docker.io/library/busybox',
    code: 5,
    stderr: /index\.docker\.io[\s\S]*NO_POLICY/,
  },
  {
    name: 'the glob * means official images alone (2)',
    files: { 'p.yaml': policyOf({ glob: '*', authority: statically('pass') }) },
    line: '-f p.yaml busybox myuser/app',
    code: 5,
    stdout: /^admitted {2}busybox\ndenied {4}myuser\/app\n$/,
  },
  {
    name: 'manifests of a folder, with the policies among them',
    files: { 'm/p.yaml': policyOf(), 'm/sub/web.yaml': deployment(bare), 'm/README.md': 'no YAML: {', 'm/.x.yaml': '{' },
    line: '-f m',
    code: 4,
    stdout: /^denied {4}m\/sub\/web\.yaml:2 Deployment "shop\/web"\n$/,
  },
  {
    name: 'match of deployments by the own labels of objects (5)',
    files: {
      'p.yaml': policyOf({
        authority: statically('fail'),
        more: 'match: [{group: apps, version: v1, resource: deployments, selector: {matchLabels: {tier: front}}}]',
      }),
      'all.yaml': `${policyOf({ name: 'all', authority: statically('pass') })}`,
      'web.yaml': deployment(app),
      'front.yaml': deployment(app, ', labels: {tier: front}'),
    },
    line: '-f p.yaml -f all.yaml -f web.yaml -f front.yaml',
    code: 5,
    stdout: /^admitted {2}web\.yaml:2 .*\ndenied {4}front\.yaml:2 /,
  },
  {
    name: 'items of a list',
    files: {
      'p.yaml': policyOf({ authority: statically('fail') }),
      'l.yaml': `apiVersion: v1\nkind: List\nitems:\n- ${deployment(app).split('\n').slice(1).join('\n  ')}\n`,
    },
    line: '-f p.yaml -f l.yaml',
    code: 5,
    stdout: /^denied {4}l\.yaml:4 Deployment/,
  },
  {
    name: 'an object that names images nobody knows of is not passed over',
    files: { 'p.yaml': policyOf(), 'r.yaml': 'apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {image: x}\n' },
    line: '-f p.yaml -f r.yaml',
    code: 1,
    stderr: /Error: r\.yaml:1: "Rollout" of "argoproj\.io" names images, and where they stand was not told/,
  },
  {
    name: 'with --image-path it is judged',
    files: {
      'p.yaml': policyOf({ authority: statically('fail') }),
      'r.yaml': 'apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {image: x}\n',
    },
    line: '-f p.yaml -f r.yaml --image-path Rollout.argoproj.io=spec.image',
    code: 5,
    stdout: /^denied {4}r\.yaml:1 Rollout "r"/,
  },
  {
    name: 'a path that is none',
    files: { 'p.yaml': policyOf() },
    line: `-f p.yaml --image-path Rollout=spec.image ${app}`,
    code: 1,
    stderr: /Error: --image-path: want KIND\.GROUP=PATH/,
  },
  {
    name: 'images of a kustomization are refused by name',
    files: { 'p.yaml': policyOf(), 'k/kustomization.yaml': 'images: [{name: x, newTag: v2}]\n' },
    line: '-f p.yaml -f k',
    code: 1,
    stderr: /Error: k\/kustomization\.yaml:1: images of a kustomization are not read/,
  },
  {
    name: 'what runs no image is passed over',
    files: {
      'p.yaml': policyOf(),
      's.yaml':
        'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nunknown: 1\n',
    },
    line: `-f p.yaml -f s.yaml ${app} --verbose`,
    code: 0,
    stderr: /s\.yaml:1: Service runs no image/,
  },
  {
    name: 'a policy that is none',
    files: { 'p.yaml': `${policyOf()}  unknown: 1\n` },
    line: `-f p.yaml ${app}`,
    code: 3,
    stderr: /Error: p\.yaml:1: ClusterImagePolicy "p": validation failed: must not set the field\(s\): spec\.unknown/,
  },
  { name: 'YAML that is none', files: { 'p.yaml': 'a: {' }, line: `-f p.yaml ${app}`, code: 3, stderr: /Error: p\.yaml: manifest: line 1/ },
  {
    name: 'no policy at all',
    files: { 'w.yaml': deployment(app) },
    line: '-f w.yaml',
    code: 1,
    stderr: /Error: policies: want one ClusterImagePolicy at least/,
  },
  {
    name: 'nothing to judge',
    files: { 'p.yaml': policyOf() },
    line: '-f p.yaml',
    code: 1,
    stderr: /Error: want an image, or a file of workloads/,
  },
  {
    name: 'a secret with two entries (11)',
    files: {
      'p.yaml': `${policyOf({ authority: '{key: {secretRef: {name: k}}}' })}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k}\nstringData: {a: x, b: y}\n`,
    },
    line: `-f p.yaml ${app}`,
    code: 3,
    stderr: /WARNING: policy p: secret "k": want exactly one entry, got 2[\s\S]*POLICY_INVALID|FORMAT_UNSUPPORTED/,
  },
  {
    name: 'the flags of the upstream tester: --policy and --image',
    files: { 'p.yaml': policyOf() },
    line: `--policy p.yaml --image ${bare}`,
    code: 4,
    stderr: /failed policy: p/,
  },
  {
    name: '--policy reads policies alone',
    files: { 'p.yaml': `${policyOf()}---\n${deployment(app)}` },
    line: `--policy p.yaml --image ${app}`,
    code: 1,
    stderr: /Error: p\.yaml:11: want ClusterImagePolicy, TrustRoot, Secret, ConfigMap, got "Deployment"/,
  },
  {
    name: '--resource is a workload',
    files: { 'p.yaml': policyOf(), 'w.yaml': deployment(bare) },
    line: '--policy p.yaml --resource w.yaml',
    code: 4,
    stdout: /^denied {4}w\.yaml:2/,
  },
  {
    name: '--resource with an image is what it is a part of',
    files: {
      'p.yaml': policyOf({ more: 'match: [{group: apps, version: v1, resource: deployments}]' }),
      'w.yaml': deployment('elsewhere.test/x'),
    },
    line: `--policy p.yaml --resource w.yaml --image ${app}`,
    code: 0,
    stdout: /^admitted {2}registry\.test\/app:v1\n$/,
  },
  {
    name: '--resource that is none',
    files: { 'p.yaml': policyOf() },
    line: '--policy p.yaml --resource p.yaml',
    code: 1,
    stderr: /Error: --resource: want one workload and nothing else, got 0 and 1 of policies/,
  },
  {
    name: '--trustroot is read as policies are',
    files: { 'p.yaml': policyOf(), 't.yaml': 'apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: t}\nspec: {}\n' },
    line: `--policy p.yaml --trustroot t.yaml ${app}`,
    code: 3,
    stderr: /Error: t\.yaml:1: TrustRoot "t": validation failed: expected exactly one, got neither/,
  },
  {
    name: '--namespace is whose secrets policies name',
    files: { 'p.yaml': `${policyOf()}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: guard}\nunknown: x\n` },
    line: `-f p.yaml --namespace guard ${app}`,
    code: 3,
    stderr: /Error: p\.yaml:10: Secret "k": unknown member "unknown"/,
  },
  {
    name: '--explain says why an image is admitted',
    files: { 'p.yaml': policyOf() },
    line: `-f p.yaml --explain ${app}`,
    code: 0,
    stderr: /✓ cip p \(enforce, by glob \*\*\)[\s\S]*accepted/,
  },
  {
    name: '--policy of a URL is refused by name',
    files: {},
    line: '--policy https://p.test/p.yaml --image x',
    code: 1,
    stderr: /Error: --policy: want a file, got a URL/,
    asksNobody: true,
  },
  {
    name: 'an image volume of a kind that is not known',
    files: {
      'p.yaml': policyOf(),
      'r.yaml': 'apiVersion: x.test/v1\nkind: X\nmetadata: {name: r}\nspec: {volumes: [{image: {reference: x}}]}\n',
    },
    line: '-f p.yaml -f r.yaml',
    code: 1,
    stderr: /Error: r\.yaml:1: "X" of "x\.test" names images/,
  },
  {
    name: 'values of a chart are warned of',
    files: {
      'p.yaml': policyOf({ authority: statically('pass') }),
      'h.yaml':
        'apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: h}\nspec: {values: {image: {repository: r, tag: v1}}}\n',
    },
    line: `-f p.yaml -f h.yaml ${app}`,
    code: 0,
    stderr: /WARNING: h\.yaml:1: HelmRelease names images in parts, and is not judged/,
  },
  {
    name: 'items of a list without kinds of their own are not passed over',
    files: { 'p.yaml': policyOf(), 'l.yaml': 'apiVersion: v1\nkind: PodList\nitems: [{spec: {containers: [{image: x}]}}]\n' },
    line: '-f p.yaml -f l.yaml',
    code: 3,
    stderr: /Error: l\.yaml:3: want an object of Kubernetes, got one without kind/,
  },
  {
    name: '--log-level is refused by name',
    files: {},
    line: '--log-level debug',
    code: 1,
    stderr: /Error: --log-level: there are no levels/,
  },
]

for (const { name, files, line, code, stdout, stderr, asksNobody } of checks)
  test(`policy check: ${name}`, async () => {
    const { rig, set } = await scene()
    set(files)
    const outcome = await rig.cs(`policy check ${line}`)
    assert.equal(outcome.code, code, outcome.stderr)
    if (stdout) assert.match(outcome.stdout, stdout)
    if (stderr) assert.match(outcome.stderr, stderr)
    if (asksNobody) assert.deepEqual(outcome.requests, [])
  })

test('policy check --output json: the explanations, and what the upstream tester prints', async () => {
  const { rig, set } = await scene()
  set({ 'p.yaml': policyOf(), 'w.yaml': deployment(bare) })
  const outcome = await rig.cs(`policy check -f p.yaml -f w.yaml ${app} -o json`)
  const { verdict, results, errors, warnings, error } = JSON.parse(outcome.stdout)
  assert.deepEqual([outcome.code, verdict, error.code, error.kind], [4, 'failed', 'SIGNATURES_NOT_FOUND', 'untrusted'])
  assert.deepEqual(
    results.map(({ what, file, line, explanation }: Record<string, { verdict?: string }>) => [what, file, line, explanation?.verdict]),
    [
      ['w.yaml:2 Deployment "shop/web"', 'w.yaml', 2, 'failed'],
      [app, undefined, undefined, 'passed'],
    ],
  )
  assert.equal(results[0].explanation.kind, 'Explanation')
  assert.match(results[1].explanation.images[0].original, /^registry\.test\/app:v1@sha256:/)
  assert.match(errors[0], /^validation failed: failed policy: p: spec\.template\.spec\.containers\[0\]\.image/)
  assert.deepEqual(warnings, [])
})

type Result = {
  readonly ruleId: string
  readonly ruleIndex: number
  readonly level: string
  readonly locations: readonly {
    readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: unknown }
  }[]
}

test('policy check --output sarif: each refusal by its reason, at the line of the image', async () => {
  const { rig, set } = await scene()
  set({ 'p.yaml': `${policyOf()}---\n${policyOf({ name: 'w', more: 'mode: warn' })}`, 'dir x/w.yaml': deployment(bare) })
  const outcome = await rig.cs(['policy', 'check', '-f', 'p.yaml', '-f', 'dir x', app, '--output', 'sarif'])
  assert.equal(outcome.code, 4)
  const log = JSON.parse(outcome.stdout)
  const [run] = log.runs
  assert.deepEqual([log.version, run.tool.driver.name], ['2.1.0', 'countersign'])
  assert.deepEqual(
    run.results.map(({ ruleId, ruleIndex, level, locations }: Result) => [
      ruleId,
      run.tool.driver.rules[ruleIndex].id,
      level,
      locations[0]?.physicalLocation.artifactLocation.uri,
      locations[0]?.physicalLocation.region,
    ]),
    [
      ['NO_SIGNATURE', 'NO_SIGNATURE', 'error', 'dir%20x/w.yaml', { startLine: 10, startColumn: 16 }],
      ['NO_SIGNATURE', 'NO_SIGNATURE', 'warning', 'dir%20x/w.yaml', { startLine: 10, startColumn: 16 }],
    ],
  )
})

type Lint = {
  readonly name: string
  readonly text: string
  readonly found: readonly RegExp[]
  readonly line?: string
  readonly code?: number
}

const keyless = (identity: string, more = '') => `{keyless: {identities: [${identity}]${more}}, ctlog: {url: 'https://r.test'}}`
const github = "issuer: 'https://token.actions.githubusercontent.com'"
const keyWith = (more: string) => byKey(teamKey.publicPem, `, ${more}`)

const lints: readonly Lint[] = [
  { name: 'a policy that says what it does', text: policyOf({ authority: keyless(`{${github}, subject: a}`) }), found: [] },
  {
    name: 'a pattern that admits whoever there is',
    text: policyOf({ authority: keyless(`{${github}, subjectRegExp: '.*'}`) }),
    found: [
      /^p\.yaml:8:\d+: error IDENTITY_ANYBODY: ClusterImagePolicy p: spec\.authorities\[0\]\.keyless\.identities\[0\]\.subjectRegExp: "\.\*" admits whoever/,
    ],
    code: 5,
  },
  {
    name: 'a pattern without anchors, with an example of whom it admits',
    text: policyOf({ authority: keyless(`{${github}, subjectRegExp: 'https://github.com/org/.*'}`) }),
    found: [/warning IDENTITY_UNANCHORED: .*, and admits "https:\/\/attacker\.example\/\?https:\/\/github\.com\/org\/x\/x"/],
  },
  {
    name: 'a pattern with anchors that admits others',
    text: policyOf({ authority: keyless(`{${github}, subjectRegExp: '^https://github.com/.*$'}`) }),
    found: [/warning IDENTITY_BROAD: .* also admits "https:\/\/github\.com\//],
  },
  {
    name: 'a dot that is any character',
    text: policyOf({ authority: keyless(`{${github}, subjectRegExp: '^https://github.com/org/repo/[^@]+$'}`) }),
    found: [/note IDENTITY_DOT: .* also admits "https:\/\/githubxcom\/org/],
  },
  {
    name: 'a pattern that admits its own alone',
    text: policyOf({ authority: keyless(`{${github}, subjectRegExp: '^https://github\\.com/org/repo/[^@]+$'}`) }),
    found: [],
  },
  {
    name: 'docker.io (3)',
    text: policyOf({ glob: 'docker.io/**' }),
    found: [/^p\.yaml:6:11: error GLOB_NEVER_MATCHES: .*spec\.images\[0\]\.glob: "docker\.io\/\*\*": .*index\.docker\.io\/\*\*/],
    code: 5,
  },
  { name: 'a tag (4)', text: policyOf({ glob: 'ghcr.io/org/app:v1' }), found: [/warning GLOB_OF_TAG: .*pinned to its digest/] },
  {
    name: 'a glob beside a wider one',
    text: policyOf().replace("  - glob: '**'", "  - glob: 'r.test/**'\n  - glob: 'r.test/app*'"),
    found: [/^p\.yaml:7:.* note GLOB_COVERED: .*"r\.test\/app\*" changes nothing beside "r\.test\/\*\*"/],
  },
  {
    name: 'globs of which none is wider for certain',
    text: policyOf().replace("  - glob: '**'", "  - glob: 'r.test/**'\n  - glob: '*'\n  - glob: 'r.tes*'"),
    found: [],
  },
  {
    name: 'ctlog without anything in it',
    text: policyOf({ authority: keyWith('ctlog: {}') }),
    found: [/error LOG_NOT_ASKED: .*spec\.authorities\[0\]\.ctlog: neither url nor trustRootRef/],
    code: 5,
  },
  {
    name: 'a TrustRoot that is not there, and no log',
    text: policyOf({ authority: `{keyless: {identities: [{${github}, subject: a}], trustRootRef: own}}` }),
    found: [/warning LOG_NOT_NAMED/, /error REFERENCE_MISSING: .*trustRootRef: there is no TrustRoot "own"/],
    code: 5,
  },
  {
    name: 'no proof that certificates were logged',
    text: policyOf({ authority: keyless(`{${github}, subject: a}`, ', insecureIgnoreSCT: true') }),
    found: [/warning SCT_IGNORED/],
  },
  {
    name: 'attestations without policy, of a type by its old name',
    text: policyOf({ authority: keyWith('attestations: [{name: a, predicateType: vuln}]') }),
    found: [
      /warning ATTESTATION_UNCONDITIONAL: .*attestations\[0\]: "a" has no policy/,
      /warning PREDICATE_TYPE_DEPRECATED: .*predicateType/,
    ],
  },
  {
    name: 'a program that is none',
    text: policyOf({
      authority: keyWith("attestations: [{name: a, predicateType: 'https://x.test', policy: {type: cel, data: 'nosuch =='}}]"),
    }),
    found: [/error PROGRAM_MALFORMED: .*attestations\[0\]\.policy/],
    code: 5,
  },
  {
    name: 'a program over the whole verdict that is none',
    text: policyOf({ more: "policy: {type: cel, data: 'nosuch'}" }),
    found: [/error PROGRAM_MALFORMED: .*spec\.policy/],
    code: 5,
  },
  {
    name: 'a program in a ConfigMap that is not there',
    text: policyOf({ more: 'policy: {type: cel, configMapRef: {name: c, key: k}}' }),
    found: [/error REFERENCE_MISSING: .*there is no ConfigMap "c" with "k"/],
    code: 5,
  },
  {
    name: 'one that always passes leaves nothing to others',
    text: policyOf({ authority: `${statically('pass')}\n  - ${byKey(teamKey.publicPem)}\n  - ${statically('fail')}` }),
    found: [/^p\.yaml:8:.* error AUTHORITY_OVERRIDDEN/, /note AUTHORITY_WITHOUT_EFFECT: .*authorities\[2\]/],
    code: 5,
  },
  { name: 'mode warn', text: policyOf({ more: 'mode: warn' }), found: [/^p\.yaml:9:9: warning MODE_WARN/] },
  {
    name: 'a secret that is not there',
    text: policyOf({ authority: '{key: {secretRef: {name: k}}}' }),
    found: [/error REFERENCE_MISSING: .*there is no Secret "k"/],
    code: 5,
  },
  {
    name: 'a secret that is no key',
    text: `${policyOf({ authority: '{key: {secretRef: {name: k}}}' })}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k}\nstringData: {a: x}\n`,
    found: [/error REFERENCE_UNUSABLE: .*key\.secretRef/],
    code: 5,
  },
  {
    name: 'a repository that is not fetched',
    text: `${policyOf()}---\napiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: t}\nspec: {remote: {mirror: 'https://t.test', root: ${encodeBase64(anchorOf(defaultMirror)!)}}}\n`,
    found: [/^p\.yaml:\d+:.* note NOT_EXAMINED: TrustRoot t: spec\.remote/],
  },
  {
    name: 'the least severe to fail for',
    text: policyOf({ more: 'mode: warn' }),
    line: '--fail-on warning',
    found: [/MODE_WARN/],
    code: 5,
  },
  { name: 'never to fail', text: policyOf({ glob: 'docker.io/**' }), line: '--fail-on never', found: [/GLOB_NEVER/] },
]

for (const { name, text, found, line = '', code = 0 } of lints)
  test(`policy lint: ${name}`, async () => {
    const rig = createRig()
    rig.disk.set('p.yaml', text)
    const outcome = await rig.cs(`policy lint -f p.yaml ${line}`)
    const lines = outcome.stdout.split('\n').filter(line => line !== '')
    assert.equal(lines.length, found.length, outcome.stdout + outcome.stderr)
    for (const [index, wanted] of found.entries()) assert.match(lines[index]!, wanted)
    assert.equal(outcome.code, code, outcome.stderr)
    if (code === 5) assert.match(outcome.stderr, /^Error: p\.yaml:\d+:\d+: /m)
    assert.deepEqual(outcome.requests, [])
  })

test('policy lint: trust that ends, now, within the time asked for and later', async () => {
  const { createTestSigstore } = await import('../src/testing/sigstore/test-sigstore.ts')
  const { trustedRootJson, trustedRoot } = await createTestSigstore()
  const rig = createRig()
  const json = JSON.stringify(new TextDecoder().decode(trustedRootJson))
  rig.disk.set(
    'p.yaml',
    `${policyOf()}---\napiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: own}\nspec: {trustedRootJSON: ${json}}\n`,
  )
  const end = Math.min(...trustedRoot.certificateAuthorities[0]!.chain.map(({ notAfter }) => notAfter.getTime()))
  const day = 86_400_000
  for (const { at, within, code, found } of [
    { at: end - 3 * day, within: 2, code: 0, found: /^$/ },
    { at: end - day, within: 2, code: 0, found: /warning MATERIAL_EXPIRES: TrustRoot own: spec.*: certificate authority .* ends / },
    { at: end + 2000, within: 2, code: 5, found: /error MATERIAL_EXPIRED: TrustRoot own: .* ended / },
  ]) {
    const outcome = await rig.cs(`policy lint --policy p.yaml --within-days ${within}`, { now: () => new Date(at) })
    assert.equal(outcome.code, code, outcome.stdout + outcome.stderr)
    assert.match(outcome.stdout, found)
  }
})

test('policy lint --output json and sarif: place, code, severity and words', async () => {
  const rig = createRig()
  rig.disk.set('p.yaml', policyOf({ glob: 'docker.io/**' }))
  const json = JSON.parse((await rig.cs('policy lint -f p.yaml -o json')).stdout)
  const { message, ...found } = json.findings[0]
  const place = { file: 'p.yaml', line: 6, column: 11 }
  const wanted = { code: 'GLOB_NEVER_MATCHES', severity: 'error', kind: 'ClusterImagePolicy', name: 'p', path: 'spec.images[0].glob' }
  assert.deepEqual(found, { ...wanted, ...place })
  assert.equal(json.error.code, 'POLICY_REFUSED')
  const sarif = JSON.parse((await rig.cs('policy lint -f p.yaml -o sarif')).stdout)
  const [result] = sarif.runs[0].results
  assert.deepEqual([result.ruleId, result.level, result.message.text], ['GLOB_NEVER_MATCHES', 'error', message])
  assert.deepEqual(result.locations[0].physicalLocation.region, { startLine: 6, startColumn: 11 })
})

test('policy lint: a policy that is none is malformed; workloads beside it are nobody’s affair', async () => {
  const rig = createRig()
  rig.disk.set('p.yaml', `${policyOf()}  unknown: 1\n`)
  assert.equal((await rig.cs('policy lint -f p.yaml')).code, 3)
  rig.disk.set('p.yaml', `${policyOf()}---\napiVersion: x.test/v1\nkind: X\nmetadata: {name: x}\nspec: {image: y}\n`)
  assert.equal((await rig.cs('policy lint -f p.yaml')).code, 0)
  rig.disk.set(
    's.yaml',
    `${policyOf({ authority: '{key: {secretRef: {name: k, namespace: guard}}}' })}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: guard}\nstringData: {a: ${JSON.stringify(teamKey.publicPem)}}\n`,
  )
  assert.equal((await rig.cs('policy lint -f s.yaml --namespace guard')).code, 0)
  assert.equal((await rig.cs('policy lint -f s.yaml')).code, 3)
})

type Pin = {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly line: string
  readonly code?: number
  readonly stdout?: RegExp
  readonly stderr?: RegExp
  /** What files hold afterwards, D standing for the digest; the others are as they were. */
  readonly become?: Readonly<Record<string, string>>
}

const commented = `# keep me
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, metadata: {name: "a"}, spec: {containers: [{name: a, image: '${app}'}]}} # and me
  - apiVersion: batch/v1
    kind: CronJob
    metadata: {name: b}
    spec:
      jobTemplate:
        spec:
          template:
            spec:
              initContainers:
                - name: i
                  image:   "${app}"   # spaces too
              containers:
                - image: ${app}
                  name: c
---
apiVersion: v1
kind: Service
metadata: {name: s}
`
const pod = (image: string) => `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: ${image}}]\n`

const pins: readonly Pin[] = [
  {
    name: 'comments, quotes, lists and documents stay as they are',
    files: { 'm/all.yaml': commented, 'p.yaml': policyOf() },
    line: '-f m --policies p.yaml',
    stdout: /^m\/all\.yaml:5: registry\.test\/app:v1@sha256:[0-9a-f]{64}\nm\/all\.yaml:16: .*\nm\/all\.yaml:18: .*\n$/,
    become: { 'm/all.yaml': commented.replaceAll(app, `${app}@D`) },
  },
  {
    name: 'line ends of Windows, and JSON',
    files: {
      'a.yaml': pod(app).replaceAll('\n', '\r\n'),
      'b.json': JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ image: app }] } }),
    },
    line: '-f a.yaml -f b.json --key team.pub',
    become: {
      'a.yaml': pod(`${app}@D`).replaceAll('\n', '\r\n'),
      'b.json': JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ image: `${app}@D` }] } }),
    },
  },
  {
    name: 'a byte order mark',
    files: { 'a.yaml': `\uFEFF${pod(app)}` },
    line: '-f a.yaml --key team.pub',
    become: { 'a.yaml': `\uFEFF${pod(`${app}@D`)}` },
  },
  {
    name: 'one that is not admitted leaves every file as it is',
    files: { 'a.yaml': pod(app), 'b.yaml': pod(bare), 'p.yaml': policyOf() },
    line: '-f a.yaml -f b.yaml --policies p.yaml',
    code: 4,
    stderr: /NO_SIGNATURE[\s\S]*Error: 1 of 2 are not admitted|Error: validation failed: failed policy: p/,
  },
  {
    name: 'signed by another than --key',
    files: { 'a.yaml': pod(app) },
    line: '-f a.yaml --key stranger.pub',
    code: 4,
    stderr: /KEY_MISMATCH/,
  },
  {
    name: 'a policy that needs no registry: the tag is looked up, and what comes of it judged',
    files: { 'a.yaml': pod(bare), 'p.yaml': policyOf({ authority: statically('pass') }) },
    line: '-f a.yaml --policies p.yaml',
    become: { 'a.yaml': pod(`${bare}@D`) },
  },
  {
    name: 'a policy that holds of the tag alone would refuse what is pinned',
    files: { 'a.yaml': pod(bare), 'p.yaml': policyOf({ glob: bare, authority: statically('pass') }) },
    line: '-f a.yaml --policies p.yaml',
    code: 5,
    stderr: /no matching policies/,
  },
  {
    name: 'a policy of mode warn admits, and proves nothing',
    files: { 'a.yaml': pod(bare), 'p.yaml': policyOf({ more: 'mode: warn' }) },
    line: '-f a.yaml --policies p.yaml',
    code: 5,
    stderr: /Error: image "registry\.test\/bare:v1@?.*": it would be admitted, but not every policy holds of it, or none applies/,
  },
  {
    name: 'no policy applies, and that is allowed: nothing is proven',
    files: {
      'a.yaml': pod(bare),
      'p.yaml': `${policyOf({ glob: 'other/**' })}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-policy-controller}\ndata: {no-match-policy: allow}\n`,
    },
    line: '-f a.yaml --policies p.yaml',
    code: 5,
    stderr: /it would be admitted, but not every policy holds of it, or none applies/,
  },
  {
    name: 'unverified only where that is said',
    files: { 'a.yaml': pod(bare) },
    line: '-f a.yaml --insecure-skip-verification',
    stderr: /WARNING: whatever the registry has now is pinned, whoever made it/,
    become: { 'a.yaml': pod(`${bare}@D`) },
  },
  {
    name: 'no way to verify',
    files: { 'a.yaml': pod(app) },
    line: '-f a.yaml',
    code: 1,
    stderr: /Error: want one of --policies, --key and --insecure-skip-verification, got 0/,
  },
  {
    name: 'two ways to verify',
    files: { 'a.yaml': pod(app) },
    line: '-f a.yaml --key team.pub --insecure-skip-verification',
    code: 1,
    stderr: /Error: want one of .* got 2/,
  },
  { name: 'no file', files: {}, line: '--key team.pub', code: 1, stderr: /Error: want the manifests to rewrite/ },
  {
    name: 'standard input',
    files: {},
    line: '-f - --key team.pub',
    code: 1,
    stderr: /Error: --file: want files to rewrite in place, got standard input/,
  },
  {
    name: 'no workload',
    files: { 'p.yaml': policyOf() },
    line: '-f p.yaml --key team.pub',
    code: 1,
    stderr: /Error: --file: want workloads, got none/,
  },
  {
    name: '--dry-run shows what would change',
    files: { 'a.yaml': pod(app), 'p.yaml': policyOf() },
    line: '-f a.yaml --policies p.yaml --dry-run',
    stdout:
      /^--- a\.yaml\n\+\+\+ a\.yaml\n@@ -5 \+5 @@\n- {2}containers: \[\{name: c, image: registry\.test\/app:v1\}\]\n\+ {2}containers: \[\{name: c, image: registry\.test\/app:v1@sha256:[0-9a-f]{64}\}\]\n$/,
  },
  {
    name: 'an anchor whose aliases are images too',
    files: {
      'a.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: a, image: &i ${app}}, {name: b, image: *i}]\n`,
    },
    line: '-f a.yaml --key team.pub',
    become: {
      'a.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: a, image: &i ${app}@D}, {name: b, image: *i}]\n`,
    },
  },
  {
    name: 'an alias in another place would change with it',
    files: {
      'a.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {was: &i ${app}}}\nspec:\n  containers: [{name: a, image: *i}]\n`,
    },
    line: '-f a.yaml --key team.pub',
    code: 1,
    stderr: /Error: a\.yaml: the name of an image stands for something else as well, by an alias/,
  },
  {
    name: 'a block of text',
    files: { 'a.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: >-\n      ${app}\n` },
    line: '-f a.yaml --key team.pub',
    code: 1,
    stderr: /Error: a\.yaml:7: image "registry\.test\/app:v1": want it written on one line/,
  },
  {
    name: 'a custom kind by --image-path',
    files: { 'a.yaml': `apiVersion: x.test/v1\nkind: Job\nmetadata: {name: j}\nspec: {steps: [{run: ${app}}]}\n` },
    line: '-f a.yaml --key team.pub --image-path Job.x.test=spec.steps[*].run',
    become: { 'a.yaml': `apiVersion: x.test/v1\nkind: Job\nmetadata: {name: j}\nspec: {steps: [{run: ${app}@D}]}\n` },
  },
  {
    name: 'a kustomization would change the names again',
    files: { 'a.yaml': pod(app), 'k/kustomization.yaml': 'resources: [../a.yaml]\nimages: [{name: x, newTag: v2}]\n' },
    line: '-f a.yaml -f k --key team.pub',
    code: 1,
    stderr: /Error: k\/kustomization\.yaml:1: images of a kustomization are not read/,
  },
  {
    name: '--namespace is whose secrets policies name',
    files: {
      'a.yaml': pod(app),
      'p.yaml': `${policyOf({ authority: '{key: {secretRef: {name: k, namespace: guard}}, signatureFormat: bundle}' })}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: guard}\nstringData: {a: ${JSON.stringify(teamKey.publicPem)}}\n`,
    },
    line: '-f a.yaml --policies p.yaml --namespace guard',
    become: { 'a.yaml': pod(`${app}@D`) },
  },
]

for (const { name, files, line, code = 0, stdout, stderr, become = {} } of pins)
  test(`pin: ${name}`, async () => {
    const { rig, set, signed, unsigned } = await scene()
    set(files)
    const outcome = await rig.cs(`pin ${line}`)
    assert.equal(outcome.code, code, outcome.stderr)
    if (stdout) assert.match(outcome.stdout, stdout)
    if (stderr) assert.match(outcome.stderr, stderr)
    for (const [path, before] of Object.entries(files)) {
      const after = rig.disk.get(path)
      const text = typeof after === 'string' ? after : new TextDecoder('utf-8', { ignoreBOM: true }).decode(after)
      const digest = (become[path] ?? '').includes(bare) ? unsigned : signed
      assert.equal(text, (become[path] ?? before).replaceAll('@D', digest.slice(digest.indexOf('@'))), path)
    }
  })

test('pin twice changes nothing more, and says what it did as JSON', async () => {
  const { rig, set, signed } = await scene()
  set({ 'a.yaml': pod(app) })
  const first = JSON.parse((await good(rig.cs('pin -f a.yaml --key team.pub -o json'))).stdout)
  const to = `${app}${signed.slice(signed.indexOf('@'))}`
  assert.deepEqual(first, { files: [{ file: 'a.yaml', written: true, pins: [{ line: 5, from: app, to }] }] })
  const second = JSON.parse((await good(rig.cs('pin -f a.yaml --key team.pub -o json'))).stdout)
  assert.deepEqual(second, { files: [{ file: 'a.yaml', written: false, pins: [] }] })
})

test('pin leaves a file to whom it was: it may hold a Secret beside the workload', async () => {
  const { rig, set } = await scene()
  set({ 'a.yaml': pod(app) })
  rig.modes.set('a.yaml', 0o600)
  await good(rig.cs('pin -f a.yaml --key team.pub'))
  assert.equal(rig.modes.get('a.yaml'), 0o600)
})

test('pin writes no file that has changed since it was read', async () => {
  const { rig, set } = await scene()
  set({ 'a.yaml': pod(app) })
  rig.hosts.set(rigHost, async request => {
    set({ 'a.yaml': `${pod(app)}# edited\n` })
    return await rig.registry(request)
  })
  const outcome = await rig.cs('pin -f a.yaml --key team.pub -o json')
  assert.deepEqual([outcome.code, outcome.failure?.code], [6, 'FILE_UNWRITABLE'])
  assert.match(outcome.failure?.message ?? '', /^a\.yaml: it has changed since it was read$/)
  assert.equal(rig.disk.get('a.yaml'), `${pod(app)}# edited\n`)
})
