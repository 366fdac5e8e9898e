import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { sha256 } from '../../crypto/digest.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { preAuthEncoding } from '../../formats/dsse.ts'
import { isRekorV1Origin } from '../../formats/log/checkpoint.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import { emptyRoot } from '../../formats/log/merkle.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import {
  type ClientKey,
  certificateOf,
  clientKey,
  openRekorV1,
  type RekorRig,
  signContent,
  testTreeId,
} from '../../testing/rekor/rekor-rig.ts'
import { testTimestampAuthority } from '../../testing/sigstore/timestamp-authority.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'

const path = '/api/v1/log/entries'
const p256 = clientKey('P-256')
const stranger = clientKey('P-256')
const content = encodeUtf8('a release\n')
const base64Text = (text: string) => encodeBase64(encodeUtf8(text))
const treeHex = testTreeId.toString(16).padStart(16, '0')

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV1({ keepAttestations: true })
})
after(() => rekor.close())

type Spec = Record<string, unknown>

function hashedRekord(
  key: ClientKey,
  hash: 'sha256' | 'sha384' | 'sha512' = 'sha256',
  signed = signContent(key, content, hash),
  pem = key.pem,
) {
  const spec = {
    data: { hash: { algorithm: hash as string, value: encodeHex(signed.digest) } },
    signature: { content: encodeBase64(signed.signature), publicKey: { content: base64Text(pem) } },
  }
  return { apiVersion: '0.0.1', spec, kind: 'hashedrekord' }
}

function changed(change: (spec: ReturnType<typeof hashedRekord>['spec']) => void) {
  const entry = hashedRekord(p256)
  change(entry.spec)
  return entry
}

const statement = JSON.stringify({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'x', digest: { sha256: 'aa'.repeat(32) } }],
  predicateType: 'https://example.com/p',
  predicate: { materials: [{ digest: { sha1: 'bb'.repeat(20) } }] },
})
const payloadType = 'application/vnd.in-toto+json'
const preAuth = preAuthEncoding(payloadType, encodeUtf8(statement))

function envelope(...keys: readonly ClientKey[]): string {
  const signatures = keys.map(key => ({ keyid: '', sig: encodeBase64(signContent(key, preAuth).signature) }))
  return JSON.stringify({ payloadType, payload: base64Text(statement), signatures })
}

function dsse(text: string, ...verifiers: readonly string[]) {
  const proposedContent = { envelope: text, verifiers: verifiers.map(base64Text) }
  return { apiVersion: '0.0.1', kind: 'dsse', spec: { proposedContent, signatures: null } as Spec }
}

function intoto2(key: ClientKey, change: (content: Spec) => void = () => {}) {
  const sig = base64Text(encodeBase64(signContent(key, preAuth).signature))
  const inner: Spec = {
    envelope: { payloadType, payload: base64Text(base64Text(statement)), signatures: [{ sig, publicKey: base64Text(key.pem) }] },
    hash: { algorithm: 'sha256', value: '12'.repeat(32) },
  }
  change(inner)
  return { apiVersion: '0.0.2', kind: 'intoto', spec: { content: inner } }
}

function intoto1(text: string, key: ClientKey) {
  return { apiVersion: '0.0.1', kind: 'intoto', spec: { content: { envelope: text }, publicKey: base64Text(key.pem) } }
}

function rekord(key: ClientKey, change: (spec: { data: Spec; signature: Spec }) => void = () => {}) {
  const signature: Spec = {
    format: 'x509',
    content: encodeBase64(signContent(key, content).signature),
    publicKey: { content: base64Text(key.pem) },
  }
  const spec = { data: { content: encodeBase64(content) } as Spec, signature }
  change(spec)
  return { apiVersion: '0.0.1', kind: 'rekord', spec }
}

async function rfc3161(changeResponse: (response: Uint8Array) => void = () => {}, carriesCertificate = true) {
  const authority = await testTimestampAuthority()
  const certificates = carriesCertificate ? [authority.certificate] : []
  const response = await authority.stamp(content, { time: new Date('2026-03-01T12:00:00Z'), certificates })
  changeResponse(response)
  return { apiVersion: '0.0.1', kind: 'rfc3161', spec: { tsr: { content: encodeBase64(response) } } }
}

function logKeyOf({ signer: { publicKey } }: RekorRig) {
  return { key: publicKey, scheme: { scheme: 'ecdsa', hash: 'sha256' }, logId: publicKey.id, baseUrl: 'https://rekor.example' } as const
}

type Answer = Record<
  string,
  { body: string; logIndex: number; integratedTime: number; attestation?: { data: string }; verification: { signedEntryTimestamp: string } }
>

