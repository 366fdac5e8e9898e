import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeBase64 } from '../src/codec/base64.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import { encodeBlobBundle } from '../src/formats/blob-bundle.ts'
import { preAuthEncoding } from '../src/formats/dsse.ts'
import { type OciDigest, ociDigestOf } from '../src/formats/oci-digest.ts'
import { encodeSimpleSigning } from '../src/formats/simple-signing.ts'
import { encodeSignStatement, statementPayloadType } from '../src/formats/statement.ts'
import type { Handler } from '../src/services/listen.ts'
import { encodeEnvelopeBundle, encodeMessageBundle } from '../src/sign/bundle.ts'
import { assertRefused, createRig, type Refusal, type RunOptions, rigHost } from '../src/testing/command-rig.ts'
import { endless } from '../src/testing/hostile-bodies.ts'
import { buildImage } from '../src/testing/image-builder.ts'
import { createHand, signatureTagOf } from '../src/testing/registry-hand.ts'
import { strangerKey, teamKey } from '../src/testing/test-keys.ts'

/** The "Bad input", line by line: each ends in its own code, message and exit status. Hostile registries have a suite of their own. */
type Case = Refusal & {
  readonly name: string
  /** Prepares what the command meets, and says the command. */
  readonly line: () => Promise<string>
  readonly options?: RunOptions
  /** What the command must not have done. */
  readonly writesNothing?: true
}

const rig = createRig()
const { disk, hosts } = rig
const hand = createHand(rig.registry)
const [team, stranger] = [teamKey.signer(), strangerKey.signer()]
const image = buildImage()
const other = buildImage({ command: ['/other'] })
const trusting = '--key team.pub --insecure-ignore-tlog -o json'
const signing = '--key team.key --tlog-upload=false -o json'
let repositories = 0
const nameOf = (repository: string) => `${rigHost}/${repository}@${image.digest}`

async function pushed(): Promise<string> {
  const repository = `r${++repositories}`
  await rig.push(repository, image)
  return repository
}

const payloadOf = (manifestDigest: OciDigest, optional: Readonly<Record<string, string>> = {}) =>
  encodeSimpleSigning({ dockerReference: 'registry.test/r', manifestDigest, optional: new Map(Object.entries(optional)) })

/** An image with one signature in the layout of cosign 2: over `payload`, or over `signedPayload` in its place. */
async function classic(payload: Uint8Array, signedPayload = payload, signer = team): Promise<string> {
  const repository = await pushed()
  await hand.putSignatures(repository, image.digest, [{ payload, signature: await signer.sign(signedPayload) }])
  return nameOf(repository)
}

