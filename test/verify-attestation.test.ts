import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '../src/codec/bytes.ts'
import type { ErrorCode } from '../src/codec/error.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { predicateTypeAliases } from '../src/formats/predicate-type.ts'
import { encodeSignStatement } from '../src/formats/statement.ts'
import { assertRefused, createRig, good, rigHost } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { strangerKey, teamKey } from '../src/testing/test-keys.ts'
import { type Attestation, attestedImage, type Layout, type StatementEdit, setAttestations, statementAbout } from './attestations/scene.ts'

// Verifying attestations by a key: formats-and-flows §5 and §6, §11 49-50. Keyless: verify-attestation-keyless.test.ts.

const rig = createRig()
const { cs } = rig
const scene = setAttestations(rig)
const trusting = '--key team.pub --insecure-ignore-tlog'
const verifying = `verify-attestation ${trusting} --type cyclonedx`
const stranger = strangerKey.signer()
const { digest } = attestedImage
const other = buildImage({ command: ['/other'] })
const said = (edit?: StatementEdit): Attestation => ({ statement: statementAbout(digest, edit) })
const vuln = 'https://cosign.sigstore.dev/attestation/vuln/v1'
const layouts: readonly Layout[] = ['bundle', 'legacy']

const payloadsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(atob(JSON.parse(line).payload)))

for (const layout of layouts) {
  for (const [alias, uri] of [...predicateTypeAliases, ['https://acme.example/review/v1', 'https://acme.example/review/v1'] as const])
    for (const version of ['v1', 'v0.1'])
      test(`--type ${alias}, statement ${version}: ${layout}`, async () => {
        const edit = { _type: `https://in-toto.io/Statement/${version}`, predicateType: uri }
        const name = await scene.image(layout, [said({ predicateType: 'https://acme.example/other/v1' }), said(edit)])
        const { stdout, stderr } = await good(cs(`verify-attestation ${trusting} --type ${alias} ${name}`))
        assert.deepEqual(
          payloadsOf(stdout).map(({ predicateType }) => predicateType),
          [uri],
        )
        assert.match(
          stderr,
          /^ {2}- The cosign claims were validated\n {2}- The signatures were verified against the specified public key\n$/m,
        )
      })

  test(`the text of an SPDX document is a predicate, which cosign 3.1.1 passes over: ${layout}`, async () => {
    const edit = { predicateType: 'https://spdx.dev/Document', predicate: 'SPDXVersion: SPDX-2.3\n' }
    const { stdout } = await good(cs(`verify-attestation ${trusting} --type spdx ${await scene.image(layout, [said(edit)])}`))
    assert.equal(payloadsOf(stdout)[0].predicate, edit.predicate)
  })

  test(`every attestation that verifies is printed, and no other: ${layout}`, async () => {
    const name = await scene.image(layout, [
      said({ predicate: { number: 1 } }),
      { ...said({ predicate: { number: 2 } }), by: stranger },
      said({ predicateType: vuln }),
      said({ predicate: { number: 4 } }),
      { ...said({ predicate: { number: 5 } }), signed: statementAbout(digest) },
      { statement: encodeUtf8('{') },
    ])
    const numbers = async (line: string) =>
      payloadsOf((await good(cs(line))).stdout)
        .map(({ predicate }) => predicate.number)
        .sort()
    assert.deepEqual(await numbers(`${verifying} ${name}`), [1, 4])
    assert.deepEqual(await numbers(`${verifying.replace('team', 'stranger')} ${name}`), [2])
  })

  test(`envelopes are printed as cosign prints them: ${layout}`, async () => {
    const { stdout } = await good(cs(`${verifying} ${await scene.image(layout, [said()])}`))
    const members = layout === 'bundle' ? ['payload', 'payloadType', 'signatures'] : ['payloadType', 'payload', 'signatures']
    assert.deepEqual(Object.keys(JSON.parse(stdout)), members)
    assert.equal(stdout.split('\n').length, 2)
    assert.equal((await good(cs(`${verifying} -o text ${await scene.image(layout, [said()])}`))).stdout.split('\n').length, 2)
  })
}

type Refused = {
  readonly name: string
  readonly attestations: readonly Attestation[]
  readonly flags?: string
  readonly code: ErrorCode
  readonly message: RegExp
}

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
const raw = (predicate: string): Uint8Array =>
  encodeUtf8(new TextDecoder().decode(statementAbout(digest)).replace('{"bomFormat":"CycloneDX"}', () => predicate))

