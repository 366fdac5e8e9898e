import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../../../codec/error.ts'
import { encodeHex } from '../../../../codec/hex.ts'
import { encodeUtf8 } from '../../../../codec/text.ts'
import { sha256 } from '../../../../crypto/digest.ts'
import { encodePublicKeyPem } from '../../../../crypto/public-key.ts'
import { parseYamlDocuments } from '../../../../formats/kubernetes-manifest/yaml-documents.ts'
import { ociDigestOf } from '../../../../formats/oci-digest.ts'
import { signPredicateType } from '../../../../formats/statement.ts'
import { freshSigner, signingTime } from '../../../../testing/sigstore/certificate-authority.ts'
import { createTestSigstore, pemOf, type SigningOptions } from '../../../../testing/sigstore/test-sigstore.ts'
import { bundleCandidate, type Candidate, layerCandidate } from '../../../../verify/evidence.ts'
import { verify } from '../../../../verify/verify.ts'
import type { Authority, ImagePolicy, Requirement } from '../../../model.ts'
import { readClusterImagePolicy } from '../read/read-cluster-image-policy.ts'
import type { CipReferences } from './resolve-references.ts'
import { type TranslatedCip, translatePolicy } from './translate-policy.ts'

const [publicGood, own] = [await createTestSigstore(), await createTestSigstore()]
const [team, stranger] = [freshSigner(), freshSigner()]
const [wide, p384] = [freshSigner('rsa', 'sha512'), freshSigner('p384')] // signing with SHA-512, and with SHA-384
const digest = ociDigestOf(encodeUtf8('an image'))
const signal = AbortSignal.any([])
const pem = (signer: typeof team) => encodePublicKeyPem(signer.publicKey)
const bytes = (text: string) => encodeUtf8(text)
const program = 'predicate.ok == true'

const missing = (what: string) => new CountersignError('KMS_UNAVAILABLE', `${what} does not answer`)
const references = (changes: Partial<CipReferences> = {}): CipReferences => ({
  secret: async name =>
    new Map<string, ReadonlyMap<string, Uint8Array>>([
      ['team', new Map([['any.name', bytes(pem(team))]])],
      ['both', new Map([['keys', bytes(`${pem(stranger)}${pem(team)}`)]])],
      ['two', new Map(['a', 'b'].map(name => [name, bytes(pem(team))]))],
      ['none', new Map()],
      ['text', new Map([['a', bytes('x')]])],
      ['ca', new Map([['ca.pem', pemOf(own.authority, own.root)]])],
      ['intermediate', new Map([['ca.pem', pemOf(own.authority)]])],
    ]).get(name),
  configMapText: async (name, key) => (name === 'map' && key === 'k' ? program : undefined),
  remoteText: async url => (url.pathname === '/p' ? bytes(program) : Promise.reject(missing(url.href))),
  kmsKeys: async reference => {
    if (reference === 'hashivault://team') return [team.publicKey]
    if (reference === 'hashivault://empty') return []
    throw missing(reference)
  },
  trustRoot: async name => (name === 'own' ? own.trustedRoot : undefined),
  publicGood: async () => publicGood.trustedRoot,
  ...changes,
})

const policyText = (authority: string, spec = '') =>
  `{apiVersion: policy.sigstore.dev/v1beta1, kind: ClusterImagePolicy, metadata: {name: p}, spec: {images: [{glob: '**'}], authorities: [{${authority}}]${spec}}}`
const translate = async (authority: string, spec = '', from = references(), legacyReferrers = false): Promise<TranslatedCip> =>
  await translatePolicy(
    readClusterImagePolicy(parseYamlDocuments(policyText(authority, spec))[0], { systemNamespace: 'cosign-system' }),
    from,
    { legacyReferrers },
    signal,
  )

/** The requirement of the one authority. */
function onlyOf({ requirement }: ImagePolicy): Requirement {
  assert.ok(requirement.kind === 'quorum' && requirement.least === 1)
  const [only, ...others] = requirement.of
  assert.ok(only && others.length === 0)
  return only
}

