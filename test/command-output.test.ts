import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../src/codec/text.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { encodeSimpleSigning } from '../src/formats/simple-signing.ts'
import { encodeSignStatement, statementPayloadType } from '../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../src/sign/bundle.ts'
import { createRig, type Outcome, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand } from '../src/testing/registry-hand.ts'
import { teamKey } from '../src/testing/test-keys.ts'

// Standard output is for programs and nothing else, standard error for people, and neither drives a terminal.

const rig = createRig()
const { cs, disk } = rig
const hand = createHand(rig.registry)
const image = buildImage()
const team = teamKey.signer()
const signing = '--key team.key --tlog-upload=false'
const trusting = '--key team.pub --insecure-ignore-tlog'
const bundled = await rig.push('bundled', image)
const classic = await rig.push('classic', image)
const unsigned = await rig.push('unsigned', image)
disk.set('blob', 'x')
for (const line of [
  `sign ${signing} -a commit=1 ${bundled}`,
  `sign ${signing} -a commit=1 --new-bundle-format=false ${classic}`,
  `sign-blob ${signing} --bundle blob.json blob`,
])
  assert.equal((await cs(line)).code, 0)

const payload = `{"critical":{"identity":{"docker-reference":"${rigHost}/classic"},"image":{"docker-manifest-digest":"${image.digest}"},"type":"cosign container image signature"},"optional":{"commit":"1"}}`
const rebuilt = `{"critical":{"identity":{"docker-reference":"${bundled}"},"image":{"docker-manifest-digest":"${image.digest}"},"type":"https://sigstore.dev/cosign/sign/v1"},"optional":{"commit":"1"}}`
const checks = (claims: boolean, annotations: boolean) =>
  [
    ...(annotations ? ['  - The specified annotations were verified.\n'] : []),
    ...(claims ? ['  - The cosign claims were validated\n'] : []),
    '  - The signatures were verified against the specified public key\n',
  ].join('')

for (const { name, line, stdout, stderr } of [
  { name: 'verify, legacy', line: `verify ${trusting} ${classic}`, stdout: `\n[${payload}]\n`, stderr: checks(true, false) },
  { name: 'verify, bundle', line: `verify ${trusting} ${bundled}`, stdout: `\n[${rebuilt}]\n`, stderr: checks(true, false) },
  {
    name: 'verify, annotations',
    line: `verify ${trusting} -a commit=1 ${bundled}`,
    stdout: `\n[${rebuilt}]\n`,
    stderr: checks(true, true),
  },
  {
    name: 'verify without claims',
    line: `verify ${trusting} --check-claims=false ${classic}`,
    stdout: `\n[${payload}]\n`,
    stderr: checks(false, false),
  },
  { name: 'verify as text, legacy', line: `verify ${trusting} -o text ${classic}`, stdout: `${payload}\n`, stderr: checks(true, false) },
  { name: 'verify as text, bundle', line: `verify ${trusting} -o text ${bundled}`, stdout: `${rebuilt}\n`, stderr: checks(true, false) },
  {
    name: 'an output format of no meaning is JSON, as in cosign',
    line: `verify ${trusting} -o yaml ${classic}`,
    stdout: `\n[${payload}]\n`,
    stderr: checks(true, false),
  },
  { name: 'verify-blob', line: `verify-blob ${trusting} --bundle blob.json blob`, stdout: '', stderr: 'Verified OK\n' },
  {
    name: 'sign',
    line: `sign ${signing} ${bundled}`,
    stdout: '',
    stderr: `Signing artifact...\nPushing signature to: ${rigHost}/bundled\n`,
  },
  {
    name: 'sign-blob',
    line: `sign-blob ${signing} --bundle b.json blob`,
    stdout: '',
    stderr: 'Using payload from: blob\nSigning artifact...\nWrote bundle to file b.json\n',
  },
  { name: 'public-key', line: 'public-key --key team.key', stdout: teamKey.publicPem, stderr: '' },
])
  test(`standard output is the machine's, standard error the people's: ${name}`, async () => {
    const outcome = await cs(line)
    assert.equal(outcome.code, 0)
    assert.equal(outcome.stdout, stdout)
    const said = outcome.stderr.replace(/^(WARNING: |Flag --).*\n/gm, '')
    assert.equal(said.replace(/^\nVerification for \S+ --\nThe following checks were performed on each of these signatures:\n/, ''), stderr)
    assert.doesNotMatch(outcome.stderr, /transparency log (was|were)|claims in the transparency log/, 'nobody looked')
  })

test('warnings and notices stay off standard output, whatever the number of flags', async () => {
  const flags = '--private-infrastructure --new-bundle-format --offline --allow-insecure-registry --insecure-ignore-sct'
  const outcome = await cs(`verify ${trusting} ${flags} ${classic}`, {
    environment: { COSIGN_ALLOW_HTTP_REGISTRY: '1', COSIGN_CHECK_CLAIMS: 'false' },
  })
  assert.equal(outcome.stdout, `\n[${payload}]\n`)
  assert.equal(outcome.stderr.match(/^WARNING: /gm)?.length, 3, outcome.stderr) // two variables, and the log that is skipped
  assert.equal(outcome.stderr.match(/^Flag --/gm)?.length, 2, outcome.stderr)
})