const refused: readonly Refused[] = [
  {
    name: 'only another type is there (GHSA-vjxv-45g9-9296)',
    attestations: [said({ predicateType: vuln }), said({ predicateType: 'https://spdx.dev/Document' }), said({ predicateType: vuln })],
    code: 'PREDICATE_TYPE_MISMATCH',
    message:
      /^none of the attestations matched the predicate type: cyclonedx, found: https:\S+\/vuln\/v1,https:\/\/spdx\.dev\/Document$|^none of the attestations matched the predicate type: cyclonedx, found: https:\/\/spdx\.dev\/Document,https:\S+\/vuln\/v1$/,
  },
  {
    name: 'only another type is there, and its carrier says so',
    attestations: [{ ...said({ predicateType: vuln }), declared: vuln }],
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /^none of the attestations matched the predicate type: cyclonedx, found: \S+\/vuln\/v1$/,
  },
  {
    name: 'the carrier says the type that is asked for, the statement another',
    attestations: [{ ...said({ predicateType: vuln }), declared: 'https://cyclonedx.org/bom' }],
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /^none of the attestations matched .*, found: \S+\/vuln\/v1$/,
  },
  {
    name: 'a type that only begins like the one asked for',
    attestations: [said({ predicateType: 'https://cyclonedx.org/bom/v1.5' })],
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /found: https:\/\/cyclonedx\.org\/bom\/v1\.5$/,
  },
  {
    name: 'a type in other letters',
    attestations: [said({ predicateType: 'https://cyclonedx.org/BOM' })],
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /found: https:\/\/cyclonedx\.org\/BOM$/,
  },
  {
    name: 'a type that would drive a terminal',
    attestations: [said({ predicateType: 'x\u001b]0;owned\u0007\nError: none' })],
    code: 'PREDICATE_TYPE_MISMATCH',
    message: /found: x\\u\{001b\}\]0;owned\\u\{0007\}\\u\{000a\}Error: none$|found: x\\u001b/,
  },
  {
    name: 'of another signer',
    attestations: [{ ...said(), by: stranger }],
    code: 'KEY_MISMATCH',
    message: /^no matching attestations: /,
  },
  {
    name: 'of another image',
    attestations: [{ statement: statementAbout(other.digest) }],
    code: 'ARTIFACT_MISMATCH',
    message: /^no matching attestations: .*the signature is about "registry\.test\/app" sha256:\w+, not sha256:/,
  },
  {
    name: 'of this image by another hash as well',
    attestations: [said({ subject: [{ digest: { sha256: other.digest.slice(7), sha512: 'ab'.repeat(64) } }] })],
    code: 'ARTIFACT_MISMATCH',
    message: /the signature is about sha256:\w+/,
  },
  {
    name: 'of no image that can be told: its digest is of a hash nobody knows',
    attestations: [said({ subject: [{ digest: { gitCommit: digest.slice(7, 47) } }] })],
    code: 'ARTIFACT_MISMATCH',
    message: /the signature is about gitCommit:/,
  },
  {
    name: 'its digest in capitals',
    attestations: [said({ subject: [{ digest: { sha256: digest.slice(7).toUpperCase() } }] })],
    code: 'ARTIFACT_MISMATCH',
    message: /the signature is about sha256:[0-9A-F]+, not/,
  },
  {
    name: 'what was signed is another statement',
    attestations: [{ ...said(), signed: statementAbout(digest, { predicate: {} }) }],
    code: 'SIGNATURE_INVALID',
    message: /^no matching attestations: /,
  },
  {
    name: 'one of another type, one of another image',
    attestations: [said({ predicateType: vuln }), { statement: statementAbout(other.digest) }],
    code: 'ARTIFACT_MISMATCH',
    message: /^no matching attestations: /,
  },
  {
    name: 'a member twice',
    attestations: [
      {
        statement: encodeUtf8(`{"predicateType":"https://cyclonedx.org/bom",${new TextDecoder().decode(statementAbout(digest)).slice(1)}`),
      },
    ],
    code: 'STATEMENT_MALFORMED',
    message: /predicateType.*twice|duplicate|more than once/i,
  },
  {
    name: 'a member of the predicate twice',
    attestations: [{ statement: raw('{"a":1,"\\u0061":2}') }],
    code: 'STATEMENT_MALFORMED',
    message: /twice|duplicate|more than once/i,
  },
  {
    name: 'a predicate that is a list',
    attestations: [{ statement: raw('[]') }],
    code: 'STATEMENT_MALFORMED',
    message: /statement: predicate: want an object, got/,
  },
  ...['7', 'true', 'null', '"text"'].map(predicate => ({
    name: `a predicate that is no object: ${predicate}`,
    attestations: [{ statement: raw(predicate) }],
    code: 'STATEMENT_MALFORMED' as const,
    message: /statement: predicate: want an object, got/,
  })),
  {
    name: 'bytes that are no UTF-8',
    attestations: [{ statement: concatBytes(statementAbout(digest).subarray(0, -2), Uint8Array.of(0xff), encodeUtf8('}}')) }],
    code: 'STATEMENT_MALFORMED',
    message: /statement: .*UTF-8/,
  },
  {
    name: 'nested too deep',
    attestations: [{ statement: raw(`{"a":${deep(200)}}`) }],
    code: 'LIMIT_EXCEEDED',
    message: /statement: want JSON at most 128 levels deep/,
  },
  {
    name: 'of too many values',
    attestations: [{ statement: encodeUtf8(`{"_type":[${'0,'.repeat(500_000)}0]}`) }],
    code: 'LIMIT_EXCEEDED',
    message: /statement: _type: want JSON of at most 500000 values/,
  },
  {
    name: 'a statement of another version',
    attestations: [said({ _type: 'https://in-toto.io/Statement/v2' })],
    code: 'STATEMENT_MALFORMED',
    message: /statement: _type: want one of/,
  },
  {
    name: 'no subject',
    attestations: [said({ subject: [] })],
    code: 'STATEMENT_MALFORMED',
    message: /subject: want at least one, got none/,
  },
  {
    name: 'no predicate type',
    attestations: [said({ predicateType: undefined })],
    code: 'STATEMENT_MALFORMED',
    message: /predicateType: want/,
  },
  { name: 'text after the statement', attestations: [{ statement: encodeUtf8('{}{}') }], code: 'STATEMENT_MALFORMED', message: /not JSON/ },
  {
    name: 'an envelope around something else',
    attestations: [{ ...said(), envelope: envelope => ({ ...envelope, payloadType: 'application/json' }) }],
    code: 'DSSE_MALFORMED',
    message: /payloadType: want "application\/vnd\.in-toto\+json", got "application\/json"/,
  },
  {
    name: 'an envelope that nobody signed',
    attestations: [{ ...said(), envelope: envelope => ({ ...envelope, signatures: [] }) }],
    code: 'DSSE_MALFORMED',
    message: /signatures: want exactly one signature, got 0/,
  },
  {
    name: 'an envelope with a second signature',
    attestations: [{ ...said(), envelope: envelope => ({ ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] }) }],
    code: 'DSSE_MALFORMED',
    message: /signatures: want exactly one signature, got 2/,
  },
  {
    name: 'an envelope with a member nobody knows',
    attestations: [{ ...said(), envelope: envelope => ({ ...envelope, payload2: '' }) }],
    code: 'DSSE_MALFORMED',
    message: /payload2/,
  },
]