async function authorityOf(text: string, from = references()): Promise<Authority> {
  const only = onlyOf((await translate(text, '', from)).policy)
  assert.ok(only.kind === 'authority', only.kind === 'unusable' ? only.error.message : only.kind)
  return only
}

const later = (hours: number) => new Date(signingTime.getTime() + hours * 3_600_000)

/** Whether an authority admits an image by a candidate, as the engine would: the code where it does not. */
async function verdictOf({ trust, demands }: Authority, candidate: Candidate, now = later(2)): Promise<string> {
  try {
    await verify([candidate], trust, {
      ...demands,
      artifact: { kind: 'image', digest },
      predicateTypes: [signPredicateType],
      now,
      unsafeSkipClaims: false,
    })
    return 'admitted'
  } catch (error) {
    assert.ok(error instanceof CountersignError)
    return error.code
  }
}

const layer = async (sigstore: typeof own, options: SigningOptions = {}) => {
  const { payload, annotations } = await sigstore.signPayload(digest, options)
  return layerCandidate('layer', payload, annotations)
}
const bundle = async (sigstore: typeof own, options: SigningOptions = {}) =>
  bundleCandidate('bundle', await sigstore.signImage(digest, options))

const inPlace = (signer = team) => `key: {data: ${JSON.stringify(pem(signer))}}`
const who = '{issuer: https://issuer.example, subject: signer@example.com}'
const keyless = (more = '', identity = who) => `keyless: {identities: [${identity}]${more}}`
const ref = (name: string) => `${name}: {trustRootRef: own}`
const unlogged = { logs: [] } as const
const stamped = { logs: [], stamped: true } as const

