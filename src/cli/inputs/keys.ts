import { CountersignError } from '../../codec/error.ts'
import type { Fetch } from '../../codec/world.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import type { KeySources } from '../../kms/load-key.ts'
import type { CommandContext } from '../context.ts'

/** The signer that `--key` names; asks for its passphrase. */
export async function signerFromFlag(context: CommandContext, key: string): Promise<Signer> {
  requireKey(key, 'want a private key; name it by --key')
  const { loadSigner } = await import('../../kms/load-key.ts')
  return await loadSigner(key, keySources(context), () => context.prompts.passphrase({ confirm: false }))
}

/**
 * The public key that `--key` names.
 *
 * @param offline - refuse to fetch it over a network
 */
export async function publicKeyFromFlag(context: CommandContext, key: string, offline: boolean): Promise<PublicKey> {
  requireKey(key, 'want a public key; name it by --key')
  const { loadPublicKey } = await import('../../kms/load-key.ts')
  return await loadPublicKey(key, keySources(context, offline ? refuseToFetch : undefined))
}

/** What a key reference may be read from, as the command has it. */
export function keySources(context: CommandContext, fetch: Fetch = context.world.fetch): KeySources {
  const { files, environment, signal, deriveKey } = context
  return { readFile: files.read, environment, fetch, signal, ...(deriveKey && { deriveKey }) }
}

function requireKey(key: string, otherwise: string): void {
  if (key === '') throw new CountersignError('CAPABILITY_MISSING', otherwise)
}

const refuseToFetch: Fetch = async () => {
  throw new CountersignError('SERVICE_UNAVAILABLE', 'offline: want no network, but the key is at a URL')
}
