import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { encodeBlobBundle } from '../../formats/blob-bundle.ts'
import { encodeMessageBundle } from '../../sign/bundle.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { signBlobFlags } from '../flags/sign.ts'
import { blobLimitBytes, readBlob } from '../inputs/artifacts.ts'
import { signerFromFlag } from '../inputs/keys.ts'
import { requireNoSigningServices } from '../inputs/log-policy.ts'
import { checkOutputs } from '../inputs/outputs.ts'

type Flags = FlagsOf<typeof signBlobFlags>

/** `sign-blob`: signs files; writes a bundle, or the bare signature as cosign 2 did. */
export const signBlobs: CommandFunction<typeof signBlobFlags> = async (context, flags, paths) => {
  checkCombination(flags, paths)
  await requireNoSigningServices(context, flags)
  const signer = await signerFromFlag(context, flags.key)
  for (const path of paths) {
    const blob = await readBlob(context, path, blobLimitBytes)
    context.stderr(`Using payload from: ${path}\nSigning artifact...\n`)
    const signature = await signer.sign(blob)
    const bundle = flags.newBundleFormat
      ? encodeMessageBundle(signer, blob, signature)
      : encodeBlobBundle(signature, encodePublicKeyPem(signer.publicKey))
    await writeResults(context, flags, signature, bundle)
  }
  return 0
}

/** cosign lets the bundle of the last file overwrite the others' in silence. */
function checkCombination(
  { newBundleFormat, bundle, output, outputSignature, b64, key, signingConfig }: Flags,
  paths: readonly string[],
): void {
  if (newBundleFormat && bundle === '') throw new CountersignError('USAGE', 'must specify --bundle with --new-bundle-format')
  if (output !== '' && outputSignature !== '') throw new CountersignError('USAGE', 'want one of --output and --output-signature, got both')
  if (newBundleFormat && !b64 && output === '' && outputSignature === '')
    throw new CountersignError('USAGE', '--b64 concerns the bare signature; it goes with --output-signature or --new-bundle-format=false')
  const named = [...(bundle ? ['--bundle'] : []), ...(outputSignature ? ['--output-signature'] : []), ...(output ? ['--output'] : [])]
  if (paths.length > 1 && named.length > 0)
    throw new CountersignError('USAGE', `${named[0]} names one file, but ${paths.length} are to be signed; sign them one by one`)
  if (new Set(paths).size < paths.length) throw new CountersignError('USAGE', 'the same file is named twice')
  checkOutputs({ bundle, output, 'output-signature': outputSignature }, [key, signingConfig, ...paths])
}

async function writeResults(context: CommandContext, flags: Flags, signature: Uint8Array, bundle: Uint8Array): Promise<void> {
  const { bundle: bundlePath, newBundleFormat, b64 } = flags
  const signaturePath = flags.outputSignature || flags.output
  if (bundlePath !== '') {
    await context.files.write(bundlePath, bundle, { mode: 0o600 })
    context.stderr(`Wrote bundle to file ${bundlePath}\n`)
  }
  const text = b64 ? encodeBase64(signature) : signature
  if (signaturePath !== '') {
    await context.files.write(signaturePath, text, { mode: 0o600 })
    context.stderr(`Wrote signature to file ${signaturePath}\n`)
  } else if (!newBundleFormat) {
    context.stdout(text)
    if (b64) context.stdout('\n')
  }
}