for (const { name, authority, candidate, verdict, now } of [
  { name: 'key in place', authority: inPlace(), candidate: () => layer(own, { key: team, ...unlogged }), verdict: 'admitted' },
  {
    name: 'key of another',
    authority: inPlace(stranger),
    candidate: () => layer(own, { key: team, ...unlogged }),
    verdict: 'SIGNATURE_INVALID',
  },
  {
    name: 'key in a secret',
    authority: 'key: {secretRef: {name: team}}',
    candidate: () => layer(own, { key: team, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'any key of a secret',
    authority: 'key: {secretRef: {name: both}}',
    candidate: () => layer(own, { key: team, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'key in a KMS',
    authority: "key: {kms: 'hashivault://team'}",
    candidate: () => layer(own, { key: team, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'sha512 by hashAlgorithm',
    authority: inPlace(wide).replace('}', ', hashAlgorithm: sha512}'),
    candidate: () => layer(own, { key: wide, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'sha512 without hashAlgorithm',
    authority: inPlace(wide),
    candidate: () => layer(own, { key: wide, ...unlogged }),
    verdict: 'SIGNATURE_INVALID',
  },
  {
    name: 'sha384 of the key itself, in the older layout',
    authority: inPlace(p384),
    candidate: () => layer(own, { key: p384, ...unlogged }),
    verdict: 'SIGNATURE_INVALID',
  },
  {
    name: 'sha384 of the key itself, in a bundle',
    authority: `${inPlace(p384)}, signatureFormat: bundle`,
    candidate: () => bundle(own, { key: p384, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'key and a log: no entry',
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test'}`,
    candidate: () => layer(publicGood, { key: team, ...unlogged }),
    verdict: 'TLOG_ENTRY_MISSING',
  },
  {
    name: 'key and a log: an entry of the public one',
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test'}`,
    candidate: () => layer(publicGood, { key: team }),
    verdict: 'admitted',
  },
  {
    name: 'key and a log: an entry of another',
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test'}`,
    candidate: () => layer(own, { key: team }),
    verdict: 'TLOG_UNKNOWN',
  },
  {
    name: 'key and the log of a TrustRoot',
    authority: `${inPlace()}, ${ref('ctlog')}`,
    candidate: () => layer(own, { key: team }),
    verdict: 'admitted',
  },
  {
    name: 'key and the log of a TrustRoot: an entry of the public one',
    authority: `${inPlace()}, ${ref('ctlog')}`,
    candidate: () => layer(publicGood, { key: team }),
    verdict: 'TLOG_UNKNOWN',
  },
  {
    name: 'key and a log of nobody',
    authority: `${inPlace()}, ctlog: {}`,
    candidate: () => layer(own, { key: team, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'key and a timestamp',
    authority: `${inPlace()}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(own, { key: team, ...stamped }),
    verdict: 'admitted',
  },
  {
    name: 'key and a timestamp of another',
    authority: `${inPlace()}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(publicGood, { key: team, ...stamped }),
    verdict: 'THRESHOLD_NOT_MET',
  },
  {
    name: 'key and no timestamp',
    authority: `${inPlace()}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(own, { key: team }),
    verdict: 'THRESHOLD_NOT_MET',
  },
  {
    name: 'key and a timestamp in place of an entry',
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test'}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(own, { key: team, ...stamped }),
    verdict: 'admitted',
  },

  { name: 'identity, of the public instance', authority: keyless(), candidate: () => layer(publicGood), verdict: 'admitted' },
  { name: 'identity, of another instance', authority: keyless(), candidate: () => layer(own), verdict: 'TLOG_UNKNOWN' },
  { name: 'identity without entry', authority: keyless(), candidate: () => layer(publicGood, unlogged), verdict: 'TLOG_ENTRY_MISSING' },
  {
    name: 'another subject',
    authority: keyless('', '{issuer: https://issuer.example, subject: other@example.com}'),
    candidate: () => layer(publicGood),
    verdict: 'IDENTITY_MISMATCH',
  },
  {
    name: 'part of a subject',
    authority: keyless('', '{issuer: https://issuer.example, subject: signer}'),
    candidate: () => layer(publicGood),
    verdict: 'IDENTITY_MISMATCH',
  },
  {
    name: 'another issuer',
    authority: keyless('', '{issuer: https://issuer.test, subject: signer@example.com}'),
    candidate: () => layer(publicGood),
    verdict: 'IDENTITY_MISMATCH',
  },
  {
    name: 'patterns, which are not anchored',
    authority: keyless('', '{issuerRegExp: issuer.example, subjectRegExp: signer}'),
    candidate: () => layer(publicGood),
    verdict: 'admitted',
  },
  {
    name: 'a pattern of another',
    authority: keyless('', '{issuerRegExp: issuer.example, subjectRegExp: ^igner}'),
    candidate: () => layer(publicGood),
    verdict: 'IDENTITY_MISMATCH',
  },
  {
    name: 'one of two identities',
    authority: keyless('', `{issuer: a, subject: b}, ${who}`),
    candidate: () => layer(publicGood),
    verdict: 'admitted',
  },
  {
    name: 'a TrustRoot, without log: valid now',
    authority: keyless(', trustRootRef: own'),
    candidate: () => layer(own, unlogged),
    verdict: 'admitted',
    now: later(0.1),
  },
  {
    name: 'a TrustRoot, without log: expired',
    authority: keyless(', trustRootRef: own'),
    candidate: () => layer(own),
    verdict: 'CERTIFICATE_EXPIRED',
  },
  {
    name: 'a TrustRoot, without log: stamped',
    authority: keyless(', trustRootRef: own'),
    candidate: () => layer(own, stamped),
    verdict: 'admitted',
  },
  {
    name: 'a TrustRoot, with its log',
    authority: `${keyless(', trustRootRef: own')}, ${ref('ctlog')}`,
    candidate: () => layer(own),
    verdict: 'admitted',
  },
  {
    name: 'a TrustRoot, with a log at an address, which is a public one',
    authority: `${keyless(', trustRootRef: own')}, ctlog: {url: 'https://rekor.test'}`,
    candidate: () => layer(own),
    verdict: 'TLOG_UNKNOWN',
  },
  {
    name: 'a TrustRoot, with a timestamp',
    authority: `${keyless(', trustRootRef: own')}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(own, stamped),
    verdict: 'admitted',
  },
  {
    name: 'a TrustRoot, with no timestamp',
    authority: `${keyless(', trustRootRef: own')}, ${ref('rfc3161timestamp')}`,
    candidate: () => layer(own),
    verdict: 'THRESHOLD_NOT_MET',
  },
  {
    name: 'the public instance does not vouch for a TrustRoot',
    authority: `${keyless(', trustRootRef: own')}, ${ref('ctlog')}`,
    candidate: () => layer(publicGood),
    verdict: 'TLOG_UNKNOWN',
  },
  {
    name: 'a certificate that no log has seen',
    authority: keyless(),
    candidate: () => layer(publicGood, { leaf: { ctLogs: [] } }),
    verdict: 'SCT_INVALID',
  },
  {
    name: 'insecureIgnoreSCT',
    authority: keyless(', insecureIgnoreSCT: true'),
    candidate: () => layer(publicGood, { leaf: { ctLogs: [] } }),
    verdict: 'admitted',
  },
  {
    name: 'ca-cert',
    authority: `${keyless(', ca-cert: {secretRef: {name: ca}}, insecureIgnoreSCT: true')}, ${ref('ctlog')}`,
    candidate: () => layer(own),
    verdict: 'admitted',
  },
  {
    name: 'ca-cert in place',
    authority: `${keyless(`, ca-cert: {data: ${JSON.stringify(new TextDecoder().decode(pemOf(own.authority, own.root)))}}, trustRootRef: own`)}, ${ref('ctlog')}`,
    candidate: () => layer(own),
    verdict: 'admitted',
  },
  {
    name: 'ca-cert: the public instance does not count',
    authority: keyless(', ca-cert: {secretRef: {name: ca}}'),
    candidate: () => layer(publicGood),
    verdict: 'CERTIFICATE_UNTRUSTED',
  },

  {
    name: 'a bundle',
    authority: `${keyless(', trustRootRef: own')}, signatureFormat: bundle`,
    candidate: () => bundle(own),
    verdict: 'admitted',
  },
  {
    name: 'a bundle of Rekor v2',
    authority: `${keyless(', trustRootRef: own')}, signatureFormat: bundle`,
    candidate: () => bundle(own, { logs: ['v2'] }),
    verdict: 'admitted',
  },
  {
    name: 'a bundle without entry, though the TrustRoot has a log',
    authority: `${keyless(', trustRootRef: own')}, signatureFormat: bundle`,
    candidate: () => bundle(own, stamped),
    verdict: 'TLOG_ENTRY_MISSING',
  },
  {
    name: 'a bundle with a timestamp in place of an entry',
    authority: `${keyless(', trustRootRef: own')}, ${ref('rfc3161timestamp')}, signatureFormat: bundle`,
    candidate: () => bundle(own, stamped),
    verdict: 'admitted',
  },
  {
    name: 'a bundle and a log at an address, of the TrustRoot',
    authority: `${keyless(', trustRootRef: own')}, ctlog: {url: 'https://rekor.test'}, signatureFormat: auto`,
    candidate: () => bundle(own),
    verdict: 'admitted',
  },
  {
    name: 'a bundle by a key',
    authority: `${inPlace()}, signatureFormat: bundle`,
    candidate: () => bundle(own, { key: team, ...unlogged }),
    verdict: 'admitted',
  },
  {
    name: 'a bundle by a key and a log',
    authority: `${inPlace()}, ${ref('ctlog')}, signatureFormat: bundle`,
    candidate: () => bundle(own, { key: team, ...unlogged }),
    verdict: 'TLOG_ENTRY_MISSING',
  },
] as { name: string; authority: string; candidate: () => Promise<Candidate>; verdict: string; now?: Date }[])
  test(`translatePolicy: ${name}: ${verdict}`, async () => {
    const translated = await authorityOf(authority)
    assert.equal(await verdictOf(translated, await candidate(), now), verdict)
  })

for (const { name, authority, field, value } of [
  { name: 'a key is named so', authority: inPlace(), field: 'signer', value: 'key' },
  { name: 'an identity is named so', authority: keyless(), field: 'signer', value: 'keyless' },
  { name: 'the older layout alone', authority: inPlace(), field: 'formats', value: 'legacy' },
  { name: 'bundles alone', authority: `${inPlace()}, signatureFormat: bundle`, field: 'formats', value: 'bundle' },
  { name: 'whichever there is', authority: `${inPlace()}, signatureFormat: auto`, field: 'formats', value: 'every' },
  { name: 'beside the image', authority: inPlace(), field: 'places', value: [{}] },
  {
    name: 'elsewhere',
    authority: `${inPlace()}, source: [{oci: 'r.test/sigs', tagPrefix: x, signaturePullSecrets: [{name: a}, {name: b}]}]`,
    field: 'places',
    value: [{ repository: { registry: 'r.test', repository: 'sigs' }, tagPrefix: 'x', pullSecrets: ['a', 'b'] }],
  },
  { name: 'no log is asked', authority: inPlace(), field: 'askedLog', value: undefined },
  {
    name: 'the log at its address',
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test/x'}`,
    field: 'askedLog',
    value: new URL('https://rekor.test/x'),
  },
  {
    name: "the address of the TrustRoot's last log",
    authority: `${inPlace()}, ctlog: {url: 'https://rekor.test', trustRootRef: own}`,
    field: 'askedLog',
    value: new URL(own.trustedRoot.transparencyLogs.at(-1)!.baseUrl),
  },
] as { name: string; authority: string; field: keyof Authority; value: unknown }[])
  test(`translatePolicy: ${field}: ${name}`, async () => assert.deepEqual((await authorityOf(authority))[field], value))

test('translatePolicy: enable-oci11', async () => {
  const { policy } = await translate(inPlace(), '', references(), true)
  const only = onlyOf(policy)
  assert.ok(only.kind === 'authority' && only.legacyReferrers)
})

test("translatePolicy: the policy's own log where the TrustRoot's has no address", async () => {
  const silent = { ...own.trustedRoot, transparencyLogs: own.trustedRoot.transparencyLogs.map(log => ({ ...log, baseUrl: '' })) }
  const from = references({ trustRoot: async () => silent })
  const { askedLog } = await authorityOf(`${inPlace()}, ctlog: {url: 'https://rekor.test', trustRootRef: own}`, from)
  assert.equal(askedLog?.href, 'https://rekor.test/')
})

for (const { name, text, value } of [
  { name: 'pass', text: 'static: {action: pass}', value: { passes: true } },
  { name: 'fail', text: 'static: {action: fail, message: m}', value: { passes: false, message: 'm' } },
])
  test(`translatePolicy: static: ${name}`, async () => {
    const only = onlyOf((await translate(text)).policy)
    assert.deepEqual(only, { kind: 'static', name: 'authority-0', path: 'spec.authorities[0]', ...value })
  })

for (const { name, text, action } of [
  { name: 'enforce unless told', text: '', action: 'enforce' },
  { name: 'warn', text: ', mode: warn', action: 'warn' },
])
  test(`translatePolicy: action: ${name}`, async () => assert.equal((await translate(inPlace(), text)).policy.action, action))

const attestation = (policy: string) =>
  `${inPlace()}, attestations: [{name: a, predicateType: 'https://x.test/t', policy: {type: cel, ${policy}}}]`
const hex = encodeHex(sha256(bytes(program)))
for (const [name, policy] of [
  ['in place', `data: '${program}'`],
  ['of a ConfigMap', 'configMapRef: {name: map, key: k}'],
  ['of a URL', `remote: {url: 'https://x.test/p', sha256sum: ${hex}}`],
] as const)
  test(`translatePolicy: the program of an attestation ${name}`, async () => {
    const { proves } = await authorityOf(attestation(policy))
    assert.ok(proves.kind === 'attestations')
    const [{ quantifier, predicateType, conditions }] = proves.of
    assert.deepEqual([quantifier, predicateType, conditions.length], ['some', 'https://x.test/t', 1])
    const statement = { predicateType, document: { predicate: { ok: false }, subject: [] }, subjects: [] }
    const attested = { statement, signer: { key: team.publicKey, identity: undefined }, signedAt: undefined, now: signingTime }
    await assert.rejects(async () => await conditions[0]!.check(attested as never), {
      code: 'POLICY_REFUSED',
      message: 'policy "a" is false',
    })
  })

for (const { name, authority = inPlace(), spec = '', code, message } of [
  { name: 'no secret', authority: 'key: {secretRef: {name: x}}', code: 'KEY_NOT_FOUND', message: /^secret "x" not found$/ },
  {
    name: 'a secret of two',
    authority: 'key: {secretRef: {name: two}}',
    code: 'MATERIAL_MALFORMED',
    message: /^secret "two": want exactly one entry, got 2$/,
  },
  {
    name: 'a secret of nothing',
    authority: 'key: {secretRef: {name: none}}',
    code: 'MATERIAL_MALFORMED',
    message: /want exactly one entry, got 0$/,
  },
  {
    name: 'a secret without key',
    authority: 'key: {secretRef: {name: text}}',
    code: 'KEY_MALFORMED',
    message: /^spec\.authorities\[0\]\.key: want a PEM public key, got none$/,
  },
  { name: 'a KMS that does not answer', authority: "key: {kms: 'hashivault://x'}", code: 'KMS_UNAVAILABLE', message: /does not answer/ },
  { name: 'a KMS without key', authority: "key: {kms: 'hashivault://empty'}", code: 'KEY_NOT_FOUND', message: /it has no public key$/ },
  { name: 'no TrustRoot', authority: keyless(', trustRootRef: x'), code: 'TRUST_UNAVAILABLE', message: /^trustRootRef x not found$/ },
  {
    name: 'no TrustRoot of a log',
    authority: `${inPlace()}, ctlog: {trustRootRef: x}`,
    code: 'TRUST_UNAVAILABLE',
    message: /^trustRootRef x not found$/,
  },
  {
    name: 'no TrustRoot of timestamps',
    authority: `${inPlace()}, rfc3161timestamp: {trustRootRef: x}`,
    code: 'TRUST_UNAVAILABLE',
    message: /^trustRootRef x not found$/,
  },
  {
    name: 'certificates in a KMS',
    authority: keyless(", ca-cert: {kms: 'hashivault://team'}"),
    code: 'CAPABILITY_MISSING',
    message: /^spec\.authorities\[0\]\.keyless\.ca-cert\.kms: want certificates, and a KMS has keys alone/,
  },
  {
    name: 'certificates without root',
    authority: keyless(', ca-cert: {secretRef: {name: intermediate}}'),
    code: 'MATERIAL_MALFORMED',
    message: /ca-cert: want a root among the certificates/,
  },
  {
    name: 'no ConfigMap',
    authority: attestation('configMapRef: {name: map, key: x}'),
    code: 'FILE_UNREADABLE',
    message: /ConfigMap "map" has no "x"$/,
  },
  {
    name: 'a text of another digest',
    authority: attestation(`remote: {url: 'https://x.test/p', sha256sum: ${'a'.repeat(64)}}`),
    code: 'DIGEST_MISMATCH',
    message: /policy\.remote: want sha256 a{64}, got [0-9a-f]{64}$/,
  },
  { name: 'a program that is none', authority: attestation("data: 'nothing +'"), code: 'POLICY_MALFORMED', message: /^policy "a": line 1/ },
  {
    name: 'a program over the whole that is none',
    spec: ", policy: {type: cel, data: 'nothing +'}",
    code: 'POLICY_MALFORMED',
    message: /^policy of "p": line 1/,
  },
  {
    name: 'a program that sees what it did not ask for',
    spec: ", policy: {type: cel, data: 'config == null'}",
    code: 'POLICY_MALFORMED',
    message: /config/,
  },
] as { name: string; authority?: string; spec?: string; code: string; message: RegExp }[])
  test(`translatePolicy: unusable: ${name}`, async () => {
    const { policy, unusable } = await translate(authority, spec)
    const refusing = spec === '' ? onlyOf(policy) : policy.requirement
    assert.ok(refusing.kind === 'unusable')
    assert.deepEqual(unusable, [refusing.error])
    assert.equal(refusing.error.code, code)
    assert.match(refusing.error.message, message)
    assert.equal(refusing.path, spec === '' ? 'spec.authorities[0]' : 'spec.policy')
  })

test('translatePolicy: an authority that cannot be made out does not silence the others', async () => {
  const { policy, unusable } = await translate(`key: {secretRef: {name: x}}}, {${inPlace()}`)
  assert.ok(policy.requirement.kind === 'quorum')
  assert.deepEqual([policy.requirement.of.map(({ kind }) => kind), unusable.length], [['unusable', 'authority'], 1])
})

test('translatePolicy: what is no error of ours passes through', async () => {
  const defect = new TypeError('a defect')
  await assert.rejects(translate(keyless(), '', references({ publicGood: async () => Promise.reject(defect) })), defect)
})

test('translatePolicy: each thing is asked for once', async () => {
  const asked: string[] = []
  const from = references({
    trustRoot: async name => {
      asked.push(name)
      return own.trustedRoot
    },
  })
  await translate(
    `${keyless(', trustRootRef: own')}, ${ref('ctlog')}}, {${inPlace()}, ${ref('ctlog')}, ${ref('rfc3161timestamp')}`,
    '',
    from,
  )
  assert.deepEqual(asked, ['own'])
})

const fingerprint = async (authority: string, spec = '', from = references(), legacyReferrers = false) =>
  (await translate(authority, spec, from, legacyReferrers)).policy.fingerprint

test('translatePolicy: the fingerprint is that of the content', async () => {
  assert.equal(await fingerprint(keyless()), await fingerprint(keyless()))
  assert.match(await fingerprint(keyless()), /^[0-9a-f]{64}$/)
})

const secretOf = (signer: typeof team) => references({ secret: async () => new Map([['k', bytes(pem(signer))]]) })
const secret = 'key: {secretRef: {name: team}}'
const inRoot = `${inPlace()}, ${ref('ctlog')}`
const unlike = {
  ...own.trustedRoot,
  transparencyLogs: own.trustedRoot.transparencyLogs.map(log => ({ ...log, validFor: { start: signingTime, end: undefined } })),
}
for (const [name, one, other] of [
  ['a key', () => fingerprint(inPlace()), () => fingerprint(inPlace(stranger))],
  ['a name', () => fingerprint(inPlace()), () => fingerprint(`name: n, ${inPlace()}`)],
  [
    'a pattern',
    () => fingerprint(keyless('', '{issuerRegExp: a, subject: s}')),
    () => fingerprint(keyless('', '{issuerRegExp: b, subject: s}')),
  ],
  ['a mode', () => fingerprint(inPlace()), () => fingerprint(inPlace(), ', mode: warn')],
  ['the content of a secret', () => fingerprint(secret, '', secretOf(team)), () => fingerprint(secret, '', secretOf(stranger))],
  [
    'a secret that is gone',
    () => fingerprint(secret, '', secretOf(team)),
    () => fingerprint(secret, '', references({ secret: async () => undefined })),
  ],
  [
    'the key of a KMS',
    () => fingerprint("key: {kms: 'hashivault://team'}"),
    () => fingerprint("key: {kms: 'hashivault://team'}", '', references({ kmsKeys: async () => [stranger.publicKey] })),
  ],
  [
    'a KMS that does not answer',
    () => fingerprint("key: {kms: 'hashivault://team'}"),
    () => fingerprint("key: {kms: 'hashivault://team'}", '', references({ kmsKeys: async () => Promise.reject(missing('it')) })),
  ],
  [
    'the keys of a TrustRoot',
    () => fingerprint(inRoot),
    () => fingerprint(inRoot, '', references({ trustRoot: async () => publicGood.trustedRoot })),
  ],
  ['the times of a TrustRoot', () => fingerprint(inRoot), () => fingerprint(inRoot, '', references({ trustRoot: async () => unlike }))],
  [
    'the public instance',
    () => fingerprint(keyless()),
    () => fingerprint(keyless(), '', references({ publicGood: async () => own.trustedRoot })),
  ],
  [
    'the text of a ConfigMap',
    () => fingerprint(attestation('configMapRef: {name: map, key: k}')),
    () => fingerprint(attestation('configMapRef: {name: map, key: k}'), '', references({ configMapText: async () => 'true' })),
  ],
  ['enable-oci11', () => fingerprint(inPlace()), () => fingerprint(inPlace(), '', references(), true)],
] as const)
  test(`translatePolicy: the fingerprint changes with ${name}`, async () => assert.notEqual(await one(), await other()))
