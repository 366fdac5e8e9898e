import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { createRoot } from '../../src/testing/sigstore/certificate-authority.ts'
import { type Actor, cosign2, cosign3, type Format, ours } from './harness/actor.ts'
import { run, runOk } from './harness/command.ts'
import { once } from './harness/once.ts'
import { openScene, type Scene } from './harness/scene.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'

// Cosign and countersign sign with a key, a certificate for it and the certificate's chain, all given as files, and verify each other's
// signatures (formats-and-flows §11.30, §11.31).

let scene: Scene
let sigstore: SigstoreServer
before(async () => {
  scene = await openScene()
  sigstore = await startSigstore(scene.place)
  const { place, a } = scene
  const publicKey = parsePublicKeyPem(readFileSync(a.pub), 'a.pub')
  const key = { publicKey, hash: undefined, sign: () => Promise.reject(new TypeError('the key is in a file of its own')) }
  const now = Date.now()
  const [notBefore, notAfter] = [new Date(now - 3600_000), new Date(now + 86_400_000)]
  const issue = (dates: { notBefore: Date; notAfter: Date }) => sigstore.authority.issueLeaf({ key, ctLogs: [sigstore.ctLog], ...dates })
  writeFileSync(place.path('leaf.pem'), (await issue({ notBefore, notAfter })).pem)
  writeFileSync(place.path('stranger.pem'), (await createRoot({ subject: [['CN', 'stranger']] })).pem)
})
after(async () => {
  await sigstore.close()
  await scene.close()
})

const signings: readonly {
  readonly name: string
  readonly signer: Actor
  readonly reader: Actor // the cosign that verifies it as well
  readonly writesChain?: true // beside the signature
  readonly witnesses?: readonly string[] // the flags that demand them, where a trusted root says by whom
  readonly format: Format
  readonly flags: () => readonly string[]
}[] = [
  { name: 'cosign 2', signer: cosign2, reader: cosign2, writesChain: true, format: 'legacy', flags: () => ['--tlog-upload=false'] },
  {
    name: 'cosign 3, older layout',
    signer: cosign3,
    reader: cosign3,
    format: 'legacy',
    flags: () => ['--use-signing-config=false', '--new-bundle-format=false', '--tlog-upload=false'],
  },
  {
    name: 'cosign 3, bundle',
    signer: cosign3,
    reader: cosign3,
    format: 'bundle',
    flags: () => ['--signing-config', sigstore.signingConfig('none', false), '--trusted-root', sigstore.trustedRootFile],
  },
  {
    name: 'countersign, older layout',
    signer: ours,
    reader: cosign2,
    writesChain: true,
    format: 'legacy',
    flags: () => ['--new-bundle-format=false', '--tlog-upload=false'],
  },
  { name: 'countersign, bundle', signer: ours, reader: cosign3, format: 'bundle', flags: () => ['--tlog-upload=false'] },
  {
    name: 'countersign, older layout, logged',
    witnesses: [],
    signer: ours,
    reader: cosign3,
    writesChain: true,
    format: 'legacy',
    flags: () => ['--new-bundle-format=false', '--rekor-url', sigstore.url, '--trusted-root', sigstore.trustedRootFile],
  },
  {
    name: 'countersign, bundle, logged and stamped',
    witnesses: ['--use-signed-timestamps'],
    signer: ours,
    reader: cosign3,
    format: 'bundle',
    flags: () => ['--signing-config', sigstore.signingConfig('v2', true), '--trusted-root', sigstore.trustedRootFile],
  },
]

