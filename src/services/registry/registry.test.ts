import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { type OciDigest, ociDigestOf } from '../../formats/oci-digest.ts'
import { type Built, buildImage, buildIndex, imageIndexType, imageManifestType, pushBuilt } from '../../testing/image-builder.ts'
import { createRegistry, folderStore, memoryStore, type RegistryOptions, type RegistryStore } from './registry.ts'

const folder = await mkdtemp(join(tmpdir(), 'registry-'))
after(() => rm(folder, { recursive: true }))
let made = 0

const image = buildImage()
const empty = encodeUtf8('{}')
const absent = ociDigestOf(encodeUtf8('absent'))
const blob = encodeUtf8('some blob')
const blobDigest = ociDigestOf(blob)

for (const { driver, open } of [
  { driver: 'memory', open: async () => memoryStore() },
  { driver: 'folder', open: () => folderStore(join(folder, String(++made))) },
])
  describe(`registry on ${driver}`, () => {
    const start = async (options?: RegistryOptions): Promise<Client> => client(await open(), options)

    test('the base address says which API this is', async () => {
      const { get } = await start()
      const response = await get('/v2/')
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0')
    })

    test('an image comes back as it was pushed, by tag and digest', async () => {
      const { push, get, head } = await start()
      await push('demo/app', 'v1', image)
      for (const reference of ['v1', image.digest, image.digest.replace(':', '%3A')]) {
        const response = await get(`/v2/demo/app/manifests/${reference}`)
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('content-type'), imageManifestType)
        assert.equal(response.headers.get('content-length'), String(image.manifest.length))
        assert.equal(response.headers.get('docker-content-digest'), image.digest)
        assert.equal(response.headers.get('etag'), `"${image.digest}"`)
        assert.deepEqual(await bytesOf(response), image.manifest)
        const asked = await head(`/v2/demo/app/manifests/${reference}`)
        assert.equal(asked.headers.get('content-length'), String(image.manifest.length))
        assert.equal(asked.body, null)
      }
      for (const [digest, bytes] of image.blobs) {
        const response = await get(`/v2/demo/app/blobs/${digest}`)
        assert.equal(response.headers.get('content-type'), 'application/octet-stream')
        assert.deepEqual(await bytesOf(response), bytes)
        assert.equal((await head(`/v2/demo/app/blobs/${digest}`)).headers.get('content-length'), String(bytes.length))
      }
    })

    test('an index needs its images', async () => {
      const { push, put } = await start()
      const index = buildIndex([image, buildImage({ platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } })])
      await assertRefused(
        put('/v2/demo/multi/manifests/v1', index.manifest, imageIndexType),
        400,
        'MANIFEST_BLOB_UNKNOWN',
        /not in demo\/multi/,
      )
      await push('demo/multi', 'v1', index)
    })

    test('a blob in chunks, with status in between', async () => {
      const { call, get } = await start()
      const begun = await call('POST', '/v2/a/blobs/uploads/')
      assert.equal(begun.status, 202)
      assert.equal(begun.headers.get('range'), '0-0')
      const place = begun.headers.get('location')!
      const first = await call('PATCH', place, { body: blob.slice(0, 4), headers: { 'content-range': '0-3' } })
      assert.equal(first.status, 202)
      assert.equal(first.headers.get('range'), '0-3')
      const status = await get(place)
      assert.equal(status.status, 204)
      assert.equal(status.headers.get('range'), '0-3')
      const last = await call('PUT', `${place}?digest=${blobDigest}`, { body: blob.slice(4), headers: { 'content-range': '4-8' } })
      assert.equal(last.status, 201)
      assert.equal(last.headers.get('location'), `/v2/a/blobs/${blobDigest}`)
      assert.equal(last.headers.get('docker-content-digest'), blobDigest)
      assert.deepEqual(await bytesOf(await get(`/v2/a/blobs/${blobDigest}`)), blob)
      await assertRefused(get(place), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
    })

    test('a blob streamed without ranges, ended by an empty PUT', async () => {
      const { call, get } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      await call('PATCH', place, { body: blob.slice(0, 4) })
      await call('PATCH', place, { body: blob.slice(4) })
      assert.equal((await call('PUT', `${place}?digest=${blobDigest}`)).status, 201)
      assert.deepEqual(await bytesOf(await get(`/v2/a/blobs/${blobDigest}`)), blob)
    })

    test('the empty blob', async () => {
      const { call, get } = await start()
      const digest = ociDigestOf(new Uint8Array(0))
      assert.equal((await call('POST', `/v2/a/blobs/uploads/?digest=${digest}`)).status, 201)
      assert.equal((await get(`/v2/a/blobs/${digest}`)).headers.get('content-length'), '0')
    })

    test('a chunk out of place is told where to go on', async () => {
      const { call } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      await call('PATCH', place, { body: blob.slice(0, 4), headers: { 'content-range': '0-3' } })
      for (const range of ['0-3', '5-8', '4-3']) {
        const response = await call('PATCH', place, { body: blob.slice(0, 4), headers: { 'content-range': range } })
        assert.equal(response.headers.get('range'), '0-3')
        assert.equal(response.headers.get('location'), place)
        await assertRefused(response, 416, 'RANGE_INVALID', /want a chunk from byte 4/)
      }
      await assertRefused(
        call('PATCH', place, { body: blob, headers: { 'content-range': 'x' } }),
        400,
        'BLOB_UPLOAD_INVALID',
        /want FIRST-LAST, got "x"/,
      )
      assert.equal((await call('PUT', `${place}?digest=${blobDigest}`, { body: blob.slice(4) })).status, 201, 'the upload goes on')
    })

    for (const { name, length, error } of [
      { name: 'shorter', length: 2, error: /want 4 bytes as announced, got 2/ },
      { name: 'longer', length: 6, error: /want 4 bytes as announced, got more/ },
    ])
      test(`a chunk ${name} than announced ends the upload`, async () => {
        const { call, get } = await start()
        const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
        const chunk = call('PATCH', place, { body: blob.slice(0, length), headers: { 'content-range': '0-3' } })
        await assertRefused(chunk, 400, 'SIZE_INVALID', error)
        await assertRefused(get(place), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
      })

    test('a body cut off keeps what arrived, and the client goes on from there', async () => {
      const { call, get } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      let pulls = 0
      const body = new ReadableStream<Uint8Array>({
        pull: controller => (pulls++ === 0 ? controller.enqueue(blob.slice(0, 5)) : controller.error(new Error('cut off'))),
      })
      await assert.rejects(call('PATCH', place, { body }), /cut off/)
      assert.equal((await get(place)).headers.get('range'), '0-4')
      const rest = await call('PUT', `${place}?digest=${blobDigest}`, { body: blob.slice(5), headers: { 'content-range': '5-8' } })
      assert.equal(rest.status, 201)
    })

    test('a digest that does not fit its content ends the upload and leaves no blob', async () => {
      const { call, get } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      await assertRefused(call('PUT', `${place}?digest=${absent}`, { body: blob }), 400, 'DIGEST_INVALID', /content has digest sha256:/)
      await assertRefused(get(place), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
      await assertRefused(get(`/v2/a/blobs/${absent}`), 404, 'BLOB_UNKNOWN', /no blob/)
      await assertRefused(
        call('POST', `/v2/a/blobs/uploads/?digest=${absent}`, { body: blob }),
        400,
        'DIGEST_INVALID',
        /content has digest/,
      )
    })

    test('an upload is cancelled, and belongs to its repository', async () => {
      const { call, get } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      await assertRefused(get(place.replace('/a/', '/b/')), 404, 'BLOB_UPLOAD_UNKNOWN', /in this repository/)
      assert.equal((await call('DELETE', place)).status, 204)
      await assertRefused(get(place), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
    })

    test('two requests do not write to one upload at once', async () => {
      const { call } = await start()
      const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
      let end = (): void => undefined
      const body = new ReadableStream<Uint8Array>({
        start: controller => {
          controller.enqueue(blob)
          end = () => controller.close()
        },
      })
      const slow = call('PATCH', place, { body })
      await assertRefused(call('PATCH', place, { body: blob }), 409, 'BLOB_UPLOAD_INVALID', /another request is writing/)
      await assertRefused(call('DELETE', place), 409, 'BLOB_UPLOAD_INVALID', /another request is writing/)
      end()
      assert.equal((await slow).headers.get('range'), '0-8')
    })

    test('a mount copies nothing and asks for nothing; one that cannot be begins an upload', async () => {
      const { call, get } = await start()
      await call('POST', `/v2/a/blobs/uploads/?digest=${blobDigest}`, { body: blob })
      await assertRefused(get(`/v2/b/blobs/${blobDigest}`), 404, 'BLOB_UNKNOWN', /in b$/)
      const mounted = await call('POST', `/v2/b/blobs/uploads/?mount=${blobDigest}&from=a`)
      assert.equal(mounted.status, 201)
      assert.equal(mounted.headers.get('location'), `/v2/b/blobs/${blobDigest}`)
      assert.deepEqual(await bytesOf(await get(`/v2/b/blobs/${blobDigest}`)), blob)
      for (const query of [`mount=${absent}&from=a`, `mount=${blobDigest}&from=nowhere`, `mount=${blobDigest}`]) {
        const refused = await call('POST', `/v2/c/blobs/uploads/?${query}`)
        assert.equal(refused.status, 202)
        assert.match(refused.headers.get('location')!, /^\/v2\/c\/blobs\/uploads\/[0-9a-f]{32}$/)
      }
    })

    for (const { range, status, found, wanted } of [
      { range: 'bytes=0-3', status: 206, found: 'bytes 0-3/9', wanted: 'some' },
      { range: 'bytes=5-', status: 206, found: 'bytes 5-8/9', wanted: 'blob' },
      { range: 'bytes=-4', status: 206, found: 'bytes 5-8/9', wanted: 'blob' },
      { range: 'bytes=-99', status: 206, found: 'bytes 0-8/9', wanted: 'some blob' },
      { range: 'bytes=5-99', status: 206, found: 'bytes 5-8/9', wanted: 'blob' },
      { range: 'bytes=9-', status: 416, found: 'bytes */9', wanted: undefined },
      { range: 'bytes=-0', status: 416, found: 'bytes */9', wanted: undefined },
      { range: 'bytes=0-1,3-4', status: 200, found: null, wanted: 'some blob' },
      { range: 'lines=0-1', status: 200, found: null, wanted: 'some blob' },
      { range: 'bytes=4-2', status: 200, found: null, wanted: 'some blob' },
      { range: 'bytes=-', status: 200, found: null, wanted: 'some blob' },
    ])
      test(`range ${range} of a blob`, async () => {
        const { call, get } = await start()
        await call('POST', `/v2/a/blobs/uploads/?digest=${blobDigest}`, { body: blob })
        const response = await get(`/v2/a/blobs/${blobDigest}`, { range })
        assert.equal(response.status, status)
        assert.equal(response.headers.get('content-range'), found)
        if (wanted === undefined) return assertRefused(response, 416, 'RANGE_INVALID', /bytes of 9/)
        assert.equal(response.headers.get('content-length'), String(wanted.length))
        assert.equal(await response.text(), wanted)
        const stale = await get(`/v2/a/blobs/${blobDigest}`, { range, 'if-range': '"another"' })
        assert.equal(stale.status, 200)
      })

    test('tags are listed in order and in pages', async () => {
      const { push, get } = await start()
      for (const tag of ['v2', 'v1', 'latest', 'V1']) await push('demo/app', tag, image)
      assert.deepEqual(await (await get('/v2/demo/app/tags/list')).json(), { name: 'demo/app', tags: ['V1', 'latest', 'v1', 'v2'] })
      const seen: string[] = []
      for (let next: string | undefined = '/v2/demo/app/tags/list?n=3'; next; ) {
        const response: Response = await get(next)
        seen.push(...((await response.json()) as { tags: string[] }).tags)
        next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
        if (next) assert.equal(next, '/v2/demo/app/tags/list?n=3&last=v1')
      }
      assert.deepEqual(seen, ['V1', 'latest', 'v1', 'v2'])
      const none = await get('/v2/demo/app/tags/list?n=0')
      assert.deepEqual(await none.json(), { name: 'demo/app', tags: [] })
      assert.equal(none.headers.get('link'), null)
      await assertRefused(get('/v2/nowhere/tags/list'), 404, 'NAME_UNKNOWN', /no repository nowhere/)
      await assertRefused(get('/v2/demo/app/tags/list?n=-1'), 400, 'PAGINATION_NUMBER_INVALID', /n: want a whole number, got "-1"/)
      await assertRefused(get('/v2/demo/app/tags/list?last=../x'), 400, 'PAGINATION_NUMBER_INVALID', /last: want a name/)
    })

    test('a repository whose tags are gone is still one', async () => {
      const { push, get, call } = await start()
      await push('demo/app', 'v1', image)
      assert.equal((await call('DELETE', '/v2/demo/app/manifests/v1')).status, 202)
      assert.deepEqual(await (await get('/v2/demo/app/tags/list')).json(), { name: 'demo/app', tags: [] })
      assert.equal((await get(`/v2/demo/app/manifests/${image.digest}`)).status, 200)
    })

    test('referrers are indexed as they are pushed, with type and annotations, before or after their subject', async () => {
      const { push, put, get, head, call } = await start()
      await call('POST', `/v2/demo/app/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
      const signature = artifact({ artifactType: 'application/x.signature', annotations: { who: 'me', __proto__x: 'kept' } })
      const old = artifact({ configType: 'application/x.old' })
      const named = artifact({ kind: 'index', artifactType: 'application/x.index' })
      const bare = artifact({ kind: 'index' })
      for (const { bytes, digest, mediaType } of [signature, old, named, bare]) {
        const response = await put(`/v2/demo/app/manifests/${digest}`, bytes, mediaType)
        assert.equal(response.status, 201)
        assert.equal(response.headers.get('oci-subject'), image.digest)
      }
      await push('demo/app', 'v1', image)

      const response = await get(`/v2/demo/app/referrers/${image.digest}`)
      assert.equal(response.headers.get('content-type'), imageIndexType)
      assert.equal(response.headers.get('oci-filters-applied'), null)
      const index = (await response.json()) as { mediaType: string; manifests: { digest: string }[] }
      assert.equal(index.mediaType, imageIndexType)
      const found = new Map(index.manifests.map(({ digest, ...rest }) => [digest, rest]))
      assert.deepEqual(found.get(signature.digest), {
        mediaType: imageManifestType,
        size: signature.bytes.length,
        artifactType: 'application/x.signature',
        annotations: { who: 'me', __proto__x: 'kept' },
      })
      assert.deepEqual(found.get(old.digest), { mediaType: imageManifestType, size: old.bytes.length, artifactType: 'application/x.old' })
      assert.deepEqual(found.get(named.digest), {
        mediaType: imageIndexType,
        size: named.bytes.length,
        artifactType: 'application/x.index',
      })
      assert.deepEqual(found.get(bare.digest), { mediaType: imageIndexType, size: bare.bytes.length })
      assert.equal((await head(`/v2/demo/app/referrers/${image.digest}`)).status, 200)

      const filtered = await get(`/v2/demo/app/referrers/${image.digest}?artifactType=application%2Fx.old`)
      assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType')
      assert.deepEqual(
        ((await filtered.json()) as { manifests: { digest: string }[] }).manifests.map(each => each.digest),
        [old.digest],
      )

      assert.equal((await call('DELETE', `/v2/demo/app/manifests/${old.digest}`)).status, 202)
      assert.equal(((await (await get(`/v2/demo/app/referrers/${image.digest}`)).json()) as { manifests: unknown[] }).manifests.length, 3)
    })

    test('a subject nobody knows has no referrers, and that is no error', async () => {
      const { get } = await start()
      assert.deepEqual(await (await get(`/v2/nowhere/referrers/${absent}`)).json(), {
        schemaVersion: 2,
        mediaType: imageIndexType,
        manifests: [],
      })
      await assertRefused(get('/v2/nowhere/referrers/sha256:short'), 400, 'DIGEST_INVALID', /64 hex digits/)
    })

    for (const { name, limits, query } of [
      { name: 'by count', limits: { pageItems: 2 }, query: '' },
      { name: 'by size', limits: { pageBytes: 700 }, query: '' },
      { name: 'with a filter', limits: { pageItems: 2 }, query: '?artifactType=application%2Fx.even' },
      { name: 'with a filter that finds nothing for a while', limits: { pageItems: 1 }, query: '?artifactType=application%2Fx.last' },
    ])
      test(`referrers come in pages ${name}`, async () => {
        const { put, get, call } = await start({ limits })
        await call('POST', `/v2/a/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
        const wanted: string[] = []
        const types = (n: number): string => (n === 24 ? 'application/x.last' : n % 2 === 0 ? 'application/x.even' : 'application/x.odd')
        for (let n = 0; n < 25; n++) {
          const { bytes, digest } = artifact({ artifactType: types(n), annotations: { n: String(n) } })
          assert.equal((await put(`/v2/a/manifests/${digest}`, bytes, imageManifestType)).status, 201)
          if (query === '' || query.endsWith(types(n).slice('application/'.length))) wanted.push(digest)
        }
        const seen: string[] = []
        let pages = 0
        for (let next: string | undefined = `/v2/a/referrers/${image.digest}${query}`; next; pages++) {
          const response: Response = await get(next)
          assert.equal(response.headers.get('oci-filters-applied'), query === '' ? null : 'artifactType')
          seen.push(...((await response.json()) as { manifests: { digest: string }[] }).manifests.map(each => each.digest))
          next = /^<([^>]+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
        }
        assert.deepEqual(seen, wanted.toSorted())
        assert.ok(pages > 1, 'more than one page')
      })

    test('without the referrers API it answers as docker-registry 2.8 does, and keeps the index for later', async () => {
      const store = await open()
      const before = client(store, { referrers: false })
      await before.push('a', 'v1', image)
      await before.call('POST', `/v2/a/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
      const { bytes, digest } = artifact({ artifactType: 'application/x.signature' })
      const pushed = await before.put(`/v2/a/manifests/${digest}`, bytes, imageManifestType)
      assert.equal(pushed.status, 201)
      assert.equal(pushed.headers.get('oci-subject'), null)
      const refused = await before.get(`/v2/a/referrers/${image.digest}`)
      assert.equal(refused.status, 404)
      assert.equal(await refused.text(), '404 page not found\n')
      const later = (await (await client(store).get(`/v2/a/referrers/${image.digest}`)).json()) as { manifests: { digest: string }[] }
      assert.deepEqual(
        later.manifests.map(each => each.digest),
        [digest],
      )
    })

    test('conditional pushes: twenty clients append to one tag at once and none is lost', async () => {
      const { put, get, push } = await start()
      await push('a', 'v1', image)
      const append = async (who: number): Promise<number> => {
        for (let tries = 1; ; tries++) {
          const current = await get('/v2/a/manifests/log')
          const etag = current.headers.get('etag')
          const entries = current.ok ? ((await current.json()) as { annotations: Record<string, string> }).annotations : {}
          const bytes = encodeUtf8(
            JSON.stringify({
              schemaVersion: 2,
              mediaType: imageIndexType,
              manifests: [],
              annotations: { ...entries, [`w${who}`]: 'here' },
            }),
          )
          const condition: Record<string, string> = etag ? { 'if-match': etag } : { 'if-none-match': '*' }
          const response = await put('/v2/a/manifests/log', bytes, imageIndexType, condition)
          if (response.status === 201) return tries
          await assertRefused(response, 412, 'PRECONDITION_FAILED', /^a:log is not what/)
        }
      }
      const tries = await Promise.all(Array.from({ length: 20 }, (_, who) => append(who)))
      const final = (await (await get('/v2/a/manifests/log')).json()) as { annotations: object }
      assert.equal(Object.keys(final.annotations).length, 20)
      assert.ok(Math.max(...tries) > 1, 'somebody was overtaken')
    })

    for (const { name, headers, status } of [
      { name: 'If-Match of what is there', headers: { 'if-match': `"x", "${image.digest}"` }, status: 201 },
      { name: 'If-Match of anything', headers: { 'if-match': '*' }, status: 201 },
      { name: 'If-Match of something else', headers: { 'if-match': `"${absent}"` }, status: 412 },
      { name: 'If-Match of a weak tag', headers: { 'if-match': `W/"${image.digest}"` }, status: 412 },
      { name: 'If-Match without quotes', headers: { 'if-match': image.digest }, status: 412 },
      { name: 'If-None-Match of anything', headers: { 'if-none-match': '*' }, status: 412 },
      { name: 'If-None-Match of what is there', headers: { 'if-none-match': `"${image.digest}"` }, status: 412 },
      { name: 'If-None-Match of something else', headers: { 'if-none-match': `"${absent}"` }, status: 201 },
    ])
      test(`a push to an existing tag with ${name}: ${status}`, async () => {
        const { push, put, call, get } = await start()
        await push('a', 'v1', image)
        const next = buildImage({ annotations: { next: 'yes' } })
        const pushed = await put('/v2/a/manifests/v1', next.manifest, imageManifestType, headers)
        assert.equal(pushed.status, status)
        assert.equal(pushed.headers.get('countersign-precondition'), status === 201 ? 'checked' : null)
        const unconditional = await put('/v2/a/manifests/other', next.manifest, imageManifestType)
        assert.equal(unconditional.headers.get('countersign-precondition'), null)
        const now = (await get('/v2/a/manifests/v1')).headers.get('docker-content-digest')
        assert.equal(now, status === 201 ? next.digest : image.digest)
        await push('a', 'v2', image)
        assert.equal((await call('DELETE', '/v2/a/manifests/v2', { headers })).status, status === 201 ? 202 : 412)
      })

    test('a tag of a deleted manifest is as if it had never been', async () => {
      const { push, put, call, get } = await start()
      for (const tag of ['v1', 'v2']) await push('a', tag, image)
      const other = buildImage({ annotations: { other: 'yes' } })
      await push('a', 'v3', other)
      assert.equal((await call('DELETE', `/v2/a/manifests/${image.digest}`)).status, 202)
      assert.deepEqual(await (await get('/v2/a/tags/list')).json(), { name: 'a', tags: ['v3'] })
      await assertRefused(get('/v2/a/manifests/v1'), 404, 'MANIFEST_UNKNOWN', /no manifest a:v1/)
      await assertRefused(get(`/v2/a/manifests/${image.digest}`), 404, 'MANIFEST_UNKNOWN', /no manifest a@sha256/)
      await assertRefused(call('DELETE', '/v2/a/manifests/v1'), 404, 'MANIFEST_UNKNOWN', /no manifest a:v1/)
      assert.equal((await put('/v2/a/manifests/v1', image.manifest, imageManifestType, { 'if-none-match': '*' })).status, 201)
    })

    test('a deleted blob is gone from its repository alone, and manifests that need it are refused', async () => {
      const { push, put, call, get } = await start()
      const [digest] = [...image.blobs.keys()]
      await push('a', 'v1', image)
      await push('b', 'v1', image)
      assert.equal((await call('DELETE', `/v2/a/blobs/${digest}`)).status, 202)
      await assertRefused(call('DELETE', `/v2/a/blobs/${digest}`), 404, 'BLOB_UNKNOWN', /no blob/)
      assert.equal((await get(`/v2/b/blobs/${digest}`)).status, 200)
      await assertRefused(put('/v2/a/manifests/v2', image.manifest, imageManifestType), 400, 'MANIFEST_BLOB_UNKNOWN', /which is not in a$/)
    })

    test('GET of a manifest that the client has already', async () => {
      const { push, get } = await start()
      await push('a', 'v1', image)
      assert.equal((await get('/v2/a/manifests/v1', { 'if-none-match': `"${image.digest}"` })).status, 304)
      assert.equal((await get('/v2/a/manifests/v1', { 'if-none-match': `"${absent}"` })).status, 200)
    })

    test('whatever write fails, names lead to what is there, and pushing again completes it', async () => {
      const signature = artifact({ artifactType: 'application/x.signature' })
      const writes = 4 // bytes, manifest, referrer, tag
      for (const moment of ['before', 'after'] as const)
        for (let n = 1; n <= writes; n++) {
          const disk = await open()
          const honest = client(disk)
          await honest.push('a', 'v1', image)
          await honest.call('POST', `/v2/a/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
          const failing = client(failingStore(disk, n, moment))
          await assert.rejects(failing.put('/v2/a/manifests/sig', signature.bytes, imageManifestType), /store failed on purpose/)
          await assertConsistent(honest, `${moment} write ${n}`)
          assert.equal((await failing.put('/v2/a/manifests/sig', signature.bytes, imageManifestType)).status, 201)
          assert.equal(await assertConsistent(honest, `${moment} write ${n}, again`), 'referrers 1, tags sig v1')

          const failingDelete = client(failingStore(disk, Math.min(n, 3), moment)) // tag, referrer, manifest
          await assert.rejects(failingDelete.call('DELETE', `/v2/a/manifests/${signature.digest}`), /store failed on purpose/)
          await assertConsistent(honest, `${moment} delete ${n}`)
          const again = await honest.call('DELETE', `/v2/a/manifests/${signature.digest}`)
          assert.ok([202, 404].includes(again.status))
          assert.equal(await assertConsistent(honest, `${moment} delete ${n}, again`), 'referrers 0, tags v1')
        }
    })
  })

const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: ociDigestOf(empty), size: 2 }
const manifest = { schemaVersion: 2, mediaType: imageManifestType, config: descriptor, layers: [] }
const indexOf = (manifests: unknown): object => ({ schemaVersion: 2, mediaType: imageIndexType, manifests })
const text = (value: unknown): string => JSON.stringify(value)

for (const { name, body, type = imageManifestType, error } of [
  { name: 'not JSON', body: '{', error: /not JSON/ },
  { name: 'an array', body: '[]', error: /manifest: want an object/ },
  { name: 'a member twice', body: text(manifest).replace('{', '{"layers":[],'), error: /member "layers" appears twice/ },
  { name: 'nested too deeply', body: '['.repeat(100) + ']'.repeat(100), error: /at most 64 levels/ },
  {
    name: 'Content-Type of another kind',
    body: text(manifest),
    type: imageIndexType,
    error: /Content-Type "[^"]+index[^"]+" is not its mediaType/,
  },
  {
    name: 'an unknown kind',
    body: text({ ...manifest, mediaType: 'application/x' }),
    type: 'application/x',
    error: /want an OCI or docker manifest/,
  },
  {
    name: 'no kind at all',
    body: text({ ...manifest, mediaType: undefined }),
    type: '',
    error: /want an OCI or docker manifest or index, got ""/,
  },
  {
    name: 'docker schema 1',
    body: '{"schemaVersion":1}',
    type: 'application/vnd.docker.distribution.manifest.v1+json',
    error: /want an OCI or docker/,
  },
  { name: 'schemaVersion 1', body: text({ ...manifest, schemaVersion: 1 }), error: /schemaVersion: want 2/ },
  { name: 'image and index in one', body: text({ ...manifest, manifests: [] }), error: /manifests: not a member of/ },
  { name: 'index and image in one', body: text({ ...indexOf([]), layers: [] }), type: imageIndexType, error: /layers: not a member of/ },
  { name: 'no config', body: text({ ...manifest, config: undefined }), error: /manifest\.config: want an object, got nothing/ },
  { name: 'layers that are no list', body: text({ ...manifest, layers: {} }), error: /manifest\.layers: want an array/ },
  {
    name: 'a digest of another algorithm',
    body: text({ ...manifest, config: { ...descriptor, digest: 'md5:00' } }),
    error: /config\.digest: want sha256/,
  },
  { name: 'a negative size', body: text({ ...manifest, config: { ...descriptor, size: -1 } }), error: /config\.size: want a whole number/ },
  {
    name: 'a size that is not true',
    body: text({ ...manifest, config: { ...descriptor, size: 3 } }),
    error: /has 2 bytes, its descriptor says 3/,
  },
  {
    name: 'a media type that is none',
    body: text({ ...manifest, config: { ...descriptor, mediaType: '<b>' } }),
    error: /mediaType: want a media type, got "<b>"/,
  },
  { name: 'an artifactType that is none', body: text({ ...manifest, artifactType: 'x y' }), error: /artifactType: want a media type/ },
  { name: 'annotations that are no texts', body: text({ ...manifest, annotations: { a: 1 } }), error: /annotations\["a"\]: want a string/ },
  { name: 'a subject that is no descriptor', body: text({ ...manifest, subject: 'x' }), error: /subject: want an object/ },
  { name: 'too many layers', body: text({ ...manifest, layers: Array(6).fill(descriptor) }), error: /want at most 5 items, got 6/ },
  { name: 'too many images', body: text(indexOf(Array(6).fill(descriptor))), type: imageIndexType, error: /want at most 5 items, got 6/ },
])
  test(`a manifest is refused: ${name}`, async () => {
    const { put, call, get } = client(memoryStore(), { limits: { descriptors: 5 } })
    await call('POST', `/v2/a/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
    await assertRefused(put('/v2/a/manifests/v1', encodeUtf8(body), type), 400, 'MANIFEST_INVALID', error)
    await assertRefused(get('/v2/a/manifests/v1'), 404, 'MANIFEST_UNKNOWN', /no manifest/)
  })

test('a manifest is taken: its kind from the document, foreign layers not asked for, empty artifactType none', async () => {
  const { put, call, get } = client(memoryStore())
  await call('POST', `/v2/a/blobs/uploads/?digest=${ociDigestOf(empty)}`, { body: empty })
  const foreign = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: absent,
    size: 5,
    urls: ['https://x.example/'],
  }
  const body = text({ ...manifest, layers: [foreign], artifactType: '', subject: { ...descriptor, digest: image.digest } })
  assert.equal((await put('/v2/a/manifests/v1', encodeUtf8(body), '')).status, 201)
  const { manifests } = (await (await get(`/v2/a/referrers/${image.digest}`)).json()) as { manifests: { artifactType: string }[] }
  assert.equal(manifests[0]?.artifactType, 'application/vnd.oci.image.config.v1+json')
  assert.equal((await get('/v2/a/manifests/v1')).headers.get('content-type'), imageManifestType)
})

test('a manifest pushed under the digest of another is refused', async () => {
  const { push, put } = client(memoryStore())
  await push('a', 'v1', image)
  await assertRefused(
    put(`/v2/a/manifests/${absent}`, image.manifest, imageManifestType),
    400,
    'DIGEST_INVALID',
    /content has digest sha256:.*, not sha256/,
  )
})

test('too large: manifests, blobs and endless bodies stop at the limit', async () => {
  const { put, call } = client(memoryStore(), { limits: { manifestBytes: 1000, blobBytes: 1000 } })
  let sent = 0
  const endless = (): ReadableStream<Uint8Array> => {
    sent = 0
    return new ReadableStream({
      pull: controller => {
        sent += 100
        controller.enqueue(new Uint8Array(100))
      },
    })
  }
  await assertRefused(put('/v2/a/manifests/v1', endless(), imageManifestType), 413, 'MANIFEST_INVALID', /at most 1000 bytes/)
  assert.ok(sent < 2000)
  await assertRefused(call('POST', `/v2/a/blobs/uploads/?digest=${absent}`, { body: endless() }), 413, 'SIZE_INVALID', /at most 1000 bytes/)
  assert.ok(sent < 2000)
  const place = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
  assert.equal((await call('PATCH', place, { body: new Uint8Array(900) })).status, 202)
  await assertRefused(call('PATCH', place, { body: new Uint8Array(101) }), 413, 'SIZE_INVALID', /at most 1000 bytes/)
  await assertRefused(call('GET', place), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
})

test('manifest pushes under way are limited in number, because each is held in memory', async () => {
  const { call } = client(memoryStore(), { limits: { manifestPushes: 1 } })
  const slow = new ReadableStream<Uint8Array>() // a body that never comes
  void call('PUT', '/v2/a/manifests/v1', { body: slow }).catch(() => {})
  const second = await call('PUT', '/v2/a/manifests/v2', { body: encodeUtf8('{}') })
  assert.equal(second.headers.get('retry-after'), '1')
  await assertRefused(second, 429, 'TOOMANYREQUESTS', /at most 1 manifest pushes at once/)
})

test('uploads are limited in number and forgotten when idle, by the clock handed in', async () => {
  let now = 0
  let ids = 0
  const world = { now: () => new Date(now), randomBytes: (length: number) => new Uint8Array(length).fill(++ids) }
  const { call } = client(memoryStore(), { limits: { uploads: 2, uploadIdleMs: 1000 }, world })
  const first = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
  assert.equal(first, `/v2/a/blobs/uploads/${'01'.repeat(16)}`)
  now = 600
  const second = (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!
  const third = await call('POST', '/v2/a/blobs/uploads/')
  assert.equal(third.headers.get('retry-after'), '5')
  await assertRefused(third, 429, 'TOOMANYREQUESTS', /at most 2 uploads at once/)
  now = 1001
  await assertRefused(call('GET', first), 404, 'BLOB_UPLOAD_UNKNOWN', /no such upload/)
  assert.equal((await call('PATCH', second, { body: blob })).status, 202)
  now = 2001
  assert.equal((await call('GET', second)).status, 204, 'the chunk kept it alive')
  assert.equal((await call('POST', '/v2/a/blobs/uploads/')).status, 202, 'the first made room')
})

test('one hundred uploads begun at once respect the limit', async () => {
  const { call } = client(memoryStore(), { limits: { uploads: 10 } })
  const statuses = await Promise.all(Array.from({ length: 100 }, async () => (await call('POST', '/v2/a/blobs/uploads/')).status))
  assert.equal(statuses.filter(status => status === 202).length, 10)
})

for (const { name, status, code, error } of [
  { name: 'A', status: 400, code: 'NAME_INVALID', error: /lower-case path components, got "A"/ },
  { name: '_tags', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: 'a/_tags', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: 'a//b', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: 'a%00b', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: '.a', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: 'a..b', status: 400, code: 'NAME_INVALID', error: /lower-case/ },
  { name: '%1b[31m', status: 400, code: 'NAME_INVALID', error: /got "\\u\{001b\}\[31m"/ },
  { name: 'a'.repeat(256), status: 400, code: 'NAME_INVALID', error: /at most 255 characters, got 256/ },
  { name: `${'a-'.repeat(5000)}!`, status: 400, code: 'NAME_INVALID', error: /at most 255/ },
])
  test(`the repository name ${JSON.stringify(name.slice(0, 20))} is refused`, async () => {
    const { get, put, call } = client(memoryStore())
    await assertRefused(get(`/v2/${name}/tags/list`), status, code, error)
    await assertRefused(put(`/v2/${name}/manifests/v1`, image.manifest, imageManifestType), status, code, error)
    await assertRefused(call('POST', `/v2/${name}/blobs/uploads/`), status, code, error)
    await assertRefused(
      call('POST', `/v2/a/blobs/uploads/?mount=${blobDigest}&from=${encodeURIComponent(decodeURIComponent(name))}`),
      status,
      code,
      error,
    )
  })

for (const name of ['a', 'a.b', 'a_b', 'a__b', 'a---b', 'a/b/c', 'blobs', 'manifests/tags', 'a/blobs', 'a'.repeat(255)])
  test(`the repository name ${JSON.stringify(name.slice(0, 20))} serves`, async () => {
    const { push, get } = client(memoryStore())
    await push(name, 'v1', image)
    assert.equal((await get(`/v2/${name}/manifests/v1`)).status, 200)
    assert.equal((await get(`/v2/${name}/tags/list`)).status, 200)
  })

for (const { method, path, status, code, error, allow } of [
  { method: 'GET', path: '/v2/a/manifests/-v1', status: 400, code: 'TAG_INVALID', error: /at most 128 letters.*got "-v1"/ },
  { method: 'GET', path: `/v2/a/manifests/${'t'.repeat(129)}`, status: 400, code: 'TAG_INVALID', error: /at most 128/ },
  { method: 'GET', path: '/v2/a/manifests/sha512:00', status: 400, code: 'DIGEST_INVALID', error: /got "sha512:00"/ },
  { method: 'GET', path: `/v2/a/blobs/${absent.toUpperCase()}`, status: 400, code: 'DIGEST_INVALID', error: /want sha256/ },
  {
    method: 'PUT',
    path: `/v2/a/blobs/${absent}`,
    status: 405,
    code: 'UNSUPPORTED',
    error: /PUT is not offered/,
    allow: 'GET, HEAD, DELETE',
  },
  { method: 'GET', path: '/v2/a/blobs/uploads/', status: 405, code: 'UNSUPPORTED', error: /GET is not offered/, allow: 'POST' },
  { method: 'POST', path: '/v2/', status: 405, code: 'UNSUPPORTED', error: /POST is not offered/, allow: 'GET, HEAD' },
  { method: 'PUT', path: '/v2/a/blobs/uploads/x?digest=y', status: 404, code: 'BLOB_UPLOAD_UNKNOWN', error: /no such upload/ },
])
  test(`${method} ${path.slice(0, 50)} is refused`, async () => {
    const response = await client(memoryStore()).call(method, path)
    assert.equal(response.headers.get('allow'), allow ?? null)
    await assertRefused(response, status, code, error)
  })

for (const path of ['/', '/v1/', '/v2/a', '/v2/a%2Fb/tags/list', '/v2/a/tags/other', '/v2/%E0%A4%A/tags/list', '/v2//manifests'])
  test(`${path} names nothing`, async () => assert.equal((await client(memoryStore()).get(path)).status, 404))

test('deletion may be switched off; cancelling an upload is no deletion', async () => {
  const { push, call } = client(memoryStore(), { deletes: false })
  await push('a', 'v1', image)
  for (const path of ['manifests/v1', `manifests/${image.digest}`, `blobs/${[...image.blobs.keys()][0]}`])
    await assertRefused(call('DELETE', `/v2/a/${path}`), 405, 'UNSUPPORTED', /switched off/)
  assert.equal((await call('DELETE', (await call('POST', '/v2/a/blobs/uploads/')).headers.get('location')!)).status, 204)
})

test('authorize is asked first, with repository and actions, and its answer stands', async () => {
  const asked: string[] = []
  const { call, get } = client(memoryStore(), {
    authorize: (_, { repository, actions }) => {
      asked.push(`${repository}: ${actions.join(',')}`)
      return repository === 'secret' ? new Response('no', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }) : undefined
    },
  })
  await get('/v2/')
  const refused = await call('HEAD', `/v2/secret/blobs/${absent}`)
  assert.equal(refused.status, 401)
  assert.equal(refused.body, null)
  assert.equal(refused.headers.get('www-authenticate'), 'Basic realm="x"')
  assert.equal((await call('PUT', '/v2/secret/manifests/v1', { body: blob })).status, 401)
  assert.equal((await call('DELETE', '/v2/secret/manifests/v1')).status, 401)
  assert.equal((await get('/v2/secret/blobs/uploads/x')).status, 401)
  assert.equal((await call('POST', `/v2/a/blobs/uploads/?mount=${absent}&from=secret`)).status, 202)
  assert.deepEqual(asked, [
    'undefined: ',
    'secret: pull',
    'secret: pull,push',
    'secret: delete',
    'secret: pull,push',
    'a: pull,push',
    'secret: pull',
  ])
})

test('a repository that may not be read is not mounted from', async () => {
  const store = memoryStore()
  await client(store).call('POST', `/v2/secret/blobs/uploads/?digest=${blobDigest}`, { body: blob })
  const { call, get } = client(store, {
    authorize: (_, { repository }) => (repository === 'secret' ? new Response(null, { status: 403 }) : undefined),
  })
  assert.equal((await call('POST', `/v2/a/blobs/uploads/?mount=${blobDigest}&from=secret`)).status, 202)
  await assertRefused(get(`/v2/a/blobs/${blobDigest}`), 404, 'BLOB_UNKNOWN', /no blob/)
})

type TestWorld = Parameters<typeof createRegistry>[1]
const testWorld: TestWorld = { now: () => new Date(0), randomBytes }

type Client = ReturnType<typeof client>

/** A registry spoken to without a socket. */
function client(store: RegistryStore, { world = testWorld, ...options }: RegistryOptions & { readonly world?: TestWorld } = {}) {
  const registry = createRegistry(store, world, options)
  const call = (
    method: string,
    path: string,
    { body, headers = {} }: { body?: Uint8Array | ReadableStream<Uint8Array>; headers?: Record<string, string> } = {},
  ): Promise<Response> => {
    const sent = body instanceof Uint8Array ? Uint8Array.from(body) : body
    return registry(new Request(new URL(path, 'http://registry.test'), { method, headers, ...(sent && { body: sent, duplex: 'half' }) }))
  }
  return {
    call,
    get: (path: string, headers: Record<string, string> = {}) => call('GET', path, { headers }),
    head: (path: string) => call('HEAD', path),
    put: (path: string, body: Uint8Array | ReadableStream<Uint8Array>, type: string, headers: Record<string, string> = {}) =>
      call('PUT', path, { body, headers: type ? { ...headers, 'content-type': type } : headers }),
    push: (repository: string, reference: string, built: Built) =>
      pushBuilt((input, init) => registry(new Request(input, init)), new URL('http://registry.test'), repository, reference, built),
  }
}

async function assertRefused(answer: Response | Promise<Response>, status: number, code: string, message: RegExp): Promise<void> {
  const response = await answer
  assert.equal(response.status, status)
  assert.match(response.headers.get('content-type')!, /^application\/json/)
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] }
  assert.equal(errors[0]?.code, code)
  assert.match(errors[0].message, message)
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer())
}

function artifact(options: { kind?: 'index'; artifactType?: string; configType?: string; annotations?: Record<string, string> }): {
  bytes: Uint8Array
  digest: OciDigest
  mediaType: string
} {
  const mediaType = options.kind === 'index' ? imageIndexType : imageManifestType
  const content =
    options.kind === 'index'
      ? { manifests: [] }
      : {
          config: { mediaType: options.configType ?? 'application/vnd.oci.empty.v1+json', digest: ociDigestOf(empty), size: 2 },
          layers: [],
        }
  const bytes = encodeUtf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      ...content,
      subject: { mediaType: imageManifestType, digest: image.digest, size: image.manifest.length },
      ...(options.artifactType && { artifactType: options.artifactType }),
      ...(options.annotations && { annotations: options.annotations }),
    }),
  )
  return { bytes, digest: ociDigestOf(bytes), mediaType }
}

/** A store whose n-th write fails, before or after it lands; those after it succeed. */
function failingStore(store: RegistryStore, n: number, moment: 'before' | 'after'): RegistryStore {
  let writes = 0
  const guard = async (write: () => Promise<void>): Promise<void> => {
    const fails = ++writes === n
    if (fails && moment === 'before') throw new Error('store failed on purpose')
    await write()
    if (fails) throw new Error('store failed on purpose')
  }
  return {
    ...store,
    createUpload: async () => {
      const writer = await store.createUpload()
      return { ...writer, commit: digest => guard(() => writer.commit(digest)) }
    },
    writeRecord: (place, name, value) => guard(() => store.writeRecord(place, name, value)),
  }
}

/** Every tag leads to a manifest, and every referrer listed can be read. */
async function assertConsistent({ get }: Client, when: string): Promise<string> {
  const { tags } = (await (await get('/v2/a/tags/list')).json()) as { tags: string[] }
  for (const tag of tags) assert.equal((await get(`/v2/a/manifests/${tag}`)).status, 200, `${when}: tag ${tag}`)
  const { manifests } = (await (await get(`/v2/a/referrers/${image.digest}`)).json()) as { manifests: { digest: string; size: number }[] }
  for (const { digest, size } of manifests)
    assert.equal((await bytesOf(await get(`/v2/a/manifests/${digest}`))).length, size, `${when}: referrer ${digest}`)
  return `referrers ${manifests.length}, tags ${tags.join(' ')}`
}
