import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { Metadata, MetadataKind } from '@tufjs/models'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import { parsePublicKeyPem } from '../../crypto/public-key.ts'
import { freshSigner } from '../../testing/sigstore/certificate-authority.ts'
import { createTufKey } from '../../testing/tuf-repository.ts'
import { serializeOlpcJson } from './olpc-json.ts'
import { draftRoot, parseRoot, signRoot, type TufRoles } from './root-ceremony.ts'
import { sigstoreTargets } from './sigstore-targets.ts'
import { readTufKey, tufKeyOf } from './tuf-key.ts'

const [one, two] = [freshSigner('p256'), freshSigner('p256')]
const ed25519 = freshSigner('ed25519')
const role = { keys: [one.publicKey], threshold: 1 }
const roles: TufRoles = {
  root: { keys: [one.publicKey, two.publicKey, ed25519.publicKey], threshold: 2 },
  targets: role,
  snapshot: role,
  timestamp: role,
}
const expires = new Date('2026-11-01T00:00:00.999Z')
const draft = () => draftRoot({ version: 1, expires, roles })

test('canonical JSON of OLPC: members by name, nothing escaped but quotes and backslashes', () => {
  assert.equal(serializeOlpcJson({ b: [1, true, null], a: 'x"\\\n\u0001é', A: {} }), '{"A":{},"a":"x\\"\\\\\n\u0001é","b":[1,true,null]}')
  assert.throws(() => serializeOlpcJson({ a: 1.5 }), { code: 'JSON_MALFORMED', message: /want whole numbers, got "1\.5"/ })
})

describe('keys', () => {
  test('have the ids that others compute', () => {
    const theirs = createTufKey()
    const { keyval } = theirs.json as { readonly keyval: { readonly public: string } }
    assert.deepEqual(tufKeyOf(parsePublicKeyPem(encodeUtf8(keyval.public), 'key')), { id: theirs.id, json: theirs.json })
  })

  test('of Ed25519 are their octets', () => {
    const { id, json } = tufKeyOf(ed25519.publicKey)
    const hex = Buffer.from(ed25519.publicKey.spki.subarray(-32)).toString('hex')
    assert.deepEqual(json, { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } })
    assert.equal(id, createHash('sha256').update(`{"keytype":"ed25519","keyval":{"public":"${hex}"},"scheme":"ed25519"}`).digest('hex'))
    assert.deepEqual(readTufKey(json, id, 'key').spki, ed25519.publicKey.spki)
  })

  test('of kinds that cosign 2 does not know are refused', () => {
    for (const kind of ['p384', 'rsa'] as const)
      assert.throws(() => tufKeyOf(freshSigner(kind).publicKey), { code: 'KEY_UNSUPPORTED', message: /want ECDSA P-256 or Ed25519/ })
  })

  test('under another id are refused', () => {
    const { json } = tufKeyOf(one.publicKey)
    assert.throws(() => readTufKey(json, 'ab', 'key'), {
      code: 'TUF_MALFORMED',
      message: /want a key under the id of its canonical form, got "ab"$/,
    })
    assert.throws(() => readTufKey({ ...json, x: 1 }, tufKeyOf(one.publicKey).id, 'key'), { code: 'TUF_MALFORMED' })
  })
})