async function upload(rig: RekorRig, proposal: unknown): Promise<{ id: string; answer: Answer[string]; body: Spec }> {
  const response = await rig.post(path, proposal)
  const text = await response.text()
  assert.equal(response.status, 201, text)
  const [[id, answer] = []] = Object.entries(JSON.parse(text) as Answer)
  return { id: id!, answer: answer!, body: JSON.parse(Buffer.from(answer!.body, 'base64').toString()) as Spec }
}

async function textOf(response: Response): Promise<string> {
  const { code, message } = (await response.json()) as { code: number; message: string }
  assert.equal(code, response.status)
  return message
}

describe('rekor v1: entries that are taken', () => {
  for (const { name, proposal, spec } of [
    { name: 'hashedrekord by a key', proposal: async () => hashedRekord(p256) },
    { name: 'hashedrekord by RSA', proposal: async () => hashedRekord(clientKey('rsa-2048')) },
    { name: 'hashedrekord by P-384', proposal: async () => hashedRekord(clientKey('P-384'), 'sha384') },
    { name: 'hashedrekord by P-521', proposal: async () => hashedRekord(clientKey('P-521'), 'sha512') },
    {
      name: 'hashedrekord by Ed25519, prehashed',
      proposal: async () => {
        const key = clientKey('ed25519')
        const signer = signerFromPkcs8(Uint8Array.from(key.privateKey.export({ type: 'pkcs8', format: 'der' })), 'key', {
          ed25519: 'prehashed',
        })
        return hashedRekord(key, 'sha512', { digest: createHash('sha512').update(content).digest(), signature: await signer.sign(content) })
      },
    },
    { name: 'dsse', proposal: async () => dsse(envelope(p256), p256.pem) },
    {
      name: 'dsse by pure Ed25519',
      proposal: async () => {
        const key = clientKey('ed25519')
        return dsse(envelope(key), key.pem)
      },
    },
    { name: 'dsse with a verifier that is of no use', proposal: async () => dsse(envelope(stranger), p256.pem, stranger.pem) },
    { name: 'intoto 0.0.2', proposal: async () => intoto2(p256) },
    { name: 'intoto 0.0.1', proposal: async () => intoto1(envelope(p256), p256) },
    {
      name: 'rekord',
      proposal: async () => rekord(p256),
      spec: { data: { hash: { algorithm: 'sha256', value: encodeHex(sha256(content)) } } },
    },
    { name: 'rfc3161', proposal: () => rfc3161() },
  ])
    test(name, async () => {
      const response = await rekor.post(path, await proposal())
      const bytes = await response.bytes()
      assert.equal(response.status, 201, Buffer.from(bytes).toString())
      const [entry] = parseLogAnswerOf(bytes)
      const [id] = Object.keys(JSON.parse(Buffer.from(bytes).toString()) as Answer)
      assert.ok(id!.startsWith(treeHex) && id!.length === 80)
      assert.deepEqual([response.headers.get('location'), response.headers.get('etag')], [`${path}/${id}`, id])
      await verifyLogEntry(entry!, logKeyOf(rekor))
      const body = JSON.parse(Buffer.from(entry!.canonicalizedBody).toString()) as { spec: Spec }
      if (spec) for (const [member, value] of Object.entries(spec)) assert.deepEqual(body.spec[member], value)
    })

  test('signatures of an envelope are in the order of their text, each with its verifier', async () => {
    const keys = Array.from({ length: 5 }, () => clientKey('P-256'))
    const text = envelope(...keys)
    const { body } = await upload(rekor, dsse(text, ...keys.map(({ pem }) => pem)))
    const { signatures, envelopeHash } = body['spec'] as { signatures: { signature: string; verifier: string }[]; envelopeHash: Spec }
    assert.deepEqual(
      signatures.map(one => one.signature),
      signatures.map(one => one.signature).toSorted(),
    )
    for (const { signature, verifier } of signatures)
      assert.ok(verify('sha256', preAuth, Buffer.from(verifier, 'base64').toString(), Buffer.from(signature, 'base64')))
    assert.equal(envelopeHash['value'], createHash('sha256').update(text).digest('hex'))
  })

  test('a certificate with its issuer is kept whole, a stranger beside it is refused', async () => {
    const issuer = encodePem('CERTIFICATE', await selfSigned())
    const leaf = encodePem('CERTIFICATE', await certificateOf(p256, 'dev@example.com'))
    const { body } = await upload(rekor, hashedRekord(p256, 'sha256', signContent(p256, content), `${leaf}${issuer}`))
    const kept = (body['spec'] as { signature: { publicKey: { content: string } } }).signature.publicKey.content
    assert.equal(Buffer.from(kept, 'base64').toString(), `${leaf}${issuer}`)
    const response = await rekor.post(path, hashedRekord(p256, 'sha256', signContent(p256, content), `${leaf}${leaf}`))
    assert.equal(response.status, 400)
  })

  test('an attestation is given back, of entries that have one and fit', async () => {
    const { id, answer } = await upload(rekor, intoto2(clientKey('P-256')))
    assert.equal(Buffer.from(answer.attestation!.data, 'base64').toString(), statement)
    const again = (await (await rekor.get(`${path}/${id}`)).json()) as Answer
    assert.deepEqual(again[id]!.attestation, answer.attestation)
    const small = await openRekorV1({ keepAttestations: true, limits: { attestationBytes: 10 } })
    assert.equal((await upload(small, intoto2(p256))).answer.attestation, undefined)
    const none = await openRekorV1()
    assert.equal((await upload(none, intoto2(p256))).answer.attestation, undefined)
    await Promise.all([small.close(), none.close()])
  })

  test('the promise is over these bytes, and the same whenever it is asked for', async () => {
    const { id, answer } = await upload(rekor, hashedRekord(clientKey('P-256')))
    const { publicKey } = rekor.signer
    const signed = `{"body":"${answer.body}","integratedTime":${answer.integratedTime},"logID":"${encodeHex(publicKey.id)}","logIndex":${answer.logIndex}}`
    const set = Buffer.from(answer.verification.signedEntryTimestamp, 'base64')
    const pem = encodePem('PUBLIC KEY', publicKey.spki)
    assert.ok(verify('sha256', Buffer.from(signed), pem, set))
    assert.ok(!verify('sha256', Buffer.from(signed.replace(String(answer.integratedTime), String(answer.integratedTime + 1))), pem, set))
    await upload(rekor, hashedRekord(clientKey('P-256')))
    const later = (await (await rekor.get(`${path}/${id}`)).json()) as Answer
    assert.equal(later[id]!.verification.signedEntryTimestamp, answer.verification.signedEntryTimestamp)
    assert.equal(later[id]!.integratedTime, answer.integratedTime)
  })

  test('the same again is 409 with its place', async () => {
    const proposal = hashedRekord(clientKey('P-256'))
    const { id } = await upload(rekor, proposal)
    const response = await rekor.post(path, proposal)
    assert.equal(response.status, 409)
    assert.equal(response.headers.get('location'), `${path}/${id}`)
    assert.equal(await textOf(response), `an equivalent entry already exists in the transparency log with UUID ${id}`)
  })
})

