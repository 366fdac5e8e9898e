import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runOrDie } from '../scripts/process.ts'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { encodePublicKeyPem } from '../src/crypto/public-key.ts'
import { encodeBlobBundle } from '../src/formats/blob-bundle.ts'
import { createTestSigstore } from '../src/testing/sigstore/test-sigstore.ts'
import { teamKey, testPassphrase } from '../src/testing/test-keys.ts'

// Whatever works offline works where Node itself forbids the network (`--permission` without `--allow-net`, from Node 25 on), and where
// there is no home to keep anything in: an empty folder that stays empty. On runtimes without permissions the answers are the same.

const root = join(import.meta.dirname, '..')
const place = mkdtempSync(join(tmpdir(), 'countersign-offline-'))
const home = join(place, 'home')
mkdirSync(home)
after(() => rmSync(place, { recursive: true }))

const forbidsNetwork = process.allowedNodeEnvironmentFlags.has('--allow-net') && !process.versions['bun']
const permissions = forbidsNetwork ? ['--permission', '--allow-fs-read=*'] : [] // writing too: permissions and fsync do not go together
const program = [...permissions, join(place, 'released/cli.cjs')]

/** Bun by itself keeps in the home folder what it compiled of large programs. */
const withoutCache = { BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' }

type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string }

function run(line: string): Promise<Answer> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, COSIGN_PASSWORD: testPassphrase, ...withoutCache }
  return new Promise(resolve =>
    execFile(process.execPath, [...program, ...line.split(' ')], { cwd: place, env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
    ),
  )
}

before(async () => {
  await runOrDie(process.execPath, [join(root, 'scripts/build.ts'), '--command', '--out', join(place, 'released')])
  const sigstore = await createTestSigstore()
  const blob = encodeUtf8('a blob\n')
  const key = teamKey.signer()
  const files: Readonly<Record<string, string | Uint8Array>> = {
    blob,
    'keyless.json': await sigstore.signBlob(blob),
    'stamped.json': await sigstore.signBlob(blob, { logs: ['v2'] }),
    'key.json': await sigstore.signBlob(blob, { key }),
    'old.json': await sigstore.signBlob(blob, { version: '0.1' }),
    'legacy.json': encodeBlobBundle(await key.sign(blob), encodePublicKeyPem(key.publicKey)),
    'blob.sig': encodeBase64(await key.sign(blob)),
    'root.json': sigstore.trustedRootJson,
    'team.pub': encodePublicKeyPem(key.publicKey),
    'team.key': teamKey.encrypted,
    'ca.pem': sigstore.authority.pem + sigstore.root.pem,
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content)
  cpSync(join(root, 'test/vectors/layouts/cosign-3-image'), join(place, 'saved'), { recursive: true })
})

const identity = '--certificate-identity signer@example.com --certificate-oidc-issuer https://issuer.example'
const trusting = '--trusted-root root.json --as-of 2025-07-01T00:00:00Z'

const digest = `sha256:${'0'.repeat(64)}`

for (const { line, code = 0, stdout = /^$/, stderr = /^/ } of [
  { line: `verify-blob ${identity} ${trusting} --bundle keyless.json blob`, stderr: /^Verified OK$/m },
  { line: `verify-blob ${identity} ${trusting} --bundle stamped.json --use-signed-timestamps blob`, stderr: /^Verified OK$/m },
  { line: `verify-blob ${identity} ${trusting} --offline --bundle keyless.json blob`, stderr: /^Verified OK$/m },
  { line: `verify-blob --key team.pub ${trusting} --bundle key.json blob`, stderr: /^Verified OK$/m },
  { line: 'verify-blob --key team.pub --insecure-ignore-tlog --signature blob.sig blob', stderr: /^Verified OK$/m },
  { line: 'verify-blob --key team.pub --offline --bundle legacy.json blob', code: 1, stderr: /the signature brings no log entry/ },
  {
    line: `verify-blob ${identity} --offline --bundle keyless.json blob`,
    code: 1,
    stderr: /using the trusted root that comes with countersign/,
  },
  { line: 'verify --key team.pub --insecure-ignore-tlog --local-image saved', stdout: /"docker-manifest-digest":"sha256:/ },
  { line: 'tree oci:saved', stdout: /saved/ },
  {
    line: 'sign-blob --key team.key --new-bundle-format=false --use-signing-config=false --tlog-upload=false blob',
    stdout: /^[A-Za-z0-9+/]{90,}={0,2}\n$/,
  },
  { line: 'public-key --key team.key', stdout: /^-----BEGIN PUBLIC KEY-----$/m },
  { line: `generate registry.test/app@${digest}`, stdout: new RegExp(digest) },
  { line: `triangulate registry.test/app@${digest}`, stdout: /^registry\.test\/app:sha256-0{64}\.sig$/m },
  { line: 'completion bash', stdout: /countersign/ },
  { line: 'env', stdout: /COSIGN_PASSWORD/ },
  { line: 'bundle inspect keyless.json', stdout: /signer@example\.com/ },
  { line: 'bundle upgrade old.json', stdout: /bundle\.v0\.3/, stderr: /Upgrading from v0\.1 to v0\.3/ },
  { line: 'bundle create --artifact blob --signature blob.sig --key team.pub --ignore-tlog', stdout: /"messageSignature"/ },
  { line: 'trusted-root create --fulcio url=https://ca.example,certificate-chain=ca.pem', stdout: /trustedroot/ },
  {
    line: 'signing-config create --fulcio url=https://ca.example,api-version=1,operator=x,start-time=2025-01-01T00:00:00Z',
    stdout: /signingconfig/,
  },
  { line: 'trust doctor --trusted-root root.json', stdout: /ca\.example/ },
  { line: 'trust doctor --offline', stdout: /sigstore/ },
  { line: 'version', stdout: /GitVersion/ },
])
  test(`offline: ${line}`, async () => {
    const answer = await run(line)
    assert.equal(answer.code, code, answer.stderr)
    assert.match(answer.stdout, stdout)
    assert.match(answer.stderr, stderr)
    assert.doesNotMatch(answer.stderr, /ERR_ACCESS_DENIED|defect of countersign/)
  })

if (forbidsNetwork)
  test('offline: what would need a network says so and fails', async () => {
    const { code, stderr } = await run(`verify-blob ${identity} --bundle keyless.json blob`)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /tuf-repo-cdn\.sigstore\.dev/)
  })

test('offline: nothing was left in the home folder', () => assert.deepEqual(readdirSync(home), []))
