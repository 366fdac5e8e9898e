import { createHash, createPrivateKey, sign } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodePem } from '../../../src/codec/pem.ts'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { encodePublicKeyPem, parsePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { hexOf, type OciDigest } from '../../../src/formats/oci-digest.ts'
import { listen } from '../../../src/services/listen.ts'
import { createTestSigstore } from '../../../src/testing/sigstore/test-sigstore.ts'
import { productionTrustedRoot } from '../../../src/trust/embedded/production-trusted-root.ts'
import { parseTrustedRoot } from '../../../src/trust/trusted-root.ts'
import { cosign2, cosign3, ours } from './actor.ts'
import { attestedFiles, attestFileInBundle, digestOfText, pushAttested, statedOf, withProvenance } from './attested-examples.ts'
import { binFolder } from './bin-folder.ts'
import { countersign, type Ended, run, runOk, tool } from './command.ts'
import { pushIndex } from './image.ts'
import type { Place } from './place.ts'
import type { Scene } from './scene.ts'
import type { SigstoreServer } from './sigstore.ts'
import { signingFlags } from './sigstore-ways.ts'
import type { TufMirror } from './tuf-mirror.ts'

const vectors = join(import.meta.dirname, '../../vectors')

/** Addresses that stand for those of the examples. */
export type Addresses = {
  readonly mirror: string
  readonly protectedRegistry: string
  readonly web: string
  readonly forge: string
  readonly vault: string
  readonly tuf: TufMirror
  readonly services: SigstoreServer // that cosign signs by without a key
}

/** Pushes what the examples name: `app:v1`, an index signed with all that is in it; `multi:v1`, an index that alone is signed; others, bare. */
export async function pushExamples(scene: Scene): Promise<void> {
  const { place, registry } = scene
  const arm = `${registry.host}/app:arm64`
  const one = await scene.copyImage('app')
  await runOk(place, tool('crane'), ['mutate', '--insecure', '--set-platform', 'linux/arm64', one, '-t', arm])
  for (const name of ['signatures', 'tools', 'multi', 'web']) await scene.copyImage(name)
  const digest = await pushIndex(place, `${registry.host}/app:v1`, [one, arm])
  await runOk(place, tool('crane'), ['copy', '--insecure', `${registry.host}/app@${digest}`, `${registry.host}/multi:v1`])
  const claims = ['-a', 'commit=4f2a9c']
  await scene.sign(cosign3, 'bundle', scene.a, ...claims, '--recursive', `${registry.host}/app@${digest}`)
  await scene.sign(cosign2, 'legacy', scene.a, ...claims, `${registry.host}/app@${digest}`)
  await scene.sign(cosign3, 'bundle', scene.a, `${registry.host}/multi@${digest}`)
  await pushByWorkflow(scene)
  await pushAttested(scene)
}

/** The Sigstore that signs what examples verify without a key; commands have its trusted root from their TUF repository. */
export const sigstore = await createTestSigstore()
const acme = 'https://github.com/acme/app'
const workflow = `${acme}/.github/workflows/release.yml@refs/heads/main`
const byWorkflow = {
  leaf: {
    names: [{ kind: 'uri', value: workflow }],
    fulcio: {
      issuer: 'https://token.actions.githubusercontent.com',
      'source-repository-uri': acme,
      'source-repository-ref': 'refs/heads/main',
      'build-config-uri': workflow,
      'build-trigger': 'push',
    },
  },
} as const

/** Pushes an image that the workflow of the examples signed. */
async function pushByWorkflow(scene: Scene): Promise<void> {
  const bundle = scene.place.path('workflow.sigstore.json')
  const image = await scene.copyImage('by-workflow')
  writeFileSync(bundle, await sigstore.signImage(scene.digest as OciDigest, byWorkflow))
  await runOk(scene.place, ours.command(), ['attach', 'signature', '--bundle', bundle, image])
  writeFileSync(bundle, await statedByWorkflow(scene.digest, 'cyclonedx'))
  await runOk(scene.place, ours.command(), ['attach', 'attestation', '--attestation', bundle, image])
}

function statedByWorkflow(digest: string, type: Parameters<typeof statedOf>[1]): Promise<Uint8Array> {
  return sigstore.signImage(digest as OciDigest, { ...byWorkflow, statement: statedOf(digest, type) })
}

/** The repository that `IMAGE` stands for. */
function appOf(line: string): string {
  if (line.startsWith('upload ')) return 'uploaded'
  if (line.startsWith('promote ')) return 'buildx'
  if (/^identity suggest |--certificate-oidc-issuer/.test(line)) return 'by-workflow'
  return line.includes('--via-index') ? 'multi' : 'app'
}

/** The line with names of things that are there in place of those that stand for any. */
export function fillIn(line: string, scene: Scene, { mirror, protectedRegistry, web, tuf }: Addresses): string {
  const { host } = scene.registry
  const app = appOf(line)
  return line
    .replace(/^(stack up --dev .*)$/, '$1 --url http://127.0.0.1:0')
    .replace(/^(admission .*?)(?: --listen \S+)?( --tls-.*)$/, '$1 --listen 127.0.0.1:0$2')
    .replace(/^(stack (?:status|doctor|export-trust) .*)\.\/stack/, `$1${runningStack(scene)}`)
    .replaceAll('https://tuf.example.com', tuf.url)
    .replace('--root-checksum HEX', `--root-checksum ${tuf.rootHex}`)
    .replace(/([= ]https:\/\/(?!registry|mirror)\w+\.|operator[= ])example\.com/g, '$1test')
    .replace('sha256:HEX trust.json', '"sha256:$(sha256sum trust.json | cut -d" " -f1)" trust.json')
    .replace('login registry.example.com', `login ${protectedRegistry}`)
    .replaceAll('https://example.com/', `${web}/`)
    .replaceAll('mirror.example.com/', `${mirror}/`)
    .replaceAll('registry.example.com/', `${host}/`)
    .replaceAll('IMAGE@sha256:...', `${host}/${app}@${app === 'buildx' ? withProvenance.digest : scene.digest}`)
    .replaceAll('IMAGE...', `${host}/app@${scene.digest}`)
    .replaceAll('IMAGE:v1', `${host}/${app}:v1`)
    .replaceAll('IMAGE', `${host}/${app}:v1`)
    .replaceAll('FILE', 'file')
    .replaceAll('HEX', hexOf(digestOfText(content)))
    .replaceAll('DIR', 'saved')
}

/** The folder of a stack that serves while the examples run. */
export function runningStack({ place }: Scene): string {
  return place.path('running-stack')
}

/** Files that an example finds, by the name it gives them. Each maker writes the file into the folder it is given. */
type Maker = (scene: Scene, path: string, addresses: Addresses, line: string) => Promise<void> | void
const makers: Readonly<Record<string, Maker>> = {
  ...attestedFiles,
  'statement.json': (scene, path, _, line) =>
    writeFileSync(path, statedOf(line.startsWith('attest-blob ') ? digestOfText(content) : scene.digest, 'slsaprovenance1')),
  'cosign.key': (scene, path) => copyFileSync(scene.a.key, path),
  'cosign.pub': (scene, path) => copyFileSync(scene.a.pub, path),
  'old.pub': (scene, path) => copyFileSync(scene.a.pub, path),
  'new.key': (scene, path) => copyFileSync(scene.b.key, path),
  'release-keys.json': (scene, path) => writeFileSync(path, keySetOf(scene)),
  'cosign.pem': async (scene, path, { services }) => {
    const publicKey = parsePublicKeyPem(readFileSync(scene.a.pub), 'cosign.pub')
    const key = { publicKey, hash: undefined, sign: () => Promise.reject(new TypeError('the key is in a file of its own')) }
    const [notBefore, notAfter] = [-3_600_000, 3_600_000].map(ms => new Date(Date.now() + ms))
    writeFileSync(path, (await services.authority.issueLeaf({ key, notBefore: notBefore!, notAfter: notAfter! })).pem)
  },
  'chain.pem': (_, path, { services }) => copyFileSync(services.files.chain, path),
  'openssl.key': (_, path) => copyFileSync(join(vectors, 'cosign-keys/import/rsa-2048.pkcs1.pem'), path),
  'key.pem': (_, path) => copyFileSync(join(vectors, 'cosign-keys/import/prime256v1.sec1.pem'), path),
  'signing-config.json': (_, path) =>
    writeFileSync(path, '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}'),
  'token.jwt': (_, path, { services }) => writeFileSync(path, services.token({ sub: 'opaque' })),
  'sigstore.json': (_, path, { services }) => copyFileSync(services.signingConfig('v1', true), path),
  'sigstore-root.json': (_, path, { services }) => copyFileSync(services.trustedRootFile, path),
  'images.txt': (scene, path) => writeFileSync(path, `${scene.registry.host}/app:v1\n`),
  'deployment.yaml': (scene, path) => writeFileSync(path, deployment(scene)),
  'policy.yaml': (scene, path) => writeFileSync(path, policyByKey(scene)),
  './policies': (scene, path) => {
    mkdirSync(path)
    writeFileSync(join(path, 'policy.yaml'), policyByKey(scene))
  },
  'tls.crt': (_, path) => copyFileSync(join(vectors, 'tls/server.pem'), path),
  'tls.key': (_, path) => copyFileSync(join(vectors, 'tls/server.key'), path),
  'manifests/': (scene, path) => {
    mkdirSync(path)
    writeFileSync(join(path, 'deployment.yaml'), deployment(scene))
  },
  Dockerfile: (scene, path) => writeFileSync(path, `FROM ${scene.registry.host}/app:v1\nRUN true\n`),
  token: (_, path) => writeFileSync(path, 'correct horse\n'),
  file: (_, path) => writeFileSync(path, content),
  'file.sigstore.json': async (scene, path, _, line) => {
    if (!line.startsWith('verify-blob-attestation ')) await signFile(scene, 'bundle', path)
    else if (line.includes('--key ')) await attestFileInBundle(scene, path, contentPath(scene))
    else writeFileSync(path, await statedByWorkflow(digestOfText(content), 'spdxjson'))
  },
  'old.sigstore.json': async (scene, path) => {
    await signFile(scene, 'bundle', path)
    writeFileSync(path, readFileSync(path, 'utf8').replace('bundle.v0.3+json', 'bundle+json;version=0.2'))
  },
  'file.bundle': (scene, path) => signFile(scene, 'legacy', path),
  'file.sig': async (scene, path) => {
    await signFile(scene, 'legacy', `${path}.bundle`)
    writeFileSync(path, JSON.parse(readFileSync(`${path}.bundle`, 'utf8')).base64Signature)
  },
  'file.pem': async (scene, path, { services: { url, token, variables } }) => {
    const flags = ['--yes', '--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url, '--identity-token', token({ sub: 'opaque' })]
    const outputs = ['--output-certificate', path, '--output-signature', path.replace('.pem', '.sig')] // in place of the signature by a key
    await runOk(scene.place, cosign2.command(), ['sign-blob', ...flags, ...outputs, contentPath(scene)], { env: variables })
  },
  'logged.sigstore.json': logFile,
  'file.att': (scene, path) => attestFile(scene, path),
  'attestation.json': (scene, path) => attestFile(scene, path),
  'image.sigstore.json': async (scene, path) => {
    const { stdout } = await runOk(scene.place, cosign3.command(), ['download', 'signature', `${scene.registry.host}/app:v1`])
    writeFileSync(path, stdout.split('\n')[0]!)
  },
  'payload.json': async (scene, path) => {
    writeFileSync(path, (await runOk(scene.place, cosign3.command(), ['generate', `${scene.registry.host}/app:v1`])).stdout)
  },
  'root.json': (_, path, { tuf }) => copyFileSync(tuf.rootFile, path),
  'trusted_root.json': (_, path) => writeFileSync(path, sigstore.trustedRootJson),
  'release.sigstore.json': async (_, path) => writeFileSync(path, await sigstore.signBlob(encodeUtf8(content), byWorkflow)),
  'trust.json': async (scene, path, { tuf }) => {
    const env = { TUF_MIRROR: tuf.url, TUF_ROOT_JSON: tuf.rootFile, TUF_ROOT: `${path}.cache` }
    await runOk(scene.place, countersign(), ['trust', 'export', path], { env })
  },
  'ca.pem': (_, path) => writeFileSync(path, fulcioChain()),
  'rekor.pub': (_, path) => writeFileSync(path, encodePublicKeyPem(production().transparencyLogs[0]!.key)),
  signature: async (scene, path) => {
    const { stdout } = await runOk(scene.place, cosign3.command(), ['generate', `${scene.registry.host}/app:v1`])
    const key = createPrivateKey(readFileSync(join(vectors, 'cosign-keys/import/prime256v1.sec1.pem')))
    writeFileSync(path, sign('sha256', Buffer.from(stdout), key).toString('base64'))
  },
  'report.pdf': (_, path) => writeFileSync(path, '%PDF-1.7\n'),
  'tool-linux': (_, path) => writeFileSync(path, 'a program'),
  'tool-mac': (_, path) => writeFileSync(path, 'another program'),
  'rules.bin': (_, path) => writeFileSync(path, createHash('sha256').update('rules').digest()),
  'module.wasm': (_, path) => writeFileSync(path, Buffer.from('0061736d01000000', 'hex')),
  saved: (scene, path) => saveImage(scene, path),
  './app': (scene, path) => saveImage(scene, path),
  './stack': async (scene, path) => {
    const url = await freeAddress()
    await runOk(scene.place, countersign(), ['stack', 'init', '--data', path, '--root-keys', `${path}-root-keys`, '--url', url])
  },
}
const content = '{"release":1}\n'

/** What an example writes is not there before it. */
const writes =
  /(?:>|stack init --data|stack up --dev --data|trust export|--out|--outfile|-out|--output-key-prefix|save --dir|(?:sign|attest)-blob .*--bundle) (\S+)/g

/** A folder of its own for one example, with every file in it that its line reads. */
export async function prepareFolder(scene: Scene, line: string, addresses: Addresses): Promise<string> {
  const folder = mkdtempSync(scene.place.path('example-'))
  const written = [...line.matchAll(writes)].map(([, name]) => name)
  const words = line.split(/[ :;=,]/)
  for (const [name, make] of Object.entries(makers))
    if (words.includes(name) && !written.includes(name)) await make(scene, join(folder, name), addresses, line)
  for (const name of ['.zsh/completions', '.config/fish/completions'])
    mkdirSync(join(scene.place.folder, 'home', name), { recursive: true })
  return folder
}

/** What examples find in the environment, beside the place's own. */
export function exampleEnvironment(scene: Scene, { forge, tuf }: Addresses): Readonly<Record<string, string>> {
  return {
    PATH: `${binFolder(scene.place)}:${scene.place.env['PATH']}`,
    SIGNING_KEY: readFileSync(scene.a.key, 'utf8'),
    SSL_CERT_FILE: join(vectors, 'tls/ca.pem'),
    GITLAB_HOST: forge,
    GITHUB_HOST: forge,
    TUF_MIRROR: tuf.url,
    TUF_ROOT_JSON: tuf.rootFile,
  }
}

/** Runs a line by bash in a folder; a deployment is on its standard input. The first command that fails ends it. */
export function runLine(scene: Scene, folder: string, line: string, env: Readonly<Record<string, string>>): Promise<Ended> {
  const place: Place = { ...scene.place, folder }
  return run(place, ['/bin/bash', '-e', '-u', '-o', 'pipefail'], ['-c', line], { env, input: deployment(scene) })
}

/** A key set of two keys that follow one another. */
function keySetOf({ a, b }: Scene): string {
  const [older, newer] = [a, b].map(({ pub }) => ({ publicKey: readFileSync(pub, 'utf8') }))
  const keys = [
    { ...older, validFor: { end: '2026-06-30T23:59:59Z' } },
    { ...newer, validFor: { start: '2026-06-01T00:00:00Z' } },
  ]
  return JSON.stringify({ mediaType: 'application/vnd.countersign.keyset.v1+json', keys })
}

function production() {
  return parseTrustedRoot(new TextEncoder().encode(productionTrustedRoot))
}

function fulcioChain(): string {
  return production()
    .certificateAuthorities[1]!.chain.map(({ der }) => encodePem('CERTIFICATE', der))
    .join('')
}

function deployment(scene: Scene): string {
  const containers = [{ name: 'app', image: `${scene.registry.host}/app:v1` }]
  return `${JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: { spec: { containers } } } })}\n` // JSON is YAML
}

function policyByKey({ a }: Scene): string {
  const authorities = [{ key: { data: readFileSync(a.pub, 'utf8') }, signatureFormat: 'bundle' }]
  const head = { apiVersion: 'policy.sigstore.dev/v1beta1', kind: 'ClusterImagePolicy', metadata: { name: 'release' } }
  return `${JSON.stringify({ ...head, spec: { images: [{ glob: '**' }], authorities } })}\n`
}

/** Of a port that nobody has now. */
async function freeAddress(): Promise<string> {
  const { url, close } = await listen(async () => new Response(), { report: () => {} })
  await close()
  return url.origin
}

function contentPath(scene: Scene): string {
  writeFileSync(scene.place.path('content'), content)
  return scene.place.path('content')
}

async function signFile(scene: Scene, format: 'bundle' | 'legacy', path: string): Promise<void> {
  const signer = format === 'bundle' ? cosign3 : cosign2
  const flags = [...signer.signs(format), '--key', scene.a.key, '--bundle', path]
  await runOk(scene.place, signer.command(), ['sign-blob', ...flags, contentPath(scene)])
}

/** Signs the file without a key, so that a log has it. */
export async function logFile(scene: Scene, path: string, { services }: Pick<Addresses, 'services'>): Promise<void> {
  const way = { signer: cosign3, format: 'bundle', log: 'v1', stamped: false } as const
  const flags = signingFlags(services, way, services.token({ sub: 'opaque' }))
  await runOk(scene.place, cosign3.command(), ['sign-blob', ...flags, '--bundle', path, contentPath(scene)])
}

async function attestFile(scene: Scene, path: string): Promise<void> {
  const flags = [...cosign2.signs('legacy'), '--key', scene.a.key, '--predicate', contentPath(scene), '--type', 'custom']
  await runOk(scene.place, cosign2.command(), ['attest-blob', ...flags, '--output-signature', path, contentPath(scene)])
}

async function saveImage(scene: Scene, path: string): Promise<void> {
  await runOk(scene.place, cosign3.command(), ['save', '--dir', path, `${scene.registry.host}/app:v1`])
}
