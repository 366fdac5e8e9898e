import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { frozenLineOf, parseCheckpoint } from '../../src/formats/log/checkpoint.ts'
import { verifyCosignature } from '../../src/formats/log/cosignature.ts'
import { parseSignedNote } from '../../src/formats/log/signed-note.ts'
import { entriesPathV2, hashedRekord, p256 } from '../../src/testing/rekor/requests.ts'
import { cosign3, ours } from './harness/actor.ts'
import { countersign, run, runOk, tool } from './harness/command.ts'
import { freePort, type Litewitness, startLitewitness } from './harness/litewitness.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startServer } from './harness/server.ts'

// services.md §12, 39 and 40, with real witnesses (litewitness of filippo.io/torchwood) and real clients: what they cosigned verifies
// everywhere, a stack without them signs nothing, and one whose log is frozen still verifies.

const place = createPlace()
const workflow = 'https://github.com/example/app/.github/workflows/build.yml@refs/heads/main'
const names = ['w1', 'w2', 'w3'] as const
let witnesses: Record<(typeof names)[number], Litewitness>
let server: Server
let url: string

async function up(): Promise<void> {
  server = await startServer(place, countersign(), ['stack', 'up', '--dev', '--data', 'stack'], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
}

/** Ends the stack and starts it again. */
async function restart(): Promise<void> {
  await server.stop()
  await up()
}

/** Changes what stack.yaml says, and starts the stack again. */
async function configure(change: (text: string) => string): Promise<void> {
  await server?.stop()
  const path = place.path('stack/stack.yaml')
  writeFileSync(path, change(readFileSync(path, 'utf8')))
  await up()
}

async function token(): Promise<string> {
  const variables = readFileSync(place.path('stack/dev.env'), 'utf8')
  const variable = (name: string) => new RegExp(`^export ${name}='(.*)'$`, 'm').exec(variables)![1]!
  const headers = { authorization: `bearer ${variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` }
  const response = await fetch(`${variable('ACTIONS_ID_TOKEN_REQUEST_URL')}&audience=sigstore`, { headers })
  return ((await response.json()) as { value: string }).value
}

const trusted = ['--trusted-root', 'trust/trusted_root.json']
const signers = [ours, cosign3]

const signing = async (bundle: string) => [
  'sign-blob',
  ...['--yes', '--bundle', bundle, '--identity-token', await token()],
  ...[...trusted, '--signing-config', 'trust/signing_config.v0.2.json', 'file'],
]

const identity = () => ['--certificate-identity', workflow, '--certificate-oidc-issuer', `${url}/actions`]

/** Each verifier of the field takes a bundle. */
async function assertVerifies(bundle: string): Promise<void> {
  for (const { command } of signers)
    await runOk(place, command(), ['verify-blob', '--bundle', bundle, ...trusted, '--use-signed-timestamps', ...identity(), 'file'])
  const goFlags = ['-trustedrootJSONpath=trust/trusted_root.json', `-expectedSAN=${workflow}`, `-expectedIssuer=${url}/actions`]
  await runOk(place, tool('sigstore-go'), [...goFlags, '-artifact=file', bundle])
}

const noteOf = (bundle: string): string =>
  JSON.parse(readFileSync(place.path(bundle), 'utf8')).verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope

/** Who cosigned a note, each signature verified. */
async function cosignersOf(note: string): Promise<readonly string[]> {
  const parsed = parseSignedNote(note)
  const found: string[] = []
  for (const name of names) {
    const { witness } = witnesses[name]
    if (!parsed.signatures.some(line => line.name === witness.name)) continue
    await verifyCosignature(parsed, witness)
    found.push(name)
  }
  assert.equal(parsed.signatures.length, 1 + found.length)
  return found
}

const published = async (): Promise<string> => await (await fetch(`${url}/checkpoint`)).text()

before(async () => {
  writeFileSync(place.path('file'), 'what is signed\n')
  url = `http://127.0.0.1:${await freePort()}`
  await runOk(place, countersign(), ['stack', 'init', '--data', 'stack', '--root-keys', 'roots', '--url', url, '--sign-with', 'v2'])
  await runOk(place, countersign(), ['stack', 'export-trust', '--data', 'stack', '--out', 'trust'])
  const path = place.path('stack/certificates/rekor-v2.pub')
  const log = { origin: '127.0.0.1', key: parsePublicKeyPem(readFileSync(path), path) }
  const [w1, w2, w3] = [
    await startLitewitness(place, 'w1', log),
    await startLitewitness(place, 'w2', log),
    await startLitewitness(place, 'w3', log),
  ]
  witnesses = { w1, w2, w3 }
  const policy = `${names.map(name => witnesses[name].policyLine).join('\n')}\ngroup two 2 w1 w2 w3\nquorum two\n`
  writeFileSync(place.path('stack/policy.txt'), policy)
  await configure(text => `${text}witness: { policy: policy.txt, fail-open: false }\n`)
})
after(async () => {
  await server.stop()
  for (const name of names) await witnesses[name].remove()
  place.remove()
})

describe('witnesses', () => {
  for (const { name, command } of signers)
    test(`every verifier takes a checkpoint that witnesses cosigned, signed by ${name}`, async () => {
      const bundle = `${name}.json`
      await runOk(place, command(), await signing(bundle))
      assert.ok((await cosignersOf(noteOf(bundle))).length >= 2)
      await assertVerifies(bundle)
    })

  test('sigstore for Python takes one too, and status shows who cosigned', async () => {
    const who = ['--cert-identity', workflow, '--cert-oidc-issuer', `${url}/actions`]
    const trust = ['--trust-config', 'trust/client_trust_config.v0.1.json']
    await runOk(place, tool('sigstore-python'), [...trust, 'verify', 'identity', '--bundle', 'cosign 3.json', ...who, 'file'])
    const { stdout } = await runOk(place, countersign(), ['stack', 'status', '--data', 'stack'])
    assert.match(stdout, /^good {2}witnesses {14}cosigned by w\d, w\d(, w3)?$/m)
  })

  test('two of three suffice when one is down', async () => {
    await witnesses.w2.stop()
    await runOk(place, cosign3.command(), await signing('two.json'))
    assert.deepEqual(await cosignersOf(noteOf('two.json')), ['w1', 'w3'])
    await assertVerifies('two.json')
  })

  test('without a quorum nothing is signed or shown, and readers go on', async () => {
    await witnesses.w3.stop()
    const before = await published()
    const entry = hashedRekord(p256, 'PKIX_ECDSA_P256_SHA_256') // clients would try again, for seconds
    const response = await fetch(`${url}${entriesPathV2}`, { method: 'POST', body: JSON.stringify(entry) })
    assert.deepEqual([response.status, await response.json()], [503, { code: 14, message: 'failed to integrate entry', details: [] }])
    assert.equal(await published(), before)
    await assertVerifies('two.json')
    await restart()
    assert.equal(await published(), before)
  })

  test('when they are back it goes on, from what they have seen', async () => {
    await witnesses.w2.start()
    await witnesses.w3.start()
    await runOk(place, cosign3.command(), await signing('back.json'))
    assert.ok((await cosignersOf(noteOf('back.json'))).length >= 2)
    await assertVerifies('back.json')
  })
})

describe('a log that is frozen', () => {
  const freeze = ['stack', 'freeze', 'rekor-v2', '--data', 'stack', '--next', 'go on at log-2.example.com']

  test('is not one that clients are told to use', async () => {
    const { code, stderr } = await run(place, countersign(), freeze)
    assert.equal(code, 1)
    assert.match(stderr, /rekor\.sign-with: clients are told to use this log/)
  })

  test('is frozen while it runs, and its last checkpoint is cosigned', async () => {
    await configure(text => text.replace('sign-with: v2', 'sign-with: v1'))
    const before = parseCheckpoint(parseSignedNote(await published()).text)
    const { stdout } = await runOk(place, countersign(), freeze)
    assert.match(stdout, new RegExp(`^rekor-v2: frozen at size ${before.size}\n`))
    const note = await published()
    const last = parseCheckpoint(parseSignedNote(note).text)
    assert.deepEqual([last.size, last.root, frozenLineOf(last)], [before.size, before.root, 'Log frozen \u2014 go on at log-2.example.com'])
    assert.ok((await cosignersOf(note)).length >= 2)
  })

  test('takes nothing, also after a start, and what was signed before verifies', async () => {
    await restart()
    for (const { command } of signers) {
      const { code, stdout, stderr } = await run(place, command(), await signing('late.json'))
      assert.notEqual(code, 0, stdout)
      assert.match(stderr, /frozen|405/)
    }
    for (const bundle of ['cosign 3.json', 'countersign.json', 'two.json', 'back.json']) await assertVerifies(bundle)
  })

  test('is shown by log info, log get and status', async () => {
    const log = ['--rekor-url', url, '--log-version', 'v2', ...trusted]
    const { stdout } = await runOk(place, countersign(), ['log', 'info', ...log])
    assert.match(stdout, /^ {2}frozen {5}"Log frozen \u2014 go on at log-2\.example\.com"$/m)
    await runOk(place, countersign(), ['log', 'get', '0', ...log])
    const status = await runOk(place, countersign(), ['stack', 'status', '--data', 'stack'])
    assert.match(status.stdout, /^good {2}transparency log v2 {4}\d+ entries, frozen$/m)
  })
})
