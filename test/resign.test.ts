import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, createRig, good, type Refusal, rigHost } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { teamKey } from '../src/testing/test-keys.ts'
import { keySetMediaType } from '../src/trust/key-set.ts'
import { addSigstore, now } from './keyless-sign/scene.ts'

// A key is replaced: what the old one (team) has signed gets signatures by the new one (stranger) beside those that are there.

const rig = createRig()
const { cs, disk } = rig
await addSigstore(rig)
const hand = createHand(rig.registry)
const architectures = ['amd64', 'arm64', 'riscv64', 's390x', 'ppc64le', 'mips64le', 'loong64', 'arm']
let built = 0
/** An image like no other. */
const freshImage = () => buildImage({ platform: { os: 'linux', architecture: architectures[built % 8]!, variant: `v${built++}` } })
const noLog = '--tlog-upload=false'
const sign = (name: string, flags = '') => good(cs(`sign --key team.key ${noLog} ${flags} ${name}`))
const resigning = `resign --from team.pub --to stranger.key ${noLog} --insecure-ignore-tlog`
const verifies = (name: string, key: string, flags = '') => cs(`verify --key ${key} --insecure-ignore-tlog ${flags} -o json ${name}`)
const legacy = '--new-bundle-format=false'

type Report = {
  readonly dryRun: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly images: readonly {
    readonly digest: string
    readonly tags: readonly string[]
    readonly status: string
    readonly signatures?: readonly { readonly layout: string; readonly predicateType: string }[]
    readonly reason?: string
    readonly error?: { readonly code: string; readonly message: string }
  }[]
}
const report = async (line: string): Promise<Report> => JSON.parse((await good(cs(`${line} -o json`))).stdout)
const counts = (changes: Readonly<Record<string, number>>) => ({
  images: 0,
  planned: 0,
  signed: 0,
  already: 0,
  leftAlone: 0,
  failed: 0,
  ...changes,
})

test('a repository: every layout, annotations and all, by its tags', async () => {
  const [bundled, classic, both, unsigned] = [freshImage(), freshImage(), freshImage(), freshImage()]
  const names = []
  for (const [tag, image] of Object.entries({ bundled, classic, both, unsigned })) names.push(await rig.push('app', image, tag))
  await rig.push('app', bundled, 'latest')
  await sign(names[0]!, '-a commit=1')
  await sign(names[1]!, `-a commit=2 ${legacy}`)
  await sign(names[2]!, '--format both -a commit=3')
  const planned = await report(`${resigning} --dry-run ${rigHost}/app`)
  assert.deepEqual(planned.counts, counts({ images: 4, planned: 3, leftAlone: 1 }))
  const tagsOf = (digest: string) => planned.images.find(image => image.digest === digest)?.tags.toSorted()
  assert.deepEqual(tagsOf(bundled.digest), ['bundled', 'latest'])
  assert.equal((await verifies(names[0]!, 'stranger.pub')).code, 1)

  const { stdout, stderr } = await good(cs(`${resigning} --yes ${rigHost}/app`))
  assert.match(stderr, /^To be signed \(3\):$/m)
  assert.match(stderr, /\(both\): signature in a bundle, signature in the layout of cosign 2$/m)
  assert.match(
    stdout,
    /^Signed \(3\):\n(?: {2}.*\n){3}Left alone: not signed with the old key \(1\):\n {2}.* \(unsigned\): no signatures found\n$/,
  )
  for (const key of ['team.pub', 'stranger.pub']) {
    await good(verifies(names[0]!, key, '-a commit=1'))
    await good(verifies(names[1]!, key, `-a commit=2 ${legacy}`))
    await good(verifies(names[2]!, key, '-a commit=3'))
    await good(verifies(names[2]!, key, `-a commit=3 ${legacy}`))
  }
  assert.equal((await hand.referrers('app', classic.digest)).length, 0)
  const again = await good(cs(`${resigning} ${rigHost}/app`)) // nothing is asked where nothing is to be done
  assert.match(again.stderr, /^Nothing to sign$/m)
  assert.match(again.stdout, /^Signed with the new key already \(3\):/)
  assert.equal((await hand.referrers('app', bundled.digest)).length, 2)
})

