import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { ociDigestOf } from '../../formats/oci-digest.ts'
import { parseRepository } from '../reference.ts'
import { digestOfText, memoryRig, repository, rigOn, signal, type WholeRequest } from '../registry-rig.test.ts'

const small = encodeUtf8('small')
const large = new Uint8Array(20_000).fill(7)

for (const { name, bytes, options, wanted } of [
  { name: 'a small blob is sent without asking', bytes: small, wanted: ['POST blobs/uploads/', 'PUT blobs/uploads/ID'] },
  {
    name: 'a large one is asked for first',
    bytes: large,
    wanted: [`HEAD blobs/${ociDigestOf(large)}`, 'POST blobs/uploads/', 'PUT blobs/uploads/ID'],
  },
  {
    name: 'a small one that may be there too',
    bytes: small,
    options: { mayExist: true },
    wanted: [`HEAD blobs/${ociDigestOf(small)}`, 'POST blobs/uploads/', 'PUT blobs/uploads/ID'],
  },
])
  test(`pushBlob: ${name}`, async () => {
    const { client, log } = memoryRig()
    const pushed = await client.pushBlob(repository, bytes, signal, options)
    assert.deepEqual(log, wanted)
    assert.deepEqual(pushed, { digest: ociDigestOf(bytes), size: bytes.length })
    assert.deepEqual(await client.fetchBlob(repository, pushed, 100_000, signal), bytes)
    log.length = 0
    if (wanted.length === 3) await client.pushBlob(repository, bytes, signal, options)
    assert.ok(log.length <= 1, 'it is there now')
  })

test('pushBlob: above the chunk size it goes in chunks, and arrives whole', async () => {
  const { client, log } = memoryRig({}, { chunkBytes: 6000 })
  const bytes = Uint8Array.from({ length: 20_001 }, (_, n) => n % 251)
  const pushed = await client.pushBlob(repository, bytes, signal)
  assert.equal(log.filter(line => line.startsWith('PATCH')).length, 4)
  assert.deepEqual(await client.fetchBlob(repository, pushed, 100_000, signal), bytes)
})

test('pushBlob: mounted from another repository, and sent when it is not there to mount', async () => {
  const { client, log } = memoryRig()
  const from = parseRepository('r.example/demo/source')
  await client.pushBlob(from, small, signal)
  log.length = 0
  await client.pushBlob(repository, small, signal, { from })
  assert.deepEqual(log, ['POST blobs/uploads/'])
  const pushed = await client.pushBlob(repository, encodeUtf8('not there'), signal, { from })
  assert.equal((await client.fetchBlob(repository, pushed, 100, signal)).length, 9)
  log.length = 0
  await client.pushBlob(repository, encodeUtf8('elsewhere'), signal, { from: parseRepository('other.example/x/y') })
  assert.deepEqual(log, ['POST blobs/uploads/', 'PUT blobs/uploads/ID'], 'another registry has nothing to mount from')
})

/** A registry that takes uploads, but for what `answer` says otherwise. */
function uploads(answer: (request: WholeRequest) => Response | undefined, options = {}) {
  const requests: WholeRequest[] = []
  const rig = rigOn(request => {
    requests.push(request)
    const special = answer(request)
    if (special) return special
    const location = `/v2/demo/app/blobs/uploads/id?_state=a%3D%3D&n=${requests.length}`
    return new Response(null, { status: request.method === 'PUT' ? 201 : 202, headers: { location } })
  }, options)
  return { ...rig, requests }
}
const started = (headers: Record<string, string>) => new Response(null, { status: 202, headers })

test('pushBlob: the query of a Location is the registry’s own and kept as it is', async () => {
  const { client, requests } = uploads(() => undefined)
  await client.pushBlob(repository, small, signal)
  assert.equal(
    requests[1]?.url.href,
    `https://r.example/v2/demo/app/blobs/uploads/id?_state=a%3D%3D&n=1&digest=${encodeURIComponent(digestOfText('small'))}`,
  )
})

test('pushBlob: a Location that misreports the scheme is followed on the right one', async () => {
  const { client, requests } = uploads(({ method }) => (method === 'POST' ? started({ location: 'http://r.example/u/1' }) : undefined))
  await client.pushBlob(repository, small, signal)
  assert.match(requests[1]!.url.href, /^https:\/\/r\.example\/u\/1\?digest=/)
})

test('pushBlob: the registry says 413 to the whole, so it goes in chunks of 1 MiB', async () => {
  const { client, log } = uploads(({ method, body }) =>
    method === 'PUT' && body?.length
      ? new Response(null, { status: 413 })
      : method === 'HEAD'
        ? new Response(null, { status: 404 })
        : undefined,
  )
  await client.pushBlob(repository, new Uint8Array(2_500_000), signal)
  assert.deepEqual(
    log.map(line => line.split(' ')[0]),
    ['HEAD', 'POST', 'PUT', 'POST', 'PATCH', 'PATCH', 'PATCH', 'PUT'],
  )
})

