import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYamlDocuments } from '../../../../formats/kubernetes-manifest/yaml-documents.ts'
import { teamKey } from '../../../../testing/test-keys.ts'
import { type CipReading, readClusterImagePolicy } from './read-cluster-image-policy.ts'

const key = `key: {data: ${JSON.stringify(teamKey.publicPem)}}`
const identity = '{issuer: i, subject: s}'
const keyless = `keyless: {identities: [${identity}]}`
const reading: CipReading = { systemNamespace: 'cosign-system' }

/** A policy of one authority, in flow style. */
const policy = (authority: string, spec = '', version = 'v1alpha1') =>
  `{apiVersion: policy.sigstore.dev/${version}, kind: ClusterImagePolicy, metadata: {name: p}, spec: {images: [{glob: '**'}], authorities: [{${authority}}]${spec === '' ? '' : `, ${spec}`}}}`
const whole = (spec: string) => `{apiVersion: policy.sigstore.dev/v1beta1, kind: ClusterImagePolicy, metadata: {name: p}, spec: {${spec}}}`
const read = (text: string, options: CipReading = reading) => readClusterImagePolicy(parseYamlDocuments(text)[0], options)

test('readClusterImagePolicy: defaults', () => {
  const { name, mode, match, authorities, warnings } = read(policy(key))
  assert.deepEqual([name, mode, match, warnings], ['p', 'enforce', [], []])
  const [authority] = authorities
  assert.ok(authority?.kind === 'signing' && authority.signer.kind === 'key')
  const { path, format, attestations, signer } = authority
  assert.deepEqual(
    [authority.name, path, format, attestations, signer.hash],
    ['authority-0', 'spec.authorities[0]', 'legacy', [], undefined],
  )
})

test('readClusterImagePolicy: JSON as well as YAML', () => {
  const text = policy(key.replace('key:', '"key":').replace('data:', '"data":'))
    .replaceAll("'", '"')
    .replace(/(?<=[{,] ?)(\w+):/g, '"$1":')
    .replace(/: (policy[^,]+|Cluster\w+|p)(?=[,}])/g, ': "$1"')
  assert.equal(readClusterImagePolicy(JSON.parse(text), reading).name, 'p')
})

test('readClusterImagePolicy: what the API server adds is no field of the policy', () => {
  const text = policy(key)
    .replace('{name: p}', '{name: p, uid: u, annotations: {a: b}, managedFields: [{}]}')
    .replace(/\}$/, ', status: {a: b}}')
  assert.equal(read(text).name, 'p')
})

test('readClusterImagePolicy: everything that can be said', () => {
  const cip = read(
    whole(`mode: warn, images: [{glob: 'a*'}, {glob: b}],
      match: [{group: apps, version: v1, resource: deployments,
        selector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}, {key: e, operator: Exists}]}}],
      policy: {type: cel, data: 'true', fetchConfigFile: true, includeSpec: true, includeObjectMeta: true, includeTypeMeta: true},
      authorities: [
        {name: n, key: {secretRef: {name: s, namespace: cosign-system}, hashAlgorithm: ' SHA512 '}, signatureFormat: auto,
          ctlog: {url: 'https://rekor.test', trustRootRef: r},
          source: [{oci: registry.test/sigs, tagPrefix: x, signaturePullSecrets: [{name: pull}]}],
          attestations: [{name: a, predicateType: spdx, policy: {type: cel, configMapRef: {name: m, key: k, namespace: elsewhere}}},
            {name: b, predicateType: 'https://x.test/y', policy: {type: cel, remote: {url: 'https://x.test/p', sha256sum: ${'a'.repeat(64)}}}}]},
        {keyless: {ca-cert: {secretRef: {name: ca}}, trustRootRef: r, insecureIgnoreSCT: true,
          identities: [{issuerRegExp: i.*, subjectRegExp: s}]}, rfc3161timestamp: {trustRootRef: r}, signatureFormat: bundle},
        {key: {kms: 'gcpkms://projects/p'}},
        {static: {action: fail, message: no}}]`),
  )
  assert.deepEqual(
    cip.authorities.map(({ name, kind }) => [name, kind]),
    [
      ['n', 'signing'],
      ['authority-1', 'signing'],
      ['authority-2', 'signing'],
      ['authority-3', 'static'],
    ],
  )
  assert.deepEqual(cip.policy?.includes, ['config', 'spec', 'metadata', 'typemeta'])
  assert.deepEqual(cip.match[0]?.selector?.expressions[0], { key: 'c', operator: 'In', values: ['d'] })
  const [first, second] = cip.authorities
  assert.ok(first?.kind === 'signing' && second?.kind === 'signing')
  assert.deepEqual(first.source, { repository: { registry: 'registry.test', repository: 'sigs' }, tagPrefix: 'x', pullSecrets: ['pull'] })
  assert.deepEqual(
    first.attestations.map(({ predicateType, policy: program }) => [predicateType, program?.kind]),
    [
      ['https://spdx.dev/Document', 'configMap'],
      ['https://x.test/y', 'remote'],
    ],
  )
  assert.equal(first.signer.kind === 'key' && first.signer.hash, 'sha512')
  assert.equal(second.timestampTrustRootRef, 'r')
  assert.deepEqual(cip.warnings, [
    'invalid value: spdx: spec.authorities[0].attestations[0].predicateType\ndeprecated value, please use RFC 3986 conformant values',
  ])
})

