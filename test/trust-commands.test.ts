import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../src/codec/error.ts'
import { encodePem } from '../src/codec/pem.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import type { Folder } from '../src/oci/layout/folder.ts'
import { assertRefused, createRig, good, type RunOptions } from '../src/testing/command-rig.ts'
import { createTufRepository, type TufChanges, testMirror } from '../src/testing/tuf-repository.ts'
import { productionTrustedRoot } from '../src/trust/embedded/production-trusted-root.ts'
import { defaultMirror } from '../src/trust/load-trust.ts'
import { parseTrustedRoot } from '../src/trust/trusted-root.ts'

// The trust commands from end to end: what lies on the disk after them, and what later commands make of it.

const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
const targets = { 'trusted_root.json': productionTrustedRoot }

function createPlace(first: TufChanges = { targets }) {
  const repository = createTufRepository(first)
  const rig = createRig({ hosts: { 'tuf.test': request => repository.fetch(request.url) } })
  rig.disk.set('root.json', repository.root(1))
  const cs = (line: string, options: RunOptions = {}) => rig.cs(line, { ...options, environment: { HOME: 'home', ...options.environment } })
  const kept = () => new Map([...rig.disk].filter(([path]) => path.startsWith('home/')))
  return { repository, rig, cs, kept, disk: rig.disk }
}

const initializing = `initialize --mirror ${testMirror} --root root.json`
const at = (time: string): RunOptions => ({ now: () => new Date(time) })

test('a repository that is initialized serves later commands from where cosign keeps it', async () => {
  const { cs, kept, repository } = createPlace()
  const { stdout, stderr } = await good(cs(initializing))
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^TUF repository https:\/\/tuf\.test\/sigstore: root version 1, to be refreshed by 2030-01-01T00:00:00Z \(.*\.json\); kept in home\/\.sigstore\/root$/m,
  )
  assert.deepEqual([...kept().keys()].sort(), [
    'home/.sigstore/root/remote.json',
    'home/.sigstore/root/tuf.test-sigstore.json',
    'home/.sigstore/root/tuf.test-sigstore/root.json',
    'home/.sigstore/root/tuf.test-sigstore/snapshot.json',
    'home/.sigstore/root/tuf.test-sigstore/targets.json',
    'home/.sigstore/root/tuf.test-sigstore/targets/trusted_root.json',
    'home/.sigstore/root/tuf.test-sigstore/timestamp.json',
  ])
  repository.requests.length = 0
  assert.match(
    (await good(cs('trust doctor'))).stdout,
    /^From TUF repository https:\/\/tuf\.test\/sigstore, checked 2026-01-02T03:04:05Z:\n/,
  )
  assert.deepEqual(repository.requests, [])
})

