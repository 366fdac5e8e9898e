import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { good } from '../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../src/testing/image-builder.ts'
import { createTestIssuer } from '../src/testing/sigstore/test-issuer.ts'
import { createTufRepository } from '../src/testing/tuf-repository.ts'
import { now, origin, setSigningScene, tokenOf, who } from './keyless-sign/scene.ts'

const scene = await setSigningScene()
const { cs, disk, hosts, push } = scene
const image = buildImage()
const keyless = '--yes --identity-token token --trusted-root root.json'
let images = 0
const fresh = () => push(`app-${++images}`, image)

for (const [name, file] of [
  ['ed25519', 'ed25519.pkcs8.pem'],
  ['rsa', 'rsa-2048.pkcs1.pem'],
] as const) {
  disk.set(`${name}.pem`, readFileSync(join(import.meta.dirname, 'vectors/cosign-keys/import', file)))
  await good(cs(`import-key-pair --key ${name}.pem --output-key-prefix ${name}`))
}

const variables = {
  SIGSTORE_ROOT_FILE: 'ca.pem',
  SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'ct.pub',
  SIGSTORE_REKOR_PUBLIC_KEY: 'rekor.pub',
}

for (const { name, flags, verifying = who } of [
  { name: 'bundle, Rekor v1', flags: '--signing-config v1.json' },
  { name: 'bundle, Rekor v1, stamped', flags: '--signing-config v1-stamped.json', verifying: `${who} --use-signed-timestamps` },
  { name: 'bundle, Rekor v2, stamped', flags: '--signing-config v2.json', verifying: `${who} --use-signed-timestamps` },
  { name: 'bundle, the newer of both logs', flags: '--signing-config both.json', verifying: `${who} --use-signed-timestamps` },
  {
    name: 'bundle, no log, stamped',
    flags: '--signing-config stamps.json',
    verifying: `${who} --use-signed-timestamps --insecure-ignore-tlog`,
  },
  { name: 'bundle, services by flags', flags: `--fulcio-url ${origin} --rekor-url ${origin} --use-signing-config=false` },
  { name: 'the same as cosign 2 takes them', flags: `--fulcio-url ${origin} --rekor-url ${origin}` },
  { name: 'legacy, Rekor v1', flags: '--signing-config v1.json --new-bundle-format=false' },
  {
    name: 'legacy, Rekor v1, stamped',
    flags: `--fulcio-url ${origin} --rekor-url ${origin} --timestamp-server-url ${origin}/api/v1/timestamp --new-bundle-format=false`,
    verifying: `${who} --use-signed-timestamps`,
  },
  { name: 'legacy, of both logs the one it can hold', flags: '--signing-config both.json --new-bundle-format=false' },
]) {
  test(`an image is signed without a key, and verifies: ${name}`, async () => {
    const named = await fresh()
    await good(cs(`sign ${keyless} ${flags} ${named}`))
    await good(cs(`verify ${verifying} ${named}`))
  })
  test(`a file is signed without a key, and verifies: ${name}`, async () => {
    const stamped = flags.includes('imestamp-server') ? '--rfc3161-timestamp stamp.json' : ''
    await good(cs(`sign-blob ${keyless} ${flags} ${stamped} --bundle out.json blob`))
    const timestamp = stamped === '' || !flags.includes('--new-bundle') ? '' : '--rfc3161-timestamp stamp.json'
    await good(cs(`verify-blob ${verifying} ${timestamp} --bundle out.json blob`))
  })
}

for (const { name, flags, verifying = '' } of [
  { name: 'bundle, Rekor v1', flags: '--signing-config v1.json' },
  { name: 'bundle, Rekor v2', flags: '--signing-config v2-unstamped.json' },
  { name: 'bundle, Rekor v2, stamped', flags: '--signing-config v2.json', verifying: '--use-signed-timestamps' },
  { name: 'legacy, Rekor v1', flags: '--signing-config v1.json --new-bundle-format=false' },
])
  for (const key of ['team', 'ed25519', 'rsa'])
    test(`what a key signs is logged where the config says so: ${key}, ${name}`, async () => {
      const named = await fresh()
      await good(cs(`sign --key ${key}.key --trusted-root root.json ${flags} ${named}`))
      await good(cs(`verify --key ${key}.pub --trusted-root root.json ${verifying} ${named}`))
      await good(cs(`sign-blob --key ${key}.key --trusted-root root.json ${flags} --bundle out.json blob`))
      await good(cs(`verify-blob --key ${key}.pub --trusted-root root.json ${verifying} --bundle out.json blob`))
    })

test('no flag says which services: those that the TUF repository distributes, and its trust', async () => {
  const text = (name: string) => new TextDecoder().decode(disk.get(name) as Uint8Array)
  const repository = createTufRepository({
    targets: { 'trusted_root.json': text('root.json'), 'signing_config.v0.2.json': text('v2.json') },
  })
  hosts.set('tuf.test', request => repository.fetch(request.url))
  disk.set('tuf-root.json', repository.root(1))
  const environment = { TUF_ROOT: 'tuf', TUF_MIRROR: 'https://tuf.test/sigstore', TUF_ROOT_JSON: 'tuf-root.json' }
  const [first, second] = [await fresh(), await fresh()]
  await good(cs(`sign --yes --identity-token token ${first}`, { environment }))
  await good(cs(`sign --key team.key ${second}`, { environment }))
  await good(cs(`verify ${who.replace(' --trusted-root root.json', '')} ${first}`, { environment }))
  await good(cs(`verify --key team.pub ${second}`, { environment }))
})