test('readClusterImagePolicy: nobody, where that is allowed', () =>
  assert.deepEqual(read(whole("images: [{glob: '**'}]"), { ...reading, failsOnEmptyAuthorities: false }).authorities, []))

for (const [glob, warning] of [
  ['docker.io/**', /^glob docker\.io\/\*\*: spec\.images\[0\]\.glob\nit holds of no image: .* index\.docker\.io\/\*\*$/],
  ['ghcr.io/org/app:v1', /it holds of no image that was pinned to its digest/],
  ['ghcr.io/org/app:*', /pinned/],
  ['ghcr.io/org/*:v1', /pinned/],
  ['ghcr.io/org/app**:**', undefined], // of its digest, too
  ['localhost:5000/app*', undefined],
  ['ghcr.io/org/app@sha256:*', undefined],
  ['index.docker.io/**', undefined],
] as const)
  test(`readClusterImagePolicy: ${glob} is ${warning ? 'warned of' : 'as it should be'}`, () => {
    const [told] = read(policy(key).replace("'**'", `'${glob}'`)).warnings
    assert.match(told ?? 'nothing', warning ?? /^nothing$/)
  })

test('readClusterImagePolicy: a log of nobody is warned of', () =>
  assert.match(read(policy(`${keyless}, ctlog: {}`)).warnings[0]!, /^neither url nor trustRootRef, .*: spec\.authorities\[0\]\.ctlog$/))

test('readClusterImagePolicy: a log beside a timestamp is warned of', () =>
  assert.match(
    read(policy(`${key}, ctlog: {url: 'https://r.test'}, rfc3161timestamp: {trustRootRef: r}`)).warnings[0]!,
    /spec\.authorities\[0\]\.ctlog$/,
  ))

