import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Command, Flag } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { globalFlags } from '../../src/cli/flags/global.ts'
import { isDefault } from '../../src/cli/parsing/flag-value.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { statementPayloadType } from '../../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../../src/sign/bundle.ts'
import { assertRefused, createRig, good, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { buildImage, buildIndex } from '../../src/testing/image-builder.ts'
import { makeModule, makeToken } from '../../src/testing/kms/hand-made-token.ts'
import { put } from '../../src/testing/kms/token-key.ts'
import { createHand, signatureTagOf } from '../../src/testing/registry-hand.ts'
import { teamKey } from '../../src/testing/test-keys.ts'

export { good }

/**
 * One flag of some commands that makes a difference: `check` runs the command both ways. A test of `flags.test.ts` holds the
 * cases against the command table, so a flag that is parsed and then ignored cannot stay unnoticed.
 */
export type Case = {
  readonly flag: string
  readonly commands: readonly string[]
  readonly what: string
  readonly check: (command: string) => Promise<void>
}

export const rig = createRig({ hosts: { 'keys.test': async () => new Response(teamKey.publicPem) } })
export const { disk } = rig
export const hand = createHand(rig.registry)
export const dockerConfig = mkdtempSync(join(tmpdir(), 'countersign-flags-'))
after(() => rmSync(dockerConfig, { recursive: true }))
/** The TUF repository that commands take trust from where no flag says otherwise; test/flags/trust.ts serves it. */
export const tufEnvironment = { TUF_ROOT: 'tuf', TUF_MIRROR: 'https://tuf.test/sigstore', TUF_ROOT_JSON: 'tuf-root.json' }
/** A token in slot 7, with a key and the PIN 1234, that the module /lib/token.so shows; the one in slot 0 is empty. */
const token = makeToken()
put(token, 'p256', { id: 'A', label: 'release' })
const packages = { pkcs11js: makeModule([makeToken({ slotId: 0, label: 'other', serial: 'def' }), token]).exported }
export const cs: typeof rig.cs = (line, options) =>
  rig.cs(line, { packages, ...options, environment: { DOCKER_CONFIG: dockerConfig, ...tufEnvironment, ...options?.environment } })
export const image = buildImage()
export const child = buildImage({ platform: { os: 'linux', architecture: 'arm64' } })
export const index = buildIndex([image, child])
let images = 0
/** An image nobody has signed, in a repository of its own. */
export const fresh = (built: Parameters<typeof rig.push>[1] = image) => rig.push(`fresh-${++images}`, built)

export const bundled = await rig.push('bundled', image)
export const classic = await rig.push('classic', image)
export const noLog = '--tlog-upload=false'
export const signing = `sign --key team.key ${noLog}`
export const trusting = '--key team.pub --insecure-ignore-tlog'
export const verifying = `verify ${trusting}`
await good(cs(`${signing} -a commit=1 ${bundled}`))
await good(cs(`${signing} -a commit=1 --new-bundle-format=false ${classic}`))
disk.set('blob', 'countersign\n')
disk.set('predicate.json', '{"a":1}')
disk.set('plain.pem', `-----BEGIN PRIVATE KEY-----\n${teamKey.pkcs8}\n-----END PRIVATE KEY-----\n`)
await good(cs(`sign-blob --key team.key ${noLog} --bundle blob.json --output-signature blob.sig blob`))

/** Commands that sign, by a key or without one. */
export const signers = ['sign', 'sign-blob', 'attest', 'attest-blob']

/** A line of one of them with these flags, about a new image or the file `blob`. */
export async function signerLine(name: string, flags: string): Promise<string> {
  const subject = name.endsWith('-blob') ? 'blob' : await fresh()
  return `${name} ${flags}${name.startsWith('attest') ? ' --type cyclonedx --predicate predicate.json' : ''} ${subject}`
}

/** How a command is run in the cases that concern many of them. Each file of cases defines its own commands. */
export type Plain = {
  /** A command line that succeeds as it stands. */
  readonly line: () => Promise<string>
  /** The same line, turned into one that fails after its flags have been read. */
  readonly failing: (line: string) => string
  /** Whether it writes to standard output. */
  readonly prints: boolean
  readonly varies?: true // prints something else each time
}

export const plain = new Map<string, Plain>()

/** Each command has one, defined as its file of cases is imported. */
export function definePlain(command: string, how: Plain): void {
  assert.ok(!plain.has(command), `${command} has a plain command line already`)
  plain.set(command, how)
}

export function plainOf(command: string): Plain {
  const known = plain.get(command)
  assert.ok(known, `no plain command line for ${command}`)
  return known
}

/** A line of the command that succeeds; each call may be about a new image or file. */
export function plainLine(command: string): Promise<string> {
  return plainOf(command).line()
}

export const usage = (message: RegExp): Refusal => ({ exit: 1, code: 'USAGE', message })
export const missing = (message: RegExp): Refusal => ({ exit: 1, code: 'CAPABILITY_MISSING', message })
export const unreadable: Refusal = { exit: 1, code: 'FILE_UNREADABLE', message: /nowhere/ }

export function repositoryOf(name: string): string {
  return name.slice(`${rigHost}/`.length).replace(/@.*/, '')
}

export function tags(name: string): Promise<readonly string[]> {
  return hand.tags(repositoryOf(name))
}

export type LayerJson = { readonly digest: string }

export async function signatureManifest(name: string): Promise<{ readonly config: LayerJson; readonly layers: readonly LayerJson[] }> {
  return (await hand.manifest(repositoryOf(name), signatureTagOf(image.digest))) as { config: LayerJson; layers: LayerJson[] }
}

export async function configOf(name: string): Promise<Readonly<Record<string, unknown>>> {
  const { config } = await signatureManifest(name)
  return JSON.parse(new TextDecoder().decode(await hand.blob(repositoryOf(name), config.digest)))
}

export async function payloads(
  name: string,
): Promise<readonly { readonly critical: { readonly identity: { readonly 'docker-reference': string } } }[]> {
  const { layers } = await signatureManifest(name)
  const blobs = await Promise.all(layers.map(({ digest }) => hand.blob(repositoryOf(name), digest)))
  return blobs.map(bytes => JSON.parse(new TextDecoder().decode(bytes)))
}

/** Copies the signatures of one image to the tag of another, which has a digest of its own. */
export async function transplant(from: string, to: string): Promise<void> {
  const { layers, ...manifest } = await signatureManifest(from)
  for (const { digest } of [...layers, manifest.config]) await hand.putBlob(repositoryOf(to), await hand.blob(repositoryOf(from), digest))
  const digest = to.replace(/.*@/, '') as typeof image.digest
  await hand.putManifest(repositoryOf(to), signatureTagOf(digest), { ...manifest, layers })
}

/** Attaches a true attestation of another type, by the same key. */
export async function attested(name: string): Promise<string> {
  const subject = [{ digest: { sha256: image.digest.slice('sha256:'.length) } }]
  const predicateType = 'https://example.com/verdict'
  const statement = encodeUtf8(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} }))
  const signer = teamKey.signer()
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement))
  await hand.attachBundle(repositoryOf(name), image, encodeEnvelopeBundle(signer, statement, signature), predicateType)
  return name
}

