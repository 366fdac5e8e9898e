import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf8 } from '../../codec/text.ts'
import { teamKey } from '../../testing/test-keys.ts'
import { readPolicyDocuments } from './policy-documents.ts'

const policy = (name = 'p', spec = '') =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: ${name}}\nspec: {images: [{glob: '**'}], authorities: [{key: {data: ${JSON.stringify(teamKey.publicPem)}}}]${spec}}\n`
const settings = (data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-policy-controller, namespace: cosign-system}\ndata: {${data}}\n`
const secret = (more: string, namespace = 'cosign-system') =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ${namespace}}\n${more}\n`
const read = (...texts: readonly string[]) =>
  readPolicyDocuments(
    texts.map((text, index) => ({ name: `${index}.yaml`, text })),
    'cosign-system',
  )

test('policies, what they refer to and how they are applied are read from files', () => {
  const found = read(
    `${policy('a')}---\n${policy('b')}`,
    secret('data: {cosign.pub: dGV4dA==}\nstringData: {other: plain}'),
    settings("no-match-policy: warn, enable-oci11: 'true', _example: x"),
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: programs}\ndata: {cel: 'true'}\n`,
  )
  assert.deepEqual(
    found.policies.map(({ name }) => name),
    ['a', 'b'],
  )
  assert.deepEqual(
    [...found.secrets.get('s')!].map(([key, bytes]) => [key, decodeUtf8(bytes, key)]),
    [
      ['cosign.pub', 'text'],
      ['other', 'plain'],
    ],
  )
  assert.equal(found.configMaps.get('programs')?.get('cel'), 'true')
  assert.deepEqual(found.settings, { noMatchPolicy: 'warn', legacyReferrers: true })
  assert.deepEqual(read(policy()).settings, { noMatchPolicy: 'deny', legacyReferrers: false })
})

test('fail-on-empty-authorities decides whether a policy may name nobody', () => {
  const empty = policy().replace(/authorities: \[.*\]/, 'authorities: []')
  assert.throws(() => read(empty), { code: 'POLICY_MALFORMED', message: /^0.yaml: / })
  assert.equal(read(empty, settings("fail-on-empty-authorities: 'false'")).policies.length, 1)
})

for (const { name, texts, code, message } of [
  { name: 'no policy', texts: [secret('data: {a: dGV4dA==}')], code: 'POLICY_EMPTY', message: /want one ClusterImagePolicy at least/ },
  { name: 'an empty file alone', texts: [''], code: 'POLICY_EMPTY', message: /at least/ },
  {
    name: 'another kind',
    texts: [policy(), 'apiVersion: v1\nkind: Pod\n'],
    code: 'CAPABILITY_MISSING',
    message: /^1.yaml: want .*, got "Pod" of "v1"/,
  },
  { name: 'no kind', texts: [policy(), 'just text'], code: 'CAPABILITY_MISSING', message: /^1.yaml: want .*, got "" of ""/ },
  {
    name: 'another version',
    texts: [policy().replace('v1beta1', 'v2')],
    code: 'CAPABILITY_MISSING',
    message: /of "policy.sigstore.dev\/v2"/,
  },
  {
    name: 'a policy twice',
    texts: [policy(), policy()],
    code: 'DOCUMENT_MALFORMED',
    message: /^1.yaml: ClusterImagePolicy "p": want it once/,
  },
  { name: 'an unknown field', texts: [policy('p', ', x: 1')], code: 'POLICY_MALFORMED', message: /^0.yaml: / },
  {
    name: 'a secret of another namespace',
    texts: [policy(), secret('data: {}', 'team')],
    code: 'DOCUMENT_MALFORMED',
    message: /Secret "s": want namespace "cosign-system", got "team"/,
  },
  {
    name: 'a secret that is no base64',
    texts: [policy(), secret('data: {a: "***"}')],
    code: 'BASE64_MALFORMED',
    message: /Secret "s": data\["a"\]/,
  },
  {
    name: 'a secret with more',
    texts: [policy(), secret('sealed: {}')],
    code: 'DOCUMENT_MALFORMED',
    message: /Secret "s": unknown member "sealed"/,
  },
  {
    name: 'a secret without a name',
    texts: [policy(), secret('').replace('name: s, ', '')],
    code: 'DOCUMENT_MALFORMED',
    message: /Secret: want a name/,
  },
  {
    name: 'a number as text',
    texts: [policy(), settings('no-match-policy: 1')],
    code: 'DOCUMENT_MALFORMED',
    message: /data\["no-match-policy"\]: want a string/,
  },
  {
    name: 'an unknown setting',
    texts: [policy(), settings('insecure-registries: x')],
    code: 'CAPABILITY_MISSING',
    message: /"insecure-registries" is not served/,
  },
  {
    name: 'a setting that is none',
    texts: [policy(), settings("enable-oci11: 'yes'")],
    code: 'DOCUMENT_MALFORMED',
    message: /enable-oci11: want true or false, got "yes"/,
  },
] as const)
  test(`files of policies are refused: ${name}`, () => {
    assert.throws(() => read(...texts), { code, message })
  })
