/**
 * The tour: a registry on loopback, an image, a key, a signature, and what happens to images that cannot prove themselves.
 * `npm start`, or `npm start -- --keep` to leave the registry serving at the end.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { attachReferrer } from '../src/oci/attached/attach-referrer.ts'
import { createBundleReferrer } from '../src/oci/attached/bundle-referrer.ts'
import { listReferrers } from '../src/oci/attached/referrers.ts'
import { anonymous } from '../src/oci/credentials/credentials.ts'
import { parseManifest } from '../src/oci/manifest.ts'
import { parseImageReference } from '../src/oci/reference.ts'
import { createRegistryClient } from '../src/oci/registry-client.ts'
import { createRegistryFetch } from '../src/oci/registry-fetch.ts'
import { listen } from '../src/services/listen.ts'
import { createRegistry, memoryStore } from '../src/services/registry/registry.ts'
import { buildImage, buildIndex, pushBuilt } from '../src/testing/image-builder.ts'

const { values: options } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const launcher = join(import.meta.dirname, '../bin/countersign.js')
const folder = await mkdtemp(join(tmpdir(), 'countersign-tour-'))
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const world = {
  now: () => new Date(),
  randomBytes,
  fetch: (...request: Parameters<typeof fetch>) => fetchOf(registry)(...request),
  sleep: async () => {},
}
const registry = createRegistry(memoryStore(), world)
const server = await listen(registry, { report: console.error })
try {
  await tour(`${server.url.host}/demo/app`)
  say('What you saw: nothing but a signature by the right key, about this very image, was accepted, or, where asked, about its index.')
  if (options.keep) {
    say(`Serving on at ${server.url.origin}, keys in ${folder}. Ctrl-C ends it.`)
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
  }
} finally {
  await server.close()
  await rm(folder, { recursive: true, force: true })
}

async function tour(repository: string): Promise<void> {
  say('1. A registry is serving on loopback, and an image of two layers is pushed to it.')
  const image = buildImage()
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v1', image)
  show('countersign registry --listen 127.0.0.1:0')
  print(`${server.url.origin}\npushed ${repository}:v1\n       ${repository}@${image.digest}`)

  say('2. A key pair; the private key is encrypted with a passphrase.')
  await countersign(0, 'generate-key-pair')

  say('3. Nobody has signed the image, so it is refused: exit status 10.')
  await countersign(10, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', `${repository}@${image.digest}`)

  say('4. Sign it, by digest: a tag may point elsewhere tomorrow. The signature is stored beside the image.')
  const withoutLog = ['--use-signing-config=false', '--tlog-upload=false']
  await countersign(0, 'sign', '--key', 'cosign.key', ...withoutLog, '-a', 'commit=4f2a9c', `${repository}@${image.digest}`)
  await countersign(0, 'tree', `${repository}:v1`)

  say('5. Now it verifies, with the claim that was signed along.')
  await countersign(0, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', '-a', 'commit=4f2a9c', `${repository}:v1`)

  say('6. An attacker who can push replaces the image behind the tag, and hangs the good signature on the bad image.')
  const tampered = buildImage({ command: ['/app/hello', '--and-mine-coins'] })
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v1', tampered)
  await stealSignature(repository, image.digest, tampered.digest)
  print(`pushed ${repository}:v1\n       ${repository}@${tampered.digest}, with the signature of ${image.digest.slice(0, 19)}…`)
  await countersign(1, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', `${repository}:v1`)

  say('7. Signing it with a key of their own does not help either.')
  await countersign(0, 'generate-key-pair', '--output-key-prefix', 'mallory')
  await countersign(0, 'sign', '--key', 'mallory.key', ...withoutLog, `${repository}@${tampered.digest}`)
  await countersign(1, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', `${repository}:v1`)

  say('8. The image that was signed is still good, by its digest. Copied to a mirror, it takes its signature along.')
  const mirror = repository.replace('demo', 'mirror')
  await countersign(0, 'copy', `${repository}@${image.digest}`, `${mirror}:v1`)
  await countersign(0, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', `${mirror}:v1`)

  say('9. An index of two platforms is signed once. What a machine pulls is one image of it, and that is proven by the index.')
  const arm = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
  const index = buildIndex([image, arm])
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v2', index)
  print(`pushed ${repository}:v2\n       ${repository}@${index.digest}, in it ${arm.digest.slice(0, 19)}… for linux/arm64`)
  await countersign(0, 'sign', '--key', 'cosign.key', ...withoutLog, `${repository}@${index.digest}`)
  const child = `${repository}@${arm.digest}`
  await countersign(0, 'verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', '--via-index', `${repository}:v2`, child)
}

/** Attaches the bundle of one image to another, as anyone can who may push. */
async function stealSignature(repository: string, from: string, to: string): Promise<void> {
  const client = createRegistryClient(createRegistryFetch(world, { credentials: anonymous }))
  const [victim, target] = [parseImageReference(`${repository}@${from}`), parseImageReference(`${repository}@${to}`)]
  const [referrer] = await listReferrers(client, victim, victim.digest!, stop.signal)
  const manifest = parseManifest(await client.fetchManifest(victim, referrer!.digest, stop.signal), 'referrer')
  if (manifest.kind !== 'image') throw new Error('a bundle hangs in an image manifest')
  const [layer] = manifest.layers
  const bundle = { bytes: await client.fetchBlob(victim, layer!, layer!.size, stop.signal), content: 'dsse-envelope' } as const
  const image = await client.resolve(target, stop.signal)
  await attachReferrer(client, world, target, createBundleReferrer(image, bundle, world.now()), stop.signal)
}

/** Runs a command as a person would and shows both; the tour fails when it does not end as told. */
async function countersign(expected: number, ...args: readonly string[]): Promise<void> {
  show(`countersign ${args.join(' ')}`)
  const env = { ...process.env, COSIGN_PASSWORD: 'only for this tour' }
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve, reject) =>
    execFile(process.execPath, [launcher, ...args], { cwd: folder, env, signal: stop.signal }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), output: `${stderr}${stdout}` })
    }),
  )
  print(`${output.trim()}\nexit status ${code}`)
  if (code !== expected) throw new Error(`want exit status ${expected}, got ${code}`)
}

/** The registry without a socket, for what the tour does on the side. */
function fetchOf(handler: (request: Request) => Promise<Response>): typeof fetch {
  return async (input, init) => await handler(new Request(input, init))
}

function say(text: string): void {
  console.log(`\n${text}\n`)
}

function show(command: string): void {
  console.log(`  $ ${command}`)
}

function print(text: string): void {
  console.log(text.replace(/^/gm, '    '))
}
