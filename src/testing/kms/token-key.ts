import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import { openPkcs11Key } from '../../kms/pkcs11/open-pkcs11-key.ts'
import type { ProviderEffects } from '../../kms/remote/key-effects.ts'
import type { RemoteKey } from '../../kms/remote/remote-key.ts'
import { addPair, type HandMadeModule, type HandMadeToken, makeToken, type PairOptions } from './hand-made-token.ts'

/** Key pairs of every kind. */
export const pairs = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ed25519: generateKeyPairSync('ed25519'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
} satisfies Record<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>

/** Puts one of them on a token. */
export function put(token: HandMadeToken, pair: keyof typeof pairs, options: PairOptions): PublicKey {
  const { privateKey, publicKey } = pairs[pair]
  return addPair(token, privateKey, publicKey.export({ type: 'spki', format: 'der' }), options)
}

/** What a key is opened with. */
export type Setting = {
  readonly uri?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly answers?: readonly string[]
  readonly files?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Opens a key on a token of this module; with what was asked of a person and what they were told. */
export function open(
  module: HandMadeModule,
  { uri = 'pkcs11:token=release;object=k', environment, answers, files, signal }: Setting = {},
): { readonly key: RemoteKey; readonly asked: readonly string[]; readonly warnings: readonly string[] } {
  const [asked, warnings, left]: [string[], string[], string[]] = [[], [], [...(answers ?? [])]]
  const effects: ProviderEffects = {
    environment: new Map(Object.entries({ COSIGN_PKCS11_MODULE_PATH: '/lib/token.so', ...environment })),
    fetch: () => assert.fail('fetched'),
    connect: () => assert.fail('connected'),
    world: { now: () => new Date(0), sleep: () => assert.fail('slept'), randomBytes: length => new Uint8Array(length).fill(7) },
    signal: signal ?? new AbortController().signal,
    readFile: async path => encodeUtf8(files?.[path] ?? assert.fail(path)),
    loadPackage: async name => (name === 'pkcs11js' ? module.exported : assert.fail(name)),
    runProgram: () => assert.fail('ran a program'),
    askPin: async question => {
      asked.push(question)
      const answer = left.shift()
      if (answer === undefined) throw new CountersignError('USAGE', 'standard input is no terminal')
      return answer
    },
    warn: line => warnings.push(line),
  }
  return { key: openPkcs11Key(uri, effects), asked, warnings }
}

/** A token with a key of label `k`, or those that are told. */
export function withKey(
  changes: Partial<HandMadeToken> = {},
  pair: keyof typeof pairs = 'p256',
  ...all: readonly PairOptions[]
): HandMadeToken {
  const token = makeToken(changes)
  for (const options of all.length === 0 ? [{ label: 'k' }] : all) put(token, pair, options)
  return token
}