test('--output-file takes what standard output would get, byte for byte', async () => {
  const outcome = await cs(`verify ${trusting} --output-file out.json ${classic}`)
  assert.deepEqual([outcome.code, outcome.stdout], [0, ''])
  assert.deepEqual(disk.get('out.json'), encodeUtf8(`\n[${payload}]\n`))
  assert.equal((await cs(`verify ${trusting} --output-file out.json -o json ${unsigned}`)).stdout, '')
  assert.equal(JSON.parse(new TextDecoder().decode(disk.get('out.json') as Uint8Array)).error.code, 'SIGNATURES_NOT_FOUND')
})

test('the failure document keeps its shape', async () => {
  const usage = await cs(`verify ${trusting} -o json -a x ${classic}`)
  assert.equal(usage.stdout, '{"error":{"code":"USAGE","kind":"usage","message":"unable to parse annotation: \\"x\\": want NAME=VALUE"}}\n')
  const { failure, stdout } = await cs(`verify --key stranger.pub --insecure-ignore-tlog -o json ${classic}`)
  assert.equal(stdout.trimEnd().split('\n').length, 1)
  assert.deepEqual(shapeOf(failure), {
    code: 'string',
    kind: 'string',
    message: 'string',
    derivation: {
      artifact: 'string',
      outcome: 'string',
      closestMiss: 'number',
      candidates: [
        {
          source: 'string',
          format: 'string',
          outcome: 'string',
          steps: [{ name: 'string', outcome: 'string', wanted: 'string', found: 'string' }],
        },
      ],
    },
  })
  const derivation = failure?.derivation as { candidates: { steps: { name: string; outcome: string; code?: string }[] }[] }
  assert.deepEqual(
    derivation.candidates[0]?.steps.map(({ name, outcome, code }) => [name, outcome, code]),
    [
      ['decode', 'passed', undefined],
      ['signer', 'passed', undefined],
      ['signature', 'failed', 'SIGNATURE_INVALID'],
    ],
  )
  const none = await cs(`verify ${trusting} -o json ${unsigned}`)
  assert.deepEqual(none.failure?.derivation, { artifact: image.digest, outcome: 'refused', closestMiss: null, candidates: [] })
})

test('a failure explains each candidate on standard error, ahead of the two lines that cosign ends with', async () => {
  const { stderr, stdout } = await cs(`verify --key stranger.pub --insecure-ignore-tlog ${bundled}`)
  assert.equal(stdout, '')
  assert.match(
    stderr.replace(/^WARNING: .*\n/, ''),
    /^Verification of \S+ failed:\n {2}refused referrer sha256:\w+.*\n {4}✓ decode: .*\n {4}✓ predicate-type: .*\n {4}✗ signer: want ecdsa-p256 key \w+…; .*which is not the trusted key\n(.*\n)*Error: no matching signatures: referrer .*\nerror during command execution: no matching signatures: /,
  )
})

for (const { exit, name, line } of [
  { exit: 0, name: 'a signed image', line: `verify ${trusting} ${bundled}` },
  { exit: 1, name: 'a bundle that does not match', line: `verify ${trusting} -a commit=2 ${bundled}` },
  { exit: 10, name: 'nothing is signed', line: `verify ${trusting} ${unsigned}` },
  {
    exit: 10,
    name: 'a digest that does not exist, which nobody looks up',
    line: `verify ${trusting} ${rigHost}/unsigned@sha256:${'0'.repeat(64)}`,
  },
  { exit: 11, name: 'no such tag', line: `verify ${trusting} ${rigHost}/unsigned:nosuch` },
  { exit: 11, name: 'no such repository', line: `verify ${trusting} ${rigHost}/nosuch:v1` },
  { exit: 12, name: 'an older signature that does not match', line: `verify ${trusting} -a commit=2 ${classic}` },
  { exit: 1, name: 'no image', line: `verify ${trusting}` },
  { exit: 1, name: 'a flag nobody knows', line: `verify ${trusting} --nosuch ${bundled}` },
  { exit: 1, name: 'no such host', line: `verify ${trusting} gone.test/app:v1` },
  { exit: 1, name: 'no tag to sign', line: `sign ${signing} ${rigHost}/unsigned:nosuch` },
  { exit: 1, name: 'no tag to show', line: `tree ${rigHost}/unsigned:nosuch` },
  { exit: 1, name: 'a file that was not signed', line: `verify-blob ${trusting} --bundle blob.json blob.json` },
  { exit: 1, name: 'a command of our own, used wrongly', line: 'registry --listen nowhere' },
] as const)
  test(`exit status ${exit}: ${name}`, async () => {
    const outcome = await cs(line)
    assert.equal(outcome.code, exit, outcome.stderr)
    assert.equal(outcome.stderr.includes('error during command execution: '), exit !== 0)
  })

