/**
 * The tour: a private Sigstore and a registry on loopback, an image that a CI job signs without a key, and what happens to images that
 * cannot prove themselves. `npm start`, or `npm start -- --keep` to leave both serving at the end.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
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
let stack: Stack | undefined
try {
  stack = await startStack()
  await tour(`${server.url.host}/demo/app`, stack)
  say('What you saw: nothing but a signature by the right workflow, about this very image, was accepted, or, where asked, about its index.')
  if (options.keep) {
    say(
      `Serving on: the registry at ${server.url.origin}, the Sigstore at ${stack.url}; its folder and the keys are in ${folder}. Ctrl-C ends it.`,
    )
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
  }
} finally {
  await stack?.end()
  await server.close()
  await rm(folder, { recursive: true, force: true })
}

type Stack = {
  readonly url: string
  /** What a job of a workflow in this repository has in its environment. */
  readonly job: (repository: string) => Promise<NodeJS.ProcessEnv>
  readonly end: () => Promise<void>
}

/** Starts the private Sigstore as a process of its own, and waits until it serves. */
async function startStack(): Promise<Stack> {
  const args = ['stack', 'up', '--dev', '--data', 'stack', '--url', 'http://127.0.0.1:0']
  const child: ChildProcess = spawn(process.execPath, [launcher, ...args], {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  createInterface({ input: child.stderr! }).on('line', line => log.push(line))
  const exited = once(child, 'exit')
  const failed = exited.then(([code]) => Promise.reject(new Error(`stack up ended with ${code}: ${log.join('\n')}`)))
  const [url] = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), failed])
  return {
    url,
    job: async repository => {
      const text = await readFile(join(folder, 'stack/dev.env'), 'utf8')
      const variables = Object.fromEntries([...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]))
      return { ...variables, ACTIONS_ID_TOKEN_REQUEST_URL: `${variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&repository=${repository}` }
    },
    end: async () => {
      failed.catch(() => {}) // now it is to end
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function tour(repository: string, { url, job }: Stack): Promise<void> {
  say('1. A private Sigstore is serving on loopback: certificate authority, logs, timestamps, issuer of tokens. So is a registry.')
  show('countersign stack up --dev --data stack')
  print(url)
  const image = buildImage()
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v1', image)
  show('countersign registry --listen 127.0.0.1:0')
  print(`${server.url.origin}\npushed ${repository}:v1\n       ${repository}@${image.digest}`)

  say('2. Whom to trust is taken from its TUF repository, once; from then on no command names a service or a key.')
  await countersign(
    0,
    'initialize',
    '--mirror',
    `${url}/tuf`,
    '--root',
    `${url}/tuf/1.root.json`,
    '--root-checksum',
    await checksumOf(`${url}/tuf/1.root.json`),
  )

  const workflow = 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main'
  const who = ['--certificate-identity', workflow, '--certificate-oidc-issuer', `${url}/actions`]
  say('3. Nobody has signed the image, so it is refused: exit status 10.')
  await countersign(10, 'verify', ...who, `${repository}@${image.digest}`)

  say(
    '4. A CI job of the workflow signs it, by the token it has: the key is made for this once, certified for the workflow, and forgotten.',
  )
  const ours = await job('example/app')
  await countersignIn(ours, 0, 'sign', '--yes', '-a', 'commit=4f2a9c', `${repository}@${image.digest}`)
  await countersign(0, 'tree', `${repository}:v1`)

  say('5. Now it verifies, for the workflow alone, with the claim that was signed along.')
  await countersign(0, 'verify', ...who, '-a', 'commit=4f2a9c', `${repository}:v1`)

  say('6. An attacker who can push replaces the image behind the tag, and hangs the good signature on the bad image.')
  const tampered = buildImage({ command: ['/app/hello', '--and-mine-coins'] })
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v1', tampered)
  await stealSignature(repository, image.digest, tampered.digest)
  print(`pushed ${repository}:v1\n       ${repository}@${tampered.digest}, with the signature of ${image.digest.slice(0, 19)}…`)
  await countersign(1, 'verify', ...who, `${repository}:v1`)

  say('7. Signing it from a workflow of their own does not help either. Every step that was taken is shown, and the one that refuses it.')
  await countersignIn(await job('mallory/app'), 0, 'sign', '--yes', `${repository}@${tampered.digest}`)
  await countersign(1, 'verify', '--explain', ...who, `${repository}:v1`)

  say('8. The image that was signed is still good, by its digest. Copied to a mirror, it takes its signature along.')
  const mirror = repository.replace('demo', 'mirror')
  await countersign(0, 'copy', `${repository}@${image.digest}`, `${mirror}:v1`)
  await countersign(0, 'verify', ...who, `${mirror}:v1`)

  say('9. An index of two platforms is signed once. What a machine pulls is one image of it, and that is proven by the index.')
  const arm = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
  const index = buildIndex([image, arm])
  await pushBuilt(fetchOf(registry), server.url, 'demo/app', 'v2', index)
  print(`pushed ${repository}:v2\n       ${repository}@${index.digest}, in it ${arm.digest.slice(0, 19)}… for linux/arm64`)
  await countersignIn(ours, 0, 'sign', '--yes', `${repository}@${index.digest}`)
  await countersign(0, 'verify', ...who, '--via-index', `${repository}:v2`, `${repository}@${arm.digest}`)

  say('10. The Sigstore examines itself: a probe is signed and verified with each of its logs, and what expires when is shown.')
  await countersign(0, 'stack', 'doctor', '--data', 'stack')
}

async function checksumOf(address: string): Promise<string> {
  return createHash('sha256')
    .update(new Uint8Array(await (await fetch(address)).arrayBuffer()))
    .digest('hex')
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
function countersign(expected: number, ...args: readonly string[]): Promise<void> {
  return countersignIn({}, expected, ...args)
}

/** The same where a CI job runs. */
async function countersignIn(job: NodeJS.ProcessEnv, expected: number, ...args: readonly string[]): Promise<void> {
  show(`countersign ${args.join(' ')}`)
  const env = { ...environment(), ...job }
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve, reject) =>
    execFile(process.execPath, [launcher, ...args], { cwd: folder, env, signal: stop.signal }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), output: `${stderr}${stdout}` })
    }),
  )
  print(`${output.trim()}\nexit status ${code}`)
  if (code !== expected) throw new Error(`want exit status ${expected}, got ${code}`)
}

/** What is trusted, and the source as compiled, go into the tour's own folder; no CI job that this runs in is taken for the tour's. */
function environment(): NodeJS.ProcessEnv {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: _url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: _token, ...others } = process.env
  return { NODE_COMPILE_CACHE: join(folder, 'compiled'), ...others, TUF_ROOT: join(folder, 'trust'), COSIGN_PASSWORD: '' }
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
