import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { frozenLine } from '../../formats/log/checkpoint.ts'
import { decodeEntryBundle } from '../../formats/log/entry-bundle.ts'
import { openRekorV2, type RekorRig, signContent } from '../../testing/rekor/rekor-rig.ts'
import { envelopeRequest, hashedRekord, p256, entriesPathV2 as path, sound } from '../../testing/rekor/requests.ts'
import { checkOrigin } from './origin.ts'

const frozenText = 'This log has been frozen, please switch to the latest log.'

let rekor: RekorRig
before(async () => {
  rekor = await openRekorV2()
})
after(() => rekor.close())

describe('rekor v2: options and failures', () => {
  test('envelopes are refused where they are switched off', async () => {
    const strict = await openRekorV2({ acceptDsse: false })
    const response = await strict.post(path, envelopeRequest([p256]))
    assert.equal(response.status, 400)
    assert.deepEqual(await response.json(), { code: 3, message: 'invalid type, must be hashedrekord', details: [] })
    await strict.close()
  })

  test('a frozen log takes nothing and is read', async () => {
    const frozen = await openRekorV2()
    assert.equal((await frozen.post(path, sound())).status, 201)
    await frozen.log.freeze(frozenLine('use the log at log-2.example'))
    const late = await openRekorV2({ log: { ...frozen.log, isFrozen: () => false } }) // it ends while the entry is on its way to it
    for (const body of [sound(), envelopeRequest([p256]), '{']) {
      const response = await frozen.post(path, body)
      assert.equal(response.status, 405)
      assert.equal(await response.text(), frozenText)
    }
    const response = await late.post(path, sound())
    assert.deepEqual([response.status, response.headers.get('allow'), await response.text()], [405, '', frozenText])
    const checkpoint = await frozen.get('/checkpoint')
    assert.match(
      await checkpoint.text(),
      /^log\.example\n1\n[^\n]+\nLog frozen \u2014 use the log at log-2\.example\n\n\u2014 log\.example \S+\n$/,
    )
    assert.equal((await frozen.get('/tile/entries/000.p/1')).status, 200)
    await frozen.close()
  })

  for (const { name, cause, status, code, message, counted } of [
    {
      name: 'too many wait',
      cause: new CountersignError('LOG_OVERLOADED', 'full'),
      status: 503,
      code: 14,
      message: 'reached max pushback; retry',
    },
    {
      name: 'the store is away',
      cause: new CountersignError('STORE_UNAVAILABLE', 'no space left'),
      status: 503,
      code: 14,
      message: 'failed to integrate entry',
    },
    {
      name: 'too few witnesses cosigned',
      cause: new CountersignError('WITNESS_UNAVAILABLE', 'no quorum of witnesses'),
      status: 503,
      code: 14,
      message: 'failed to integrate entry',
    },
    {
      name: 'a witness has seen what the log does not have',
      cause: new CountersignError('WITNESS_CONTRADICTED', 'no quorum of witnesses'),
      status: 503,
      code: 14,
      message: 'failed to integrate entry',
    },
    {
      name: 'the log contradicts itself',
      cause: new CountersignError('STORE_CORRUPT', 'no'),
      status: 500,
      code: 13,
      message: 'failed to integrate entry',
      counted: 'rekor_v2_inclusion_proof_failure_total',
    },
  ])
    test(name, async () => {
      const failing = { ...rekor.log, append: () => Promise.reject(cause) }
      const broken = await openRekorV2({ log: failing })
      const response = await broken.post(path, sound())
      assert.equal(response.status, status)
      assert.deepEqual(await response.json(), { code, message, details: [] })
      assert.equal(response.headers.has('retry-after'), status === 503)
      if (counted !== undefined) assert.equal(broken.counted.get(counted), 1)
      await broken.close()
    })

  test('a request too many is refused at once', async () => {
    const one = await openRekorV2({ limits: { inFlight: 1 } })
    const [first, second] = await Promise.all([one.post(path, sound()), one.post(path, sound())])
    assert.deepEqual([first.status, second.status], [201, 503])
    await one.close()
  })

  test('504 where it takes too long, 499 where the client is gone', async () => {
    const never = { ...rekor.log, append: () => new Promise<never>(() => {}) }
    const slow = await openRekorV2({ log: never, limits: { timeoutMs: 1 } })
    assert.equal((await slow.post(path, sound())).status, 504)
    const gone = await openRekorV2({ log: never })
    const leaving = new AbortController()
    const answer = gone.post(path, sound(), { signal: leaving.signal })
    leaving.abort()
    assert.ok([400, 499].includes((await answer).status))
    await Promise.all([slow.close(), gone.close()])
  })

  test('what it counts has labels of its own alone', async () => {
    const rig = await openRekorV2()
    await rig.post(path, sound())
    await rig.post(path, sound(), { method: 'PURGE' })
    await rig.get('/no/such/path')
    assert.deepEqual([...rig.counted].sort(), [
      ['rekor_v2_http_requests_total code=201 method=post', 1],
      ['rekor_v2_http_requests_total code=404 method=get', 1],
      ['rekor_v2_http_requests_total code=405 method=other', 1],
      ['rekor_v2_new_hashedrekord_entries', 1],
    ])
    await rig.close()
  })
})

