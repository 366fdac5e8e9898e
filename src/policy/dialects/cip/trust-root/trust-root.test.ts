import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encodeBase64 } from '../../../../codec/base64.ts'
import { encodePem } from '../../../../codec/pem.ts'
import { decodeUtf8, encodeUtf8 } from '../../../../codec/text.ts'
import type { Fetch } from '../../../../codec/world.ts'
import { encodePublicKeyPem } from '../../../../crypto/public-key.ts'
import { ociDigestOf } from '../../../../formats/oci-digest.ts'
import { signPredicateType } from '../../../../formats/statement.ts'
import { createTestSigstore, pemOf } from '../../../../testing/sigstore/test-sigstore.ts'
import { encodeTar } from '../../../../testing/tar.ts'
import { createTufRepository, type TufTargetFile, testMirror } from '../../../../testing/tuf-repository.ts'
import { bundleCandidate } from '../../../../verify/evidence.ts'
import type { Trust } from '../../../../verify/policy.ts'
import { verify } from '../../../../verify/verify.ts'
import { openTrustRoot } from './open-trust-root.ts'
import { readTrustRoot } from './read-trust-root.ts'

const sigstore = await createTestSigstore()
const now = () => new Date('2026-01-02T12:00:00Z')
const digest = ociDigestOf(encodeUtf8('an image'))
const signal = AbortSignal.any([])
const nobody: Fetch = async input => assert.fail(`a request to ${input}`)

const base64 = (text: string | Uint8Array) => encodeBase64(typeof text === 'string' ? encodeUtf8(text) : text)
const trustRoot = (spec: unknown) => ({ apiVersion: 'policy.sigstore.dev/v1alpha1', kind: 'TrustRoot', metadata: { name: 'r' }, spec })
const pemOfChain = (chain: readonly { readonly der: Uint8Array }[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')

const { trustedRoot } = sigstore
const subject = { organization: 'o', commonName: 'c' }
const certificates = base64(pemOfChain(trustedRoot.certificateAuthorities[0]!.chain))
const logs = trustedRoot.transparencyLogs.map(({ key, baseUrl }) => ({
  baseURL: baseUrl,
  hashAlgorithm: 'sha-256',
  publicKey: base64(encodePublicKeyPem(key)),
}))
const keys = {
  certificateAuthorities: [{ subject, uri: 'https://ca.example', certChain: certificates.replaceAll(/.{76}/g, '$&\n') }],
  tLogs: logs,
  ctLogs: trustedRoot.ctLogs.map(({ key }) => ({
    baseURL: 'https://ct.example',
    hashAlgorithm: 'sha-256',
    publicKey: base64(encodePublicKeyPem(key)),
  })),
  timestampAuthorities: trustedRoot.timestampAuthorities.map(({ chain }) => ({
    subject,
    uri: 'https://timestamps.example',
    certChain: base64(pemOfChain(chain)),
  })),
}

const repositoryOf = (targets: Readonly<Record<string, TufTargetFile>>) => createTufRepository({ targets })
const trusted = { 'trusted_root.json': decodeUtf8(sigstore.trustedRootJson, 'root') }
const archiveOf = (files: ReadonlyMap<string, Uint8Array>, prefix = 'repository/') =>
  gzipSync(encodeTar([...files].map(([path, content]) => ({ type: 'file', path: `${prefix}${path}`, content }))))
const served = repositoryOf(trusted)
const legacy = repositoryOf({
  'fulcio.crt.pem': { content: decodeUtf8(pemOf(sigstore.root, sigstore.authority), 'pem'), custom: { sigstore: { usage: 'Fulcio' } } },
  'rekor.pub': { content: encodePublicKeyPem(trustedRoot.transparencyLogs[0]!.key), custom: { sigstore: { usage: 'Rekor' } } },
  'ctfe.pub': { content: encodePublicKeyPem(trustedRoot.ctLogs[0]!.key), custom: { sigstore: { usage: 'CTFE' } } },
})
const renamed = new Map([...served.files].map(([path, bytes]) => [path.replace(/^targets\//, 'a/b/'), bytes]))

/** Opens a TrustRoot as an object of a cluster has it. */
async function open(spec: unknown, fetch: Fetch = nobody): Promise<Trust> {
  return await openTrustRoot(readTrustRoot(trustRoot(spec)), { world: { now, fetch }, warn: () => {} }, signal)
}

async function admits(trust: Trust, log: 'v1' | 'v2'): Promise<void> {
  const bundle = await sigstore.signImage(digest, { logs: [log] })
  const verdict = await verify([bundleCandidate('bundle', bundle)], trust, {
    artifact: { kind: 'image', digest },
    annotations: new Map(),
    predicateTypes: [signPredicateType],
    identities: 'anybody',
    now: now(),
    unsafeSkipClaims: false,
  })
  assert.equal(verdict.signatures.length, 1)
}

for (const { name, spec, fetch, log = 'v1' } of [
  { name: 'keys, and a Rekor v1', spec: { sigstoreKeys: keys } },
  { name: 'keys, and a Rekor v2', spec: { sigstoreKeys: keys }, log: 'v2' },
  { name: 'a trusted root', spec: { trustedRootJSON: trusted['trusted_root.json'] } },
  { name: 'an archive', spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(served.files)) } } },
  {
    name: 'an archive without the folder',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(served.files, './')) } },
  },
  {
    name: 'an archive with targets elsewhere',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(renamed)), targets: 'a/b' } },
  },
  { name: 'an archive of cosign 2', spec: { repository: { root: base64(legacy.root(1)), mirrorFS: base64(archiveOf(legacy.files)) } } },
  { name: 'a mirror', spec: { remote: { root: base64(served.root(1)), mirror: testMirror } }, fetch: served.fetch },
] as { name: string; spec: unknown; fetch?: Fetch; log?: 'v1' | 'v2' }[])
  test(`openTrustRoot: ${name} admits the same image`, async () => await admits(await open(spec, fetch), log))

