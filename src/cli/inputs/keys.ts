import { CountersignError } from '../../codec/error.ts'
import type { Fetch } from '../../codec/world.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { describeKeyReference } from '../../kms/key-reference.ts'
import type { KeySources } from '../../kms/load-key.ts'
import { machineEffects } from '../../oci/credentials/credential-effects.ts'
import type { CommandContext } from '../context.ts'

/** The signer that `--key` names; asks for its passphrase. */
export async function signerFromFlag(context: CommandContext, key: string): Promise<Signer> {
  requireKey(key, 'want a private key; name it by --key')
  const { loadSigner } = await import('../../kms/load-key.ts')
  return await loadSigner(key, keySources(context), () => context.prompts.passphrase({ confirm: false }))
}

/**
 * The public keys that `--key` names: one, or all enabled versions of a key in a KMS.
 *
 * @param offline - refuse to reach for them over a network
 */
export async function publicKeysFromFlag(
  context: CommandContext,
  key: string,
  offline: boolean,
): Promise<readonly [PublicKey, ...PublicKey[]]> {
  requireKey(key, 'want a public key; name it by --key')
  const { loadPublicKeys } = await import('../../kms/load-key.ts')
  return await loadPublicKeys(key, { ...keySources(context, offline ? refuseToFetch : undefined), offline })
}

/**
 * The one public key that `--key` names, for what is made of a key.
 *
 * @throws CountersignError `USAGE` where it names several versions
 */
export async function publicKeyFromFlag(context: CommandContext, key: string): Promise<PublicKey> {
  const [only, ...others] = await publicKeysFromFlag(context, key, false)
  if (others.length > 0)
    throw new CountersignError(
      'USAGE',
      `--key ${describeKeyReference(key)}: want one version of the key, got ${others.length + 1}; name one`,
    )
  return only
}

/** What keys are read from and asked for, as the command has it. */
export function keySources(context: CommandContext, fetch: Fetch = context.world.fetch): KeySources {
  const { files, environment, signal, deriveKey, world, loadPackage, prompts } = context
  return {
    readFile: files.read,
    environment,
    fetch,
    world,
    signal,
    loadPackage,
    runProgram: machineEffects(Object.fromEntries(environment)).run,
    askPin: prompts.secret,
    ...(deriveKey && { deriveKey }),
  }
}

function requireKey(key: string, otherwise: string): void {
  if (key === '') throw new CountersignError('CAPABILITY_MISSING', otherwise)
}

const refuseToFetch: Fetch = async () => {
  throw new CountersignError('SERVICE_UNAVAILABLE', 'offline: want no network, but the key is at a URL')
}
