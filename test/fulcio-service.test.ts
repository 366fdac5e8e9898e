import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { bytesEqual } from '../src/codec/bytes.ts'
import { decodePem, encodePem } from '../src/codec/pem.ts'
import { sha256 } from '../src/crypto/digest.ts'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import { parseCertificate } from '../src/formats/x509/certificate.ts'
import { extensionOid } from '../src/formats/x509/certificate-extensions.ts'
import { checkPathValidAt, proveCertificatePaths } from '../src/formats/x509/certificate-path.ts'
import { verifyCertificateSignature } from '../src/formats/x509/certificate-signature.ts'
import { readFulcioExtensions } from '../src/formats/x509/fulcio-extensions.ts'
import { withoutExtension } from '../src/formats/x509/precertificate.ts'
import { embeddedScts, verifySct } from '../src/formats/x509/sct.ts'
import { encodeSct } from '../src/formats/x509/sct-writer.ts'
import { checkAuthority } from '../src/services/fulcio/authority.ts'
import { sha1KeyId } from '../src/services/fulcio/leaf-certificate.ts'
import { createRoot, freshSigner, type TestKeyKind } from '../src/testing/sigstore/certificate-authority.ts'
import { createCtLog } from '../src/testing/sigstore/certificate-log.ts'
import { certificatesOf, createRig, emailIssuer, get, materialOf, person, post, sha256Hex, testTime, tokenOf } from './fulcio/rig.ts'

test('a certificate of v2: profile, chain and embedded timestamp', async () => {
  const rig = await createRig()
  const signer = freshSigner()
  const response = await rig.ask(person, { signer })
  assert.equal(response.status, 200)
  const [leaf, ...chain] = await certificatesOf(response)
  assert.ok(leaf)
  assert.deepEqual(
    chain.map(({ der }) => der),
    rig.authority.trusted.map(({ der }) => der),
  )
  assert.equal(leaf.version, 3)
  assert.equal(leaf.subject.text, '')
  assert.equal(leaf.notBefore.toISOString(), '2026-03-01T10:00:00.000Z')
  assert.equal(leaf.notAfter.toISOString(), '2026-03-01T10:10:00.000Z')
  assert.ok(leaf.serialNumber > 0n && leaf.serialNumber < 1n << 159n)
  assert.ok(bytesEqual(leaf.spki, signer.publicKey.spki))
  assert.deepEqual(leaf.subjectKeyId, sha1KeyId(signer.publicKey))
  assert.deepEqual(leaf.authorityKeyId, rig.authority.certificate.subjectKeyId)
  assert.deepEqual([...leaf.keyUsage!], ['digital-signature'])
  assert.deepEqual(leaf.subjectAlternativeNames, [{ kind: 'email', value: 'dev@example.com' }])
  const arc = '1.3.6.1.4.1.57264.1'
  assert.deepEqual(
    [...leaf.extensions].map(([oid, { critical }]) => `${oid}${critical ? ' critical' : ''}`),
    [
      '2.5.29.15 critical',
      '2.5.29.37',
      '2.5.29.14',
      '2.5.29.35',
      '2.5.29.17 critical',
      `${arc}.1`,
      `${arc}.8`,
      `${arc}.24`,
      '1.3.6.1.4.1.11129.2.4.2',
    ],
  )
  const [path] = await proveCertificatePaths(leaf, { roots: chain.slice(-1), intermediates: chain.slice(0, -1) }, 'code-signing')
  checkPathValidAt(path, testTime)
  const [sct, ...others] = embeddedScts(leaf)
  assert.equal(others.length, 0)
  await verifySct(sct!, leaf, chain[0]!, { key: rig.logKey })
})

test('the precertificate and the certificate are the same but for poison and timestamp', async () => {
  const rig = await createRig()
  for (let round = 0; round < 8; round++) {
    const [leaf] = await certificatesOf(await rig.ask(person))
    const precertificate = rig.logged.at(-1)!
    assert.equal(precertificate.extensions.get(extensionOid.precertificatePoison)?.critical, true)
    assert.deepEqual(precertificate.extensions.get(extensionOid.precertificatePoison)?.value, Uint8Array.of(5, 0))
    assert.equal([...precertificate.extensions.keys()].at(-1), extensionOid.precertificatePoison)
    assert.deepEqual(
      withoutExtension(leaf!.tbs, extensionOid.sctList),
      withoutExtension(precertificate.tbs, extensionOid.precertificatePoison),
    )
  }
  assert.equal(new Set(rig.logged.map(({ serialNumber }) => serialNumber)).size, 8)
})