const signed = once<string>(async name => {
  const { signer, flags } = signings.find(signing => signing.name === name)!
  const image = await scene.copyImage(name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'))
  const material = ['--key', scene.a.key, '--certificate', 'leaf.pem', '--certificate-chain', sigstore.files.chain]
  await runOk(scene.place, signer.command(), ['sign', '--yes', ...flags(), ...material, image], { env: sigstore.variables })
  return image
})

type Ask = {
  readonly name: string
  readonly flags: () => readonly string[]
  readonly identity?: string
  readonly issuer?: string
  readonly refused?: RegExp
}
const { unknownIssuer, unknownRoot } = {
  unknownIssuer: /its issuer "CN=intermediate 1.* is not known/,
  unknownRoot: /its issuer "CN=root.* is not known/,
}

/** What is asked of each, and why we refuse what we refuse. */
const asks: readonly Ask[] = [
  { name: 'roots and intermediates', flags: () => ['--ca-roots', sigstore.files.root, '--ca-intermediates', sigstore.files.intermediate] },
  { name: 'the chain', flags: () => ['--certificate-chain', sigstore.files.chain] },
  { name: 'a trusted root', flags: () => ['--trusted-root', sigstore.trustedRootFile] },
  { name: 'roots of a stranger', flags: () => ['--ca-roots', 'stranger.pem'], refused: /is not known/ },
  {
    name: 'roots of a stranger and intermediates',
    flags: () => ['--ca-roots', 'stranger.pem', '--ca-intermediates', sigstore.files.intermediate],
    refused: unknownRoot,
  },
  {
    name: 'the chain, another identity',
    flags: () => ['--certificate-chain', sigstore.files.chain],
    identity: 'eve@example.com',
    refused: /want.*"eve@example.com"|"eve@example.com"/,
  },
  {
    name: 'the chain, another issuer',
    flags: () => ['--certificate-chain', sigstore.files.chain],
    issuer: 'https://eve.example',
    refused: /"https:\/\/eve.example"/,
  },
]

describe('files signed with a key, its certificate and a chain', () => {
  const material = () => [
    '--key',
    scene.a.key,
    '--certificate',
    'leaf.pem',
    '--certificate-chain',
    sigstore.files.chain,
    '--tlog-upload=false',
  ]
  const who = [
    '--certificate-identity',
    'signer@example.com',
    '--certificate-oidc-issuer',
    'https://issuer.example',
    '--insecure-ignore-tlog',
  ]
  const trusting = () => [...who, '--trusted-root', sigstore.trustedRootFile]
  const byChain = () => [...who, '--certificate-chain', sigstore.files.chain]
  before(() => writeFileSync(scene.place.path('file'), 'what is signed\n'))

  for (const { name, signer, flags, verifies } of [
    { name: 'countersign, bundle', signer: ours, flags: [], verifies: [ours, cosign3].map(actor => ({ actor, flags: trusting })) },
    {
      name: 'cosign 3, bundle',
      signer: cosign3,
      flags: ['--use-signing-config=false'],
      verifies: [ours, cosign3].map(actor => ({ actor, flags: trusting })),
    },
    {
      name: 'countersign, older bundle',
      signer: ours,
      flags: ['--new-bundle-format=false'],
      verifies: [ours, cosign2].map(actor => ({ actor, flags: byChain })),
    },
    {
      name: 'cosign 3, older bundle',
      signer: cosign3,
      flags: ['--use-signing-config=false', '--new-bundle-format=false'],
      verifies: [ours, cosign2].map(actor => ({ actor, flags: byChain })),
    },
  ])
    test(`file by ${name}`, async () => {
      const { place } = scene
      const bundle = ['--bundle', `${name}.json`]
      await runOk(place, signer.command(), ['sign-blob', '--yes', ...material(), ...flags, ...bundle, 'file'])
      const env = { SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: sigstore.files.ctLog }
      for (const { actor, flags } of verifies) await runOk(place, actor.command(), ['verify-blob', ...flags(), ...bundle, 'file'], { env })
    })
})

describe('images signed with a key, its certificate and a chain', { concurrency: 2 }, () => {
  for (const { name, reader, writesChain, witnesses, format } of signings) {
    const ask = async (
      actor: Actor,
      { flags, identity = 'signer@example.com', issuer = 'https://issuer.example' }: Omit<Ask, 'name'>,
      witnessing = ['--insecure-ignore-tlog'] as readonly string[],
    ) => {
      const who = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer]
      const env = { SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: sigstore.files.ctLog }
      const image = await signed(name)
      return await run(scene.place, actor.command(), ['verify', ...witnessing, ...who, ...flags(), image], { env })
    }

    for (const asked of asks)
      test(`${name}: ${asked.name}`, async () => {
        const witnessing = asked.name === 'a trusted root' ? witnesses : undefined
        const ended = await ask(ours, asked, witnessing)
        assert.equal(ended.code, asked.refused ? (format === 'bundle' ? 1 : 12) : 0, ended.stderr)
        if (asked.refused) assert.match(ended.stderr, asked.refused)
        // cosign reads files of certificates for the older layout alone, cosign 2 a trusted root never, cosign 3 one for either
        const reads = asked.name === 'a trusted root' ? reader === cosign3 : format === 'legacy'
        if (!reads) return
        const theirs = await ask(reader, asked, witnessing)
        assert.equal(theirs.code, ended.code, theirs.stderr)
        // of an entry of a log that is ignored we say nothing
        if (!asked.refused && (!witnesses || witnessing)) assert.equal(ended.stdout, theirs.stdout)
      })

    test(`${name}: roots alone, as cosign does it`, async () => {
      const flags = () => ['--ca-roots', sigstore.files.root]
      const ended = await ask(ours, { flags })
      // cosign 2 writes the chain beside the signature, cosign 3 does not
      assert.equal(ended.code, writesChain ? 0 : format === 'bundle' ? 1 : 12, ended.stderr)
      if (ended.code !== 0) assert.match(ended.stderr, unknownIssuer)
      for (const actor of format === 'legacy' ? [cosign2, cosign3] : []) {
        const theirs = await ask(actor, { flags })
        assert.equal(theirs.code, ended.code, theirs.stderr)
      }
    })
  }
})