test('openTrustRoot: a target of another name', async () => {
  const mine = repositoryOf({ 'mine.json': trusted['trusted_root.json'] })
  await admits(await open({ remote: { root: base64(mine.root(1)), mirror: testMirror, trustedRootTarget: 'mine.json' } }, mine.fetch), 'v1')
})

test('readTrustRoot: a log of Ed25519 is one log by two ids', () => {
  const root = readTrustRoot(trustRoot({ sigstoreKeys: keys }))
  assert.ok(root.kind === 'keys')
  const ids = root.trust.transparencyLogs!.map(({ logId, key }) => [key.algorithm, encodeBase64(logId)])
  assert.equal(new Set(ids.map(([, id]) => id)).size, 3)
  assert.deepEqual(
    ids.map(([algorithm]) => algorithm),
    ['ecdsa-p256', 'ed25519', 'ed25519'],
  )
})

const other = repositoryOf(trusted)
for (const { name, spec, fetch = nobody, code, message } of [
  {
    name: 'an archive of somebody else',
    spec: { repository: { root: base64(other.root(1)), mirrorFS: base64(archiveOf(served.files)) } },
    code: 'TUF_UNTRUSTED',
    message: /timestamp|root/,
  },
  {
    name: 'what is no archive',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64('no archive at all') } },
    code: 'TUF_MALFORMED',
    message: /^TrustRoot "r": want a tar archive compressed by gzip: "incorrect header check"$/,
  },
  {
    name: 'an archive that is cut off',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(served.files).subarray(0, 200)) } },
    code: 'TUF_MALFORMED',
    message: /unexpected end of file/,
  },
  {
    name: 'an archive that unpacks to too much',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(gzipSync(new Uint8Array(33 << 20))) } },
    code: 'LIMIT_EXCEEDED',
    message: /^TrustRoot "r": want at most 33554432 bytes unpacked, got more$/,
  },
  {
    name: 'an archive whose path leads out of it',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(new Map([['../../x', new Uint8Array(1)]]))) } },
    code: 'PATH_ESCAPES',
    message: /want paths that stay in it/,
  },
  {
    name: 'an archive without metadata',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64(archiveOf(new Map())) } },
    code: 'SERVICE_UNAVAILABLE',
    message: /^TUF repository TrustRoot "r": it has no timestamp\.json$/,
  },
  {
    name: 'a target that is not there',
    spec: { remote: { root: base64(served.root(1)), mirror: testMirror, trustedRootTarget: 'mine.json' } },
    fetch: served.fetch,
    code: 'TRUST_UNAVAILABLE',
    message: /it has no target "mine.json"$/,
  },
] as { name: string; spec: unknown; fetch?: Fetch; code: string; message: RegExp }[])
  test(`openTrustRoot refuses ${name}`, async () =>
    await assert.rejects(open(spec, fetch), (error: Error & { code?: string }) => {
      assert.match(error.message, message)
      assert.equal(error.code, code, error.message)
      return true
    }))