for (const { name, attestations, flags = '', code, message } of refused)
  for (const layout of layouts)
    test(`refused: ${name}: ${layout}`, async () => {
      const byWhom = { bundle: code, legacy: code === 'KEY_MISMATCH' ? 'SIGNATURE_INVALID' : code }[layout] // a layer names no key
      const image = await scene.image(layout, attestations)
      assertRefused(await cs(`${verifying} ${flags} -o json ${image}`), { exit: 1, code: byWhom as ErrorCode, message })
      await scene.attach(image.slice(`${rigHost}/`.length).split('@')[0]!, layout === 'bundle' ? 'bundle' : 'legacy', [
        ...(layout === 'legacy' ? attestations : []),
        said(),
      ])
      await good(cs(`${verifying} ${flags} ${image}`)) // and it is not in the way of one that is sound
    })

test('nothing is attached', async () => {
  const image = await scene.image('bundle', [])
  const message = /^no matching attestations: none is attached$/
  assertRefused(await cs(`${verifying} -o json ${image}`), { exit: 1, code: 'ATTESTATIONS_NOT_FOUND', message })
})

test('a signature is no attestation, whatever it is asked to be', async () => {
  const image = await scene.image('bundle', [])
  await good(cs(`sign --key team.key --tlog-upload=false ${image}`))
  const found = /found: https:\/\/sigstore\.dev\/cosign\/sign\/v1$/
  assertRefused(await cs(`${verifying} -o json ${image}`), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message: found })
})

