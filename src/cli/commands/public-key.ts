import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import type { CommandFunction } from '../command.ts'
import type { publicKeyFlags } from '../flags/keys.ts'
import { signerFromFlag } from '../inputs/keys.ts'
import { checkOutputs } from '../inputs/outputs.ts'

/** `public-key`: the public half of a private key, as PEM. */
export const publicKey: CommandFunction<typeof publicKeyFlags> = async (context, flags) => {
  checkOutputs({ outfile: flags.outfile }, [flags.key])
  const signer = await signerFromFlag(context, flags.key)
  const pem = encodePublicKeyPem(signer.publicKey)
  if (flags.outfile === '') context.stdout(pem)
  else {
    await context.files.write(flags.outfile, pem, { mode: 0o600 })
    context.stderr(`Public key written to ${flags.outfile}\n`)
  }
  return 0
}