/** An image with one bundle: over `statement`, or over `signedStatement` in its place. */
async function bundled(statement: Uint8Array, signedStatement = statement, edit = (text: string) => text): Promise<string> {
  const repository = await pushed()
  const signature = await team.sign(preAuthEncoding(statementPayloadType, signedStatement))
  const bundle = new TextDecoder().decode(encodeEnvelopeBundle(team, statement, signature))
  await hand.attachBundle(repository, image, encodeUtf8(edit(bundle)), 'https://sigstore.dev/cosign/sign/v1')
  return nameOf(repository)
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytesOf = (words: string) => encodeUtf8(words)
const statementOf = (digest: OciDigest, annotations = {}) => encodeSignStatement(digest, new Map(Object.entries(annotations)))
const good = statementOf(image.digest, { commit: '1' })
const vector = (path: string) => readFileSync(join(import.meta.dirname, 'vectors/cosign-keys', path), 'utf8')

/** The registry, but for what it answers to one path. */
function onPath(pattern: RegExp, answer: Handler): Handler {
  return async request => (pattern.test(new URL(request.url).pathname) ? answer(request) : rig.registry(request))
}

const denied =
  (status: number): Handler =>
  async () =>
    Response.json(
      { errors: [{ code: status === 401 ? 'UNAUTHORIZED' : 'DENIED', message: 'no' }] },
      {
        status,
        headers: status === 401 ? { 'www-authenticate': 'Basic realm="r"' } : {},
      },
    )

const images: readonly Case[] = [
  {
    name: 'wrong key, bundle',
    line: async () => `verify ${trusting.replace('team', 'stranger')} ${await bundled(good)}`,
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /^no matching signatures: referrer sha256:\w+: the evidence names the key \w{16}…, which is not the trusted key$/,
  },
  {
    name: 'wrong key, legacy',
    line: async () => `verify ${trusting.replace('team', 'stranger')} ${await classic(payloadOf(image.digest))}`,
    exit: 12,
    code: 'SIGNATURE_INVALID',
    message: /^no matching signatures: sha256-\w+\.sig layer 0: /,
  },
  {
    name: 'tampered manifest, asked for by digest',
    line: async () => {
      hosts.set(
        'tampered.test',
        onPath(/manifests\/sha256:/, async request => {
          const answer = await rig.registry(request)
          return new Response(`${await answer.text()} `, { headers: answer.headers })
        }),
      )
      return `sign ${signing} ${nameOf(await pushed()).replace(rigHost, 'tampered.test')}`
    },
    exit: 1,
    code: 'DIGEST_MISMATCH',
    message: /^manifest tampered\.test\/\w+@sha256:\w+: the registry serves bytes with digest sha256:/,
    writesNothing: true,
  },
  {
    name: 'tampered manifest, put under the tag of the signed one',
    line: async () => {
      const name = await bundled(good)
      await rig.push(name.slice(rigHost.length + 1).replace(/@.*/, ''), other)
      return `verify ${trusting} ${name.replace(/@.*/, ':v1')}`
    },
    exit: 10,
    code: 'SIGNATURES_NOT_FOUND',
    message: /^no signatures found$/,
  },
  {
    name: 'tampered payload, legacy',
    line: async () => `verify ${trusting} ${await classic(payloadOf(image.digest, { by: 'eve' }), payloadOf(image.digest))}`,
    exit: 12,
    code: 'SIGNATURE_INVALID',
    message: /\.sig layer 0: /,
  },
  {
    name: 'tampered payload, bundle',
    line: async () => `verify ${trusting} ${await bundled(statementOf(image.digest, { by: 'eve' }), good)}`,
    exit: 1,
    code: 'SIGNATURE_INVALID',
    message: /: referrer sha256:\w+: /,
  },
  {
    name: 'payload for another digest, legacy',
    line: async () => `verify ${trusting} ${await classic(payloadOf(other.digest))}`,
    exit: 12,
    code: 'ARTIFACT_MISMATCH',
    message: new RegExp(`: the signature is about ${other.digest}, not ${image.digest}$`),
  },
  {
    name: 'payload for another digest, bundle',
    line: async () => `verify ${trusting} ${await bundled(statementOf(other.digest))}`,
    exit: 1,
    code: 'ARTIFACT_MISMATCH',
    message: new RegExp(`: the signature is about ${other.digest}, not ${image.digest}$`),
  },
  {
    name: 'missing annotation, legacy',
    line: async () => `verify ${trusting} -a commit=1 -a build=7 ${await classic(payloadOf(image.digest, { commit: '1' }))}`,
    exit: 12,
    code: 'ANNOTATION_MISMATCH',
    message: /: missing or incorrect annotation: want "build=7", got no "build"$/,
  },
  {
    name: 'annotation of another value, bundle',
    line: async () => `verify ${trusting} -a commit=2 ${await bundled(good)}`,
    exit: 1,
    code: 'ANNOTATION_MISMATCH',
    message: /: missing or incorrect annotation: want "commit=2", got "1"$/,
  },
  {
    name: 'payload cut short, though signed',
    line: async () => `verify ${trusting} ${await classic(payloadOf(image.digest).slice(0, -10))}`,
    exit: 12,
    code: 'PAYLOAD_MALFORMED',
    message: /\.sig layer 0: payload: /,
  },
  {
    name: 'payload with a member twice, though signed',
    line: async () => {
      const twice = text(payloadOf(image.digest)).replace('{"critical"', '{"critical":null,"critical"')
      return `verify ${trusting} ${await classic(bytesOf(twice))}`
    },
    exit: 12,
    code: 'PAYLOAD_MALFORMED',
    message: /payload: member "critical" appears twice$/,
  },
  {
    name: 'payload with a condition nobody checks',
    line: async () =>
      `verify ${trusting} ${await classic(bytesOf(text(payloadOf(image.digest)).replace('"type"', '"until":"2020","type"')))}`,
    exit: 12,
    code: 'PAYLOAD_MALFORMED',
    message: /"until"/,
  },
  {
    name: 'oversized payload',
    line: async () => `verify ${trusting} ${await classic(payloadOf(image.digest, { padding: 'x'.repeat(5 << 20) }))}`,
    exit: 12,
    code: 'LIMIT_EXCEEDED',
    message: /payload: want at most 4194304 bytes/,
  },
  {
    name: 'payload larger than COSIGN_MAX_ATTACHMENT_SIZE',
    line: async () => `verify ${trusting} ${await classic(payloadOf(image.digest))}`,
    options: { environment: { COSIGN_MAX_ATTACHMENT_SIZE: '100B' } },
    exit: 12,
    code: 'LIMIT_EXCEEDED',
    message: /want at most 100 bytes, its descriptor says \d+/,
  },
  {
    name: 'layer without a signature',
    line: async () => {
      const repository = await pushed()
      await hand.putSignatures(repository, image.digest, [{ payload: payloadOf(image.digest), signature: '' }])
      return `verify ${trusting} ${nameOf(repository)}`
    },
    exit: 12,
    code: 'SIGNATURE_MALFORMED',
    message: /layer: want annotation dev\.cosignproject\.cosign\/signature, got none/,
  },
  {
    name: 'signature in loose base64',
    line: async () => {
      const repository = await pushed()
      const payload = payloadOf(image.digest)
      const signature = encodeBase64(await team.sign(payload)).replace(/^.{64}/, '$&\n') // in lines, as PEM has it
      await hand.putSignatures(repository, image.digest, [{ payload, signature }])
      return `verify ${trusting} ${nameOf(repository)}`
    },
    exit: 12,
    code: 'BASE64_MALFORMED',
    message: /annotation dev\.cosignproject\.cosign\/signature/,
  },
  {
    name: 'bundle cut short',
    line: async () => `verify ${trusting} ${await bundled(good, good, bundle => bundle.slice(0, -5))}`,
    exit: 1,
    code: 'BUNDLE_MALFORMED',
    message: /: bundle: /,
  },
  {
    name: 'bundle with a member twice',
    line: async () => `verify ${trusting} ${await bundled(good, good, bundle => bundle.replace('{', '{"mediaType":"x",'))}`,
    exit: 1,
    code: 'BUNDLE_MALFORMED',
    message: /member "mediaType" appears twice/,
  },
  {
    name: 'bundle of a version to come',
    line: async () => `verify ${trusting} ${await bundled(good, good, bundle => bundle.replace('v0.3', 'v0.4'))}`,
    exit: 1,
    code: 'BUNDLE_MALFORMED',
    message: /mediaType: want a bundle of version 0\.1 to 0\.3, got "application/,
  },
  {
    name: 'bundle with a certificate where a key was asked for',
    line: async () =>
      `verify ${trusting} ${await bundled(good, good, bundle => bundle.replace(/"publicKey":\{[^}]*\}/, '"certificate":{"rawBytes":"AA=="}'))}`,
    exit: 1,
    code: 'MATERIAL_UNSUPPORTED',
    message: /expected key signature, not certificate/,
  },
  {
    name: 'statement cut short, though signed',
    line: async () => `verify ${trusting} ${await bundled(good.slice(0, -3))}`,
    exit: 1,
    code: 'STATEMENT_MALFORMED',
    message: /: statement: /,
  },
  {
    name: 'statement with a member twice, though signed',
    line: async () => `verify ${trusting} ${await bundled(bytesOf(text(good).replace('{', '{"subject":[],')))}`,
    exit: 1,
    code: 'STATEMENT_MALFORMED',
    message: /member "subject" appears twice/,
  },
  {
    name: 'statement about nothing, though signed',
    line: async () => `verify ${trusting} ${await bundled(bytesOf(text(good).replace(/"subject":\[[^\]]*\]/, '"subject":[]')))}`,
    exit: 1,
    code: 'STATEMENT_MALFORMED',
    message: /subject: want at least one, got none/,
  },
  {
    name: 'manifest cut short',
    line: async () => {
      hosts.set(
        'short.test',
        onPath(/manifests\/v1$/, async () => new Response('{"schemaVersion":2,"lay', { headers: { 'content-type': image.mediaType } })),
      )
      return `verify ${trusting} short.test/${await pushed()}:v1`
    },
    exit: 1,
    code: 'MANIFEST_MALFORMED',
    message: /^manifest short\.test\/\w+:v1: /,
  },
  {
    name: 'a manifest that lies about the size of a bundle',
    line: async () => {
      const name = await bundled(good)
      const repository = name.slice(rigHost.length + 1).replace(/@.*/, '')
      const [listed] = await hand.referrers(repository, image.digest)
      const manifest = await hand.manifest(repository, String(listed!['digest']))
      const [layer] = manifest['layers'] as { size: number }[]
      const lying = { ...manifest, layers: [{ ...layer, size: layer!.size - 1 }] }
      const target = await pushed()
      hosts.set('lying.test', lyingRegistry(repository, lying))
      return `verify ${trusting} lying.test/${target}@${image.digest}`
    },
    exit: 1,
    code: 'SIZE_MISMATCH',
    message: /its descriptor says \d+ bytes, the registry sends more$/,
  },
  {
    name: 'unreachable registry',
    line: async () => `verify ${trusting} gone.test/app@${image.digest}`,
    exit: 1,
    code: 'REGISTRY_UNAVAILABLE',
    message: /^registry gone\.test: no such host name$/,
  },
  {
    name: 'a registry that refuses connections',
    line: async () => {
      hosts.set('closed.test', async () => {
        throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
      })
      return `sign ${signing} closed.test/app@${image.digest}`
    },
    exit: 1,
    code: 'REGISTRY_UNAVAILABLE',
    message: /^registry closed\.test: connection refused$/,
  },
  {
    name: 'no such tag',
    line: async () => `verify ${trusting} ${rigHost}/${await pushed()}:v9`,
    exit: 11,
    code: 'IMAGE_NOT_FOUND',
    message: /^manifest registry\.test\/\w+:v9: not found: the registry answers 404 MANIFEST_UNKNOWN/,
  },
  {
    name: 'no such repository',
    line: async () => `verify ${trusting} ${rigHost}/nosuch:v1`,
    exit: 11,
    code: 'IMAGE_NOT_FOUND',
    message: /^manifest registry\.test\/nosuch:v1: not found/,
  },
  {
    name: 'unreadable repository',
    line: async () => {
      hosts.set('secret.test', denied(403))
      return `verify ${trusting} secret.test/team/app@${image.digest}`
    },
    exit: 1,
    code: 'REGISTRY_DENIED',
    message:
      /^want permission to pull secret\.test\/team\/app, asked without credentials: none for secret\.test were found, got status 403 DENIED "no"$/,
  },
  {
    name: 'unwritable repository',
    line: async () => {
      hosts.set('readonly.test', async request => (['GET', 'HEAD'].includes(request.method) ? rig.registry(request) : denied(403)(request)))
      return `sign ${signing} ${nameOf(await pushed()).replace(rigHost, 'readonly.test')}`
    },
    exit: 1,
    code: 'REGISTRY_DENIED',
    message:
      /^want permission to (pull and )?push readonly\.test\/\w+, asked without credentials: none for readonly\.test were found, got status 403/,
  },
  {
    name: 'credentials that the registry does not know',
    line: async () => {
      hosts.set('stranger.test', denied(401))
      return `verify ${trusting} --registry-username me --registry-password pw stranger.test/app@${image.digest}`
    },
    exit: 1,
    code: 'REGISTRY_UNAUTHORIZED',
    message: /^want permission to pull stranger\.test\/app, asked as user "me", got status 401 UNAUTHORIZED "no"$/,
  },
]

disk.set('blob', 'countersign\n')
const blob = encodeUtf8('countersign\n')
const blobSignature = await team.sign(blob)
const blobLine = (file: string, content: string | Uint8Array, flags = '--bundle', key = 'team.pub') => {
  disk.set(file, content)
  return `verify-blob --key ${key} --insecure-ignore-tlog -o json ${flags} ${file} blob`
}
const messageBundle = text(encodeMessageBundle(team, blob, blobSignature))

const blobs: readonly Case[] = [
  {
    name: 'blob: wrong key, bundle',
    line: async () => blobLine('b1.json', messageBundle, '--bundle', 'stranger.pub'),
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /^no matching signatures: b1\.json: the evidence names the key \w{16}…, which is not the trusted key$/,
  },
  {
    name: 'blob: key A with a legacy bundle of key B, which cosign verifies with B',
    line: async () => blobLine('b2.json', encodeBlobBundle(await stranger.sign(blob), strangerKey.publicPem)),
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /^no matching signatures: b2\.json: the evidence names ecdsa-p256 key \w{16}…, which is not the trusted key$/,
  },
  {
    name: 'blob: key A with a v0.3 bundle of key B',
    line: async () => blobLine('b3.json', encodeMessageBundle(stranger, blob, await stranger.sign(blob))),
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /^no matching signatures: b3\.json: the evidence names the key \w{16}…, which is not the trusted key$/,
  },
  {
    name: 'blob: a signature of A in a bundle that names B',
    line: async () => blobLine('b4.json', encodeBlobBundle(blobSignature, strangerKey.publicPem)),
    exit: 1,
    code: 'KEY_MISMATCH',
    message: /which is not the trusted key$/,
  },
  {
    name: 'blob: wrong key, detached signature',
    line: async () => blobLine('b5.sig', encodeBase64(blobSignature), '--signature', 'stranger.pub'),
    exit: 1,
    code: 'SIGNATURE_INVALID',
    message: /^no matching signatures: b5\.sig: /,
  },
  {
    name: 'blob: a bundle of another file, told by the digest it declares',
    line: async () => blobLine('b6.json', encodeMessageBundle(team, encodeUtf8('else'), await team.sign(encodeUtf8('else')))),
    exit: 1,
    code: 'ARTIFACT_MISMATCH',
    message: /: the signature is about sha256:\w{64}, not sha256:\w{64}$/,
  },
  {
    name: 'blob: bundle cut short',
    line: async () => blobLine('b7.json', messageBundle.slice(0, 100)),
    exit: 1,
    code: 'BUNDLE_MALFORMED',
    message: /^bundle b7\.json: /,
  },
  {
    name: 'blob: bundle with a member twice',
    line: async () => blobLine('b8.json', messageBundle.replace('{', '{"messageSignature":{},')),
    exit: 1,
    code: 'BUNDLE_MALFORMED',
    message: /^bundle b8\.json: member "messageSignature" appears twice$/,
  },
  {
    name: 'blob: oversized legacy bundle',
    line: async () => blobLine('b9.json', `{"base64Signature":"${'A'.repeat(17 << 20)}"}`),
    exit: 1,
    code: 'LIMIT_EXCEEDED',
    message: /file "b9\.json": want at most 16777216 bytes/,
  },
  {
    name: 'blob: endless signature at a URL',
    line: async () => {
      hosts.set('endless.test', async () => new Response(endless(encodeUtf8('A'))))
      return 'verify-blob --key team.pub --insecure-ignore-tlog -o json --signature https://endless.test/sig blob'
    },
    exit: 1,
    code: 'LIMIT_EXCEEDED',
    message: /^GET https:\/\/endless\.test\/sig: want .*at most 65536 bytes, got more$/,
  },
  {
    name: 'blob: endless key at a URL',
    line: async () => {
      hosts.set('endless.test', async () => new Response(endless(encodeUtf8('A'))))
      return blobLine('b10.json', messageBundle, '--bundle', 'https://endless.test/key')
    },
    exit: 1,
    code: 'LIMIT_EXCEEDED',
    message: /^GET https:\/\/endless\.test\/key: want .*at most 65536 bytes, got more$/,
  },
  {
    name: 'blob: a digest of the wrong length',
    line: async () => 'verify-blob --key team.pub --insecure-ignore-tlog -o json --bundle b1.json sha256:abcd',
    exit: 1,
    code: 'FILE_UNREADABLE',
    message: /^file "sha256:abcd": no such file or folder$/,
  },
]

/** The fields of a key file, changed. */
function keyFile(change: (file: { kdf: { params: { N: number } }; ciphertext: string }) => void): string {
  const file = JSON.parse(atob(teamKey.encrypted.replace(/-----[^-]+-----|\n/g, '')))
  change(file)
  const lines = btoa(JSON.stringify(file)).match(/.{1,64}/g)!
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${lines.join('\n')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`
}

const signWith = (content: string) => async () => {
  disk.set('bad.key', content)
  return `sign ${signing.replace('team', 'bad')} ${nameOf(await pushed())}`
}
const verifyWith = (content: string) => async () => {
  disk.set('bad.pub', content)
  return `verify ${trusting.replace('team', 'bad')} ${nameOf(await pushed())}`
}

const keys: readonly Case[] = [
  {
    name: 'wrong passphrase',
    line: async () => `sign ${signing} ${nameOf(await pushed())}`,
    options: { environment: { COSIGN_PASSWORD: 'wrong' } },
    exit: 1,
    code: 'PASSPHRASE_WRONG',
    message: /^key "team\.key": decrypt: encrypted: decryption failed$/,
    writesNothing: true,
  },
  {
    name: 'key file with one bit of the ciphertext flipped: as good as a wrong passphrase',
    line: signWith(keyFile(file => (file.ciphertext = `${file.ciphertext[0] === 'A' ? 'B' : 'A'}${file.ciphertext.slice(1)}`))),
    exit: 1,
    code: 'PASSPHRASE_WRONG',
    message: /^key "bad\.key": decrypt: encrypted: decryption failed$/,
    writesNothing: true,
  },
  {
    name: 'key file cut short',
    line: signWith(teamKey.encrypted.slice(0, 300)),
    exit: 1,
    code: 'KEY_MALFORMED',
    message: /^key "bad\.key": /,
    writesNothing: true,
  },
  {
    name: 'key file whose JSON is broken',
    line: signWith(`-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${btoa('{"kdf":')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`),
    exit: 1,
    code: 'KEY_MALFORMED',
    message: /^key "bad\.key": /,
    writesNothing: true,
  },
  {
    name: 'key file that is no PEM',
    line: signWith('hello'),
    exit: 1,
    code: 'KEY_MALFORMED',
    message: /^key "bad\.key": invalid pem block: none found$/,
    writesNothing: true,
  },
  {
    name: 'key file of a lower cost than cosign reads',
    line: signWith(keyFile(file => (file.kdf.params.N = 16_384))),
    exit: 1,
    code: 'KEY_UNSUPPORTED',
    message: /^key "bad\.key": decrypt: unsupported scrypt parameters: N=16384, r=8, p=1$/,
    writesNothing: true,
  },
  {
    name: 'key file of a cost that would exhaust the machine',
    line: signWith(keyFile(file => (file.kdf.params.N = 2 ** 40))),
    exit: 1,
    code: 'KEY_UNSUPPORTED',
    message: /unsupported scrypt parameters: N=1099511627776/,
    writesNothing: true,
  },
  {
    name: 'public key: RSA of 1024 bits',
    line: verifyWith(vector('refused/rsa-1024.pub')),
    exit: 1,
    code: 'KEY_UNSUPPORTED',
    message: /^key "bad\.pub": .*1024/,
  },
  {
    name: 'public key: secp256k1',
    line: verifyWith(vector('refused/secp256k1.pub')),
    exit: 1,
    code: 'KEY_UNSUPPORTED',
    message: /^key "bad\.pub": /,
  },
  { name: 'public key: empty file', line: verifyWith(''), exit: 1, code: 'KEY_MALFORMED', message: /^key "bad\.pub": invalid pem block/ },
  {
    name: 'endless public key file',
    line: verifyWith('x'.repeat(70_000)),
    exit: 1,
    code: 'LIMIT_EXCEEDED',
    message: /^file "bad\.pub": want at most 65536 bytes$/,
  },
]

for (const { name, line, options, writesNothing, ...refusal } of [...images, ...blobs, ...keys])
  test(name, async () => {
    const outcome = await rig.cs(await line(), options)
    assertRefused(outcome, refusal)
    if (writesNothing)
      assert.ok(
        outcome.requests.every(request => request.startsWith('GET ')),
        outcome.requests.join('\n'),
      )
    assert.ok(outcome.servedBytes < 6 << 20)
  })

for (const { name, file, message } of [
  { name: 'RSA of 1024 bits', file: 'rsa-1024.pkcs1.pem', message: /error validating rsa key: .*1024/ },
  { name: 'RSA of 1024 bits in PKCS#8', file: 'rsa-1024.pkcs8.pem', message: /error validating rsa key: .*1024/ },
  { name: 'secp256k1', file: 'secp256k1.sec1.pem', message: /error parsing ecdsa private key: / },
  { name: 'secp256k1 in PKCS#8', file: 'secp256k1.pkcs8.pem', message: /error parsing pkcs #8 private key: / },
  { name: 'an encrypted key', file: 'enc.pkcs8.pem', message: /private key is encrypted/ },
])
  test(`import-key-pair refuses ${name}, asks for no passphrase and writes no file`, async () => {
    disk.set('import.pem', vector(`refused/${file}`))
    const outcome = await rig.cs('import-key-pair --key import.pem --output-key-prefix refused')
    assert.equal(outcome.code, 1)
    assert.match(outcome.stderr.match(/^Error: .*$/m)?.[0] ?? '', message)
    assert.deepEqual([disk.has('refused.key'), disk.has('refused.pub')], [false, false])
  })

test('an annotation more than asked for does no harm', async () => {
  assert.equal(
    (await rig.cs(`verify ${trusting} -a commit=1 ${await classic(payloadOf(image.digest, { commit: '1', build: '7' }))}`)).code,
    0,
  )
})

for (const format of ['', '--new-bundle-format=false'])
  test(`a registry that answers a tag differently the second time cannot change what is signed or verified ${format}`, async () => {
    const repository = await pushed()
    let asked = 0
    hosts.set('flip.test', async request => {
      if (new URL(request.url).pathname.endsWith('/manifests/v1') && ++asked > 1) await rig.push(repository, other, 'v1')
      return rig.registry(request)
    })
    const signed = await rig.cs(`sign ${signing} ${format} flip.test/${repository}:v1`)
    assert.deepEqual([signed.code, asked], [0, 1], signed.stderr)
    asked = 0
    const verified = await rig.cs(`verify ${trusting} ${format} flip.test/${repository}:v1`)
    assert.deepEqual([verified.code, asked], [0, 1], verified.stderr)
    const [{ critical }] = JSON.parse(verified.stdout)
    assert.equal(critical.image['docker-manifest-digest'], image.digest)
    assert.equal((await rig.cs(`verify ${trusting} ${format} flip.test/${repository}:v1`)).code, 10, 'the other image is not signed')
  })

test('a good signature among broken ones is enough, and the broken ones are explained only when none is good', async () => {
  const repository = await pushed()
  const payload = payloadOf(image.digest)
  const signature = await team.sign(payload)
  const broken = [
    { payload: encodeUtf8('{'), signature },
    { payload, signature: await stranger.sign(payload) },
    { payload, signature: 'AAAA' },
  ]
  await hand.putSignatures(repository, image.digest, [...broken, { payload, signature }])
  const outcome = await rig.cs(`verify ${trusting} ${nameOf(repository)}`)
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.equal(JSON.parse(outcome.stdout).length, 1)
  await hand.putSignatures(repository, image.digest, broken)
  const refused = await rig.cs(`verify ${trusting} ${nameOf(repository)}`)
  assertRefused(refused, {
    exit: 12,
    code: 'SIGNATURE_INVALID',
    message: new RegExp(`^no matching signatures: ${signatureTagOf(image.digest)} layer \\d: `),
  })
  for (const layer of [0, 1, 2]) assert.match(refused.stderr, new RegExp(`refused ${signatureTagOf(image.digest)} layer ${layer}`))
  assert.match(refused.stderr, /\(closest miss\)/)
})

/** Serves another repository's referrers, but one manifest with other words under the digest it is asked by. */
function lyingRegistry(repository: string, lying: object): Handler {
  const body = JSON.stringify(lying)
  return async request => {
    const url = new URL(request.url)
    if (url.pathname.includes('/referrers/')) {
      const digest = ociDigestOf(encodeUtf8(body))
      return Response.json(
        {
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests: [{ mediaType: image.mediaType, digest, size: body.length }],
        },
        { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } },
      )
    }
    if (url.pathname.includes('/manifests/sha256:')) return new Response(body, { headers: { 'content-type': image.mediaType } })
    url.pathname = url.pathname.replace(/\/v2\/[^/]+\//, `/v2/${repository}/`)
    return rig.registry(new Request(url, request))
  }
}