test('an attestation is no signature of the image', async () => {
  const image = await scene.image('bundle', [said()])
  const message = /one attestation is there, which is no signature; check them by verify-attestation/
  assertRefused(await cs(`verify ${trusting} -o json ${image}`), { exit: 10, code: 'SIGNATURES_NOT_FOUND', message })
})

test('an unknown type is taken to the letter', async () => {
  const image = await scene.image('bundle', [said({ predicateType: 'review' })])
  await good(cs(`verify-attestation ${trusting} --type review ${image}`))
  const message = /^none of the attestations matched the predicate type: cyclonedx, found: review$/
  assertRefused(await cs(`${verifying} -o json ${image}`), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message })
})

test('--check-claims=false takes an attestation of another image, and does not say that claims were checked', async () => {
  const image = await scene.image('bundle', [{ statement: statementAbout(other.digest) }])
  const { stderr } = await good(cs(`${verifying} --check-claims=false ${image}`))
  assert.doesNotMatch(stderr, /claims were validated/)
})

test('of several subjects one is the image', async () => {
  const subject = [{ digest: { sha256: other.digest.slice(7) } }, { digest: { sha256: digest.slice(7) } }]
  await good(cs(`${verifying} ${await scene.image('bundle', [said({ subject })])}`))
})

test('bundles of the type go before layers; layers are looked at where bundles are of other types', async () => {
  const image = await scene.image('legacy', [said({ predicate: { in: 'layer' } })])
  const repository = image.slice(`${rigHost}/`.length).split('@')[0]!
  const predicates = async () => payloadsOf((await good(cs(`${verifying} ${image}`))).stdout).map(({ predicate }) => predicate.in)
  await scene.attach(repository, 'bundle', [said({ predicateType: vuln })])
  assert.deepEqual(await predicates(), ['layer'])
  await scene.attach(repository, 'bundle', [said({ predicate: { in: 'bundle' } })])
  assert.deepEqual(await predicates(), ['bundle'])
  const legacy = await good(cs(`${verifying} --new-bundle-format=false ${image}`))
  assert.deepEqual(payloadsOf(legacy.stdout)[0].predicate, { in: 'layer' })
})

test('a bundle with a message signature over the manifest is no attestation', async () => {
  const { encodeSignedBundle, keySigning } = await import('../src/sign/signing.ts')
  const { createHand } = await import('../src/testing/registry-hand.ts')
  const signed = { kind: 'message', bytes: attestedImage.manifest } as const
  const bundle = encodeSignedBundle(signed, await keySigning(teamKey.signer()).sign(signed))
  const image = await scene.image('bundle', [])
  await createHand(rig.registry).attachBundle(image.slice(`${rigHost}/`.length).split('@')[0]!, attestedImage, bundle)
  const message = /^none of the attestations matched the predicate type: cyclonedx, found: a signature$/
  assertRefused(await cs(`${verifying} -o json ${image}`), { exit: 1, code: 'PREDICATE_TYPE_MISMATCH', message })
})

test('several images, one of them without: each is verified, and the command fails', async () => {
  const [one, none] = [await scene.image('bundle', [said()]), await scene.image('legacy', [])]
  const outcome = await cs(`${verifying} -o json --file list.txt ${one} ${none}`.replace('--file list.txt ', ''))
  assert.equal(outcome.code, 1)
  assert.equal(outcome.failure?.code, 'ATTESTATIONS_NOT_FOUND')
  rig.disk.set('list.txt', `${one}\n${none}\n`)
  const report = await cs(`${verifying} --file list.txt`)
  assert.equal(report.code, 1)
  const { images, verified, failed } = JSON.parse(report.stdout)
  assert.deepEqual([verified, failed], [1, 1])
  assert.equal(images[0].attestations[0].payloadType, 'application/vnd.in-toto+json')
  assert.equal(images[1].error.code, 'ATTESTATIONS_NOT_FOUND')
})

test('the statement that sign makes is asked for by its type as any other', async () => {
  const image = await scene.image('bundle', [{ statement: encodeSignStatement(digest, new Map()) }])
  await good(cs(`verify-attestation ${trusting} --type https://sigstore.dev/cosign/sign/v1 ${image}`))
})