test('a repository of cosign 2 is shown as cosign shows it, and told from one with a trusted root', async () => {
  const [authority] = production.certificateAuthorities
  const { cs } = createPlace({
    targets: {
      'fulcio.crt.pem': authority!.chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
      'rekor.pub': encodePublicKeyPem(production.transparencyLogs[0]!.key),
    },
    edit: (role, signed) => role === 'root' && Object.assign(signed, { expires: '2030-10-02T13:14:15Z' }),
  })
  const { stdout, stderr } = await good(cs(initializing))
  assert.match(
    stderr,
    /^WARNING: the TUF repository https:\/\/tuf\.test\/sigstore has no trusted_root\.json; using its individual targets/m,
  )
  assert.match(
    stdout,
    /^Root status: \n \{\n\t"local": "home\/\.sigstore\/root",\n\t"remote": "https:\/\/tuf\.test\/sigstore",\n\t"metadata": \{\n\t\t"root\.json": \{\n\t\t\t"version": 1,\n/,
  )
  const status = JSON.parse(stdout.slice('Root status: \n '.length))
  assert.deepEqual(Object.keys(status.metadata), ['root.json', 'snapshot.json', 'targets.json', 'timestamp.json'])
  assert.deepEqual([status.metadata['root.json'].expiration, status.metadata['root.json'].error], ['02 Oct 30 13:14 UTC', ''])
  assert.deepEqual(status.targets, ['fulcio.crt.pem', 'rekor.pub'])
  assert.match((await good(cs('trust doctor --offline'))).stdout, /^From TUF repository .* \(individual targets\), checked/)
})

test('nothing that is kept changes before a repository is proven, and one made anew then takes its place', async () => {
  const { cs, kept, rig } = createPlace()
  await good(cs(initializing))
  const before = kept()
  const anew = createTufRepository({ targets: { ...targets, 'signing_config.v0.2.json': '{}' } })
  rig.hosts.set('tuf.test', request => anew.fetch(request.url))
  assertRefused(await cs(`${initializing} -o json`), { exit: 1, code: 'TUF_UNTRUSTED', message: /timestamp was signed by 0\/1 keys/ })
  assert.deepEqual(kept(), before)
  rig.disk.set('root.json', anew.root(1))
  await good(cs(initializing))
  assert.equal(kept().size, before.size + 1)
  await good(cs('trust doctor'))
})

const failing =
  (what: 'write' | 'list') =>
  (folder: Folder): Folder => ({
    ...folder,
    [what]: async () => {
      throw new CountersignError(what === 'write' ? 'FILE_UNWRITABLE' : 'FILE_UNREADABLE', 'file "home": permission denied')
    },
  })

test('a place that cannot be written refuses what is about it, and nothing else', async () => {
  const { cs, kept } = createPlace()
  assertRefused(await cs(`${initializing} -o json`, { folders: failing('write') }), {
    exit: 1,
    code: 'FILE_UNWRITABLE',
    message: /permission denied/,
  })
  assert.equal(kept().size, 0)
  const environment = { TUF_MIRROR: testMirror, TUF_ROOT_JSON: 'root.json' }
  for (const folders of [failing('write'), failing('list')]) {
    const { stderr, requests } = await good(cs('trust doctor', { environment, folders }))
    assert.match(
      stderr,
      /^WARNING: (the TUF cache cannot be written|what is kept of the TUF repository cannot be read) \(file "home": permission denied\)/m,
    )
    assert.notEqual(requests.length, 0)
  }
})

test('without a home there is no place to keep a repository, and what is asked for is fetched', async () => {
  const { cs } = createPlace()
  const environment = { HOME: '' }
  assertRefused(await cs(`${initializing} -o json`, { environment }), { exit: 1, code: 'USAGE', message: /set TUF_ROOT, or HOME/ })
  const asked = await good(cs('trust doctor', { environment: { ...environment, TUF_MIRROR: testMirror, TUF_ROOT_JSON: 'root.json' } }))
  assert.match(asked.stderr, /^WARNING: TUF_MIRROR is set, which decides whom to trust\nWARNING: TUF_ROOT_JSON is set/m)
  const { stdout, requests, stderr } = await good(cs('trust doctor --offline', { environment }))
  assert.match(stdout, /^From the copy that comes with countersign:\n/)
  assert.match(stderr, /^WARNING: offline, and TUF repository https:\/\/tuf-repo-cdn\.sigstore\.dev: no timestamp\.json is kept/m)
  assert.deepEqual(requests, [])
})

test('a choice of mirror that cannot be read is no choice of the public one', async () => {
  const { cs, disk } = createPlace()
  for (const remote of ['{', '{}', '{"mirror":7}']) {
    disk.set('home/.sigstore/root/remote.json', remote)
    assertRefused(await cs('trust doctor -o json'), { exit: 3, code: 'TUF_MALFORMED', message: /^remote\.json/ })
  }
})

test('TUF_ROOT_JSON is where the proof begins, for the public repository too', async () => {
  const repository = createTufRepository({ targets }, defaultMirror)
  const { cs, rig, disk } = createPlace()
  rig.hosts.set(new URL(defaultMirror).host, request => repository.fetch(request.url))
  disk.set('public-root.json', repository.root(1))
  const { stderr } = await good(cs('trust doctor', { environment: { TUF_ROOT_JSON: 'public-root.json', TUF_ROOT: 'a' } }))
  assert.match(stderr, /^WARNING: TUF_ROOT_JSON is set, which decides whom to trust$/m)
  const outcome = await cs('trust doctor -o json', { environment: { TUF_ROOT: 'b' } })
  assertRefused(outcome, { exit: 4, code: 'TUF_UNTRUSTED', message: /timestamp was signed by 0\/1 keys/ })
})

test('the doctor tells what has ended, what ends soon and what cannot be used, and fails where nobody is left', async () => {
  const { cs, disk } = createPlace({ targets, expires: { timestamp: '2026-01-20T00:00:00Z' } })
  await good(cs(initializing))
  const { stdout } = await good(cs('trust doctor'))
  assert.match(stdout, /^soon {6}TUF metadata {11}timestamp\.json +version 1, valid until 2026-01-20T00:00:00Z$/m)
  assert.match(
    stdout,
    /^ended {5}certificate authority {2}https:\/\/fulcio\.sigstore\.dev +CN=sigstore,O=sigstore\.dev, from 2021-03-07T03:20:29Z until 2022-12-31T23:59:59\.999Z$/m,
  )
  assert.match(
    stdout,
    /^good {6}transparency log {7}https:\/\/log2025-1\.rekor\.sigstore\.dev +ed25519 key cf1199155bddd051…, from 2025-09-23T00:00:00Z on$/m,
  )
  const expired = await cs('trust doctor -o json', { ...at('2026-01-21T00:00:00Z') })
  assert.equal(expired.code, 6)
  assert.match(expired.failure?.message ?? '', /timestamp\.json is expired/)
  assert.match(expired.stderr, /^Try: run the command where the TUF repository can be reached, or bring its trust/m)

  const root = JSON.parse(productionTrustedRoot)
  const rekor = root.tlogs[0]
  const ended = { ...rekor, publicKey: { ...rekor.publicKey, validFor: { start: '2021-01-01T00:00:00Z', end: '2022-01-01T00:00:00Z' } } }
  const toCome = { ...rekor, publicKey: { ...rekor.publicKey, validFor: { start: '2027-01-01T00:00:00Z' } } }
  const strange = { ...rekor, publicKey: { ...rekor.publicKey, keyDetails: 'ML_DSA_65' } }
  disk.set('over.json', JSON.stringify({ mediaType: root.mediaType, tlogs: [ended, toCome, strange] }))
  const over = await cs('trust doctor --trusted-root over.json -o json')
  assert.equal(over.code, 6)
  const report = JSON.parse(over.stdout)
  assert.deepEqual(
    [report.error.code, report.findings.map(({ state }: { state: string }) => state)],
    ['TRUST_EXPIRED', ['ended', 'to come', 'unusable']],
  )
  assert.match(
    over.stderr,
    /^WARNING: trusted root: tlogs\[2\] \(https:\/\/rekor\.sigstore\.dev\) cannot be used: keyDetails: keys of kind "ML_DSA_65"/m,
  )

  disk.set('nobody.json', JSON.stringify({ mediaType: root.mediaType }))
  assert.match((await good(cs('trust doctor --trusted-root nobody.json'))).stdout, /nobody is trusted: only keys can verify/)
})

test('trust crosses an air gap in a file, forward only', async () => {
  const { cs, repository, disk, kept, rig } = createPlace({ targets, expires: { timestamp: '2026-01-09T00:00:00Z' } })
  await good(cs(initializing))
  const { stdout, stderr } = await good(cs('trust export monday.json'))
  assert.match(stdout, /^sha256:[0-9a-f]{64} {2}monday\.json\n$/)
  assert.match(
    stderr,
    /^Trust of https:\/\/tuf\.test\/sigstore written to monday\.json: \d+ files, to be imported before 2026-01-09T00:00:00Z$/m,
  )
  repository.publish({ targets, expires: { timestamp: '2026-01-16T00:00:00Z' } })
  await good(cs('trust export tuesday.json'))

  rig.hosts.delete('tuf.test')
  for (const path of kept().keys()) disk.delete(path)
  const across: RunOptions = { environment: { TUF_ROOT: 'across' } }
  const arrived = await good(cs('trust import --root root.json tuesday.json', across))
  assert.match(
    arrived.stderr,
    /^Trust of https:\/\/tuf\.test\/sigstore, exported 2026-01-02T03:04:05Z, kept in across: root version 1, to be renewed before 2026-01-16/m,
  )
  assert.deepEqual((await good(cs('trust doctor --offline', across))).requests, [])
  const before = new Map(disk)
  assertRefused(await cs('trust import monday.json -o json', across), {
    exit: 4,
    code: 'TUF_UNTRUSTED',
    message: /New timestamp version 1 is less than current version 2/,
  })
  assertRefused(await cs('trust import tuesday.json -o json', { ...across, ...at('2026-01-17T00:00:00Z') }), {
    exit: 6,
    code: 'TRUST_EXPIRED',
    message: /timestamp\.json is expired/,
  })
  const pack = JSON.parse(new TextDecoder().decode(disk.get('tuesday.json') as Uint8Array))
  const [path] = Object.keys(pack.files).filter(path => path.startsWith('targets/'))
  disk.set('altered.json', JSON.stringify({ ...pack, files: { ...pack.files, [path!]: btoa('{}') } }))
  assertRefused(await cs('trust import altered.json -o json', across), {
    exit: 4,
    code: 'TUF_UNTRUSTED',
    message: /TUF target "trusted_root\.json": want \d+ bytes, got 2/,
  })
  disk.delete('altered.json')
  assert.deepEqual(disk, before, 'what was refused left nothing')
})

for (const { name, flags, ...refusal } of [
  {
    name: 'a log whose origin is not the host of its URL',
    flags: '--rekor url=https://log.test,public-key=rekor2.pub,start-time=2024-01-01T00:00:00Z,origin=other.test',
    code: 'TRUSTED_ROOT_MALFORMED',
    message: /^what would be written: trusted root: tlogs\[0\]\.logId: ".*" is not an id of the public key beside it$/,
  },
  {
    name: 'a chain of eleven certificates',
    flags: '--fulcio url=https://f.test,certificate-chain=long.pem',
    code: 'LIMIT_EXCEEDED',
    message: /^what would be written: certificateAuthorities\[0\]\.certChain\.certificates: want at most 10 items, got 11$/,
  },
] as const)
  test(`trusted-root create writes nothing that no command would read: ${name}`, async () => {
    const { cs, disk } = createPlace()
    disk.set('rekor2.pub', encodePublicKeyPem(production.transparencyLogs[1]!.key))
    disk.set('long.pem', encodePem('CERTIFICATE', production.certificateAuthorities[0]!.chain[0].der).repeat(11))
    assertRefused(await cs(`trusted-root create ${flags} --out root -o json`), { exit: 1, ...refusal })
    assert.equal(disk.has('root'), false)
  })