const authority = 'spec.authorities[0]'
for (const { name, text, error, code = 'POLICY_MALFORMED' } of [
  {
    name: 'another version',
    text: policy(key, '', 'v1'),
    error: 'invalid value: policy.sigstore.dev/v1: apiVersion\nwant policy.sigstore.dev/v1alpha1 or policy.sigstore.dev/v1beta1',
  },
  {
    name: 'another kind',
    text: policy(key).replace('ClusterImagePolicy', 'ImagePolicy'),
    error: 'invalid value: ImagePolicy: kind\nwant ClusterImagePolicy',
  },
  { name: 'no name', text: policy(key).replace('{name: p}', '{}'), error: 'missing field(s): metadata.name' },
  { name: 'no spec', text: whole('').replace(', spec: {}', ''), error: 'missing field(s): spec' },
  { name: 'nothing in it', text: whole(''), error: 'missing field(s): spec.authorities, spec.images' },
  { name: 'a text', text: 'a', error: 'invalid value: a: object\nwant a map' },
  { name: 'an unknown field', text: policy(`${key}, keyles: {}`), error: `must not set the field(s): ${authority}.keyles\nunknown field` },
  {
    name: 'unknown fields everywhere',
    text: policy(key, 'x: 1').replace("{glob: '**'}", "{glob: '**', y: 1}"),
    error: 'must not set the field(s): spec.images[0].y, spec.x\nunknown field',
  },
  { name: 'no glob', text: policy(key).replace("{glob: '**'}", '{}'), error: 'missing field(s): spec.images[0].glob' },
  {
    name: 'a glob that is none',
    text: policy(key).replace("'**'", "'a[b]'"),
    error: 'invalid value: a[b]: spec.images[0].glob\nglob is invalid: want letters, digits and any of - _ : / * . @, got "a[b]"',
  },
  {
    name: 'a glob that is a number',
    text: policy(key).replace("'**'", '5'),
    error: 'invalid value: 5: spec.images[0].glob\nwant text\nmissing field(s): spec.images[0].glob',
  },
  {
    name: 'images that are no list',
    text: policy(key).replace("[{glob: '**'}]", '{}'),
    error: 'invalid value: {…}: spec.images\nwant a list\nmissing field(s): spec.images',
  },
  { name: 'an unknown mode', text: policy(key, 'mode: audit'), error: 'invalid value: audit: spec.mode\nunsupported mode' },
  {
    name: 'an unknown resource',
    text: policy(key, 'match: [{resource: services, version: v1}]'),
    error: 'invalid value: services: spec.match[0].resource\nunsupported resource name',
  },
  {
    name: 'a selector of nothing',
    text: policy(key, 'match: [{selector: {matchLabels: {a: b}}}]'),
    error: 'invalid value: : spec.match[0].selector\nselector requires a resource type to match the labels',
  },
  {
    name: 'an entry of match that no object could satisfy',
    text: policy(key, 'match: [{}, {resource: pods}, {version: v1}]'),
    error: 'missing field(s): spec.match[0].resource, spec.match[0].version, spec.match[1].version, spec.match[2].resource',
  },
  {
    name: 'an unknown operator',
    text: policy(key, 'match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: Is}]}}]'),
    error: 'invalid value: Is: spec.match[0].selector.matchExpressions[0].operator\nwant one of In, NotIn, Exists, DoesNotExist',
  },
  {
    name: 'an operator without values',
    text: policy(key, 'match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: NotIn}]}}]'),
    error: 'invalid value: 0 values: spec.match[0].selector.matchExpressions[0].values\nNotIn wants at least one',
  },
  {
    name: 'an operator with values too many',
    text: policy(key, 'match: [{resource: pods, version: v1, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]'),
    error: 'invalid value: 1 values: spec.match[0].selector.matchExpressions[0].values\nExists wants none',
  },
  {
    name: 'a label that is no text',
    text: policy(key, 'match: [{resource: pods, version: v1, selector: {matchLabels: {a: 1}}}]'),
    error: 'invalid value: 1: spec.match[0].selector.matchLabels.a\nwant text',
  },
  {
    name: 'a name twice',
    text: whole(`images: [{glob: a}], authorities: [{${key}}, {name: authority-0, ${key}}]`),
    error: 'invalid value: authority-0: spec.authorities[1].name\nwant another name for each authority',
  },
  {
    name: 'a key and a verdict',
    text: policy(`${key}, static: {action: pass}`),
    error: `expected exactly one, got both: ${authority}.key, ${authority}.keyless, ${authority}.static`,
  },
  {
    name: 'an unknown verdict',
    text: policy('static: {action: warn}'),
    error: `invalid value: warn: ${authority}.static.action\nunsupported action`,
  },
  { name: 'no verdict', text: policy('static: {}'), error: `missing field(s): ${authority}.static.action` },
  {
    name: 'a message that nobody sees',
    text: policy('static: {action: pass, message: m}'),
    error: `must not set the field(s): ${authority}.static.message`,
  },
  ...['attestations: []', 'source: [{oci: a/b}]', 'ctlog: {}', 'rfc3161timestamp: {}', 'signatureFormat: bundle'].map(field => ({
    name: `a verdict with ${field}`,
    text: policy(`static: {action: pass}, ${field}`),
    error: `expected exactly one, got both: ${[`${authority}.static`, `${authority}.${field.split(':')[0]}`].toSorted().join(', ')}`,
  })),
  {
    name: 'an unknown field beside a verdict',
    text: policy('static: {action: pass}, identities: []'),
    error: `must not set the field(s): ${authority}.identities\nunknown field`,
  },
  { name: 'a key that is none', text: policy('key: {data: x}'), error: `invalid value: x: ${authority}.key.data` },
  {
    name: 'an unknown hash',
    text: policy(key.replace('}', ', hashAlgorithm: md5}')),
    error: `invalid value: md5: ${authority}.key.hashAlgorithm\nwant one of sha224, sha256, sha384, sha512`,
  },
  {
    name: 'a secret elsewhere',
    text: policy('key: {secretRef: {name: s, namespace: default}}'),
    error: `invalid value: default: ${authority}.key.secretRef.namespace\nsecretref.namespace must be cosign-system`,
  },
  { name: 'a secret without name', text: policy('key: {secretRef: {}}'), error: `missing field(s): ${authority}.key.secretRef.name` },
  {
    name: 'an unknown KMS',
    text: policy("key: {kms: 'vault://a/b'}"),
    error: `invalid value: vault://a/b: ${authority}.key.kms\nwant a key of awskms://, azurekms://, hashivault://, gcpkms://, k8s://`,
  },
  {
    name: 'a KMS of AWS without key',
    text: policy("key: {kms: 'awskms://host:1'}"),
    error: `invalid value: awskms://host:1: ${authority}.key.kms\nmalformed AWS KMS format, should be: 'awskms://$ENDPOINT/$KEYID'`,
  },
  {
    name: 'a KMS of AWS at no port',
    text: policy("key: {kms: 'awskms://host/arn:aws:kms:us-east-2:111122223333:key/a'}"),
    error: `invalid value: awskms://host/arn:aws:kms:us-east-2:111122223333:key/a: ${authority}.key.kms\nmalformed endpoint: want HOST:PORT`,
  },
  {
    name: 'a KMS of AWS by key id',
    text: policy("key: {kms: 'awskms:///1234'}"),
    error: `invalid value: awskms:///1234: ${authority}.key.kms\nfailed to parse either key or alias arn`,
  },
  {
    name: 'nobody',
    text: policy('keyless: {}'),
    error: `${authority}.keyless.identities: Invalid value: want at least one identity, got none`,
  },
  {
    name: 'an issuer alone',
    text: policy('keyless: {identities: [{issuer: i}]}'),
    error: `missing field(s): ${authority}.keyless.identities[0].subject, ${authority}.keyless.identities[0].subjectRegExp`,
  },
  {
    name: 'an issuer twice',
    text: policy('keyless: {identities: [{issuer: i, issuerRegExp: i, subject: s}]}'),
    error: `expected exactly one, got both: ${authority}.keyless.identities[0].issuer, ${authority}.keyless.identities[0].issuerRegExp`,
  },
  {
    name: 'a pattern that is none',
    text: policy("keyless: {identities: [{issuer: i, subjectRegExp: '('}]}"),
    error: `invalid value: (: ${authority}.keyless.identities[0].subjectRegExp\nregex is invalid: subjectRegExp: want a pattern of RE2, got "(": `,
  },
  {
    name: 'an address that is no URL',
    text: policy(`keyless: {url: x, identities: [${identity}]}`),
    error: `invalid value: x: ${authority}.keyless.url\nwant an http(s) URL without user name or password`,
  },
  {
    name: 'certificates that are none',
    text: policy(`keyless: {ca-cert: {data: x}, identities: [${identity}]}`),
    error: `invalid value: x: ${authority}.keyless.ca-cert.data`,
  },
  {
    name: 'a hash beside certificates',
    text: policy(`keyless: {ca-cert: {secretRef: {name: s}, hashAlgorithm: sha256}, identities: [${identity}]}`),
    error: `must not set the field(s): ${authority}.keyless.ca-cert.hashAlgorithm`,
  },
  {
    name: 'two sources',
    text: policy(`${key}, source: [{oci: a.test/b}, {oci: a.test/c}]`),
    error: `only single source is supported: ${authority}.source`,
  },
  { name: 'a source of nothing', text: policy(`${key}, source: [{}]`), error: `missing field(s): ${authority}.source[0].oci` },
  {
    name: 'a source that is a host',
    text: policy(`${key}, source: [{oci: registry.test}]`),
    error: `invalid value: registry.test: ${authority}.source[0].oci\nwant a repository: HOST/PATH`,
  },
  {
    name: 'a source that is none',
    text: policy(`${key}, source: [{oci: registry.test/A}]`),
    error: `invalid value: registry.test/A: ${authority}.source[0].oci\nrepository "registry.test/A": repository: want lower-case`,
  },
  {
    name: 'a prefix that no tag has',
    text: policy(`${key}, source: [{tagPrefix: a/b}]`),
    error: `invalid value: a/b: ${authority}.source[0].tagPrefix\nwant what a tag can begin with`,
  },
  {
    name: 'a pull secret without name',
    text: policy(`${key}, source: [{signaturePullSecrets: [{}]}]`),
    error: `missing field(s): ${authority}.source[0].signaturePullSecrets[0].name`,
  },
  {
    name: 'a timestamp of nobody',
    text: policy(`${key}, rfc3161timestamp: {}`),
    error: `missing field(s): ${authority}.rfc3161timestamp.trustRootRef`,
  },
  {
    name: 'a log that is no URL',
    text: policy(`${key}, ctlog: {url: 'ftp://x'}`),
    error: `invalid value: ftp://x: ${authority}.ctlog.url\nwant an http(s) URL without user name or password`,
  },
  {
    name: 'an unknown format',
    text: policy(`${key}, signatureFormat: x`),
    error: `invalid value: x: ${authority}.signatureFormat\nwant one of legacy, bundle, auto`,
  },
  {
    name: 'two roots for bundles',
    text: policy(`${keyless}, signatureFormat: bundle, ctlog: {trustRootRef: a}, rfc3161timestamp: {trustRootRef: b}`),
    error: `want one trustRootRef for all of an authority for bundles: ${authority}.ctlog.trustRootRef, ${authority}.rfc3161timestamp.trustRootRef`,
  },
  {
    name: 'an attestation of nothing',
    text: policy(`${key}, attestations: [{}]`),
    error: `missing field(s): ${authority}.attestations[0].name, ${authority}.attestations[0].predicateType`,
  },
  {
    name: 'an attestation twice',
    text: policy(`${key}, attestations: [{name: a, predicateType: spdx}, {name: a, predicateType: vuln}]`),
    error: `invalid value: a: ${authority}.attestations[1].name\nwant another name for each attestation`,
  },
  ...['cue', 'rego'].map(type => ({
    name: `an attestation's policy in ${type}`,
    text: policy(`${key}, attestations: [{name: a, predicateType: spdx, policy: {type: ${type}, data: x}}]`),
    error: `invalid value: ${type}: ${authority}.attestations[0].policy.type\npolicies in CUE and Rego are not run here: write it in CEL, with type: cel`,
    code: 'CAPABILITY_MISSING',
  })),
  {
    name: 'a policy in cue',
    text: policy(key, 'policy: {type: cue, data: x}'),
    error: 'invalid value: cue: spec.policy.type\npolicies in CUE and Rego',
    code: 'CAPABILITY_MISSING',
  },
  {
    name: 'a policy in cue, and more',
    text: policy(key, 'mode: x, policy: {type: cue, data: x}'),
    error: 'invalid value: cue: spec.policy.type\npolicies in CUE and Rego',
  },
  {
    name: 'a policy in no language',
    text: policy(key, 'policy: {data: x}'),
    error: 'invalid value: : spec.policy.type\nwant cel, cue or rego',
  },
  {
    name: 'a policy without text',
    text: policy(key, 'policy: {type: cel}'),
    error: 'expected exactly one, got neither: spec.policy.configMapRef, spec.policy.data, spec.policy.remote',
  },
  {
    name: 'a policy with two texts',
    text: policy(key, 'policy: {type: cel, data: x, configMapRef: {name: a, key: b}}'),
    error: 'expected exactly one, got both: spec.policy.configMapRef, spec.policy.data, spec.policy.remote',
  },
  {
    name: 'a policy of nowhere',
    text: policy(key, 'policy: {type: cel, configMapRef: {}}'),
    error: 'missing field(s): spec.policy.configMapRef.key, spec.policy.configMapRef.name',
  },
  {
    name: 'a policy over http',
    text: policy(key, `policy: {type: cel, remote: {url: 'http://x.test', sha256sum: ${'a'.repeat(64)}}}`),
    error: 'invalid value: http://x.test: spec.policy.remote.url\nwant an https URL with a host',
  },
  {
    name: 'a policy without digest',
    text: policy(key, "policy: {type: cel, remote: {url: 'https://x.test'}}"),
    error: 'missing field(s): spec.policy.remote.sha256sum',
  },
  {
    name: 'a policy with a digest that is none',
    text: policy(key, "policy: {type: cel, remote: {url: 'https://x.test', sha256sum: AB}}"),
    error: 'invalid value: AB: spec.policy.remote.sha256sum\nwant 64 lower-case hex digits',
  },
  ...['fetchConfigFile', 'includeSpec', 'includeObjectMeta', 'includeTypeMeta'].map(field => ({
    name: `${field} of an attestation`,
    text: policy(`${key}, attestations: [{name: a, predicateType: spdx, policy: {type: cel, data: x, ${field}: true}}]`),
    error: `must not set the field(s): ${authority}.attestations[0].policy.${field}`,
  })),
  {
    name: 'a flag that is a text',
    text: policy(key, "policy: {type: cel, data: x, includeSpec: 'true'}"),
    error: 'invalid value: true: spec.policy.includeSpec\nwant true or false',
  },
  {
    name: 'values that draw on the screen',
    text: policy(key, 'mode: "a\\nb\\e[1m"'),
    error: 'invalid value: a\\u{000a}b\\u{001b}[1m: spec.mode\nunsupported mode',
  },
  {
    name: 'all that is wrong at once',
    text: policy('static: {action: x}', 'mode: y'),
    error: `invalid value: x: ${authority}.static.action\nunsupported action\ninvalid value: y: spec.mode\nunsupported mode`,
  },
] as { name: string; text: string; error: string; code?: string }[])
  test(`readClusterImagePolicy refuses ${name}`, () =>
    assert.throws(
      () => read(text),
      (thrown: Error & { code?: string }) => {
        const told = thrown.message.replace(/^ClusterImagePolicy "p?": validation failed: /, '')
        assert.equal(told.slice(0, error.length), error)
        assert.equal(thrown.code, code)
        return true
      },
    ))

test('readClusterImagePolicy refuses a text that aliases make large', () => {
  const text = `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: p}\nspec:\n  images: [{glob: a}]\n  authorities:\n  - name: a\n    ${key}\n    attestations: &a [${Array.from({ length: 100 }, (_, n) => `{name: n${n}, predicateType: spdx, policy: {type: cel, data: ${n === 0 ? `&t ${'x'.repeat(60_000)}` : '*t'}}}`).join(', ')}]\n`
  assert.throws(() => read(text), { code: 'LIMIT_EXCEEDED', message: /want at most 4194304 characters in one object, got more$/ })
})