const at = 'spec.sigstoreKeys'
const [authority] = keys.certificateAuthorities
const leaf = await sigstore.authority.issueLeaf()
for (const { name, spec, error } of [
  {
    name: 'nothing',
    spec: {},
    error: 'expected exactly one, got neither: spec.remote, spec.repository, spec.sigstoreKeys, spec.trustedRootJSON',
  },
  {
    name: 'two of them',
    spec: { sigstoreKeys: keys, trustedRootJSON: trusted['trusted_root.json'] },
    error: 'expected exactly one, got both: spec.remote, spec.repository, spec.sigstoreKeys, spec.trustedRootJSON',
  },
  { name: 'an unknown field', spec: { sigstoreKeys: { ...keys, cas: [] } }, error: `must not set the field(s): ${at}.cas\nunknown field` },
  {
    name: 'no authority',
    spec: { sigstoreKeys: {} },
    error: `expected exactly one, got neither: ${at}.certificateAuthorities, ${at}.timestampAuthorities`,
  },
  {
    name: 'each authority and log that lacks something, not the last alone',
    spec: {
      sigstoreKeys: { certificateAuthorities: [{}, { ...authority, uri: '' }], tLogs: [{}], ctLogs: [{ ...logs[0], hashAlgorithm: '' }] },
    },
    error: [
      'missing field(s): ',
      [
        `${at}.certificateAuthorities[0].certChain`,
        `${at}.certificateAuthorities[0].subject.commonName`,
        `${at}.certificateAuthorities[0].subject.organization`,
        `${at}.certificateAuthorities[0].uri`,
        `${at}.certificateAuthorities[1].uri`,
        `${at}.ctLogs[0].hashAlgorithm`,
        `${at}.tLogs[0].baseURL`,
        `${at}.tLogs[0].hashAlgorithm`,
        `${at}.tLogs[0].publicKey`,
      ].join(', '),
    ].join(''),
  },
  {
    name: 'a signer among authorities',
    spec: { sigstoreKeys: { certificateAuthorities: [{ ...authority, certChain: base64(leaf.pem) }] } },
    error: `invalid value: certificates: ${at}.certificateAuthorities[0].certChain\ncertChain: certificate 1 is no authority's: want authorities alone`,
  },
  {
    name: 'two certificates of a timestamp authority',
    spec: { sigstoreKeys: { timestampAuthorities: [{ ...authority, certChain: base64(leaf.pem + leaf.pem) }] } },
    error: `invalid value: certificates: ${at}.timestampAuthorities[0].certChain\ncertChain: certificate 2 is no authority's: want at most one certificate of a timestamp authority, and it first`,
  },
  {
    name: 'another hash',
    spec: { sigstoreKeys: { ...keys, tLogs: [{ ...logs[0], hashAlgorithm: 'sha-512' }] } },
    error: `invalid value: sha-512: ${at}.tLogs[0].hashAlgorithm\nwant sha-256`,
  },
  {
    name: 'a key that is none',
    spec: { sigstoreKeys: { ...keys, tLogs: [{ ...logs[0], publicKey: base64('x') }] } },
    error: `invalid value: key: ${at}.tLogs[0].publicKey\npublicKey: `,
  },
  {
    name: 'PEM that is not base64',
    spec: { sigstoreKeys: { ...keys, certificateAuthorities: [{ ...authority, certChain: 'a-b' }] } },
    error: `invalid value: a-b: ${at}.certificateAuthorities[0].certChain\ncertChain: `,
  },
  { name: 'a repository of nothing', spec: { repository: {} }, error: 'missing field(s): spec.repository.mirrorFS, spec.repository.root' },
  {
    name: 'a folder outside',
    spec: { repository: { root: base64(served.root(1)), mirrorFS: base64('x'), targets: '../x' } },
    error: 'invalid value: ../x: spec.repository.targets\nwant the path of a folder within the repository',
  },
  {
    name: 'a root that nobody signed',
    spec: { remote: { root: base64('{}'), mirror: testMirror } },
    error: 'invalid value: root.json: spec.remote.root\nroot.json: want signatures, got none',
  },
  { name: 'no mirror', spec: { remote: { root: base64(served.root(1)) } }, error: 'missing field(s): spec.remote.mirror' },
  {
    name: 'a mirror that is no URL',
    spec: { remote: { root: base64(served.root(1)), mirror: 'x' } },
    error: 'invalid value: x: spec.remote.mirror\nTUF mirror: want an http(s) URL, got "x"',
  },
  {
    name: 'a trusted root that is none',
    spec: { trustedRootJSON: '{}' },
    error: 'invalid value: {}: spec.trustedRootJSON\ntrusted root: ',
  },
])
  test(`readTrustRoot refuses ${name}`, () =>
    assert.throws(
      () => readTrustRoot(trustRoot(spec)),
      (thrown: Error & { code?: string }) => {
        const told = thrown.message.replace('TrustRoot "r": validation failed: ', '')
        assert.equal(told.slice(0, error.length), error)
        assert.equal(thrown.code, 'POLICY_MALFORMED')
        return true
      },
    ))
