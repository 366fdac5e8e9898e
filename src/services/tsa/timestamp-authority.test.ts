import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { encodeBase64 } from '../../codec/base64.ts'
import { contextTag, derTag } from '../../codec/der.ts'
import { encodeDer, encodeDerInteger, encodeDerOctetString, encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { digestOf } from '../../crypto/digest.ts'
import type { TimestampHash } from '../../formats/timestamp/digest-algorithm.ts'
import { encodeTimestampRequest } from '../../formats/timestamp/timestamp-request.ts'
import { parseTimestampResponse } from '../../formats/timestamp/timestamp-response.ts'
import { verifyTimestamp } from '../../formats/timestamp/verify-timestamp.ts'
import { extendedKeyUsageOid, extensionOid } from '../../formats/x509/certificate-extensions.ts'
import { createRoot, freshSigner, type LeafOptions } from '../../testing/sigstore/certificate-authority.ts'
import { type TestTimestampAuthority, testTimestampAuthority } from '../../testing/sigstore/timestamp-authority.ts'
import { noEvents } from '../service.ts'
import { createTimestampAuthority, type TimestampAuthorityOptions } from './timestamp-authority.ts'

const url = 'https://tsa.example/api/v1/timestamp'
const now = new Date('2026-05-04T03:02:01.234Z')
const world = { now: () => now, randomBytes: (length: number) => Uint8Array.from(randomBytes(length)) }
const signature = encodeUtf8('signature bytes')
const digest = (hash: TimestampHash = 'sha256') => digestOf(hash, signature)

let known: TestTimestampAuthority
before(async () => {
  known = await testTimestampAuthority({ intermediate: true })
})

const serve = (options: Partial<TimestampAuthorityOptions> = {}) =>
  createTimestampAuthority({ chain: known.chain, signer: known.signer, world, ...options })

const post = (type: string, body: string | Uint8Array, method = 'POST') =>
  new Request(url, { method, headers: { 'content-type': type }, body: Uint8Array.from(typeof body === 'string' ? encodeUtf8(body) : body) })
const query = (body: Uint8Array) => post('application/timestamp-query', body)
const asJson = (body: object) => post('application/json', JSON.stringify(body))
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

describe('timestamps', () => {
  for (const hash of ['sha256', 'sha384', 'sha512'] as const)
    for (const nonce of [undefined, 0xa40009e7b824f58bn, -3n])
      for (const certificateWanted of [false, true])
        test(`${hash}, nonce ${nonce}, ${certificateWanted ? 'with' : 'without'} its certificate, in both forms alike`, async () => {
          const { handler } = await serve()
          const imprint = { hash, digest: digest(hash) }
          const der = query(encodeTimestampRequest({ imprint, certificateWanted, ...(nonce !== undefined && { nonce }) }))
          const text = `{"artifactHash":"${encodeBase64(imprint.digest)}","hashAlgorithm":"${hash}","certificates":${certificateWanted},"nonce":${nonce ?? null}}`
          for (const request of [der, post('application/json; charset=utf-8', text)]) {
            const response = await handler(request)
            assert.equal(response.status, 200)
            assert.equal(response.headers.get('content-type'), 'application/timestamp-reply')
            const token = parseTimestampResponse(await bytesOf(response), 'reply')
            const { info, certificates } = token
            assert.deepEqual(
              { ...info, serialNumber: undefined },
              {
                policy: '1.3.6.1.4.1.57264.2',
                imprint,
                serialNumber: undefined,
                time: new Date('2026-05-04T03:02:01Z'),
                accuracyMicroseconds: 1_000_000,
                ordering: false,
                nonce,
              },
            )
            assert.ok(info.serialNumber > 0n && info.serialNumber < 1n << 159n)
            assert.deepEqual(
              certificates.map(({ der }) => der),
              certificateWanted ? [known.certificate.der] : [],
            )
            await verifyTimestamp(token, signature, { chain: known.chain })
          }
        })

  test('serial numbers differ, and are positive whatever is drawn', async () => {
    for (const octet of [0x00, 0xff]) {
      const { handler } = await serve({ world: { ...world, randomBytes: length => new Uint8Array(length).fill(octet) } })
      const reply = await handler(query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } })))
      const { serialNumber } = parseTimestampResponse(await bytesOf(reply), 'reply').info
      assert.equal(serialNumber, octet === 0 ? 1n : (1n << 159n) - 1n)
    }
  })

  test('policies that are accepted are those that were told, the first unless the request names one', async () => {
    const { handler } = await serve({ policies: ['1.2.3.4', '1.2.3.5'], includeChain: true, successStatus: 201 })
    for (const policy of [undefined, '1.2.3.5'] as const) {
      const body = encodeTimestampRequest({
        imprint: { hash: 'sha256', digest: digest() },
        certificateWanted: true,
        ...(policy && { policy }),
      })
      const response = await handler(query(body))
      assert.equal(response.status, 201)
      const { info, certificates } = parseTimestampResponse(await bytesOf(response), 'reply')
      assert.equal(info.policy, policy ?? '1.2.3.4')
      assert.equal(certificates.length, 3)
    }
  })

  for (const kind of ['p384', 'p521', 'ed25519', 'rsa'] as const)
    test(`a signer of ${kind}`, async () => {
      const authority = await testTimestampAuthority({ key: kind })
      const { handler } = await createTimestampAuthority({ chain: authority.chain, signer: authority.signer, world })
      const reply = await handler(query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } })))
      await verifyTimestamp(parseTimestampResponse(await bytesOf(reply), 'reply'), signature, authority)
    })
})