test('an image by its name, and nothing beside it', async () => {
  const [one, other] = [freshImage(), freshImage()]
  const [first, second] = [await rig.push('single', one, 'a'), await rig.push('single', other, 'b')]
  await sign(first)
  await sign(second)
  assert.deepEqual((await report(`${resigning} --yes ${rigHost}/single:a`)).counts, counts({ images: 1, signed: 1 }))
  await good(verifies(first, 'stranger.pub'))
  assert.equal((await verifies(second, 'stranger.pub')).code, 1)
  assert.deepEqual((await report(`${resigning} --yes ${second}`)).counts, counts({ images: 1, signed: 1 }))
})

test('an index and what is in it, and an image that only its signature names', async () => {
  const children = [freshImage(), freshImage()]
  const index = buildIndex(children)
  const name = await rig.push('multi', index)
  await sign(name, '--recursive')
  const untagged = freshImage()
  const lone = await rig.push('multi', untagged, 'gone')
  await sign(lone, legacy)
  await rig.push('multi', freshImage(), 'gone')
  const done = await report(`${resigning} --yes ${rigHost}/multi`)
  assert.deepEqual(done.counts, counts({ images: 5, signed: 4, leftAlone: 1 }))
  for (const { digest } of [index, ...children]) await good(verifies(`${rigHost}/multi@${digest}`, 'stranger.pub'))
  await good(verifies(lone, 'stranger.pub', legacy))
})

test('a run that failed half-way is gone on with by the next', async () => {
  const images = [freshImage(), freshImage(), freshImage()]
  for (const [at, image] of images.entries()) await sign(await rig.push('half', image, `t${at}`), '--format both')
  const gate = rig.hosts.get(rigHost)!
  let puts = 0
  rig.hosts.set(rigHost, async request => {
    const isManifest = request.method === 'PUT' && new URL(request.url).pathname.includes('/manifests/')
    return isManifest && ++puts > 3 ? new Response(null, { status: 403 }) : await gate(request)
  })
  const broken = await cs(`${resigning} --yes --max-workers 1 -o json ${rigHost}/half`)
  rig.hosts.set(rigHost, gate)
  const { counts: first, images: listed }: Report = JSON.parse(broken.stdout)
  assert.equal(broken.code, 5)
  assert.deepEqual([first['signed'], first['failed']], [1, 2])
  const failed = listed.filter(({ status }) => status === 'failed')
  assert.ok(failed.every(({ error }) => error?.code === 'REGISTRY_DENIED'))
  assert.equal(failed.flatMap(({ signatures = [] }) => signatures).length, 1) // one of the two of the second image
  assert.match(broken.stderr, /2 of 3 images were not signed/)
  const second = await report(`${resigning} --yes ${rigHost}/half`)
  assert.deepEqual(second.counts, counts({ images: 3, signed: 2, already: 1 }))
  assert.equal(second.images.flatMap(({ signatures = [] }) => signatures).length, 3)
  for (const { digest } of images) assert.equal((await hand.referrers('half', digest)).length, 2)
})

test('attestations, where they are asked for', async () => {
  disk.set('predicate.json', '{"a":1}')
  const name = await rig.push('attested', freshImage())
  for (const flags of ['', legacy])
    await good(cs(`attest --key team.key ${noLog} ${flags} --type cyclonedx --predicate predicate.json ${name}`))
  assert.deepEqual((await report(`${resigning} --yes ${rigHost}/attested`)).counts, counts({ images: 1, leftAlone: 1 }))
  const [image] = (await report(`${resigning} --attestations --yes ${rigHost}/attested`)).images
  assert.deepEqual(image?.signatures?.map(({ layout }) => layout).toSorted(), ['bundle', 'legacy'])
  const verifying = 'verify-attestation --key stranger.pub --insecure-ignore-tlog --type cyclonedx'
  const read = async (flags: string, key = 'stranger') =>
    JSON.parse((await good(cs(`${verifying.replace('stranger', key)} ${flags} ${name}`))).stdout).payload
  for (const flags of ['', legacy]) assert.equal(await read(flags), await read(flags, 'team'))
  assert.deepEqual((await report(`${resigning} --attestations --yes ${rigHost}/attested`)).counts, counts({ images: 1, already: 1 }))
})

