import { CountersignError } from '../../codec/error.ts'
import type { Fetch } from '../../codec/world.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { describeKeyReference } from '../../kms/key-reference.ts'
import type { KeySources } from '../../kms/load-key.ts'
import { machineEffects } from '../../oci/credentials/credential-effects.ts'
import type { TrustedKey } from '../../trust/key-set.ts'
import type { CommandContext } from '../context.ts'

/** The signer that `--key` names; asks for its passphrase. */
export async function signerFromFlag(context: CommandContext, key: string): Promise<Signer> {
  requireKey(key, 'want a private key; name it by --key')
  const { loadSigner } = await import('../../kms/load-key.ts')
  return await loadSigner(key, keySources(context), () => context.prompts.passphrase({ confirm: false }))
}

/**
 * The public keys that `--key` names: one, all enabled versions of a key in a KMS, or those of a key set.
 *
 * @param offline - refuse to reach for them over a network
 */
export async function publicKeysFromFlag(
  context: CommandContext,
  key: string,
  offline: boolean,
): Promise<readonly [TrustedKey, ...TrustedKey[]]> {
  requireKey(key, 'want a public key; name it by --key')
  const { loadPublicKeys } = await import('../../kms/load-key.ts')
  return await loadPublicKeys(key, { ...keySources(context, offline ? refuseToFetch : undefined), offline })
}

/**
 * The public keys of a `--key` that may be repeated, at most 100 of them.
 *
 * @param offline - refuse to reach for them over a network
 * @throws CountersignError `LIMIT_EXCEEDED`
 */
export async function publicKeysFromFlags(
  context: CommandContext,
  keys: readonly string[],
  offline: boolean,
): Promise<readonly TrustedKey[]> {
  const all: TrustedKey[] = []
  for (const key of keys) all.push(...(await publicKeysFromFlag(context, key, offline)))
  if (all.length > maxKeys) throw new CountersignError('LIMIT_EXCEEDED', `--key: want at most ${maxKeys} keys, got ${all.length}`)
  return all
}

const maxKeys = 100 // each signature found may be tried with all of them

/**
 * The one public key that `--key` names, for what is made of a key.
 *
 * @throws CountersignError `USAGE` where it names several versions, or a key that is valid for some time only
 */
export async function publicKeyFromFlag(context: CommandContext, key: string): Promise<PublicKey> {
  const [only, ...others] = await publicKeysFromFlag(context, key, false)
  if (others.length > 0)
    throw new CountersignError(
      'USAGE',
      `--key ${describeKeyReference(key)}: want one version of the key, got ${others.length + 1}; name one`,
    )
  if (only.validFor)
    throw new CountersignError(
      'USAGE',
      `--key ${describeKeyReference(key)}: want a key, got a key set, whose times would not count; name the key`,
    )
  return only
}

/** What keys are read from and asked for, as the command has it. */
export function keySources(context: CommandContext, fetch: Fetch = context.world.fetch): KeySources {
  const { files, environment, signal, deriveKey, world, connect, loadPackage, prompts } = context
  return {
    readFile: files.read,
    environment,
    fetch,
    connect,
    world,
    signal,
    loadPackage,
    runProgram: machineEffects(Object.fromEntries(environment)).run,
    askPin: prompts.secret,
    warn: context.warn,
    atEnd: context.atEnd,
    ...(deriveKey && { deriveKey }),
  }
}

function requireKey(key: string, otherwise: string): void {
  if (key === '') throw new CountersignError('CAPABILITY_MISSING', otherwise)
}

const refuseToFetch: Fetch = async () => {
  throw new CountersignError('SERVICE_UNAVAILABLE', 'offline: want no network, but the key is at a URL')
}