test('v1 answers 201 with PEM, joined by newlines and trimmed', async () => {
  const rig = await createRig()
  const signer = freshSigner()
  const body = {
    publicKey: { algorithm: 'ecdsa', content: encodeBase64(Buffer.from(encodePublicKeyPem(signer.publicKey))) },
    signedEmailAddress: encodeBase64(await signer.sign(Buffer.from('dev@example.com'))),
    certificateSigningRequest: null,
  }
  const response = await rig.handler(post('/api/v1/signingCert', body, tokenOf(person)))
  assert.equal(response.status, 201)
  assert.equal(response.headers.get('content-type'), 'application/pem-certificate-chain')
  assert.equal(response.headers.get('sct'), null)
  const text = await response.text()
  assert.match(text, /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----$/)
  assert.equal(decodePem(text, 'answer').length, 3)
  const der = { ...body, publicKey: { content: encodeBase64(signer.publicKey.spki) } }
  assert.equal((await rig.handler(post('/api/v1/signingCert', der, tokenOf(person)))).status, 201)
})

test('the token of a v2 body comes first, that of v1 stands in the header alone', async () => {
  const rig = await createRig()
  const signer = freshSigner()
  const publicKeyRequest = {
    public_key: { content: encodePublicKeyPem(signer.publicKey) },
    proof_of_possession: Buffer.from(await signer.sign(Buffer.from('dev@example.com'))).toString('base64url'),
    unheard_of: 1,
  }
  const body = { credentials: { oidc_identity_token: tokenOf(person) }, public_key_request: publicKeyRequest }
  assert.equal((await rig.handler(post('/api/v2/signingCert', body))).status, 200)
  assert.equal((await rig.handler(post('/api/v2/signingCert', body, 'a.b.c'))).status, 200)
  const v1 = {
    credentials: body.credentials,
    publicKey: { content: encodeBase64(signer.publicKey.spki) },
    signedEmailAddress: encodeBase64(await signer.sign(Buffer.from('dev@example.com'))),
  }
  assert.equal((await rig.handler(post('/api/v1/signingCert', v1))).status, 400)
})

for (const kind of ['p256', 'p384', 'p521', 'ed25519', 'rsa'] satisfies TestKeyKind[])
  test(`a key of kind ${kind} is certified`, async () => {
    const rig = await createRig()
    assert.equal((await rig.ask(person, { signer: freshSigner(kind) })).status, 200)
  })

const texts = {
  token: 'There was an error processing the identity token',
  key: 'The public key supplied in the request could not be parsed',
  weak: 'The public key supplied in the request is insecure',
  signature: 'The signature supplied in the request could not be verified',
}
const pemOfKey = (type: 'rsa' | 'ec', options: object) =>
  (generateKeyPairSync as (type: string, options: object) => { publicKey: { export: (options: object) => string } })(
    type,
    options,
  ).publicKey.export({
    format: 'pem',
    type: 'spki',
  })
const stranger = freshSigner()

for (const { name, how, message } of [
  { name: 'a proof over something else', how: { challenge: 'other@example.com' }, message: texts.signature },
  { name: 'a proof by another key', how: { key: encodePublicKeyPem(stranger.publicKey) }, message: texts.signature },
  { name: 'an empty proof', how: { proof: new Uint8Array() }, message: texts.signature },
  { name: 'a proof that is no signature', how: { proof: new Uint8Array(70) }, message: texts.signature },
  { name: 'no key', how: { key: '' }, message: texts.key },
  { name: 'a key that is none', how: { key: 'ssh-ed25519 AAAA' }, message: texts.key },
  { name: 'an RSA key of 1024 bits', how: { key: pemOfKey('rsa', { modulusLength: 1024 }) }, message: texts.weak },
  { name: 'an RSA key with exponent 3', how: { key: pemOfKey('rsa', { modulusLength: 2048, publicExponent: 3 }) }, message: texts.weak },
  { name: 'a key on P-224', how: { key: pemOfKey('ec', { namedCurve: 'P-224' }) }, message: texts.weak },
])
  test(`refused: ${name}`, async () => {
    const rig = await createRig()
    const response = await rig.ask(person, how)
    assert.equal(response.status, 400)
    assert.deepEqual(await response.json(), { code: 3, message, details: [] })
    assert.equal(rig.logged.length, 0)
    assert.equal(rig.audits.length, 0)
    assert.equal(rig.counts.get('http_requests_total 400 post'), 1)
  })

