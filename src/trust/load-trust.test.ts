import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePem } from '../codec/pem.ts'
import { encodeUtf8 } from '../codec/text.ts'
import { encodePublicKeyPem } from '../crypto/public-key.ts'
import { memoryFolder } from '../testing/memory-folder.ts'
import { createTufRepository, type TufTargetFile, testMirror } from '../testing/tuf-repository.ts'
import { productionTrustedRoot } from './embedded/production-trusted-root.ts'
import { anchorOf, defaultMirror, loadSigningConfig, loadTrustedRoot } from './load-trust.ts'
import { parseTrustedRoot } from './trusted-root.ts'
import { keptRepository } from './tuf/cache.ts'
import type { TufOptions } from './tuf/client.ts'

const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
const config = JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json' })

function clientOf(targets: Readonly<Record<string, TufTargetFile>>) {
  const repository = createTufRepository({ targets })
  const warnings: string[] = []
  const options: TufOptions = {
    mirror: testMirror,
    anchor: repository.root(1),
    kept: keptRepository(memoryFolder(new Map(), 'cache'), testMirror),
    world: { now: () => new Date('2026-01-02T12:00:00Z'), fetch: repository.fetch },
    signal: AbortSignal.any([]),
    offline: false,
    warn: line => void warnings.push(line),
  }
  return { repository, warnings, options }
}

const certificates = (chain: readonly { readonly der: Uint8Array }[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
const target = (content: string, usage: string, status = 'Active'): TufTargetFile => ({
  content,
  custom: { sigstore: { usage, status, uri: `https://${usage.toLowerCase()}.test` } },
})
const [old, current] = production.certificateAuthorities as [
  (typeof production.certificateAuthorities)[0],
  (typeof production.certificateAuthorities)[0],
]
const tsa = production.timestampAuthorities[0]!
const legacy = {
  'some-ca.pem': target(certificates(old.chain), 'Fulcio', 'Expired'),
  'other-ca.pem': target(certificates([current.chain[0]]), 'Fulcio'),
  'root-ca.pem': target(certificates([current.chain[1]!]), 'Fulcio'),
  'log.pub': target(encodePublicKeyPem(production.transparencyLogs[0]!.key), 'Rekor'),
  'ct.pub': target(encodePublicKeyPem(production.ctLogs[0]!.key), 'CTFE'),
  'tsa-root.pem': target(certificates([tsa.chain[1]!]), 'TSA'),
  'tsa-leaf.pem': target(certificates([tsa.chain[0]]), 'TSA'),
  'fulcio.crt.pem': 'not read: others tell their usage',
}

test('the trusted root and the signing config are targets', async () => {
  const { options, warnings } = clientOf({ 'trusted_root.json': productionTrustedRoot, 'signing_config.v0.2.json': config })
  const { root, source } = await loadTrustedRoot(options)
  assert.deepEqual([root.transparencyLogs.length, source.kind], [2, 'tuf'])
  assert.deepEqual((await loadSigningConfig(options)).transparencyLogs, [])
  assert.deepEqual(warnings, [])
  await assert.rejects(loadSigningConfig(options, 'signing_config_rekor_v2.v0.2.json'), {
    code: 'TRUST_UNAVAILABLE',
    message: /it has no signing_config_rekor_v2/,
  })
})

test('without trusted_root.json the targets of cosign 2 say whom to trust', async () => {
  const { options, warnings } = clientOf(legacy)
  const { root, source } = await loadTrustedRoot(options)
  assert.equal(source.kind === 'tuf' && source.isLegacy, true)
  assert.match(warnings[0] ?? '', /has no trusted_root\.json; using its individual targets/)
  assert.deepEqual(
    root.certificateAuthorities.map(({ uri, chain }) => [uri, chain.map(({ subject }) => subject.text)]),
    [old, current].map(() => ['https://fulcio.test', current.chain.map(({ subject }) => subject.text)]),
  )
  assert.deepEqual(root.transparencyLogs[0]!.logId, production.transparencyLogs[0]!.logId)
  assert.deepEqual([root.transparencyLogs[0]!.baseUrl, root.ctLogs.length], ['https://rekor.test', 1])
  assert.deepEqual(
    root.timestampAuthorities.map(({ chain }) => chain.map(({ der }) => der)),
    [tsa.chain.map(({ der }) => der)],
  )
})

test('targets that do not tell their usage are known by name', async () => {
  const { options } = clientOf({
    'fulcio.crt.pem': certificates(current.chain),
    'rekor.pub': encodePublicKeyPem(production.transparencyLogs[0]!.key),
  })
  const { root } = await loadTrustedRoot(options)
  assert.deepEqual(
    [root.certificateAuthorities.length, root.transparencyLogs.length, root.ctLogs.length, root.timestampAuthorities.length],
    [1, 1, 0, 0],
  )
})

for (const { name, targets, code, message } of [
  {
    name: 'nothing about trust',
    targets: { other: 'x' },
    code: 'TRUST_UNAVAILABLE',
    message: /neither trusted_root\.json nor targets for Fulcio or Rekor/,
  },
  { name: 'a broken trusted root', targets: { 'trusted_root.json': '{}' }, code: 'TRUSTED_ROOT_MALFORMED', message: /mediaType/ },
  { name: 'a broken key', targets: { 'rekor.pub': 'x' }, code: 'KEY_MALFORMED', message: /^TUF target rekor\.pub: / },
  {
    name: 'an intermediate and no root',
    targets: { 'fulcio.crt.pem': certificates([current.chain[0]]) },
    code: 'MATERIAL_MALFORMED',
    message: /^TUF targets for Fulcio: want a root/,
  },
] as readonly { name: string; targets: Readonly<Record<string, TufTargetFile>>; code: string; message: RegExp }[])
  test(`a repository is refused that distributes ${name}`, async () => {
    await assert.rejects(loadTrustedRoot(clientOf(targets).options), { name: 'CountersignError', code, message })
  })

test('offline and with nothing kept, the public instance is known by the copy that comes along, and a mirror of one’s own is not', async () => {
  const { options, warnings, repository } = clientOf({})
  const offline = { ...options, offline: true, anchor: anchorOf(defaultMirror) }
  const { root, source } = await loadTrustedRoot({ ...offline, mirror: defaultMirror })
  assert.deepEqual([source.kind, root.transparencyLogs.length], ['embedded', 2])
  assert.match(
    warnings[0] ?? '',
    /^offline, and TUF repository https:\/\/tuf-repo-cdn\.sigstore\.dev: no timestamp\.json is kept: using the trusted root that comes/,
  )
  await assert.rejects(loadTrustedRoot(offline), { code: 'TRUST_UNAVAILABLE' })
  assert.equal(anchorOf(testMirror), undefined)
  assert.deepEqual(repository.requests, [])
})