const sha256Oid = '2.16.840.1.101.3.4.2.1'
const requestOf = (oid: string, bytes: Uint8Array, ...rest: readonly Uint8Array[]) =>
  query(
    encodeDerSequence(encodeDerInteger(1n), encodeDerSequence(encodeDerSequence(encodeDerOid(oid)), encodeDerOctetString(bytes)), ...rest),
  )
const general = 'Error generating timestamp response'
const extension = encodeDer(
  contextTag(0, 'constructed'),
  encodeDerSequence(encodeDerOid('1.2.3.99'), encodeDerOctetString(Uint8Array.of(5, 0))),
)
const json = { artifactHash: encodeBase64(digest()), hashAlgorithm: 'sha256' }

describe('refusals, in the words of upstream', () => {
  const cases: readonly { readonly name: string; readonly request: () => Request; readonly status?: number; readonly message: string }[] = [
    { name: 'SHA-1', request: () => requestOf('1.3.14.3.2.26', new Uint8Array(20)), message: 'Weak hash algorithm in timestamp request' },
    {
      name: 'SHA-1 in JSON',
      request: () => asJson({ artifactHash: encodeBase64(new Uint8Array(20)), hashAlgorithm: 'sha1' }),
      message: 'Weak hash algorithm in timestamp request',
    },
    {
      name: 'a digest too short',
      request: () => requestOf(sha256Oid, digest().subarray(1)),
      message: 'Message digest has incorrect length for specified algorithm',
    },
    {
      name: 'a digest of another hash, in JSON',
      request: () => asJson({ ...json, hashAlgorithm: 'sha512' }),
      message: 'Message digest has incorrect length for specified algorithm',
    },
    {
      name: 'another policy',
      request: () => requestOf(sha256Oid, digest(), encodeDerOid('1.2.3.4')),
      message: 'unaccepted policy: 1.2.3.4',
    },
    { name: 'another policy in JSON', request: () => asJson({ ...json, tsaPolicyOID: '1.2.3.4' }), message: 'unaccepted policy: 1.2.3.4' },
    {
      name: 'a policy of 129 components',
      request: () => asJson({ ...json, tsaPolicyOID: `1.2${'.3'.repeat(127)}` }),
      message: 'OID should be comprised of at most 128 components',
    },
    {
      name: 'the same in DER',
      request: () => requestOf(sha256Oid, digest(), encodeDerOid(`1.2${'.3'.repeat(127)}`)),
      message: 'OID should be comprised of at most 128 components',
    },
    { name: 'an extension', request: () => requestOf(sha256Oid, digest(), extension), message: 'unaccepted extension: 1.2.3.99' },
    { name: 'JSON of 2 KiB', request: () => asJson({ ...json, padding: 'x'.repeat(2048) }), message: 'timestamp request is too large' },
    {
      name: 'a nonce of 10 MB',
      request: () => requestOf(sha256Oid, digest(), encodeDer(derTag.integer, new Uint8Array(10_000_000).fill(1))),
      message: 'timestamp request is too large',
    },
    {
      name: 'a nonce of 900 KB',
      request: () => requestOf(sha256Oid, digest(), encodeDer(derTag.integer, new Uint8Array(900_000).fill(1))),
      message: general,
    },
    { name: 'no DER', request: () => query(encodeUtf8('hello')), message: general },
    { name: 'nothing', request: () => query(new Uint8Array()), message: general },
    { name: 'no JSON', request: () => post('application/json', '{'), message: general },
    { name: 'an unknown member', request: () => asJson({ ...json, artifact: 'x' }), message: general },
    { name: 'no hash', request: () => asJson({ hashAlgorithm: 'sha256' }), message: general },
    { name: 'no name of a hash', request: () => asJson({ artifactHash: json.artifactHash }), message: general },
    { name: 'an unknown hash', request: () => asJson({ ...json, hashAlgorithm: 'md5' }), message: general },
    { name: 'certificates that are no yes or no', request: () => asJson({ ...json, certificates: 'yes' }), message: general },
    { name: 'a nonce with a fraction', request: () => asJson({ ...json, nonce: 1.5 }), message: general },
    { name: 'a nonce that is text', request: () => asJson({ ...json, nonce: '5' }), message: general },
    {
      name: 'a nonce of 257 bits',
      request: () => post('application/json', JSON.stringify(json).replace('}', `,"nonce":${1n << 255n}}`)),
      message: general,
    },
    { name: 'a policy that is no identifier', request: () => asJson({ ...json, tsaPolicyOID: '1..2' }), message: general },
    {
      name: 'another media type',
      request: () => post('text/plain', '{}'),
      status: 415,
      message: 'unsupported media type "text/plain", only [application/timestamp-query application/json] are allowed',
    },
    {
      name: 'no media type',
      request: () => new Request(url, { method: 'POST', body: new Uint8Array(1) }),
      status: 415,
      message: 'unsupported media type "", only [application/timestamp-query application/json] are allowed',
    },
    { name: 'another method', request: () => new Request(url), status: 405, message: 'method GET is not allowed, but [POST] are' },
    {
      name: 'another path',
      request: () => new Request('https://tsa.example/api/v1/timestamps'),
      status: 404,
      message: 'path /api/v1/timestamps was not found',
    },
  ]
  for (const { name, request, status = 400, message } of cases)
    test(name, async () => {
      const { handler } = await serve()
      const response = await handler(request())
      assert.deepEqual(await response.json(), { code: status, message })
      assert.equal(response.status, status)
      if (status === 405) assert.equal(response.headers.get('allow'), 'POST')
    })

  test('whatever bit of a request is changed, it is answered or refused, and never a fault of ours', async () => {
    const { handler } = await serve()
    const request = encodeTimestampRequest({
      imprint: { hash: 'sha256', digest: digest() },
      policy: '1.3.6.1.4.1.57264.2',
      nonce: 77n,
      certificateWanted: true,
    })
    for (let bit = 0; bit < 8 * request.length; bit++) {
      const mutant = request.with(bit >> 3, request[bit >> 3]! ^ (1 << (bit & 7)))
      const { status } = await handler(query(mutant))
      const isOfTheDigest = bit >= 8 * 24 && bit < 8 * 56
      assert.ok(status === 400 || status === 200, `bit ${bit}: ${status}`)
      if (isOfTheDigest) assert.equal(status, 200, `bit ${bit}`)
    }
  })

  test('what was wrong is told to the log', async () => {
    const logged: unknown[] = []
    const { handler } = await serve({ events: { ...noEvents, log: (...args) => logged.push(args) } })
    await handler(asJson({ ...json, certificates: 1 }))
    assert.deepEqual(logged, [
      ['info', `timestamp refused: ${general}`, { status: 400, reason: 'timestamp request.certificates: want true or false' }],
    ])
  })
})