test('refused: a kind of key that is not on the list', async () => {
  const rig = await createRig({ keyTypes: ['PKIX_ED25519'] })
  const response = await rig.ask(person)
  assert.equal(response.status, 400)
  assert.equal(((await response.json()) as { message: string }).message, 'Signing algorithm not permitted: PKIX_ECDSA_P256_SHA_256')
})

for (const { name, body } of [
  { name: 'no JSON', body: '{' },
  { name: 'a list', body: '[]' },
  { name: 'a number for a text', body: '{"publicKeyRequest":{"publicKey":{"content":1}}}' },
  { name: 'a proof that is no base64', body: '{"publicKeyRequest":{"proofOfPossession":"*"}}' },
  { name: 'too deep', body: `${'['.repeat(40)}${']'.repeat(40)}` },
])
  test(`refused: ${name}`, async () => {
    const rig = await createRig()
    const response = await rig.handler(post('/api/v2/signingCert', body, tokenOf(person)))
    assert.equal(response.status, 400)
    assert.equal(((await response.json()) as { code: number }).code, 3)
    assert.deepEqual(rig.asked, [])
  })

test('refused: more than 4 MiB, as a 400', async () => {
  const rig = await createRig()
  const response = await rig.handler(post('/api/v2/signingCert', ' '.repeat((4 << 20) + 1), tokenOf(person)))
  assert.equal(response.status, 400)
  assert.deepEqual(await response.json(), { code: 3, message: 'request: want at most 4194304 bytes', details: [] })
})

test('without a log the answer has the shape of a detached timestamp that is not there', async () => {
  const rig = await createRig({ logged: false })
  const answer = (await (await rig.ask(person)).json()) as Record<string, unknown>
  assert.deepEqual(Object.keys(answer), ['signedCertificateDetachedSct'])
  assert.deepEqual(Object.keys(answer['signedCertificateDetachedSct'] as object), ['chain'])
})

for (const { name, logPrecertificate } of [
  { name: 'fails', logPrecertificate: () => Promise.reject(new Error('out of order')) },
  { name: 'answers nonsense', logPrecertificate: async () => Uint8Array.of(1, 2, 3) },
  { name: 'never answers', logPrecertificate: () => new Promise<Uint8Array>(() => {}) },
  {
    name: 'signs something else',
    logPrecertificate: async () => encodeSct(await createCtLog(stranger).seeCertificate({ der: Uint8Array.of(1) }, testTime)),
  },
])
  test(`no certificate where the log ${name}`, async () => {
    const rig = await createRig({ log: { key: stranger.publicKey, logPrecertificate }, limits: { logTimeoutMs: 20 } })
    const response = await rig.ask(person)
    assert.equal(response.status, 500)
    assert.deepEqual(await response.json(), { code: 13, message: 'Error entering certificate in CTL', details: [] })
    assert.equal(rig.audits.length, 0)
  })

test('no certificate where the authority has expired', async () => {
  let now = testTime
  const rig = await createRig({ now: () => now })
  now = new Date('2046-01-01T00:00:00Z')
  const claims = { ...person, exp: now.getTime() / 1000 + 60 }
  const response = await rig.ask(claims)
  assert.equal(response.status, 500)
  assert.equal(((await response.json()) as { message: string }).message, 'error communicating with CA backend')
})

