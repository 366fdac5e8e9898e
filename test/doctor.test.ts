import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ExitCode } from '../src/cli/exit-code.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { createRig, type Outcome, type Rig, type RigOptions, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, imageIndexType } from '../src/testing/image-builder.ts'
import { failure } from '../src/testing/registry-edits.ts'
import { createHand } from '../src/testing/registry-hand.ts'

// registry doctor: each finding in each of its states, against registries that behave in one particular way.

const image = buildImage()
const other = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
const fallback = image.digest.replace(':', '-')
const folder = mkdtempSync(join(tmpdir(), 'countersign-doctor-'))
after(() => rmSync(folder, { recursive: true }))

type FindingJson = {
  readonly name: string
  readonly state: string
  readonly seen: string
  readonly advice?: string
  readonly code?: string
}

/** How a registry answers in place of the honest one, where it does. */
type Habit = (request: Request, path: string, rig: Rig) => Promise<Response | undefined> | Response | undefined

type Scenario = {
  readonly name: string
  readonly rig?: RigOptions
  readonly habit?: Habit
  readonly before?: (rig: Rig) => Promise<unknown>
  readonly flags?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly finding: string
  readonly state: string
  readonly seen: RegExp
  readonly advice?: RegExp
  readonly fails?: { readonly exit: ExitCode; readonly code: ErrorCode }
}

const challenged =
  (challenge: string, opens: (authorization: string | null) => boolean): Habit =>
  (request, path) => {
    if (path === '/token') return Response.json({ token: 't0ken' })
    if (opens(request.headers.get('authorization'))) return undefined
    return Response.json(
      { errors: [{ code: 'UNAUTHORIZED', message: 'who?' }] },
      { status: 401, headers: { 'www-authenticate': challenge } },
    )
  }
const whenever =
  (matches: (request: Request, path: string) => boolean, answer: () => Response): Habit =>
  (request, path) =>
    matches(request, path) ? answer() : undefined
const adding =
  (headers: Readonly<Record<string, string>>): Habit =>
  async (request, _path, { registry }) => {
    const answer = await registry(request)
    for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value)
    return answer
  }
const isReferrers = (_: Request, path: string) => path.includes('/referrers/')
const isUpload = ({ method }: Request, path: string) => method === 'POST' && path.endsWith('/blobs/uploads/')
const isManifestDelete = ({ method }: Request, path: string) => method === 'DELETE' && path.includes('/manifests/')
const isScratchPut = ({ method }: Request, path: string) => method === 'PUT' && path.includes('countersign-doctor-')
const signed = ({ cs }: Rig) => cs(`sign --key team.key --tlog-upload=false ${rigHost}/app:v1`)