test('the chain, the leaf first, and the ping', async () => {
  const { handler } = await serve()
  const chain = await handler(new Request(`${url}/certchain`))
  assert.equal(chain.headers.get('content-type'), 'application/pem-certificate-chain')
  assert.equal((await chain.text()).match(/BEGIN CERTIFICATE/g)!.length, 3)
  assert.equal((await handler(new Request('https://tsa.example/ping', { method: 'HEAD' }))).status, 200)
  assert.equal((await handler(new Request('https://tsa.example/ping', { method: 'DELETE' }))).headers.get('allow'), 'GET, HEAD')
})

test('every answer is counted, by labels that clients cannot make', async () => {
  const counted: unknown[] = []
  const observed: string[] = []
  const { handler } = await serve({
    events: { ...noEvents, count: (...args) => counted.push(args), observe: metric => observed.push(metric) },
  })
  await handler(query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } })))
  await handler(new Request('https://tsa.example/anything', { method: 'REPORT' }))
  assert.deepEqual(counted, [
    ['timestamp_authority_http_requests_total', { path: '/api/v1/timestamp', code: '200', method: 'POST' }],
    ['timestamp_authority_http_requests_total', { path: 'other', code: '404', method: 'other' }],
  ])
  assert.deepEqual(observed, ['timestamp_authority_api_latency', 'timestamp_authority_api_latency'])
})

test('more requests at once than allowed are told to come again', async () => {
  const { handler } = await serve({ limits: { requests: 1 } })
  const request = () => query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } }))
  const [first, second] = await Promise.all([handler(request()), handler(request())])
  assert.equal(first.status, 200)
  assert.equal(second.status, 429)
  assert.equal(second.headers.get('retry-after'), '1')
  assert.equal((await handler(request())).status, 200)
})