test('one line is kept of every certificate, without the token', async () => {
  const rig = await createRig()
  const token = tokenOf({ ...person, sub: 'secret-subject' })
  const [leaf] = await certificatesOf(await rig.ask(person, { token }))
  assert.equal(rig.audits.length, 1)
  const [audit] = rig.audits
  assert.deepEqual(audit, {
    action: 'certificate issued',
    serialNumber: leaf!.serialNumber.toString(16).padStart(Math.ceil(leaf!.serialNumber.toString(16).length / 2) * 2, '0'),
    name: 'dev@example.com',
    issuer: emailIssuer,
    subjectSha256: sha256Hex('secret-subject'),
    notAfter: '2026-03-01T10:10:00.000Z',
  })
  assert.equal(rig.counts.get('fulcio_new_certs'), 1)
  assert.ok(!JSON.stringify([rig.logs, rig.audits]).includes(token.split('.')[1]!))
})

test('roots, trust bundle, health and configuration', async () => {
  const rig = await createRig({
    config: `
oidc-issuers:
  ${emailIssuer}: {client-id: sigstore, type: email, skip-email-verification: true}
  https://people.example: {client-id: other, type: username, subject-domain: people.example}
  https://mesh.example: {client-id: sigstore, type: spiffe, spiffe-trust-domain: mesh.example}
meta-issuers:
  https://*.clusters.example/id/*: {client-id: sigstore, type: kubernetes}
`,
  })
  const bundle = (await (await rig.handler(get('/api/v2/trustBundle'))).json()) as { chains: { certificates: string[] }[] }
  assert.equal(bundle.chains.length, 1)
  const ders = bundle.chains[0]!.certificates.map(pem => parseCertificate(decodePem(pem, 'bundle')[0]!.bytes, 'bundle').der)
  assert.deepEqual(
    ders,
    rig.authority.trusted.map(({ der }) => der),
  )
  const roots = await rig.handler(get('/api/v1/rootCert'))
  assert.equal(roots.status, 200)
  assert.equal(roots.headers.get('content-type'), 'application/pem-certificate-chain')
  assert.equal(await roots.text(), bundle.chains[0]!.certificates.join('\n'))
  assert.deepEqual(await (await rig.handler(get('/healthz'))).json(), { status: 'SERVING' })
  const none = { challengeClaim: 'sub', spiffeTrustDomain: '', subjectDomain: '', skipEmailVerification: false, audience: 'sigstore' }
  assert.deepEqual(await (await rig.handler(get('/api/v2/configuration'))).json(), {
    issuers: [
      { ...none, issuerUrl: emailIssuer, challengeClaim: 'email', issuerType: 'email', skipEmailVerification: true },
      { ...none, issuerUrl: 'https://people.example', audience: 'other', issuerType: 'username', subjectDomain: 'people.example' },
      { ...none, issuerUrl: 'https://mesh.example', issuerType: 'spiffe', spiffeTrustDomain: 'mesh.example' },
      { ...none, wildcardIssuerUrl: 'https://*.clusters.example/id/*', issuerType: 'kubernetes' },
    ],
  })
})

for (const { name, request, status, code, allow } of [
  { name: 'an unknown path', request: get('/api/v3/signingCert'), status: 404, code: 5, allow: null },
  { name: 'GET where POST is wanted', request: get('/api/v2/signingCert'), status: 405, code: 12, allow: 'POST, OPTIONS' },
  { name: 'POST where GET is wanted', request: post('/healthz', {}), status: 405, code: 12, allow: 'GET, HEAD, OPTIONS' },
])
  test(`refused: ${name}`, async () => {
    const response = await (await createRig()).handler(request)
    assert.equal(response.status, status)
    assert.equal(((await response.json()) as { code: number }).code, code)
    assert.equal(response.headers.get('allow'), allow)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
  })

test('browsers may ask from anywhere', async () => {
  const response = await (await createRig()).handler(get('/api/v2/signingCert', 'OPTIONS'))
  assert.equal(response.status, 204)
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  assert.match(response.headers.get('access-control-allow-headers')!, /authorization/)
})

test('past the rate of an issuer: 429, and when to come again', async () => {
  let now = testTime
  const rig = await createRig({ now: () => now, limits: { rate: { perSecond: 0.5, burst: 2 } } })
  const statuses = []
  for (let round = 0; round < 3; round++) statuses.push((await rig.ask(person)).status)
  assert.deepEqual(statuses, [200, 200, 429])
  const refused = await rig.ask(person)
  assert.equal(refused.headers.get('retry-after'), '2')
  assert.equal(((await refused.json()) as { code: number }).code, 8)
  now = new Date(testTime.getTime() + 2000)
  assert.equal((await rig.ask(person)).status, 200)
})

