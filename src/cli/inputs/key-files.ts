import { encryptPrivateKey } from '../../crypto/encrypted-key.ts'
import type { Pkcs8 } from '../../crypto/private-key.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { signerFromPkcs8 } from '../../crypto/signer.ts'
import type { CommandContext } from '../context.ts'

/**
 * Encrypts a private key and writes PREFIX.key (mode 0600) and PREFIX.pub (0644). Asks before it replaces either, and asks
 * before it asks for the passphrase. The key material is zeroed.
 */
export async function writeKeyPair(context: CommandContext, prefix: string, makeKey: () => Pkcs8, yes: boolean): Promise<void> {
  for (const path of [`${prefix}.key`, `${prefix}.pub`]) await confirmOverwrite(context, path, yes)
  const passphrase = await context.prompts.passphrase({ confirm: true })
  const key = makeKey()
  try {
    const encrypted = await encryptPrivateKey(key, passphrase, context.world.randomBytes)
    const { publicKey } = signerFromPkcs8(key, 'new key')
    await context.files.write(`${prefix}.key`, encrypted, { mode: 0o600 })
    context.stderr(`Private key written to ${prefix}.key\n`)
    await context.files.write(`${prefix}.pub`, encodePublicKeyPem(publicKey), { mode: 0o644 })
    context.stderr(`Public key written to ${prefix}.pub\n`)
  } finally {
    passphrase.fill(0)
    key.fill(0)
  }
}

async function confirmOverwrite(context: CommandContext, path: string, yes: boolean): Promise<void> {
  if (await context.files.exists(path)) await context.prompts.confirm(`File ${path} already exists. Overwrite?`, { yes })
}
