import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { encryptPrivateKey } from '../../crypto/encrypted-key.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { openGithubSecrets, parseGithubPlace } from '../../kms/forge/github.ts'
import { openGitlabVariables, parseGitlabProject } from '../../kms/forge/gitlab.ts'
import type { SecretStore } from '../../kms/forge/secret-store.ts'
import { existingSecrets, storeKeyPair } from '../../kms/forge/store-key-pair.ts'
import type { CommandFunction } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { generateKeyPairFlags } from '../flags/keys.ts'
import { confirmOverwrite, writeKeyPair } from '../inputs/key-files.ts'
import { keySources } from '../inputs/keys.ts'

/** `generate-key-pair`: a new ECDSA P-256 key pair, the private key encrypted; in files, or in the secrets of a forge. */
export const generateKeyPair: CommandFunction<typeof generateKeyPairFlags> = async (context, flags, [provider]) => {
  if (provider === undefined) await writeKeyPair(context, flags.outputKeyPrefix, generateEcdsaP256, { yes: false })
  else await generateInForge(context, await openStore(context, provider), `${flags.outputKeyPrefix}.pub`)
  return 0
}

async function openStore(context: CommandContext, provider: string): Promise<SecretStore> {
  const [, scheme, rest = ''] = /^(gitlab|github):\/\/(.*)$/s.exec(provider) ?? []
  const effects = keySources(context)
  if (scheme === 'gitlab') return await openGitlabVariables(parseGitlabProject(rest), effects)
  if (scheme === 'github') return await openGithubSecrets(parseGithubPlace(rest), effects, context.world.randomBytes)
  throw new CountersignError(
    'CAPABILITY_MISSING',
    `generate-key-pair: keys at ${quote(provider)} are not supported yet; leave the argument out to make an encrypted key file`,
  )
}

/** Asks before anything is replaced, and for the passphrase once it is known where the key will go. */
async function generateInForge(context: CommandContext, store: SecretStore, publicPath: string): Promise<void> {
  const existing = await existingSecrets(store)
  if (existing.size > 0)
    await context.prompts.confirm(`${[...existing].join(' and ')} of ${store.name} already exist. Overwrite?`, { yes: false })
  const replaces = await confirmOverwrite(context, publicPath, { yes: false })
  const passphrase = await context.prompts.passphrase({ confirm: true })
  const key = generateEcdsaP256()
  try {
    const privateKey = await encryptPrivateKey(key, passphrase, context.world.randomBytes, context.deriveKey)
    const publicKey = encodePublicKeyPem(signerFromPkcs8(key, 'new key').publicKey)
    await storeKeyPair(
      store,
      { passphrase, privateKey, publicKey },
      {
        existing,
        keepPublicKey: async pem => {
          await context.files.write(publicPath, pem, { mode: 0o600, onlyNew: !replaces })
          context.stderr(`Public key also written to ${publicPath}\n`)
        },
        tell: line => context.stderr(`${line}\n`),
      },
    )
  } finally {
    passphrase.fill(0)
    key.fill(0)
  }
}