function parseLogAnswerOf(bytes: Uint8Array) {
  return parseLogAnswer(bytes, 'answer')
}

/** Of the key that issues the certificates above. */
async function selfSigned(): Promise<Uint8Array> {
  const { spki } = testLogSigners.ecdsa().publicKey
  return certificateOf({ ...p256, spki }, 'ca@example.com')
}

describe('rekor v1: refused with 400', () => {
  const pureEd25519 = clientKey('ed25519')
  for (const { name, proposal, error } of [
    { name: 'no JSON', proposal: '{', error: /not JSON/ },
    { name: 'an array', proposal: [], error: /entry: want an object/ },
    { name: 'no kind', proposal: {}, error: /entry.kind: want a string, got nothing/ },
    { name: 'a member twice', proposal: '{"kind":"dsse","kind":"dsse"}', error: /appears twice/ },
    { name: 'an unknown kind', proposal: { kind: 'x', apiVersion: '0.0.1', spec: {} }, error: /entry kind "x" is not enabled/ },
    ...['alpine', 'cose', 'helm', 'jar', 'rpm', 'tuf'].map(kind => ({
      name: `kind ${kind}`,
      proposal: { kind, apiVersion: '0.0.1', spec: {} },
      error: new RegExp(`^error processing entry: entry kind "${kind}" is not enabled$`),
    })),
    {
      name: 'an unknown version',
      proposal: { ...hashedRekord(p256), apiVersion: '0.0.2' },
      error: /"hashedrekord" of version "0.0.2" is not enabled, want 0.0.1/,
    },
    { name: 'a name of the prototype', proposal: { kind: 'constructor', apiVersion: '0.0.1', spec: {} }, error: /not enabled/ },
    { name: 'no spec', proposal: { kind: 'hashedrekord', apiVersion: '0.0.1', spec: null }, error: /spec: want an object, got nothing/ },
    { name: 'an unknown member', proposal: changed(spec => Object.assign(spec, { more: 1 })), error: /unknown member "more"/ },
    {
      name: 'a digest in capitals',
      proposal: changed(spec => {
        spec.data.hash.value = spec.data.hash.value.toUpperCase()
      }),
      error: /want 64 hex digits/,
    },
    {
      name: 'a digest too short',
      proposal: changed(spec => {
        spec.data.hash.value = 'ab'
      }),
      error: /want 64 hex digits, got "ab"/,
    },
    {
      name: 'sha1',
      proposal: changed(spec => {
        spec.data.hash = { algorithm: 'sha1', value: 'ab'.repeat(20) }
      }),
      error: /want one of sha256, sha384, sha512, got "sha1"/,
    },
    {
      name: 'another digest',
      proposal: changed(spec => {
        spec.data.hash.value = 'ab'.repeat(32)
      }),
      error: /^error processing entry: signature: does not verify/,
    },
    {
      name: "another's key",
      proposal: changed(spec => {
        spec.signature.publicKey.content = base64Text(stranger.pem)
      }),
      error: /does not verify/,
    },
    {
      name: 'a key that is no PEM',
      proposal: changed(spec => {
        spec.signature.publicKey.content = base64Text('x')
      }),
      error: /want 1 to 10 PEM blocks, got 0/,
    },
    {
      name: 'a private key',
      proposal: changed(spec => {
        spec.signature.publicKey.content = base64Text(p256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
      }),
      error: /want one PEM PUBLIC KEY/,
    },
    {
      name: 'base64 with white space',
      proposal: changed(spec => {
        spec.signature.content = ` ${spec.signature.content}`
      }),
      error: /want padded base64/,
    },
    {
      name: 'pure Ed25519 over sha256, as cosign 2 sends it',
      proposal: hashedRekord(pureEd25519),
      error: /an Ed25519 key signs a digest by sha512 alone/,
    },
    {
      name: 'pure Ed25519 over sha512',
      proposal: hashedRekord(pureEd25519, 'sha512', signContent(pureEd25519, content, 'sha512')),
      error: /does not verify with ed25519 key; tried ed25519ph/,
    },
    {
      name: 'P-384 with sha256',
      proposal: hashedRekord(clientKey('P-384')),
      error: /entry algorithms are not allowed: ecdsa-p384 key of 384 bits with sha256/,
    },
    { name: 'dsse: no verifiers', proposal: dsse(envelope(p256)), error: /verifiers: want 1 or more, got none/ },
    { name: 'dsse: no signatures', proposal: dsse(envelope(), p256.pem), error: /signatures: want 1 or more, got none/ },
    {
      name: 'dsse: a signature without its key',
      proposal: dsse(envelope(p256, stranger), p256.pem),
      error: /all signatures must have a key that verifies it/,
    },
    {
      name: 'dsse: what the log computes',
      proposal: { ...dsse(envelope(p256), p256.pem), spec: { payloadHash: {}, proposedContent: {} } },
      error: /spec.payloadHash: is computed by the log/,
    },
    { name: 'dsse: no envelope', proposal: { ...dsse('', p256.pem) }, error: /envelope: not JSON/ },
    {
      name: 'dsse: nothing proposed',
      proposal: { kind: 'dsse', apiVersion: '0.0.1', spec: {} },
      error: /proposedContent: want an object, got nothing/,
    },
    { name: 'intoto: no hash', proposal: intoto2(p256, inner => Reflect.deleteProperty(inner, 'hash')), error: /missing envelope digest/ },
    {
      name: 'intoto: no payload',
      proposal: intoto2(p256, inner => Reflect.deleteProperty(inner['envelope'] as Spec, 'payload')),
      error: /payload: want a string, got nothing/,
    },
    {
      name: 'intoto: another payload',
      proposal: intoto2(p256, inner => Object.assign(inner['envelope'] as Spec, { payload: base64Text(base64Text('{}')) })),
      error: /does not verify/,
    },
    {
      name: 'intoto: base64 but once',
      proposal: intoto2(p256, inner => Object.assign(inner['envelope'] as Spec, { payload: base64Text(statement) })),
      error: /want padded base64/,
    },
    {
      name: 'intoto: another payload hash',
      proposal: intoto2(p256, inner => Object.assign(inner, { payloadHash: { algorithm: 'sha256', value: 'ab'.repeat(32) } })),
      error: /payloadHash: is not the digest of what came along/,
    },
    {
      name: 'intoto: no signatures',
      proposal: intoto2(p256, inner => Object.assign(inner['envelope'] as Spec, { signatures: [] })),
      error: /want 1 or more, got none/,
    },
    { name: "intoto 0.0.1: another's key", proposal: intoto1(envelope(p256), stranger), error: /does not verify/ },
    {
      name: 'rekord: no content',
      proposal: rekord(p256, spec => Reflect.deleteProperty(spec.data, 'content')),
      error: /'content' must be specified for data/,
    },
    {
      name: 'rekord: another hash',
      proposal: rekord(p256, spec => Object.assign(spec.data, { hash: { algorithm: 'sha256', value: 'ab'.repeat(32) } })),
      error: /want the SHA-256 of the content/,
    },
    {
      name: 'rekord: another content',
      proposal: rekord(p256, spec => Object.assign(spec.data, { content: 'eA==' })),
      error: /does not verify/,
    },
    ...['pgp', 'minisign', 'ssh'].map(format => ({
      name: `rekord of format ${format}`,
      proposal: rekord(p256, spec => Object.assign(spec.signature, { format })),
      error: new RegExp(`rekord entries of format ${format} are not enabled, want x509`),
    })),
    {
      name: 'rfc3161: no timestamp',
      proposal: { kind: 'rfc3161', apiVersion: '0.0.1', spec: { tsr: { content: 'MAA=' } } },
      error: /tsr.content: /,
    },
    {
      name: 'rfc3161: more than 10 KiB',
      proposal: { kind: 'rfc3161', apiVersion: '0.0.1', spec: { tsr: { content: encodeBase64(new Uint8Array(10_241)) } } },
      error: /tsr exceeds maximum allowed size \(10kB\)/,
    },
  ])
    test(name, async () => {
      const size = rekor.log.head().size
      const response = await rekor.post(path, proposal)
      assert.equal(response.status, 400)
      const text = await textOf(response)
      assert.match(text, /^error processing entry: /)
      assert.match(text, error)
      assert.equal(rekor.log.head().size, size, 'nothing is logged')
    })

  for (const { name, proposal, error } of [
    {
      name: 'rfc3161: without its certificate',
      proposal: () => rfc3161(() => {}, false),
      error: /want the certificate it was signed with/,
    },
    {
      name: 'rfc3161: another signature',
      proposal: () =>
        rfc3161(response => {
          response[response.length - 1]! ^= 1
        }),
      error: /does not verify/,
    },
  ])
    test(name, async () => {
      const response = await rekor.post(path, await proposal())
      assert.equal(response.status, 400)
      assert.match(await textOf(response), error)
    })

  test('no mutant of a proposal is logged as the same entry', async () => {
    const proposal = hashedRekord(clientKey('P-256'))
    const { id } = await upload(rekor, proposal)
    const value = proposal.spec.data.hash.value
    for (let at = 0; at < value.length; at++) {
      proposal.spec.data.hash.value = `${value.slice(0, at)}${value[at] === '0' ? '1' : '0'}${value.slice(at + 1)}`
      assert.equal((await rekor.post(path, proposal)).status, 400, `digit ${at} of ${id}`)
    }
  })

  test('more than the limit is 413', async () => {
    const small = await openRekorV1({ limits: { bodyBytes: 100 } })
    assert.equal((await small.post(path, hashedRekord(p256))).status, 413)
    await small.close()
  })

  test('kinds that are switched off', async () => {
    const only = await openRekorV1({ kinds: ['dsse'] })
    assert.equal((await only.post(path, hashedRekord(p256))).status, 400)
    assert.equal((await only.post(path, dsse(envelope(p256), p256.pem))).status, 201)
    await only.close()
  })
})

describe('rekor v1: reading', () => {
  let ids: string[]
  let read: RekorRig
  before(async () => {
    read = await openRekorV1()
    ids = []
    for (let at = 0; at < 3; at++) ids.push((await upload(read, hashedRekord(p256, 'sha256', signContent(p256, encodeUtf8(`${at}`))))).id)
  })
  after(() => read.close())

  test('by index, by id and by leaf hash, in either case', async () => {
    for (const address of [`${path}?logIndex=1`, `${path}/${ids[1]}`, `${path}/${ids[1]!.slice(16)}`, `${path}/${ids[1]!.toUpperCase()}`]) {
      const response = await read.get(address)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('cache-control'), 'no-cache')
      const [entry] = parseLogAnswerOf(await response.bytes())
      assert.equal(entry!.logIndex, 1n)
      await verifyLogEntry(entry!, logKeyOf(read))
    }
  })

  for (const [name, address, status] of [
    ['an index that is not there', `${path}?logIndex=3`, 404],
    ['an index below zero', `${path}?logIndex=-1`, 400],
    ['no index', path, 400],
    ['an id that is not there', `${path}/${treeHex}${'ab'.repeat(32)}`, 404],
    ['a leaf that is not there', `${path}/${'ab'.repeat(32)}`, 404],
    ['another tree', `${path}/${'00'.repeat(7)}07${'ab'.repeat(32)}`, 404],
    ['an id too short', `${path}/abc`, 400],
    ['an id that is not hex', `${path}/${'x'.repeat(64)}`, 400],
    ['another address', '/api/v1/other', 404],
    ['a time-stamp, which is of the authority', '/api/v1/timestamp', 404],
    ['a method', '/api/v1/index/retrieve', 405],
    ['a proof of a tree to come', '/api/v1/log/proof?lastSize=4', 400],
    ['a proof the wrong way', '/api/v1/log/proof?firstSize=3&lastSize=2', 400],
    ['a proof of nothing', '/api/v1/log/proof', 400],
    ['a proof from nothing', '/api/v1/log/proof?firstSize=0&lastSize=2', 400],
    ['a proof of another tree', '/api/v1/log/proof?lastSize=2&treeID=7', 400],
    ['the key of another tree', '/api/v1/log/publicKey?treeID=7', 400],
  ] as const)
    test(name, async () => {
      const response = await read.get(address)
      assert.equal(response.status, status)
      if (status === 404 && address.startsWith(path)) assert.equal(await response.text(), '')
      else assert.ok((await textOf(response)).length > 0)
      if (status === 405) assert.equal(response.headers.get('allow'), 'POST')
    })

  test('texts of proofs that cannot be', async () => {
    assert.equal(await textOf(await read.get('/api/v1/log/proof?firstSize=3&lastSize=2')), 'firstSize(3) must be less than lastSize(2)')
    assert.equal(
      await textOf(await read.get('/api/v1/log/proof?lastSize=4')),
      'the tree size requested(4) was greater than what is currently observable(3)',
    )
  })

  test('log, proof, key and ping', async () => {
    const info = (await (await read.get('/api/v1/log')).json()) as Record<string, unknown>
    const { root, note } = read.log.head()
    assert.deepEqual(info, { rootHash: encodeHex(root), treeSize: 3, signedTreeHead: note, treeID: String(testTreeId), inactiveShards: [] })
    assert.ok(isRekorV1Origin(note.split('\n')[0]!))
    const hint = Buffer.from(note.trimEnd().split(' ').at(-1)!, 'base64').subarray(0, 4)
    assert.deepEqual(Uint8Array.from(hint), read.signer.publicKey.id.slice(0, 4))
    const proof = (await (await read.get('/api/v1/log/proof?firstSize=1&lastSize=2')).json()) as { rootHash: string; hashes: string[] }
    assert.equal(proof.rootHash, encodeHex(root), 'the latest root, not that of lastSize')
    assert.equal(proof.hashes.length, 1)
    const key = await read.get(`/api/v1/log/publicKey?treeID=${testTreeId}`)
    assert.equal(key.headers.get('content-type'), 'application/x-pem-file')
    assert.equal(await key.text(), encodePem('PUBLIC KEY', read.signer.publicKey.spki))
    assert.equal(await (await read.get('/ping')).text(), '.')
  })

  const retrieve = '/api/v1/log/entries/retrieve'
  for (const { name, query, status = 200, count = 0 } of [
    {
      name: 'by id and by leaf hash',
      query: () => ({ entryUUIDs: [ids[0], ids[1]!.slice(16)], logIndexes: null, entries: null }),
      count: 2,
    },
    { name: 'by index', query: () => ({ entryUUIDs: null, logIndexes: [0, 2, 9] }), count: 2 },
    { name: 'by proposal', query: () => ({ entries: [] as unknown[] }), count: 0 },
    { name: 'ids that are not there are dropped', query: () => ({ entryUUIDs: [`${treeHex}${'ab'.repeat(32)}`, ids[0]] }), count: 1 },
    { name: 'another tree is dropped', query: () => ({ entryUUIDs: [`${'00'.repeat(7)}07${'ab'.repeat(32)}`] }) },
    { name: 'ten', query: () => ({ logIndexes: Array(10).fill(0) }), count: 10 },
    { name: 'eleven', query: () => ({ logIndexes: Array(11).fill(0) }), status: 422 },
    { name: 'eleven in all', query: () => ({ logIndexes: Array(6).fill(0), entryUUIDs: Array(5).fill(ids[0]) }), status: 422 },
    { name: 'no id', query: () => ({ entryUUIDs: ['x'] }), status: 400 },
    { name: 'no index', query: () => ({ logIndexes: ['1'] }), status: 400 },
    { name: 'an unknown member', query: () => ({ indexes: [1] }), status: 400 },
  ])
    test(`retrieve: ${name}`, async () => {
      const response = await read.post(retrieve, query())
      assert.equal(response.status, status)
      if (status !== 200) {
        const text = await textOf(response)
        if (status === 422) assert.equal(text, 'more than max allowed 10 entries in request')
      } else assert.equal(((await response.json()) as unknown[]).length, count)
    })

  test('retrieve: a proposal that is there', async () => {
    const proposal = hashedRekord(clientKey('P-256'))
    const { id } = await upload(rekor, proposal)
    const found = (await (await rekor.post(retrieve, { entries: [proposal] })).json()) as Answer[]
    assert.deepEqual(
      found.map(answer => Object.keys(answer)),
      [[id]],
    )
    assert.equal(
      (
        await rekor.post(retrieve, {
          entries: [
            changed(spec => {
              spec.data.hash.value = 'ab'.repeat(32)
            }),
          ],
        })
      ).status,
      400,
    )
  })
})

