import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Handler } from '../src/services/listen.ts'
import { createRig, type RunOptions, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { teamKey, testPassphrase } from '../src/testing/test-keys.ts'

// Whatever fails, and however loudly it is asked why: what was said in confidence is not said on.

const folder = mkdtempSync(join(tmpdir(), 'countersign-secrets-'))
after(() => rmSync(folder, { recursive: true }))
const secrets = {
  passphrase: testPassphrase,
  wrongPassphrase: 'wr0ng-passphrase-hunter2',
  password: 'p4ssw0rd-hunter3',
  token: 't0ken-hunter4-abcdef',
  exchanged: 'exchanged-hunter5-token',
  query: 'query-hunter6-secret',
}
/** Spellings in which a secret could come out. */
const spellings = [
  ...Object.values(secrets).flatMap(secret => [
    secret,
    btoa(secret),
    btoa(`robot:${secret}`).replace(/=+$/, ''),
    encodeURIComponent(secret),
  ]),
  teamKey.pkcs8.slice(0, 60),
  teamKey.pkcs8.slice(48, 90), // the private number
  Buffer.from(teamKey.pkcs8, 'base64').subarray(36, 60).toString('hex'),
]

/** A host that repeats all it was told in its refusal, as debugging proxies do. */
const echoing =
  (status: number, challenge?: string): Handler =>
  async request => {
    const told = [...request.headers].map(([name, value]) => `${name}: ${value}`).join(', ')
    const message = `no: ${request.url} ${told} ${decodeBasic(request.headers.get('authorization') ?? '')}`
    return Response.json(
      { errors: [{ code: 'DENIED', message }] },
      { status, headers: challenge === undefined ? {} : { 'www-authenticate': challenge } },
    )
  }
function decodeBasic(header: string): string {
  return header.startsWith('Basic ') ? atob(header.slice(6)) : header
}
const tokens: Handler = async request => {
  const url = new URL(request.url)
  if (url.pathname === '/token') return Response.json({ token: secrets.exchanged })
  return request.headers.has('authorization')
    ? echoing(403)(request)
    : echoing(401, 'Bearer realm="https://tokens.test/token",service="s"')(request)
}

const image = buildImage()
const rig = createRig({
  hosts: {
    'basic.test': echoing(401, 'Basic realm="r"'),
    'denied.test': async request =>
      request.headers.has('authorization') ? echoing(403)(request) : echoing(401, 'Basic realm="r"')(request),
    'tokens.test': tokens,
    'refusing.test': async request =>
      request.url.endsWith('/token') ? echoing(401)(request) : echoing(401, 'Bearer realm="https://refusing.test/token"')(request),
    'elsewhere.test': echoing(401, 'Bearer realm="https://thief.example/token"'),
    'broken.test': async () => {
      throw Object.assign(new Error(`connect with ${secrets.password} and ${secrets.token}`), { code: 'ECONNRESET' })
    },
    'redirect.test': async () => new Response(null, { status: 307, headers: { location: `https://other.test/x?sig=${secrets.query}` } }),
    'other.test': async () => new Response('no', { status: 500 }),
  },
})
const { disk } = rig
disk.set('blob', 'x')
disk.set('plain.pem', `-----BEGIN PRIVATE KEY-----\n${teamKey.pkcs8}\n-----END PRIVATE KEY-----\n`)
disk.set('short.pem', `-----BEGIN PRIVATE KEY-----\n${teamKey.pkcs8.slice(0, 120)}\n-----END PRIVATE KEY-----\n`)
const name = await rig.push('app', image)

const signing = '--key team.key --tlog-upload=false'
const trusting = '--key team.pub --insecure-ignore-tlog'
const account = `--registry-username robot --registry-password ${secrets.password}`
const at = (host: string) => `${host}/app@${image.digest}`
const lines: readonly (readonly [line: string, options?: RunOptions])[] = [
  [`sign ${signing} ${name}`, { environment: { COSIGN_PASSWORD: secrets.wrongPassphrase } }],
  [`sign ${signing} ${name}`, { withoutPassphrase: true, stdin: secrets.wrongPassphrase }],
  [`sign ${signing} ${name}`, { withoutPassphrase: true, keys: [`${secrets.wrongPassphrase}\r`] }],
  [`public-key --key team.key`, { environment: { COSIGN_PASSWORD: secrets.wrongPassphrase } }],
  [`sign --key plain.pem --tlog-upload=false ${name}`],
  [`sign --key env://SHORT --tlog-upload=false ${name}`, { environment: { SHORT: teamKey.pkcs8 } }],
  ['import-key-pair --key short.pem --output-key-prefix short'],
  [`verify --key plain.pem --insecure-ignore-tlog ${name}`],
  [`verify --key https://robot:${secrets.password}@keys.test/k --insecure-ignore-tlog ${name}`],
  [`verify --key https://nowhere.test/k?token=${secrets.query} --insecure-ignore-tlog ${name}`],
  [`verify --key https://redirect.test/k?token=${secrets.query} --insecure-ignore-tlog ${name}`],
  [`verify-blob ${trusting} --signature https://nowhere.test/s?token=${secrets.query} blob`],
  ...['basic.test', 'denied.test', 'tokens.test', 'refusing.test', 'elsewhere.test', 'broken.test', 'redirect.test'].flatMap(
    host =>
      [
        [`verify ${trusting} ${account} ${at(host)}`],
        [`sign ${signing} ${account} ${at(host)}`],
        [`tree --registry-token ${secrets.token} ${at(host)}`],
      ] as const,
  ),
  [`login registry.test -u a:b --password-stdin`, { stdin: secrets.password }],
  [`login registry.test -u robot -p ${secrets.password} --password-stdin`, { stdin: secrets.password }],
  [`login bad/host -u robot -p ${secrets.password}`],
]

for (const [line, options] of lines)
  test(`no secret comes out of: ${line.replace(/hunter\d/g, '…').slice(0, 110)} ${Object.keys(options ?? {}).join(' ')}`, async () => {
    const environment = { DOCKER_CONFIG: folder, ...options?.environment }
    const format = line.startsWith('import') ? '' : ' -o json'
    const outcome = await rig.cs(`${line} --verbose${format}`, { ...options, environment })
    assert.equal(outcome.code, 1, 'each of these fails')
    const said = `${outcome.stderr}\n${outcome.stdout}`
    for (const spelling of spellings) assert.ok(!said.includes(spelling), `${spelling} in ${said}`)
  })

test('what is stored is a secret too: files with private keys and signatures are for their owner only', async () => {
  await rig.cs('generate-key-pair --output-key-prefix mode')
  await rig.cs(`sign-blob ${signing} --bundle mode.json --output-signature mode.sig blob`)
  assert.deepEqual([rig.modes.get('mode.key'), rig.modes.get('mode.json'), rig.modes.get('mode.sig')], [0o600, 0o600, 0o600])
})

test('the scan finds a secret where there is one', async () => {
  const { stdout } = await rig.cs(`version --output-file=`)
  assert.ok(spellings.some(spelling => `${stdout}${testPassphrase}`.includes(spelling)))
  assert.equal(rigHost, 'registry.test')
})