const scenarios: readonly Scenario[] = [
  { name: 'it answers', finding: 'address', state: 'good', seen: /^https:\/\/registry\.test\/v2\/ answers 200$/ },
  {
    name: 'its base is no registry',
    habit: whenever(
      (_, path) => path === '/v2/',
      () => new Response('hello', { status: 404 }),
    ),
    finding: 'address',
    state: 'limited',
    seen: /answers 404$/,
    advice: /proxy/,
  },
  {
    name: 'nobody is there',
    habit: () => {
      throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
    },
    finding: 'address',
    state: 'bad',
    seen: /^registry registry\.test: .*connection refused/,
    fails: { exit: 6, code: 'REGISTRY_UNAVAILABLE' },
  },
  { name: 'its certificate is verified', finding: 'tls', state: 'good', seen: /^its certificate was verified$/ },
  {
    name: 'certificates are not looked at',
    flags: '--allow-insecure-registry',
    finding: 'tls',
    state: 'limited',
    seen: /not verified/,
    advice: /--registry-cacert/,
  },
  {
    name: 'it speaks http only',
    habit: ({ url }) => {
      if (url.startsWith('https:')) throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
      return undefined
    },
    flags: '--allow-http-registry',
    finding: 'tls',
    state: 'limited',
    seen: /^none: plain http$/,
    advice: /tests on one machine/,
  },
  { name: 'nobody is asked who they are', finding: 'authentication', state: 'good', seen: /^none asked for/ },
  {
    name: 'it wants a password',
    habit: challenged('Basic realm="x"', authorization => authorization === 'Basic dTpw'),
    flags: '--registry-username u --registry-password p',
    finding: 'authentication',
    state: 'good',
    seen: /^Basic: user name and password$/,
  },
  {
    name: 'it wants a token',
    habit: challenged('Bearer realm="https://registry.test/token",service="reg"', authorization => authorization === 'Bearer t0ken'),
    finding: 'authentication',
    state: 'good',
    seen: /^Bearer: tokens from "registry\.test" for service "reg"$/,
  },
  {
    name: 'its token server is of another domain',
    habit: whenever(
      (_, path) => path === '/v2/',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://elsewhere.example/token"' } }),
    ),
    before: async ({ hosts }) => hosts.set('elsewhere.example', async () => Response.json({ token: 't0ken' })),
    finding: 'authentication',
    state: 'limited',
    seen: /"elsewhere\.example"/,
    advice: /never sees credentials/,
  },
  {
    name: 'its token server is on this machine',
    habit: whenever(
      (_, path) => path === '/v2/',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://127.0.0.1/token"' } }),
    ),
    finding: 'authentication',
    state: 'bad',
    seen: /a public registry names "127\.0\.0\.1"/,
    fails: { exit: 5, code: 'CREDENTIALS_WITHHELD' },
  },
  {
    name: 'it wants something unheard of',
    habit: whenever(
      (_, path) => path === '/v2/',
      () => new Response('', { status: 401, headers: { 'www-authenticate': 'Negotiate' } }),
    ),
    finding: 'authentication',
    state: 'limited',
    seen: /kinds not known here: "negotiate"/,
  },
  { name: 'no credentials are needed', finding: 'credentials', state: 'good', seen: /^none for registry\.test, and none asked for$/ },
  {
    name: 'credentials are of flags',
    habit: challenged('Basic realm="x"', authorization => authorization === 'Basic dTpw'),
    flags: '--registry-username u --registry-password p',
    finding: 'credentials',
    state: 'good',
    seen: /^user "u", of --registry-username$/,
  },
  {
    name: 'a token is of a flag',
    habit: challenged('Bearer realm="https://registry.test/token"', authorization => authorization === 'Bearer s3cret'),
    flags: '--registry-token s3cret',
    finding: 'credentials',
    state: 'good',
    seen: /^a registry token, of --registry-token$/,
  },
  {
    name: 'credentials are of the docker config',
    habit: challenged('Basic realm="x"', authorization => authorization === `Basic ${btoa('robot:s3cret')}`),
    environment: configured('file', { auths: { [rigHost]: { auth: btoa('robot:s3cret') } } }),
    finding: 'credentials',
    state: 'good',
    seen: /^user "robot", of ".*config\.json"$/,
  },
  {
    name: 'the helper of the docker config is missing',
    environment: configured('helper', { credHelpers: { [rigHost]: 'nosuch-helper' } }),
    finding: 'credentials',
    state: 'bad',
    seen: /^docker-credential-nosuch-helper: no such program/,
    fails: { exit: 6, code: 'CREDENTIALS_UNAVAILABLE' },
  },
  {
    name: 'credentials are wanted and there are none',
    habit: challenged('Basic realm="x"', () => false),
    finding: 'credentials',
    state: 'limited',
    seen: /^none for registry\.test: it is asked as nobody$/,
    advice: /countersign login/,
    fails: { exit: 5, code: 'REGISTRY_UNAUTHORIZED' },
  },
  { name: 'the image can be pulled', finding: 'pull', state: 'good', seen: new RegExp(`^registry\\.test/app:v1 is ${image.digest}$`) },
  {
    name: 'the image is not there',
    habit: whenever(
      (_, path) => path.endsWith('/manifests/v1'),
      () => failure(404, 'MANIFEST_UNKNOWN', 'no'),
    ),
    finding: 'pull',
    state: 'bad',
    seen: /404 MANIFEST_UNKNOWN/,
    fails: { exit: 6, code: 'IMAGE_NOT_FOUND' },
  },
  {
    name: 'an upload is begun and cancelled',
    finding: 'push',
    state: 'good',
    seen: /^an upload to registry\.test\/app was begun, and was cancelled$/,
  },
  {
    name: 'an upload cannot be cancelled',
    habit: whenever(
      ({ method }, path) => method === 'DELETE' && path.includes('/uploads/'),
      () => failure(405, 'UNSUPPORTED', 'no'),
    ),
    finding: 'push',
    state: 'good',
    seen: /left to expire: its cancellation is answered 405$/,
  },
  {
    name: 'cancelling an upload is forbidden',
    habit: whenever(
      ({ method }, path) => method === 'DELETE' && path.includes('/uploads/'),
      () => failure(403, 'DENIED', 'no'),
    ),
    finding: 'push',
    state: 'good',
    seen: /was begun, and is left to expire: want permission to delete/,
  },
  {
    name: 'pushing is forbidden',
    habit: whenever(isUpload, () => failure(403, 'DENIED', 'read only')),
    finding: 'push',
    state: 'bad',
    seen: /^want permission to push registry\.test\/app, .* got status 403 DENIED "read only"$/,
    fails: { exit: 5, code: 'REGISTRY_DENIED' },
  },
  {
    name: 'the repository must be made first',
    habit: whenever(isUpload, () => failure(404, 'NAME_UNKNOWN', 'create it')),
    finding: 'push',
    state: 'bad',
    seen: /404 NAME_UNKNOWN "create it"$/,
    fails: { exit: 5, code: 'REGISTRY_REFUSED' },
  },
  { name: 'deletion works', finding: 'delete', state: 'good', seen: /answered as such$/ },
  {
    name: 'deletion is switched off',
    rig: { deletes: false },
    finding: 'delete',
    state: 'limited',
    seen: /^switched off: the registry answers 405$/,
    advice: /`clean` and `gc` cannot work here/,
  },
  {
    name: 'deletion is forbidden',
    habit: whenever(isManifestDelete, () => failure(403, 'DENIED', 'no')),
    finding: 'delete',
    state: 'limited',
    seen: /^want permission to delete registry\.test\/app/,
  },
  {
    name: 'deletion is answered strangely',
    habit: whenever(isManifestDelete, () => failure(418, 'TEAPOT', 'no')),
    finding: 'delete',
    state: 'unknown',
    seen: /418/,
  },
  { name: 'it has the referrers API', finding: 'referrers API', state: 'good', seen: /^answers 200 with an index$/ },
  {
    name: 'it has no referrers API',
    rig: { referrers: false },
    finding: 'referrers API',
    state: 'limited',
    seen: /answers 404$/,
    advice: /fallback tag/,
  },
  {
    name: 'it pretends to have the referrers API',
    habit: whenever(isReferrers, () => new Response('<html>', { headers: { 'content-type': 'text/html' } })),
    finding: 'referrers API',
    state: 'limited',
    seen: /^pretended: answers 200 with "text\/html"/,
  },
  {
    name: 'its referrers API is forbidden',
    habit: whenever(isReferrers, () => failure(403, 'DENIED', 'no')),
    finding: 'referrers API',
    state: 'bad',
    seen: /status 403/,
    fails: { exit: 5, code: 'REGISTRY_DENIED' },
  },
  { name: 'there is no fallback tag', finding: 'fallback tag', state: 'good', seen: /^absent$/ },
  {
    name: 'the fallback tag lists bundles',
    rig: { referrers: false },
    before: signed,
    finding: 'fallback tag',
    state: 'good',
    seen: /^an index that lists 1$/,
  },
  {
    name: 'the image itself holds the fallback tag',
    rig: { referrers: false },
    before: ({ push }) => push('app', image, fallback),
    finding: 'fallback tag',
    state: 'bad',
    seen: /^taken: it holds the image itself, as `cosign copy` puts it there$/,
    advice: /delete the tag sha256-/,
    fails: { exit: 5, code: 'REFERRERS_TAG_TAKEN' },
  },
  {
    name: 'something else holds the fallback tag, which the API makes needless',
    before: ({ push }) => push('app', other, fallback),
    finding: 'fallback tag',
    state: 'limited',
    seen: /^taken: it holds "application\/vnd\.oci\.image\.manifest/,
  },
  { name: 'the API lists what there is', before: signed, finding: 'listing', state: 'good', seen: /^1 by the API, 0 by the fallback tag$/ },
  {
    name: 'the fallback tag lists what there is',
    rig: { referrers: false },
    before: signed,
    finding: 'listing',
    state: 'good',
    seen: /^1 by the fallback tag$/,
  },
  {
    name: 'the fallback tag lists what the API does not, and the API others',
    before: async rig => {
      await signed(rig)
      await listInFallback(rig)
    },
    finding: 'listing',
    state: 'limited',
    seen: /1 of the tag are not listed by the API, and so are overlooked$/,
    advice: /attach them again/,
  },
  {
    name: 'the fallback tag lists what the API does not, and the API nothing',
    before: listInFallback,
    finding: 'listing',
    state: 'limited',
    seen: /written before the registry had the API, and still found$/,
  },
  { name: 'it tells no time', finding: 'clock', state: 'unknown', seen: /sends no Date$/ },
  {
    name: 'its clock is right',
    habit: adding({ date: 'Fri, 02 Jan 2026 03:04:10 GMT' }),
    finding: 'clock',
    state: 'good',
    seen: /^5 s ahead of ours$/,
  },
  {
    name: 'its clock is wrong',
    habit: adding({ date: 'Fri, 02 Jan 2026 03:02:00 GMT' }),
    finding: 'clock',
    state: 'limited',
    seen: /^125 s behind ours$/,
    advice: /clocks is wrong/,
  },
  { name: 'it announces no limits', finding: 'rate limits', state: 'good', seen: /^none announced$/ },
  {
    name: 'it announces limits',
    habit: adding({ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600', 'docker-ratelimit-source': '192.0.2.1' }),
    finding: 'rate limits',
    state: 'good',
    seen: /ratelimit-limit: "100;w=21600".*ratelimit-remaining: "76;w=21600"|docker-ratelimit-source: "192\.0\.2\.1"/,
  },
  {
    name: 'it repeats our password in a header about limits',
    habit: async (request, path, rig) =>
      (await challenged('Basic realm="x"', authorization => authorization === `Basic ${btoa('robot:s3cret')}`)(request, path, rig)) ??
      adding({ 'docker-ratelimit-source': 's3cret' })(request, path, rig),
    flags: '--registry-username robot --registry-password s3cret',
    finding: 'rate limits',
    state: 'good',
    seen: /^none announced$/,
  },
  {
    name: 'hardly anything is left of its limits',
    habit: adding({ 'x-ratelimit-remaining': '2' }),
    finding: 'rate limits',
    state: 'limited',
    seen: /x-ratelimit-remaining: "2"/,
    advice: /not even one more image/,
  },
  {
    name: 'the requests of a verification are counted',
    before: signed,
    finding: 'cost of verify',
    state: 'good',
    seen: /^4 requests \(2 manifests, 1 referrers, 1 blobs\); evidence found: 1$/,
  },
  {
    name: 'the API lists what is pushed',
    flags: '--write',
    finding: 'referrer',
    state: 'good',
    seen: /^the API lists what was pushed, and OCI-Subject says so$/,
  },
  {
    name: 'no API lists what is pushed',
    rig: { referrers: false },
    flags: '--write',
    finding: 'referrer',
    state: 'limited',
    seen: /^accepted, and listed by no API$/,
  },
  {
    name: 'OCI-Subject lies',
    habit: async (request, path, { registry }) => {
      if (isReferrers(request, path)) return failure(404, 'NOT_FOUND', 'no')
      return registry(request)
    },
    flags: '--write',
    finding: 'referrer',
    state: 'limited',
    seen: /^OCI-Subject says that the referrer is listed, and it is not$/,
  },
  {
    name: 'OCI-Subject is left out',
    habit: async (request, _, { registry }) => {
      const answer = await registry(request)
      answer.headers.delete('oci-subject')
      return answer
    },
    flags: '--write',
    finding: 'referrer',
    state: 'limited',
    seen: /though OCI-Subject does not say so$/,
  },
  {
    name: 'the API answers 404 where there are no referrers',
    habit: async (request, path, { registry }) => {
      if (!isReferrers(request, path)) return undefined
      const answer = await registry(request)
      const { manifests } = (await answer.clone().json()) as { manifests: object[] }
      return manifests.length === 0 ? failure(404, 'NOT_FOUND', 'none') : answer
    },
    flags: '--write',
    finding: 'referrer',
    state: 'good',
    seen: /before there was one, it answered as if it had no API$/,
  },
  {
    name: 'manifests of other kinds are refused',
    habit: whenever(isScratchPut, () => failure(400, 'MANIFEST_INVALID', 'images only')),
    flags: '--write',
    finding: 'referrer',
    state: 'bad',
    seen: /400 MANIFEST_INVALID "images only"$/,
    fails: { exit: 5, code: 'REGISTRY_REFUSED' },
  },
  { name: 'preconditions are honoured', flags: '--write', finding: 'conditional puts', state: 'good', seen: /^honoured: answers 412$/ },
  {
    name: 'preconditions are ignored',
    habit: (request, path, { registry }) => {
      if (!isScratchPut(request, path)) return undefined
      const headers = new Headers(request.headers)
      headers.delete('if-none-match')
      return registry(new Request(request, { headers }))
    },
    flags: '--write',
    finding: 'conditional puts',
    state: 'limited',
    seen: /^ignored: /,
    advice: /looks again/,
  },
  { name: 'tags can be moved', flags: '--write', finding: 'overwriting tags', state: 'good', seen: /^a tag can be moved$/ },
  {
    name: 'tags are immutable',
    habit: async (request, path, { registry }) => {
      if (!isScratchPut(request, path)) return undefined
      const there = await registry(new Request(request.url, { method: 'HEAD' }))
      return there.ok ? failure(409, 'TAG_INVALID', 'immutable') : undefined
    },
    flags: '--write',
    finding: 'overwriting tags',
    state: 'limited',
    seen: /^tags are immutable: .*409 TAG_INVALID "immutable"$/,
    advice: /exempt `sha256-\*`/,
  },
  { name: 'tags can be deleted', flags: '--write', finding: 'deleting tags', state: 'good', seen: /^a tag can be deleted by itself$/ },
  {
    name: 'tags cannot be deleted, manifests can',
    habit: whenever(
      (request, path) => isManifestDelete(request, path) && !path.includes('sha256:'),
      () => failure(400, 'DIGEST_INVALID', 'no digest'),
    ),
    flags: '--write',
    finding: 'deleting tags',
    state: 'limited',
    seen: /400 DIGEST_INVALID "no digest"$/,
    advice: /by digest, with all their tags/,
  },
  { name: 'blobs can be sent in chunks', flags: '--write', finding: 'chunked uploads', state: 'good', seen: /chunks of 32768 bytes$/ },
  {
    name: 'blobs cannot be sent in chunks',
    habit: whenever(
      ({ method }) => method === 'PATCH',
      () => failure(400, 'UNSUPPORTED', 'whole only'),
    ),
    flags: '--write',
    finding: 'chunked uploads',
    state: 'limited',
    seen: /400 UNSUPPORTED "whole only"$/,
  },
  {
    name: 'blobs are mounted',
    before: ({ push }) => push('other', other),
    flags: `--write --mount-from ${rigHost}/other:v1`,
    finding: 'mounting',
    state: 'good',
    seen: /^a blob of registry\.test\/other was mounted$/,
  },
  {
    name: 'blobs are not mounted',
    before: ({ push }) => push('other', other),
    habit: (request, path, { registry }) =>
      isUpload(request, path) ? registry(new Request(request.url.replace(/\?.*/, ''), { method: 'POST' })) : undefined,
    flags: `--write --mount-from ${rigHost}/other:v1`,
    finding: 'mounting',
    state: 'limited',
    seen: /^the registry wants the bytes sent instead$/,
  },
  {
    name: 'the blob to be mounted is there already',
    before: ({ push }) => push('other', image),
    flags: `--write --mount-from ${rigHost}/other:v1`,
    finding: 'mounting',
    state: 'unknown',
    seen: /has the config of registry\.test\/other:v1 already$/,
  },
  { name: 'all that was made can be deleted', flags: '--write', finding: 'clean-up', state: 'good', seen: /is deleted again$/ },
  {
    name: 'nothing that was made can be deleted',
    rig: { deletes: false },
    flags: '--write',
    finding: 'clean-up',
    state: 'limited',
    seen: /^in registry\.test\/app stays: sha256:.*, tag countersign-doctor-[0-9a-f]{16}, blob sha256:[0-9a-f]{64}$/,
    advice: /in the interface of the registry/,
  },
]

for (const { name, rig: options, habit, before, flags = '', environment, finding, state, seen, advice, fails } of scenarios)
  test(`${finding} is ${state}: ${name}`, async () => {
    const rig = createRig(options)
    await rig.push('app', image)
    await before?.(rig)
    if (habit)
      rig.hosts.set(rigHost, async request => {
        const path = decodeURIComponent(new URL(request.url).pathname)
        return (await habit(request, path, rig)) ?? rig.registry(request)
      })
    const run = { environment: { DOCKER_CONFIG: join(folder, 'none'), ...environment } }
    const outcome = await rig.cs(`registry doctor ${flags} -o json ${rigHost}/app:v1`, run)
    const found = findingsOf(outcome).find(candidate => candidate.name === finding)
    assert.ok(found, `${outcome.stdout}${outcome.stderr}`)
    assert.deepEqual([found.state, outcome.code], [state, fails?.exit ?? 0], `${found.seen}\n${outcome.stderr}`)
    assert.match(found.seen, seen)
    if (advice) assert.match(found.advice ?? '', advice)
    if (fails) assert.equal(outcome.failure?.code, fails.code)
    assert.doesNotMatch(outcome.stdout + outcome.stderr, /s3cret|cm9ib3Q6/)
    const left = await createHand(rig.registry).tags('app')
    if (options?.deletes !== false)
      assert.deepEqual(
        left.filter(tag => tag.startsWith('countersign-doctor-')),
        [],
        'nothing is left behind',
      )
  })

test('a reading examination writes nothing', async () => {
  const rig = createRig()
  await rig.push('app', image)
  const { requests } = await rig.cs(`registry doctor ${rigHost}/app:v1`)
  const writes = requests.filter(request => !/^(GET|HEAD)/.test(request)).map(request => request.replace(/(uploads\/|sha256:).+$/, '$1…'))
  assert.deepEqual(writes, [
    `POST https://${rigHost}/v2/app/blobs/uploads/`,
    `DELETE https://${rigHost}/v2/app/blobs/uploads/…`,
    `DELETE https://${rigHost}/v2/app/manifests/sha256:…`,
  ])
})

test('signatures are examined where COSIGN_REPOSITORY keeps them', async () => {
  const rig = createRig({
    authorize: (_, { repository, actions }) =>
      repository === 'app' && actions.includes('push') ? failure(403, 'DENIED', 'read only') : undefined,
  })
  rig.hosts.set('open.test', createRig().registry)
  const environment = { COSIGN_REPOSITORY: 'open.test/store', DOCKER_CONFIG: join(folder, 'none') }
  const outcome = await rig.cs(`registry doctor -o json ${rigHost}/app:v1`, { environment })
  const push = findingsOf(outcome).find(({ name }) => name === 'push')
  assert.deepEqual([push?.state, push?.seen], ['good', 'an upload to open.test/store was begun, and was cancelled'])
})

function findingsOf(outcome: Outcome): readonly FindingJson[] {
  return (JSON.parse(outcome.stdout) as { findings: FindingJson[] }).findings // one document, also of a command that fails
}

/** An environment whose docker config says this. */
function configured(name: string, config: object): Readonly<Record<string, string>> {
  const directory = mkdtempSync(join(folder, name))
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config))
  return { DOCKER_CONFIG: directory }
}

/** Lists at the fallback tag a manifest that the API does not list, as one written before the registry had the API. */
async function listInFallback({ registry, push }: Rig): Promise<void> {
  await push('app', other, 'old')
  const entry = { mediaType: other.mediaType, size: other.manifest.length, digest: other.digest }
  const index = { schemaVersion: 2, mediaType: imageIndexType, manifests: [entry] }
  await createHand(registry).putManifest('app', fallback, index, imageIndexType)
}
