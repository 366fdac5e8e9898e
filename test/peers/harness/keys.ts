import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Actor } from './actor.ts'
import { runOk } from './command.ts'
import type { Place } from './place.ts'

const vectors = join(import.meta.dirname, '../../vectors/cosign-keys/import')

/** Keys by kind, as OpenSSL wrote them: what `import-key-pair` is given. */
export const keyFiles = {
  'P-256': 'prime256v1.sec1.pem',
  'P-384': 'secp384r1.pkcs8.pem',
  'P-521': 'secp521r1.sec1.pem',
  'RSA 2048': 'rsa-2048.pkcs1.pem',
  'RSA 3072': 'rsa-3072.pkcs8.pem',
  'RSA 4096': 'rsa-4096.pkcs1.pem',
  Ed25519: 'ed25519.pkcs8.pem',
} as const

export type KeyKind = keyof typeof keyFiles

export const keyKinds = Object.keys(keyFiles) as readonly KeyKind[]

/** A private key file and the public one beside it. */
export type KeyPair = { readonly key: string; readonly pub: string }

/** Imports the key of a kind by `import-key-pair` of an actor. */
export async function importKey(place: Place, actor: Actor, kind: KeyKind, prefix: string): Promise<KeyPair> {
  const pem = place.path(`${prefix}.pem`)
  copyFileSync(join(vectors, keyFiles[kind]), pem)
  await runOk(place, actor.command(), ['import-key-pair', '--key', pem, '--output-key-prefix', prefix])
  return keyPair(place, prefix)
}

/** Makes a new key pair by `generate-key-pair` of an actor. */
export async function generateKey(place: Place, actor: Actor, prefix: string): Promise<KeyPair> {
  await runOk(place, actor.command(), ['generate-key-pair', '--output-key-prefix', prefix])
  return keyPair(place, prefix)
}

function keyPair(place: Place, prefix: string): KeyPair {
  return { key: place.path(`${prefix}.key`), pub: place.path(`${prefix}.pub`) }
}
