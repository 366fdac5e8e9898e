import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import type { CommandFunction } from '../command.ts'
import type { generateKeyPairFlags } from '../flags/keys.ts'
import { writeKeyPair } from '../inputs/key-files.ts'

/** `generate-key-pair`: a new ECDSA P-256 key pair, the private key encrypted. */
export const generateKeyPair: CommandFunction<typeof generateKeyPairFlags> = async (context, flags, [provider]) => {
  if (provider !== undefined)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `generate-key-pair: keys at ${quote(provider)} are not supported yet; leave the argument out to make an encrypted key file`,
    )
  await writeKeyPair(context, flags.outputKeyPrefix, generateEcdsaP256, false)
  return 0
}
