import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { encodeHex } from '../../codec/hex.ts'
import { encodePem } from '../../codec/pem.ts'
import { sha256 } from '../../crypto/digest.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { parseLogAnswer } from '../../formats/log/log-answer.ts'
import { verifyLogEntry } from '../../formats/log/verify-log-entry.ts'
import {
  type Answer,
  base64Text,
  changed,
  content,
  dsse,
  envelope,
  hashedRekord,
  intoto1,
  intoto2,
  logKeyOf,
  p256,
  entriesPath as path,
  preAuth,
  rekord,
  rfc3161,
  type Spec,
  statement,
  stranger,
  textOf,
  treeHex,
  upload,
} from '../../testing/rekor/proposals.ts'
import { certificateOf, clientKey, openRekorV1, type RekorRig, signContent } from '../../testing/rekor/rekor-rig.ts'
import { testLogSigners } from '../../testing/sigstore/transparency-log.ts'

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV1({ keepAttestations: true })
})
after(() => rekor.close())

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
      name: 'a key to be fetched, GHSA-4c4x-jm2x-pf9j',
      proposal: changed(spec => Object.assign(spec.signature.publicKey, { url: 'http://127.0.0.1/key' })),
      error: /unknown member "url"/,
    },
    {
      name: 'an attestation of no form, GHSA-frqx-jfcm-6jjr',
      proposal: { kind: 'intoto', apiVersion: '0.0.2', spec: { content: { envelope: null, hash: null } } },
      error: /envelope: want an object, got nothing/,
    },
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