export function tableOf(command: Command): Readonly<Record<string, Flag>> {
  return { ...command.flags, ...globalFlags }
}

/** A text that the parser takes and that is not the flag's default. */
export function otherThanDefault(flag: Flag): string {
  const candidates = { string: ['x'], boolean: ['true', 'false'], integer: ['7'], duration: ['7s'], strings: ['x'], list: ['x'] }[flag.type]
  const chosen = candidates.find(text => flag.type !== 'boolean' || !isDefault(flag, text === 'true'))
  assert.ok(chosen)
  return chosen
}

/** The refusal of a command; where --output chooses no format, as that of `sign-blob`, only its words can be looked at. */
export async function refuses(command: string, line: string, refusal: Refusal): Promise<void> {
  const table = commands.find(({ name }) => name === command)?.flags
  if (table?.['output']?.format) return assertRefused(await cs(`${line} -o json`), refusal)
  const { code, stderr } = await cs(line)
  assert.equal(code, refusal.exit)
  assert.match(stderr.match(/^Error: .*$/m)?.[0] ?? '', refusal.message)
}

/** A line of `plain` with a key file that is not there. */
export function withoutKey(line: string): string {
  return line.replace('team.', 'nowhere.')
}

export function text(path: string): string {
  const data = disk.get(path)
  assert.ok(data !== undefined, `${path} was not written`)
  return typeof data === 'string' ? data : new TextDecoder().decode(data)
}

export function literally(words: string): string {
  return words.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