describe('rekor v2: reading', () => {
  let read: RekorRig
  before(async () => {
    read = await openRekorV2()
    for (let at = 0; at < 3; at++)
      await read.post(path, hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256', signContent(p256, encodeUtf8(`${at}`))))
  })
  after(() => read.close())

  for (const prefix of ['', '/api/v2'])
    test(`checkpoint, tiles and bundles under ${prefix || '/'}`, async () => {
      const checkpoint = await read.get(`${prefix}/checkpoint`)
      assert.match(await checkpoint.text(), /^log\.example\n3\n/)
      assert.equal(checkpoint.headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.equal(checkpoint.headers.get('cache-control'), 'max-age=1')
      const tile = await read.get(`${prefix}/tile/0/000.p/3`)
      assert.equal((await tile.bytes()).length, 96)
      assert.match(tile.headers.get('cache-control')!, /max-age=31536000, immutable/)
      const bundle = await read.get(`${prefix}/tile/entries/000.p/3`)
      assert.equal(bundle.headers.get('content-encoding'), null)
      assert.equal(decodeEntryBundle(await bundle.bytes()).length, 3)
    })

  test('bundles are compressed for who can read them so', async () => {
    const plain = await (await read.get('/tile/entries/000.p/2')).bytes()
    for (const { header, compressed } of [
      { header: 'gzip', compressed: true },
      { header: 'br, GZIP;q=0.5', compressed: true },
      { header: '*', compressed: true },
      { header: 'gzip;q=0', compressed: false },
      { header: 'gzip; q=0.000, *', compressed: false },
      { header: 'br', compressed: false },
      { header: '', compressed: false },
    ]) {
      const response = await read.get('/tile/entries/000.p/2', { 'accept-encoding': header })
      assert.equal(response.headers.get('content-encoding'), compressed ? 'gzip' : null, header)
      assert.equal(response.headers.get('vary'), 'accept-encoding')
      const bytes = await response.bytes()
      assert.deepEqual(compressed ? Uint8Array.from(gunzipSync(bytes)) : bytes, plain)
    }
  })

  for (const [name, address, status] of [
    ['a tile that the tree has not', '/tile/0/000', 404],
    ['a wider one than there is', '/tile/0/000.p/4', 404],
    ['a width of zero', '/tile/0/000.p/0', 404],
    ['an index in another spelling', '/tile/0/0', 404],
    ['a level that there is not', '/tile/64/000', 404],
    ['a data tile, which is of CT', '/tile/data/000', 404],
    ['an escape', '/tile/..%2f000', 404],
    ['another address', '/api/v2/other', 404],
    ['entries are not listed', '/api/v2/log/entries', 405],
    ['health', '/healthz', 200],
  ] as const)
    test(name, async () => {
      const response = await read.get(address)
      assert.equal(response.status, status)
      if (status === 405) assert.equal(response.headers.get('allow'), 'POST')
    })

  test('a checkpoint is not written to', async () => {
    const response = await read.post('/checkpoint', '')
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
  })
})

for (const { name, origin, allowPort = false, error } of [
  { name: 'a host', origin: 'log2026-1.rekor.example' },
  { name: 'an address', origin: '127.0.0.1' },
  { name: 'a port, in development', origin: '127.0.0.1:3003', allowPort: true },
  { name: 'a port', origin: '127.0.0.1:3003', error: /without a port, which verifiers leave out, got "127\.0\.0\.1:3003"/ },
  { name: 'a path', origin: 'log.example/2026', error: /want a host name in lower case/ },
  { name: 'a scheme', origin: 'https://log.example', error: /want a host name/ },
  { name: 'white space', origin: 'log example', error: /want a host name/ },
  { name: 'a plus', origin: 'log+example', error: /want a host name/ },
  { name: 'capitals', origin: 'Log.example', error: /lower case/ },
  { name: "a tree of Rekor v1's", origin: 'log.example - 1', error: /want a host name/ },
  { name: 'nothing', origin: '', error: /want a host name/ },
])
  test(`origin: ${name}`, () => {
    if (error) assert.throws(() => checkOrigin(origin, allowPort), { code: 'CONFIGURATION_MALFORMED', message: error })
    else checkOrigin(origin, allowPort)
  })