test('both layouts, an index and its images, one certificate for all of them', async () => {
  const other = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
  const index = await push('index', buildIndex([image, other]))
  const { requests } = await good(cs(`sign ${keyless} --signing-config v1.json --format both --recursive ${index}`))
  assert.equal(requests.filter(line => line === `POST ${origin}/api/v2/signingCert`).length, 1)
  assert.equal(requests.filter(line => line === `POST ${origin}/api/v1/log/entries`).length, 6)
  for (const digest of [image.digest, other.digest])
    for (const format of ['', '--new-bundle-format=false']) await good(cs(`verify ${who} ${format} registry.test/index@${digest}`))
})

test('the private Sigstore of cosign 2: everything by flags and variables', async () => {
  const named = await fresh()
  const flags = `--yes --identity-token ${tokenOf()} --fulcio-url ${origin} --rekor-url ${origin} --new-bundle-format=false`
  await good(cs(`sign ${flags} ${named}`, { environment: variables }))
  await good(cs(`verify ${who} ${named}`))
})

test('a key that signs and is logged leaves one layer, and one bundle, however often both are written', async () => {
  const named = await fresh()
  const line = `sign --key team.key --trusted-root root.json --signing-config v1.json --format both ${named}`
  await good(cs(line))
  const { stderr } = await good(cs(line))
  assert.match(stderr, /^The bundle is there already: referrer /m)
  assert.equal((await good(cs(`tree ${named}`))).stdout.split('🍒').length - 1, 2)
  await good(cs(`sign --key team.key --tlog-upload=false --format bundle ${named}`)) // says less, and is no earlier one of the other
})

test('several container identities make several signatures', async () => {
  const named = await fresh()
  const identities = '--sign-container-identity a.test/a --sign-container-identity b.test/b'
  await good(cs(`sign ${keyless} --signing-config v1.json --new-bundle-format=false ${identities} ${named}`))
  const { stdout } = await good(cs(`verify ${who} ${named}`))
  assert.deepEqual([...stdout.matchAll(/"docker-reference":"([^"]*)"/g)].map(([, name]) => name).sort(), ['a.test/a', 'b.test/b'])
})

test('signing in GitHub Actions: what becomes known is said, and the permission that is missing is named', async () => {
  const claims = {
    email: undefined,
    job_workflow_ref: 'org/app/.github/workflows/b.yml@refs/heads/main',
    repository: 'org/app',
    ref: 'refs/heads/main',
  }
  hosts.set('actions.test', async () =>
    Response.json({ value: tokenOf({ ...claims, iss: 'https://token.actions.githubusercontent.com' }) }),
  )
  const named = await fresh()
  const line = `sign --trusted-root root.json --signing-config v1.json ${named}`
  const github = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'secret',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://actions.test/t?a=b',
  }
  const asked = await cs(line, { environment: github })
  assert.equal(asked.code, 1)
  assert.match(asked.stderr, /^Error: a question needs an answer, and standard input is no terminal: .*; --yes answers yes$/m)
  assert.match(
    asked.stderr,
    /\n {2}identity: https:\/\/github\.com\/org\/app\/\.github\/workflows\/b\.yml@refs\/heads\/main\n.*\n {2}repository: org\/app\n/,
  )
  assert.deepEqual(
    asked.requests.filter(request => request.startsWith('POST')),
    [],
  )
  await good(cs(`${line} --yes`, { environment: github }))
  await good(cs(line, { environment: { ...github, COSIGN_YES: 'true' } }))
  const without = await cs(`${line} --yes`, { environment: { GITHUB_ACTIONS: 'true' } })
  assert.match(without.stderr, /^Error: GitHub Actions gives this job no identity token: it lacks the permission `id-token: write`/m)
})

test('without a terminal the code of a page is a line of standard input, unless that is what is signed', async () => {
  const issuer = createTestIssuer({ url: 'https://login.test', now: () => now })
  hosts.set('login.test', issuer.handler)
  const line = `sign-blob --yes --trusted-root root.json --fulcio-url ${origin} --rekor-url ${origin} --oidc-issuer https://login.test`
  const flow = '--oidc-disable-ambient-providers --fulcio-auth-flow normal --bundle out.json'
  const environment = { PATH: '/nowhere' } // there is no browser
  const typed = await cs(`${line} ${flow} blob`, { stdin: 'code\n', environment })
  assert.match(typed.stderr, /^Go to the following link in a browser:\n\n\thttps:\/\/login\.test\/authorize\?/m)
  assert.equal(issuer.asked[0]?.get('code'), 'code')
  const signed = await cs(`${line} ${flow} -`, { stdin: 'what is signed\n', environment })
  assert.equal(signed.code, 1)
  assert.match(signed.stderr, /^Error: standard input is what is to be signed, and no answer as well$/m)
  assert.equal(issuer.asked.length, 1) // nobody was sent the first line of it
})
