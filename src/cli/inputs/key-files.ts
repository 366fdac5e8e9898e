import { encryptPrivateKey } from '../../crypto/encrypted-key.ts'
import type { Pkcs8 } from '../../crypto/pkcs8.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import type { CommandContext, Consent } from '../context.ts'

/**
 * Encrypts a private key and writes PREFIX.key (mode 0600) and PREFIX.pub (0644). Asks before it replaces either, and asks
 * before it asks for the passphrase; a file that appears meanwhile is left alone. The key material is zeroed.
 */
export async function writeKeyPair(context: CommandContext, prefix: string, makeKey: () => Pkcs8, consent: Consent): Promise<void> {
  const [privatePath, publicPath] = [`${prefix}.key`, `${prefix}.pub`]
  const replaces = {
    privateKey: await confirmOverwrite(context, privatePath, consent),
    publicKey: await confirmOverwrite(context, publicPath, consent),
  }
  const passphrase = await context.prompts.passphrase({ confirm: true })
  const key = makeKey()
  try {
    const encrypted = await encryptPrivateKey(key, passphrase, context.world.randomBytes, context.deriveKey)
    const { publicKey } = signerFromPkcs8(key, 'new key')
    await context.files.write(privatePath, encrypted, { mode: 0o600, onlyNew: !replaces.privateKey })
    context.stderr(`Private key written to ${privatePath}\n`)
    await context.files.write(publicPath, encodePublicKeyPem(publicKey), { mode: 0o644, onlyNew: !replaces.publicKey })
    context.stderr(`Public key written to ${publicPath}\n`)
  } finally {
    passphrase.fill(0)
    key.fill(0)
  }
}

/** Whether there is a file to replace, which somebody then agreed to. @throws CountersignError `USAGE` when nobody did */
export async function confirmOverwrite(context: CommandContext, path: string, consent: Consent): Promise<boolean> {
  if (!(await context.files.exists(path))) return false
  await context.prompts.confirm(`File ${path} already exists. Overwrite?`, consent)
  return true
}
