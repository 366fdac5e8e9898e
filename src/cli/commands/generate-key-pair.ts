import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { encryptPrivateKey } from '../../crypto/encrypted-key.ts'
import { generateEcdsaP256 } from '../../crypto/private-key.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import { openGithubSecrets, parseGithubPlace } from '../../kms/forge/github.ts'
import { openGitlabVariables, parseGitlabProject } from '../../kms/forge/gitlab.ts'
import type { SecretStore } from '../../kms/forge/secret-store.ts'
import { existingSecrets, type StoredKeyPair, storeKeyPair } from '../../kms/forge/store-key-pair.ts'
import { describeKeyReference, parseKeyReference } from '../../kms/key-reference.ts'
import { checkTakesKeyPair, describeSecret, findKeyPairSecret, writeKeyPairSecret } from '../../kms/kubernetes/key-pair-secret.ts'
import { parseSecretReference, type SecretReference } from '../../kms/kubernetes/secret-reference.ts'
import { withRemoteKey } from '../../kms/load-key.ts'
import type { CommandFunction } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { generateKeyPairFlags } from '../flags/keys.ts'
import { confirmOverwrite, writeKeyPair } from '../inputs/key-files.ts'
import { keySources } from '../inputs/keys.ts'

/** `generate-key-pair`: a new ECDSA P-256 key pair, the private key encrypted in a file or in the secrets of a forge or of a cluster, or in a KMS for good. */
export const generateKeyPair: CommandFunction<typeof generateKeyPairFlags> = async (context, flags, [provider]) => {
  if (flags.kms !== '' && provider !== undefined)
    throw new CountersignError('USAGE', `generate-key-pair: want one place for the key, got --kms and ${quote(provider)}`)
  if (flags.kms !== '') await generateInKms(context, flags.kms, `${flags.outputKeyPrefix}.pub`)
  else if (provider === undefined) await writeKeyPair(context, flags.outputKeyPrefix, generateEcdsaP256, { yes: false })
  else if (provider.startsWith('k8s://'))
    await generateInCluster(context, parseSecretReference(provider.slice('k8s://'.length)), `${flags.outputKeyPrefix}.pub`)
  else await generateInForge(context, await openStore(context, provider), `${flags.outputKeyPrefix}.pub`)
  return 0
}

/** Only the public half is ever seen here. A key that is there already is used: making it twice comes to the same. */
async function generateInKms(context: CommandContext, kms: string, publicPath: string): Promise<void> {
  const reference = parseKeyReference(kms)
  if (reference.kind !== 'remote')
    throw new CountersignError(
      'USAGE',
      `--kms: want a key in a KMS or HSM, got ${describeKeyReference(kms)}; leave the flag out to make a file`,
    )
  const replaces = await confirmOverwrite(context, publicPath, { yes: false })
  const { publicKey, isNew } = await withRemoteKey(reference, keySources(context), key => key.create())
  await context.files.write(publicPath, encodePublicKeyPem(publicKey), { mode: 0o600, onlyNew: !replaces })
  if (!isNew) context.stderr(`${describeKeyReference(kms)} is there already, and is used\n`)
  context.stderr(`Public key written to ${publicPath}\n`)
}

async function openStore(context: CommandContext, provider: string): Promise<SecretStore> {
  const [, scheme, rest = ''] = /^(gitlab|github):\/\/(.*)$/s.exec(provider) ?? []
  const effects = keySources(context)
  if (scheme === 'gitlab') return await openGitlabVariables(parseGitlabProject(rest), effects)
  if (scheme === 'github') return await openGithubSecrets(parseGithubPlace(rest), effects, context.world.randomBytes)
  throw new CountersignError(
    'CAPABILITY_MISSING',
    `generate-key-pair: keys at ${quote(provider)} are not supported yet; a KMS or HSM is named by --kms, and without either an encrypted key file is made`,
  )
}

/** Asks before anything is replaced, and for the passphrase once it is known where the key will go. */
async function generateInForge(context: CommandContext, store: SecretStore, publicPath: string): Promise<void> {
  const existing = await existingSecrets(store)
  if (existing.size > 0)
    await context.prompts.confirm(`${[...existing].join(' and ')} of ${store.name} already exist. Overwrite?`, { yes: false })
  const replaces = await confirmOverwrite(context, publicPath, { yes: false })
  await withNewPair(context, pair =>
    storeKeyPair(store, pair, {
      existing,
      keepPublicKey: async pem => {
        await context.files.write(publicPath, pem, { mode: 0o600, onlyNew: !replaces })
        context.stderr(`Public key also written to ${publicPath}\n`)
      },
      tell: line => context.stderr(`${line}\n`),
    }),
  )
}

/** One write holds all of the pair, so the disk has its public key after it: what is in the cluster is whole without. */
async function generateInCluster(context: CommandContext, reference: SecretReference, publicPath: string): Promise<void> {
  const effects = keySources(context)
  const found = await findKeyPairSecret(reference, effects)
  if (found) {
    checkTakesKeyPair(reference, found)
    await context.prompts.confirm(`${describeSecret(reference)} already exists. Add a key pair to it?`, { yes: false })
  }
  const replaces = await confirmOverwrite(context, publicPath, { yes: false })
  await withNewPair(context, async pair => {
    await writeKeyPairSecret(reference, pair, found, effects)
    context.stderr(`Successfully ${found ? 'updated' : 'created'} secret ${reference.name} in namespace ${reference.namespace}\n`)
    await context.files.write(publicPath, pair.publicKey, { mode: 0o600, onlyNew: !replaces })
    context.stderr(`Public key written to ${publicPath}\n`)
  })
}

/** Asks for a passphrase and makes a key pair for as long as `use` takes. */
async function withNewPair(context: CommandContext, use: (pair: StoredKeyPair) => Promise<void>): Promise<void> {
  const passphrase = await context.prompts.passphrase({ confirm: true })
  const key = generateEcdsaP256()
  try {
    const privateKey = await encryptPrivateKey(key, passphrase, context.world.randomBytes, context.deriveKey)
    const publicKey = encodePublicKeyPem(signerFromPkcs8(key, 'new key').publicKey)
    await use({ passphrase, privateKey, publicKey })
  } finally {
    passphrase.fill(0)
    key.fill(0)
  }
}