describe('an authority that may not stamp', () => {
  for (const { name, at, reason } of [
    { name: 'whose certificate has expired', at: '2045-01-01T00:00:01Z', reason: /expired at 2045-01-01T00:00:00.000Z$/ },
    { name: 'whose certificate is not valid yet', at: '2019-12-31T23:59:59Z', reason: /is not valid before 2020-01-01T00:00:00.000Z$/ },
  ])
    test(name, async () => {
      const late = { ...world, now: () => new Date(at) }
      const { handler, unready } = await serve({ world: late })
      assert.match(unready() ?? '', reason)
      const response = await handler(query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } })))
      assert.deepEqual(await response.json(), { code: 500, message: general })
    })

  test('whose key cannot be reached, which is not the client’s fault', async () => {
    const signer = { ...known.signer, sign: () => Promise.reject(new TypeError('a defect')) }
    const { handler, unready } = await serve({ signer })
    assert.equal(unready(), undefined)
    await assert.rejects(handler(query(encodeTimestampRequest({ imprint: { hash: 'sha256', digest: digest() } }))), /a defect/)
  })
})

describe('an authority is refused before it stamps', () => {
  for (const { flaw, error } of [
    { flaw: 'usage not critical', error: /its extended key usage is not critical$/ },
    { flaw: 'no usage', error: /want extended key usage for time stamping and nothing else$/ },
    { flaw: 'another usage', error: /want extended key usage for time stamping and nothing else$/ },
    { flaw: 'one usage more', error: /want extended key usage for time stamping and nothing else$/ },
    { flaw: 'certificate authority', error: /want a leaf, got a certificate authority$/ },
    { flaw: 'key not for signatures', error: /its key usage does not allow digital signatures$/ },
  ] as const)
    test(flaw, async () => {
      const { chain, signer } = await testTimestampAuthority({ flaw })
      await assert.rejects(serve({ chain, signer }), { code: 'CERTIFICATE_UNTRUSTED', message: error })
    })

  test('one certificate alone', async () => {
    await assert.rejects(serve({ chain: [known.certificate] }), {
      code: 'CONFIGURATION_MALFORMED',
      message: /at least 2 certificates, got 1$/,
    })
  })

  test('a certificate of another key', async () => {
    await assert.rejects(serve({ signer: freshSigner() }), { code: 'KEY_MISMATCH', message: /is of another key than the one that signs$/ })
  })

  test('certificates in another order, one too many, one of another chain', async () => {
    const [leaf, intermediate, root] = known.chain
    const another = (await createRoot()).certificate
    for (const chain of [
      [leaf, intermediate!, intermediate!, root!],
      [leaf, another, intermediate!, root!],
      [leaf, root!, intermediate!],
    ])
      await assert.rejects(serve({ chain }), {
        code: 'CONFIGURATION_MALFORMED',
        message: /want each certificate signed by the next, and none beside them$/,
      })
    await assert.rejects(serve({ chain: [leaf, intermediate!, another] }), {
      code: 'CERTIFICATE_UNTRUSTED',
      message: /its issuer "CN=timestamps.example root" is not known$/,
    })
  })

  const leafOptions: LeafOptions = {
    purpose: 'time-stamping',
    subject: [['CN', 'tsa']],
    notBefore: new Date('2020-01-01'),
    notAfter: new Date('2040-01-01'),
  }

  test('an intermediate that states no usage, unless that is allowed', async () => {
    const root = await createRoot()
    const intermediate = await root.issueIntermediate({ without: [extensionOid.extendedKeyUsage] })
    const { certificate, chain, signer } = await intermediate.issueLeaf(leafOptions)
    const options = { chain: [certificate, ...chain], signer }
    await assert.rejects(serve(options), {
      code: 'CERTIFICATE_UNTRUSTED',
      message: /intermediate 1.*want extended key usage time stamping, which it does not state$/,
    })
    assert.equal((await serve({ ...options, unrestrictedIntermediates: true })).unready(), undefined)
  })

  test('an intermediate for something else', async () => {
    const root = await createRoot()
    const intermediate = await root.issueIntermediate({ purposes: [extendedKeyUsageOid.codeSigning] })
    const { certificate, chain, signer } = await intermediate.issueLeaf(leafOptions)
    await assert.rejects(serve({ chain: [certificate, ...chain], signer }), {
      code: 'CERTIFICATE_UNTRUSTED',
      message: /its extended key usage does not allow time-stamping below it$/,
    })
  })

  test('a certificate that states no key usage', async () => {
    const { certificate, chain, signer } = await (await createRoot()).issueLeaf({ ...leafOptions, without: [extensionOid.keyUsage] })
    await assert.rejects(serve({ chain: [certificate, ...chain], signer }), {
      code: 'CERTIFICATE_UNTRUSTED',
      message: /want key usage digital signature, which it does not state$/,
    })
  })
})