test('pushBlob: chunks are at least as large as the registry asks, and go on from what it took', async () => {
  const { client, requests } = uploads(
    ({ method, headers }) => {
      if (method === 'HEAD') return new Response(null, { status: 404 })
      if (method === 'POST') return started({ location: '/u/1', 'oci-chunk-min-length': '8000' })
      if (headers?.['content-range'] === '8000-15999') return started({ location: '/u/2', range: '0-9999' })
      return undefined
    },
    { chunkBytes: 5000 },
  )
  await client.pushBlob(repository, large, signal)
  assert.deepEqual(
    requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers?.['content-range']),
    ['0-7999', '8000-15999', '10000-17999', '18000-19999'],
  )
})

test('pushBlob: a PUT whose first answer was lost is fine when the blob is there', async () => {
  const { client, log } = uploads(({ method }) =>
    method === 'PUT' ? new Response(null, { status: 404 }) : method === 'HEAD' ? new Response(null, { status: 200 }) : undefined,
  )
  await client.pushBlob(repository, small, signal)
  assert.deepEqual(
    log.map(line => line.split(' ')[0]),
    ['POST', 'PUT', 'HEAD'],
  )
})

for (const { name, answer, code, error } of [
  {
    name: 'upload elsewhere (GHSA-xf85-363p-868w class)',
    answer: () => started({ location: 'https://evil.example/u' }),
    code: 'REGISTRY_RESPONSE_MALFORMED',
    error: /blob upload location: want a URL on r\.example, got one on "evil\.example"/,
  },
  { name: 'no location', answer: () => started({}), code: 'REGISTRY_RESPONSE_MALFORMED', error: /names no location/ },
  {
    name: 'stored before it was sent',
    answer: () => new Response(null, { status: 201 }),
    code: 'REGISTRY_RESPONSE_MALFORMED',
    error: /unexpected status 201/,
  },
  {
    name: 'the upload is lost',
    answer: ({ method }: WholeRequest) => (method === 'POST' ? undefined : new Response(null, { status: 404 })),
    code: 'REGISTRY_REFUSED',
    error: /blob sha256:.*answers 404/,
  },
  {
    name: 'stored as another digest',
    answer: ({ method }: WholeRequest) =>
      method === 'PUT' ? new Response(null, { status: 201, headers: { 'docker-content-digest': digestOfText('x') } }) : undefined,
    code: 'DIGEST_MISMATCH',
    error: /stored it as another digest/,
  },
])
  test(`pushBlob refuses: ${name}`, () =>
    assert.rejects(uploads(answer).client.pushBlob(repository, small, signal), { code, message: error }))

test('pushBlob: a registry that takes no bytes is not asked for ever', async () => {
  const { client } = uploads(
    ({ method }) =>
      method === 'HEAD'
        ? new Response(null, { status: 404 })
        : method === 'PATCH'
          ? started({ location: '/u/2', range: '0-4999' })
          : undefined,
    { chunkBytes: 5000 },
  )
  await assert.rejects(client.pushBlob(repository, large, signal), {
    code: 'REGISTRY_RESPONSE_MALFORMED',
    message: /takes no bytes after the first 5000/,
  })
})

/** Content in pieces of three bytes; `opened` counts how often it was read. */
function sourceOf(bytes: Uint8Array, served: Uint8Array = bytes) {
  let opened = 0
  const open = async function* () {
    opened++
    for (let at = 0; at < served.length; at += 3) yield served.subarray(at, at + 3)
  }
  return { content: { size: bytes.length, digest: ociDigestOf(bytes), open }, opened: () => opened }
}

test('pushBlob: a source of any size goes in one request', async () => {
  const { client, requests } = uploads(({ method }) => (method === 'HEAD' ? new Response(null, { status: 404 }) : undefined), {
    chunkBytes: 4,
  })
  const bytes = encodeUtf8('0123456789')
  const { content, opened } = sourceOf(bytes)
  assert.deepEqual(await client.pushBlob(repository, content, signal), { digest: content.digest, size: 10 })
  assert.deepEqual(
    requests.map(({ method, body }) => [method, body && new TextDecoder().decode(body)]),
    [
      ['POST', undefined],
      ['PUT', '0123456789'],
    ],
  )
  assert.equal(opened(), 1)
})

test('pushBlob: a source that the registry finds too large is read again, in chunks', async () => {
  const bytes = new Uint8Array((1 << 20) + 5).fill(7)
  const { client, requests } = uploads(({ method, body }) =>
    method === 'PUT' && body?.length
      ? new Response(null, { status: 413 })
      : method === 'HEAD'
        ? new Response(null, { status: 404 })
        : undefined,
  )
  const { content, opened } = sourceOf(bytes)
  await client.pushBlob(repository, content, signal)
  assert.deepEqual(
    requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers?.['content-range']),
    ['0-1048575', '1048576-1048580'],
  )
  assert.equal(opened(), 2)
})