const hostile = '\u001b[2J\u001b]0;owned\u0007\u202eVerified OK\u2028\r\u009b31m\u200b'
const drivesTerminal = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202e\u2028]/
const tag = (words: string) => words.replaceAll(hostile, '…')

test('hostile text from a registry and from signers comes out escaped, on every way it can take', async () => {
  const terminal = { stdoutIsTerminal: true }
  const repository = 'hostile'
  const name = await rig.push(repository, image)
  const outcomes: Outcome[] = []

  const claims = encodeSimpleSigning({ dockerReference: hostile, manifestDigest: image.digest, optional: new Map([[hostile, hostile]]) })
  await hand.putSignatures(repository, image.digest, [{ payload: claims, signature: await team.sign(claims) }])
  outcomes.push(await cs(`verify ${trusting} ${name}`, terminal), await cs(`verify ${trusting} -o text ${name}`, terminal))
  outcomes.push(
    await cs(`verify ${trusting} -a commit=1 ${name}`, terminal),
    await cs(`verify ${trusting} -a commit=1 -o json ${name}`, terminal),
  )

  const statement = encodeSignStatement(image.digest, new Map([['commit', hostile]]))
  const other = encodeUtf8(
    new TextDecoder().decode(statement).replace('https://sigstore.dev/cosign/sign/v1', JSON.stringify(hostile).slice(1, -1)),
  )
  for (const content of [statement, other]) {
    const signature = await team.sign(preAuthEncoding(statementPayloadType, content))
    await hand.attachBundle(repository, image, encodeEnvelopeBundle(team, content, signature), content === other ? hostile : undefined)
    outcomes.push(
      await cs(`verify ${trusting} ${name}`, terminal),
      await cs(`verify ${trusting} --any-predicate -o text ${name}`, terminal),
    )
    outcomes.push(
      await cs(`verify ${trusting} -a commit=1 ${name}`, terminal),
      await cs(`tree ${name}`, terminal),
      await cs(`tree -o json ${name}`, terminal),
    )
  }
  rig.hosts.set('rude.test', async () => Response.json({ errors: [{ code: 'DENIED', message: hostile }] }, { status: 400 }))
  outcomes.push(
    await cs(`verify ${trusting} --verbose rude.test/app:v1`, terminal),
    await cs(`sign ${signing} rude.test/app@${image.digest}`, terminal),
  )
  for (const line of [
    ['verify', '--key', hostile, '--insecure-ignore-tlog', name],
    ['verify', '--key', 'team.pub', '--insecure-ignore-tlog', `registry.test/${hostile}`],
    ['verify', '--key', 'team.pub', '--insecure-ignore-tlog', '-a', hostile, name],
    ['verify', `--${hostile}`],
    [hostile],
    ['sign-blob', '--key', 'team.key', '--tlog-upload=false', '--bundle', hostile, 'blob'],
    ['verify-blob', '--key', 'team.pub', '--insecure-ignore-tlog', '--bundle', 'blob.json', hostile],
    ['login', hostile, '-u', hostile, '-p', 'p'],
    ['generate-key-pair', hostile],
  ])
    outcomes.push(await cs(line, terminal))
  const seen = outcomes.filter(({ stdout, stderr }) => /owned/.test(stdout + stderr)).length
  assert.ok(seen > outcomes.length / 2, `the text was to be seen in most of ${outcomes.length} outcomes, it was in ${seen}`)
  for (const { stdout, stderr } of outcomes) {
    assert.doesNotMatch(stderr, drivesTerminal, tag(stderr))
    assert.doesNotMatch(stdout, drivesTerminal, tag(stdout))
  }
})

test('a type from a registry adds no line to a tree', async () => {
  const name = await rig.push('forged', image)
  const statement = encodeSignStatement(image.digest, new Map())
  const bundle = encodeEnvelopeBundle(team, statement, await team.sign(preAuthEncoding(statementPayloadType, statement)))
  await hand.attachBundle('forged', image, bundle, 'x\n└── 🔐 Signatures for an image tag: forged')
  const { stdout } = await cs(`tree ${name}`)
  assert.deepEqual(
    stdout
      .split('\n')
      .filter(line => line.startsWith('└──'))
      .map(line => line.replace(/sha256:[0-9a-f]{64}$/, '…')),
    [`└── 🔗 x\\u{000a}└── 🔐 Signatures for an image tag: forged artifacts via OCI referrer: ${rigHost}/forged@…`],
  )
})

test('a program reads what was signed as it is, when standard output is no terminal', async () => {
  const optional = new Map([['note', 'a\u202eb']])
  const name = await rig.push('exact', image)
  const claims = encodeSimpleSigning({ dockerReference: 'r', manifestDigest: image.digest, optional })
  await hand.putSignatures('exact', image.digest, [{ payload: claims, signature: await team.sign(claims) }])
  const { stdout } = await cs(`verify ${trusting} ${name}`)
  assert.equal(JSON.parse(stdout)[0].optional.note, 'a\u202eb')
})

/** The types of a value's members; a list is shown by its first item, and what only some items have is left out. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
}