test('with a log, which the new signatures are in as the old ones are', async () => {
  const services = '--trusted-root root.json --signing-config v1.json'
  const name = await rig.push('logged', freshImage())
  const at = { now: () => now }
  await good(cs(`sign --key team.key ${services} --format both ${name}`, at))
  const line = `resign --from team.pub --to stranger.key ${services} --yes -o json ${rigHost}/logged`
  const { counts: done }: Report = JSON.parse((await good(cs(line, at))).stdout)
  assert.deepEqual(done, counts({ images: 1, signed: 1 }))
  for (const flags of ['', legacy]) await good(cs(`verify --trusted-root root.json --key stranger.pub ${flags} ${name}`, at))
  const unlogged = await rig.push('unlogged', freshImage())
  await sign(unlogged)
  const { images }: Report = JSON.parse((await good(cs(line.replace('logged', 'unlogged'), at))).stdout)
  assert.match(images[0]?.reason ?? '', /not enough verified log entries/)
})

test('a log whose entries the older layout cannot hold fails that image alone', async () => {
  const at = { now: () => now }
  const [classic, bundled] = [await rig.push('tiles', freshImage(), 'a'), await rig.push('tiles', freshImage(), 'b')]
  const v1 = '--trusted-root root.json --signing-config v1.json'
  await good(cs(`sign --key team.key ${v1} ${legacy} ${classic}`, at))
  await good(cs(`sign --key team.key ${v1} ${bundled}`, at))
  const outcome = await cs(`resign --from team.pub --to stranger.key ${v1.replace('v1', 'v2')} --yes -o json ${rigHost}/tiles`, at)
  const { counts: done, images }: Report = JSON.parse(outcome.stdout)
  assert.deepEqual([outcome.code, done], [5, counts({ images: 2, signed: 1, failed: 1 })])
  assert.equal(images.find(({ error }) => error)?.error?.code, 'CONVERSION_IMPOSSIBLE')
  assert.equal(images.find(({ status }) => status === 'signed')?.tags[0], 'b')
})

test('signatures that are kept elsewhere', async () => {
  const environment = { COSIGN_REPOSITORY: `${rigHost}/signatures` }
  const name = await rig.push('elsewhere', freshImage())
  await good(cs(`sign --key team.key ${noLog} ${legacy} ${name}`, { environment }))
  await good(cs(`${resigning} --yes ${name}`, { environment }))
  await good(cs(`verify --key stranger.pub --insecure-ignore-tlog ${legacy} ${name}`, { environment }))
  assert.deepEqual(await hand.tags('elsewhere'), ['v1'])
})

test('a signature in the older layout among the referrers cannot have another beside it; what else there is, is signed', async () => {
  const environment = { COSIGN_EXPERIMENTAL: '1' }
  const image = freshImage()
  const name = await rig.push('referred', image)
  await good(cs(`sign --key team.key ${noLog} ${legacy} --registry-referrers-mode oci-1-1 ${name}`, { environment }))
  await sign(name)
  const outcome = await cs(`${resigning} --yes -o json ${name}`)
  const { images }: Report = JSON.parse(outcome.stdout)
  assert.deepEqual([outcome.code, images[0]?.error?.code], [1, 'CAPABILITY_MISSING'])
  assert.match(
    images[0]?.error?.message ?? '',
    /^referrer sha256:\w+ layer 0: it is of the older layout among the referrers, of which readers take one/,
  )
  assert.deepEqual(
    images[0]?.signatures?.map(({ layout }) => layout),
    ['bundle'],
  )
  await good(verifies(name, 'stranger.pub'))
})

test('a signature of the manifest itself is made by nobody here; what else there is, is signed', async () => {
  const image = freshImage()
  const name = await rig.push('bare', image)
  disk.set('manifest.json', image.manifest)
  await good(cs(`sign-blob --key team.key ${noLog} --yes --bundle bare.json manifest.json`))
  await hand.attachBundle('bare', image, disk.get('bare.json') as Uint8Array) // before the others, as whoever may write there can see to
  await sign(name, '--format both')
  const outcome = await cs(`${resigning} --yes -o json ${name}`)
  const { images }: Report = JSON.parse(outcome.stdout)
  assert.deepEqual([outcome.code, images[0]?.error?.code], [1, 'CAPABILITY_MISSING'])
  assert.match(images[0]?.error?.message ?? '', /^referrer sha256:\w+: it signs the manifest itself/)
  assert.deepEqual(
    images[0]?.signatures?.map(({ layout }) => layout),
    ['bundle', 'legacy'],
  )
  for (const flags of ['', legacy]) await good(verifies(name, 'stranger.pub', flags))
})

