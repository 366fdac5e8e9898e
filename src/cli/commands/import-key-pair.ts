import { CountersignError } from '../../codec/error.ts'
import { parsePrivateKeyPem } from '../../crypto/private-key.ts'
import { describeKeyReference, parseKeyReference } from '../../kms/key-reference.ts'
import { readKeyFile } from '../../kms/load-key.ts'
import type { CommandFunction } from '../command.ts'
import type { importKeyPairFlags } from '../flags/keys.ts'
import { writeKeyPair } from '../inputs/key-files.ts'
import { keySources } from '../inputs/keys.ts'

/** `import-key-pair`: an existing PEM private key, encrypted and written beside its public key. */
export const importKeyPair: CommandFunction<typeof importKeyPairFlags> = async (context, flags) => {
  if (flags.key === '') throw new CountersignError('USAGE', 'import-key-pair: want --key FILE, got none')
  const reference = parseKeyReference(flags.key)
  if (reference.kind === 'remote')
    throw new CountersignError(
      'USAGE',
      `import-key-pair: want a key that can be read, and ${describeKeyReference(flags.key)} never leaves where it is`,
    )
  const pem = await readKeyFile(reference, 'private', keySources(context))
  const key = parsePrivateKeyPem(pem, flags.key) // before any question is asked: a key we refuse is not worth a passphrase
  await writeKeyPair(context, flags.outputKeyPrefix, () => key, { yes: flags.yes, flag: '--yes' })
  return 0
}