describe('rekor v1: search', () => {
  let searched: RekorRig
  let byKey: string
  let byCertificate: string
  let byEnvelope: string
  before(async () => {
    searched = await openRekorV1()
    byKey = (await upload(searched, hashedRekord(p256))).id
    const pem = encodePem('CERTIFICATE', await certificateOf(stranger, 'Dev@Example.com'))
    byCertificate = (await upload(searched, hashedRekord(stranger, 'sha256', signContent(stranger, content), pem))).id
    byEnvelope = (await upload(searched, dsse(envelope(p256), p256.pem))).id
  })
  after(() => searched.close())

  const digest = encodeHex(sha256(content))
  for (const { name, query, ids } of [
    { name: 'an artifact by its digest', query: { hash: `sha256:${digest}` }, ids: () => [byKey, byCertificate] },
    { name: 'the same without its algorithm', query: { hash: digest }, ids: () => [byKey, byCertificate] },
    {
      name: 'a key, of artifacts and of envelopes',
      query: { publicKey: { format: 'x509', content: base64Text(p256.pem) } },
      ids: () => [byKey, byEnvelope],
    },
    { name: 'an address, in whatever case', query: { email: 'DEV@example.com' }, ids: () => [byCertificate] },
    { name: 'a subject', query: { subject: 'dev@example.com' }, ids: () => [byCertificate] },
    { name: 'a subject of a statement', query: { hash: 'aa'.repeat(32) }, ids: () => [byEnvelope] },
    { name: 'a material of a statement', query: { hash: `sha1:${'bb'.repeat(20)}` }, ids: () => [byEnvelope] },
    { name: 'a payload', query: { hash: encodeHex(sha256(encodeUtf8(statement))) }, ids: () => [byEnvelope] },
    { name: 'either', query: { email: 'dev@example.com', hash: 'aa'.repeat(32), operator: 'or' }, ids: () => [byCertificate, byEnvelope] },
    { name: 'both', query: { email: 'dev@example.com', hash: digest, operator: 'and' }, ids: () => [byCertificate] },
    { name: 'both, of which there is none', query: { email: 'dev@example.com', hash: 'aa'.repeat(32), operator: 'and' }, ids: () => [] },
    { name: 'nothing', query: { hash: '', publicKey: null }, ids: () => [] },
    { name: 'what is not there', query: { email: 'nobody@example.com' }, ids: () => [] },
  ])
    test(name, async () => {
      const response = await searched.post('/api/v1/index/retrieve', query)
      assert.equal(response.status, 200)
      assert.deepEqual(await response.json(), ids())
    })

  for (const { name, query, error } of [
    { name: 'a digest of no length', query: { hash: 'abc' }, error: /query.hash: want a digest in hex/ },
    { name: 'a digest of another length than its algorithm', query: { hash: `sha1:${digest}` }, error: /query.hash/ },
    {
      name: 'a key of another format',
      query: { publicKey: { format: 'pgp', content: '' } },
      error: /^the PKI format requested is not supported by this server$/,
    },
    { name: 'no key', query: { publicKey: { format: 'x509', content: 'eA==' } }, error: /^public key provided could not be parsed$/ },
    { name: 'another operator', query: { operator: 'xor' }, error: /want "or" or "and", got "xor"/ },
    { name: 'an unknown member', query: { issuer: 'x' }, error: /unknown member "issuer"/ },
  ])
    test(`refused: ${name}`, async () => {
      const response = await searched.post('/api/v1/index/retrieve', query)
      assert.equal(response.status, 400)
      assert.match(await textOf(response), error)
    })

  test('501 where it is switched off', async () => {
    const silent = await openRekorV1({ search: false })
    const response = await silent.post('/api/v1/index/retrieve', { email: 'dev@example.com' })
    assert.deepEqual([response.status, await textOf(response)], [501, 'Search Index API not enabled in this Rekor instance'])
    await silent.close()
  })
})

