import type { PublicKey } from '../../../crypto/public-key.ts'
import { parseCertificate } from '../../../formats/x509/certificate.ts'
import { type BroughtCertificate, certifiedSigning, checkBroughtCertificate } from '../../../sign/brought-certificate.ts'
import { keySigning, type Signing } from '../../../sign/signing.ts'
import { parseCertificatesPem, pemFileLimitBytes } from '../../../trust/pem-trust.ts'
import type { CommandContext } from '../../context.ts'
import { signerFromFlag } from '../keys.ts'
import { decodeCertificateFile } from '../trust/material.ts'
import type { SignerFlags } from './signer-flags.ts'

/**
 * The certificate of `--certificate` for a key, and its issuers of `--certificate-chain`.
 *
 * @throws CountersignError as `checkBroughtCertificate`; whatever reading certificates throws
 */
export async function broughtFromFlags(context: CommandContext, flags: SignerFlags, key: PublicKey): Promise<BroughtCertificate> {
  const { certificate: path, certificateChain: chainPath } = flags
  const { files, world } = context
  const certificate = parseCertificate(decodeCertificateFile(await files.read(path, pemFileLimitBytes), path), `certificate ${path}`)
  const chain = chainPath === '' ? [] : parseCertificatesPem(await files.read(chainPath, pemFileLimitBytes), chainPath)
  return await checkBroughtCertificate(key, certificate, chain, world.now())
}

/**
 * Signing with a key and its certificate where no service takes part.
 *
 * @throws CountersignError as `broughtFromFlags`; whatever reading keys throws
 */
export async function certified(context: CommandContext, flags: SignerFlags): Promise<Signing> {
  const signer = await signerFromFlag(context, flags.key)
  const brought = await broughtFromFlags(context, flags, signer.publicKey)
  context.warn(
    'neither a log nor a timestamp authority takes part: nobody can verify the signature by its certificate once that has expired, at ' +
      brought.certificate.notAfter.toISOString(),
  )
  return certifiedSigning(brought, keySigning(signer))
}