test('extensions of an e-mail certificate', async () => {
  const [leaf] = await certificatesOf(await (await createRig()).ask({ ...person, sub: 'opaque' }))
  assert.deepEqual([...readFulcioExtensions(leaf!)], [['issuer', emailIssuer], ['token-subject', 'opaque']]) // biome-ignore format: pairs
})

/** Made by OpenSSL 3.0 with -subj /emailAddress=ignored@example.com, as the request of certificate-request.test.ts. */
const opensslRequest = encodePem(
  'CERTIFICATE REQUEST',
  Buffer.from(
    'MIHCMHYCAQAwJDEiMCAGCSqGSIb3DQEJARYTaWdub3JlZEBleGFtcGxlLmNvbTAqMAUGAytlcAMhAFj5wj1KInktpfs8owlqDiW0/owbe35pkq0fViM/zdZooB8wHQYJKoZIhvcNAQkOMRAwDjAMBgNVHRMBAf8EAjAAMAUGAytlcANBACy5M67eI4lNOMs4z8U8jePslaMreC+Vu0SCXQBVbJ12GTXVGk6tmLae3bdI9ZqWXChr55qKFIQM4pKVvCaeIAI=',
    'base64',
  ),
)

test('a certificate request: its key is certified, what else it says is not', async () => {
  const rig = await createRig()
  const body = { certificateSigningRequest: encodeBase64(Buffer.from(opensslRequest)) }
  const [leaf] = await certificatesOf(await rig.handler(post('/api/v2/signingCert', body, tokenOf(person))))
  assert.equal(leaf!.publicKey.algorithm, 'ed25519')
  assert.equal(leaf!.subject.text, '')
  assert.equal(leaf!.basicConstraints, undefined)
  assert.deepEqual(leaf!.subjectAlternativeNames, [{ kind: 'email', value: 'dev@example.com' }])
  const v1 = await rig.handler(post('/api/v1/signingCert', { ...body, publicKey: null }, tokenOf(person)))
  assert.equal(v1.status, 201)
})

for (const { name, pem, message } of [
  { name: 'none', pem: 'x', message: 'The certificate signing request could not be parsed' },
  { name: 'with a signature that is not its own', pem: flipped(opensslRequest, -3), message: texts.signature },
  { name: 'with a subject that was changed', pem: flipped(opensslRequest, 30), message: texts.signature },
])
  test(`a certificate request is refused: ${name}`, async () => {
    const rig = await createRig()
    const body = { certificateSigningRequest: encodeBase64(Buffer.from(pem)) }
    const response = await rig.handler(post('/api/v2/signingCert', body, tokenOf(person)))
    assert.equal(response.status, 400)
    assert.equal(((await response.json()) as { message: string }).message, message)
    assert.equal(rig.logged.length, 0)
  })

function flipped(pem: string, at: number): string {
  const { bytes } = decodePem(pem, 'request')[0]!
  return encodePem('CERTIFICATE REQUEST', bytes.with(at, bytes.at(at)! ^ 1))
}

test('an authority that is exchanged meanwhile: both halves of a certificate are by the one at its beginning', async () => {
  const root = await createRoot()
  const [first, second] = await Promise.all(
    [root, root].map(async authority => checkAuthority(materialOf(await authority.issueIntermediate()), testTime)),
  )
  let current = first!
  const log = createCtLog(freshSigner())
  const logPrecertificate = async (der: Uint8Array, issuers: readonly Uint8Array[]) => {
    current = second!
    const { tbs } = parseCertificate(der, 'precertificate')
    const issuer = parseCertificate(issuers[0]!, 'issuer')
    return encodeSct(await log.seePrecertificate(withoutExtension(tbs, extensionOid.precertificatePoison), sha256(issuer.spki), testTime))
  }
  const rig = await createRig({ authority: () => current, log: { key: log.key, logPrecertificate } })
  const [leaf, issuer] = await certificatesOf(await rig.ask(person))
  assert.deepEqual(issuer!.der, first!.chain[0].der)
  await verifyCertificateSignature(leaf!, issuer!)
  assert.deepEqual((await certificatesOf(await rig.ask(person)))[1]!.der, second!.chain[0].der)
})