test('what a key of a key set signed after its time is left alone', async () => {
  const name = await rig.push('windows', freshImage())
  await sign(name)
  disk.set(
    'old.json',
    JSON.stringify({ mediaType: keySetMediaType, keys: [{ publicKey: teamKey.publicPem, validFor: { end: '2020-01-01T00:00:00Z' } }] }),
  )
  const { images } = await report(`${resigning.replace('team.pub', 'old.json')} ${name}`)
  assert.match(images[0]?.reason ?? '', /the signature counts as of .* \(now, for nothing proves when it was made\)/)
})

const usage = (message: RegExp): Refusal => ({ exit: 1, code: 'USAGE', message })
for (const { name, line, refusal } of [
  { name: 'no old key', line: `resign --to stranger.key ${rigHost}/app`, refusal: usage(/want --from KEY and --to KEY, got no --from/) },
  { name: 'no new key', line: `resign --from team.pub ${rigHost}/app`, refusal: usage(/got no --to/) },
  {
    name: 'one key',
    line: `${resigning.replace('stranger', 'team')} ${rigHost}/app`,
    refusal: usage(/want two keys, got the same key twice/),
  },
  { name: 'no workers', line: `${resigning} --max-workers 0 ${rigHost}/app`, refusal: usage(/--max-workers: want at least 1, got 0/) },
  { name: 'an image on the disk', line: `${resigning} oci:dir`, refusal: usage(/want one of a registry, got one on the disk/) },
  {
    name: 'no log where signatures need one',
    line: `resign --from team.pub --to stranger.key ${noLog} ${rigHost}/app`,
    refusal: usage(/no transparency log takes part in signing.*--insecure-ignore-tlog$/),
  },
  {
    name: 'an image that is not there',
    line: `${resigning} ${rigHost}/app:nowhere`,
    refusal: { exit: 6, code: 'IMAGE_NOT_FOUND', message: /app:nowhere/ },
  },
] satisfies { name: string; line: string; refusal: Refusal }[])
  test(`refused: ${name}`, async () => assertRefused(await cs(`${line} -o json`), refusal))

test('without a terminal the plan is no consent', async () => {
  const name = await rig.push('asked', freshImage())
  await sign(name)
  assertRefused(await cs(`${resigning} -o json ${name}`), usage(/this will add 1 signatures to 1 images; --yes answers yes/))
  assert.equal((await verifies(name, 'stranger.pub')).code, 1)
})

test('a repository without images', async () => {
  assert.equal((await good(cs(`${resigning} ${rigHost}/nothing`))).stdout, 'No images\n')
})

test('on a terminal the plan is shown, a question asked, and how far it has come', async () => {
  const names = [await rig.push('terminal', freshImage(), 'a'), await rig.push('terminal', freshImage(), 'b')]
  for (const name of names) await sign(name)
  const outcome = await good(cs(`${resigning} ${rigHost}/terminal`, { keys: ['y\r'], stderrIsTerminal: true }))
  assert.match(outcome.stderr, /looking at \[.*\] 2\/2 registry\.test\/terminal@sha256:/)
  assert.match(
    outcome.stderr,
    /To be signed \(2\):[\s\S]*this will add 2 signatures to 2 images[\s\S]*signing \[.*\] 2\/2 registry\.test\/terminal@sha256:/,
  )
  for (const name of names) await good(verifies(name, 'stranger.pub'))
  assert.doesNotMatch((await good(cs(`${resigning} ${rigHost}/terminal`))).stderr, /looking at/)
})

test('when time is up, how far it has come is said, and what was signed stays', async () => {
  const names = [await rig.push('slow', freshImage(), 'a'), await rig.push('slow', freshImage(), 'b')]
  for (const name of names) await sign(name)
  const gate = rig.hosts.get(rigHost)!
  const reached = Promise.withResolvers<void>()
  let puts = 0
  rig.hosts.set(rigHost, request => {
    if (request.method !== 'PUT' || !new URL(request.url).pathname.includes('/manifests/') || ++puts === 1) return gate(request)
    reached.resolve()
    return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
  })
  const passing = (ms: number) => ms < 1000
  const line = `${resigning} --yes --max-workers 1 --timeout 3m ${rigHost}/slow`
  const outcome = await cs(`${line} -o json`, { timeUp: reached.promise, passing })
  rig.hosts.set(rigHost, gate)
  assertRefused(outcome, { exit: 6, code: 'TIMED_OUT', message: /the command did not end within 3m0s/ })
  assert.match(outcome.stderr, /^Ended early, signing 1 of 2 images done; what was signed stays: run it again to go on$/m)
  assert.deepEqual((await report(line)).counts, counts({ images: 2, signed: 1, already: 1 }))
})