describe('a root', () => {
  test('is signed by one holder after the other, and then good', async () => {
    const half = await signRoot(draft(), one)
    const read = (bytes: Uint8Array) => Metadata.fromJSON(MetadataKind.Root, JSON.parse(decodeUtf8(bytes, 'root')))
    assert.throws(() => read(half).verifyDelegate('root', read(half)))
    const whole = read(await signRoot(await signRoot(half, ed25519), one))
    whole.verifyDelegate('root', whole)
    assert.equal(Object.keys(whole.signatures).length, 2)
    assert.deepEqual([whole.signed.version, whole.signed.expires, whole.signed.consistentSnapshot], [1, '2026-11-01T00:00:00Z', true])
  })

  test('is read as it was drafted', () => {
    const { file, roles: read } = parseRoot(draft(), 'root')
    assert.equal(file.version, 1)
    assert.equal(read.root.threshold, 2)
    assert.deepEqual(
      read.root.keys.map(({ spki }) => spki),
      roles.root.keys.map(({ spki }) => spki),
    )
  })

  test('takes only signatures of its keys’ schemes', async () => {
    await assert.rejects(signRoot(draft(), freshSigner('p256', 'sha384')), {
      code: 'KEY_UNSUPPORTED',
      message: /want ECDSA with SHA-256 or pure Ed25519/,
    })
  })

  for (const { name, edit, error } of [
    { name: 'without keys', edit: { targets: { keys: [], threshold: 1 } }, error: /role targets: want a threshold from 1 to 0/ },
    {
      name: 'with a threshold of none',
      edit: { root: { ...role, threshold: 0 } },
      error: /role root: want a threshold from 1 to 1, the number of its keys, got 0$/,
    },
    {
      name: 'with a threshold beyond the keys',
      edit: { snapshot: { ...role, threshold: 2 } },
      error: /role snapshot: want a threshold from 1 to 1/,
    },
    {
      name: 'with a key twice',
      edit: { timestamp: { keys: [one.publicKey, one.publicKey], threshold: 2 } },
      error: /role timestamp: a key stands twice$/,
    },
  ])
    test(`is not drafted ${name}`, () => {
      assert.throws(() => draftRoot({ version: 1, expires, roles: { ...roles, ...edit } }), { code: 'USAGE', message: error })
    })

  test('is not drafted of version 0', () =>
    assert.throws(() => draftRoot({ version: 0, expires, roles }), { code: 'USAGE', message: /version of 1 or more, got 0$/ }))

  const id = tufKeyOf(one.publicKey).id
  for (const { name, edit, error } of [
    {
      name: 'of another role',
      edit: (text: string) => text.replace('"_type":"root"', '"_type":"targets"'),
      error: /want metadata of root, got "targets"$/,
    },
    {
      name: 'of version 0',
      edit: (text: string) => text.replace('"version":1', '"version":0'),
      error: /want a version of 1 or more, got 0$/,
    },
    {
      name: 'without consistent snapshots',
      edit: (text: string) => text.replace('"consistent_snapshot":true', '"consistent_snapshot":false'),
      error: /want consistent snapshots$/,
    },
    {
      name: 'with a threshold beyond its keys',
      edit: (text: string) => text.replace('"threshold":2', '"threshold":4'),
      error: /want a threshold from 1 to 3, got 4$/,
    },
    {
      name: 'with an id of no key',
      edit: (text: string) => text.replace(`"keyids":["${id}"]`, `"keyids":["${'0'.repeat(64)}"]`),
      error: /want ids of listed keys, each once$/,
    },
    {
      name: 'with an id twice',
      edit: (text: string) => text.replace(`"keyids":["${id}"]`, `"keyids":["${id}","${id}"]`),
      error: /want ids of listed keys, each once$/,
    },
    {
      name: 'with a role missing',
      edit: (text: string) => text.replace('"timestamp":{', '"timestamps":{'),
      error: /unknown member "timestamps"$/,
    },
    {
      name: 'with a time of its own kind',
      edit: (text: string) => text.replace('2026-11-01T00:00:00Z', 'tomorrow'),
      error: /want an RFC 3339 time in UTC/,
    },
    {
      name: 'with two signatures of one key',
      edit: (text: string) => text.replace('"signatures":[]', '"signatures":[{"keyid":"a","sig":""},{"keyid":"a","sig":""}]'),
      error: /want one signature of each key$/,
    },
  ])
    test(`is refused ${name}`, () => {
      const text = decodeUtf8(draft(), 'root')
      const edited = edit(text)
      assert.notEqual(edited, text)
      assert.throws(() => parseRoot(encodeUtf8(edited), 'root'), { code: 'TUF_MALFORMED', message: error })
    })
})

test('files of trust are marked with what cosign 2 finds them by', () => {
  const names = [
    'trusted_root.json',
    'signing_config.v0.2.json',
    'fulcio.crt.pem',
    'fulcio_intermediate.crt.pem',
    'rekor.pub',
    'ctfe.pub',
    'ctfe_2022.pub',
    'tsa.crt.pem',
    'notes.txt',
  ]
  const targets = sigstoreTargets(
    new Map(names.map(name => [name, encodeUtf8(name)])),
    'https://sigstore.example',
    new Set(['ctfe_2022.pub']),
  )
  const marks = targets.map(({ name, custom }) => [name, custom && Object.values(Object(custom['sigstore'])).join(' ')])
  assert.deepEqual(marks, [
    ['trusted_root.json', undefined],
    ['signing_config.v0.2.json', undefined],
    ['fulcio.crt.pem', 'Active https://sigstore.example Fulcio'],
    ['fulcio_intermediate.crt.pem', 'Active https://sigstore.example Fulcio'],
    ['rekor.pub', 'Active https://sigstore.example Rekor'],
    ['ctfe.pub', 'Active https://sigstore.example CTFE'],
    ['ctfe_2022.pub', 'Expired https://sigstore.example CTFE'],
    ['tsa.crt.pem', 'Active https://sigstore.example TSA'],
    ['notes.txt', undefined],
  ])
})
