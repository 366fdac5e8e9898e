import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { encodePublicKeyPem } from '../../src/crypto/public-key.ts'
import { productionTrustedRoot } from '../../src/trust/embedded/production-trusted-root.ts'
import { parseTrustedRoot } from '../../src/trust/trusted-root.ts'
import { cosign2, cosign3, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { startTufMirror } from './harness/tuf-mirror.ts'

// TUF repositories, trusted roots and signing configs beside real cosign: one cache for both, and the same documents from the same flags.

const place = createPlace()
const faults: unknown[] = []
const production = parseTrustedRoot(encodeUtf8(productionTrustedRoot))
const pem = (chain: readonly { readonly der: Uint8Array }[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
const [, authority] = production.certificateAuthorities
const [rekor, rekor2] = production.transparencyLogs.map(({ key }) => encodePublicKeyPem(key))
const files = {
  'ca.pem': pem(authority!.chain),
  'tsa.pem': pem(production.timestampAuthorities[0]!.chain),
  'rekor.pub': rekor!,
  'rekor2.pub': rekor2!,
  'ctfe.pub': encodePublicKeyPem(production.ctLogs[0]!.key),
}
for (const [name, text] of Object.entries(files)) writeFileSync(place.path(name), text)
const marked = (content: string, usage: string) => ({ content, custom: { sigstore: { usage, status: 'Active', uri: 'https://x.test' } } })
const legacy = {
  'fulcio.crt.pem': marked(files['ca.pem'], 'Fulcio'),
  'rekor.pub': marked(files['rekor.pub'], 'Rekor'),
  'ctfe.pub': marked(files['ctfe.pub'], 'CTFE'),
  'tsa.crt.pem': marked(files['tsa.pem'], 'TSA'),
}
const config = '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'
const modern = { 'trusted_root.json': productionTrustedRoot, 'signing_config.v0.2.json': config }
const both = await startTufMirror(place, { targets: { ...modern, ...legacy } }, error => faults.push(error))
const older = await startTufMirror(place, { targets: legacy }, error => faults.push(error))
after(async () => {
  await older.close()
  place.remove()
  assert.deepEqual(faults, [])
})

const newRoot = () => ({ TUF_ROOT: mkdtempSync(place.path('tuf-')) })
const initializing = ({ url, rootFile }: typeof both) => ['initialize', '--mirror', url, '--root', rootFile]
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

test('what cosign initialized, countersign uses without a request, and the other way round', async () => {
  const [theirs, own] = [newRoot(), newRoot()]
  await runOk(place, cosign3.command(), initializing(both), { env: theirs })
  await runOk(place, ours.command(), initializing(both), { env: own })
  assert.deepEqual(filesBelow(own.TUF_ROOT), filesBelow(theirs.TUF_ROOT))
  for (const file of filesBelow(own.TUF_ROOT).filter(file => !/^127\.0\.0\.1-\d+\.json$/.test(file)))
    assert.deepEqual(readFileSync(join(own.TUF_ROOT, file)), readFileSync(join(theirs.TUF_ROOT, file)), file)
  const printed = async (actor: typeof ours, env: Readonly<Record<string, string>>) =>
    sorted(JSON.parse((await runOk(place, actor.command(), ['trusted-root', 'create', '--with-default-services'], { env })).stdout))
  const wanted = await printed(cosign3, theirs)
  assert.deepEqual(await printed(cosign3, own), wanted)
  await both.close() // cosign asks each time, countersign once a day
  for (const env of [theirs, own]) {
    const { stdout } = await runOk(place, ours.command(), ['trust', 'doctor', '--output', 'json'], { env })
    assert.deepEqual([JSON.parse(stdout).repository.from, JSON.parse(stdout).findings.length], ['cache', 11])
    assert.deepEqual(await printed(ours, env), wanted)
  }
  const { stderr } = await run(place, cosign3.command(), ['trusted-root', 'create', '--with-default-services'], { env: theirs })
  assert.match(stderr, /connection refused/)
})

test('Root status of a repository of cosign 2 reads the same', async () => {
  const printed = async (actor: typeof ours) => {
    const env = newRoot()
    const { stdout } = await runOk(place, actor.command(), initializing(older), { env })
    const [, text] = /^Root status: \n (\{[\s\S]*\})\n$/.exec(stdout) ?? []
    const { local, targets, ...status } = JSON.parse(text ?? '')
    assert.equal(local, env.TUF_ROOT)
    return { ...status, targets: targets.toSorted() }
  }
  const wanted = await printed(cosign3)
  assert.deepEqual(await printed(ours), wanted)
  assert.deepEqual(await printed(cosign2), wanted)
})

for (const { name, flags } of [
  { name: 'the checksum of another root', flags: ['--root-checksum', 'ab'.repeat(32)] },
  { name: 'an unknown kind of checksum', flags: ['--root-checksum', 'md5:00'] },
  { name: 'a root that is not there', flags: ['--root', 'nowhere.json'] },
])
  test(`initialize is refused by both: ${name}`, async () => {
    for (const actor of [ours, cosign3]) {
      const { code } = await run(place, actor.command(), [...initializing(older), ...flags], { env: newRoot() })
      assert.equal(code, 1, actor.name)
    }
  })

/** Members of maps and logs in one order: cosign sorts logs by their start, and of one start by chance. */
function sorted(root: {
  readonly tlogs?: readonly { readonly baseUrl: string }[]
  readonly ctlogs?: readonly { readonly baseUrl: string }[]
}) {
  const byUrl = (logs: readonly { readonly baseUrl: string }[] = []) => logs.toSorted((a, b) => (a.baseUrl < b.baseUrl ? -1 : 1))
  return { ...root, tlogs: byUrl(root.tlogs), ctlogs: byUrl(root.ctlogs) }
}

const start = 'start-time=2024-01-01T00:00:00Z'
const service = (name: string, version = 1) => `url=https://${name}.test,api-version=${version},${start},operator=x.test`

describe('documents from the same flags', () => {
  for (const { name, flags } of [
    { name: 'nobody', flags: [] },
    {
      name: 'a certificate authority',
      flags: ['--fulcio', `url=https://f.test,certificate-chain=ca.pem,${start},end-time=2030-01-01T01:00:00+01:00`],
    },
    {
      name: 'one without times',
      flags: ['--fulcio', 'url=https://f.test,certificate-chain=ca.pem', '--tsa', 'url=https://t.test,certificate-chain=tsa.pem'],
    },
    {
      name: 'logs of each kind',
      flags: [
        ['--rekor', `url=https://r.test,public-key=rekor.pub,${start}`],
        ['--rekor', `url=https://log2.test,public-key=rekor2.pub,start-time=2025-01-01T00:00:00Z,origin=log2.test`],
        ['--ctfe', `url=https://c.test,public-key=ctfe.pub,${start}`],
      ].flat(),
    },
    {
      name: 'the older flags',
      flags: [
        [
          '--certificate-chain',
          'ca.pem',
          '--fulcio-uri',
          'https://f.test',
          '--timestamp-certificate-chain',
          'tsa.pem',
          '--timestamp-uri',
          'https://t.test',
        ],
        [
          '--rekor-key',
          'rekor.pub',
          '--rekor-url',
          'https://r.test',
          '--rekor-start-time',
          '2024-01-01T00:00:00Z',
          '--rekor-end-time',
          '2025-01-01T00:00:00Z',
        ],
        ['--rekor-key', 'rekor2.pub,log2.test', '--rekor-url', 'https://log2.test', '--ctfe-key', 'ctfe.pub'],
      ].flat(),
    },
  ])
    test(`trusted-root create: ${name}`, async () => {
      const printed = async (actor: typeof ours) => (await runOk(place, actor.command(), ['trusted-root', 'create', ...flags])).stdout
      assert.deepEqual(sorted(JSON.parse(await printed(ours))), sorted(JSON.parse(await printed(cosign3))))
    })

  for (const { name, flags } of [
    { name: 'no services', flags: [] },
    {
      name: 'all of them',
      flags: [
        ['--fulcio', service('f'), '--oidc-provider', service('o'), '--rekor', `${service('r', 2)},end-time=2030-01-01T00:00:00Z`],
        ['--rekor-config', 'any', '--tsa', service('t'), '--tsa-config', 'EXACT:1'],
      ].flat(),
    },
  ])
    test(`signing-config create: ${name}`, async () => {
      const printed = async (actor: typeof ours) => (await runOk(place, actor.command(), ['signing-config', 'create', ...flags])).stdout
      assert.equal(await printed(ours), await printed(cosign3))
    })

  for (const line of [
    ['trusted-root', 'create', '--fulcio', 'nonsense'],
    ['trusted-root', 'create', '--fulcio', 'url=https://f.test'],
    ['trusted-root', 'create', '--rekor', 'url=https://r.test,public-key=rekor.pub'],
    ['trusted-root', 'create', '--tsa', 'url=https://t.test,certificate-chain=ca.pem'],
    ['trusted-root', 'create', '--fulcio', 'url=x,certificate-chain=ca.pem', '--certificate-chain', 'ca.pem'],
    ['signing-config', 'create', '--rekor', service('r')],
    ['signing-config', 'create', '--rekor-config', 'SOME'],
    ['signing-config', 'create', '--rekor-config', 'EXACT'],
  ])
    test(`refused by both: ${line.slice(2).join(' ')}`, async () => {
      for (const actor of [ours, cosign3]) assert.equal((await run(place, actor.command(), line)).code, 1, actor.name)
    })
})