describe('rekor v1: trees, failures, metrics', () => {
  test('entries of trees that have ended keep their places, and new ones are counted on', async () => {
    const old = await openRekorV1({ treeId: 7n })
    const first = await upload(old, hashedRekord(p256))
    await upload(old, hashedRekord(stranger))
    const empty = await openRekorV1({ treeId: 8n })
    const trees = [old, empty].map((rig, at) => ({ treeId: BigInt(7 + at), publicKey: rig.signer.publicKey, log: rig.log }))
    const current = await openRekorV1({ earlierTrees: trees, signer: testLogSigners.ecdsaStranger() })
    const next = await upload(current, dsse(envelope(p256), p256.pem))
    assert.equal(next.answer.logIndex, 2)
    const [entry] = parseLogAnswerOf(await (await current.get(`${path}?logIndex=2`)).bytes())
    assert.deepEqual([entry!.logIndex, entry!.inclusionProof!.logIndex], [2n, 0n])
    await verifyLogEntry(entry!, logKeyOf(current))
    for (const address of [`${path}?logIndex=0`, `${path}/${first.id}`, `${path}/${first.id.slice(16)}`]) {
      const [earlier] = parseLogAnswerOf(await (await current.get(address)).bytes())
      assert.equal(earlier!.inclusionProof!.checkpoint, old.log.head().note)
      await verifyLogEntry(earlier!, logKeyOf(old))
    }
    const info = (await (await current.get('/api/v1/log')).json()) as { inactiveShards: { treeID: string; treeSize: number }[] }
    assert.deepEqual(
      info.inactiveShards.map(({ treeID, treeSize }) => [treeID, treeSize]),
      [
        ['7', 2],
        ['8', 0],
      ],
    )
    assert.equal(await (await current.get('/api/v1/log/publicKey?treeID=7')).text(), encodePem('PUBLIC KEY', old.signer.publicKey.spki))
    assert.equal((await current.get('/api/v1/log/proof?lastSize=2&treeID=7')).status, 200)
    const found = await (await current.post('/api/v1/index/retrieve', { hash: encodeHex(sha256(content)) })).json()
    assert.equal((found as string[])[0], first.id)
    await Promise.all([old, empty, current].map(rig => rig.close()))
  })

  test('an empty log', async () => {
    const empty = await openRekorV1()
    const info = (await (await empty.get('/api/v1/log')).json()) as { treeSize: number; rootHash: string }
    assert.deepEqual([info.treeSize, info.rootHash], [0, encodeHex(emptyRoot)])
    await empty.close()
  })

  for (const { name, cause, status, message } of [
    {
      name: 'too many wait',
      cause: new CountersignError('LOG_OVERLOADED', 'full'),
      status: 503,
      message: /^unexpected error communicating with transparency log/,
    },
    {
      name: 'the store is away',
      cause: new CountersignError('STORE_UNAVAILABLE', 'no space left'),
      status: 503,
      message: /^unexpected error communicating with transparency log$/,
    },
    {
      name: 'the log contradicts itself',
      cause: new CountersignError('STORE_CORRUPT', 'no'),
      status: 500,
      message: /^unexpected error communicating/,
    },
  ])
    test(name, async () => {
      const broken = await openRekorV1({ log: { ...rekor.log, append: () => Promise.reject(cause) } })
      const response = await broken.post(path, hashedRekord(p256))
      assert.equal(response.status, status)
      assert.match(await textOf(response), message)
      if (status === 500) assert.equal(broken.counted.get('rekor_inclusion_proof_failure_total'), 1)
      await broken.close()
    })

  test('504 where it takes too long', async () => {
    const slow = await openRekorV1({ log: { ...rekor.log, append: () => new Promise<never>(() => {}) }, limits: { timeoutMs: 1 } })
    assert.equal((await slow.post(path, hashedRekord(p256))).status, 504)
    await slow.close()
  })

  test('what it counts has labels of its own alone', async () => {
    const rig = await openRekorV1()
    await rig.post(path, hashedRekord(p256))
    await rig.get(`${path}/${'ab'.repeat(32)}`)
    await rig.get('/api/v1/__proto__')
    await rig.get('/constructor')
    await rig.post('/ping', '', { method: 'PURGE' })
    assert.deepEqual([...rig.counted].sort(), [
      ['rekor_new_entries', 1],
      ['rekor_qps_by_api path=/api/v1/log/entries method=post code=201', 1],
      ['rekor_qps_by_api path=/api/v1/log/entries/{entryUUID} method=get code=404', 1],
      ['rekor_qps_by_api path=/ping method=other code=405', 1],
      ['rekor_qps_by_api path=other method=get code=404', 2],
    ])
    await rig.close()
  })
})
