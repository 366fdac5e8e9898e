import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { serializeGoJson } from '../../codec/go-json.ts'
import { encodePem } from '../../codec/pem.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import { encodePublicKeyPem } from '../../crypto/public-key.ts'
import { encodeBlobBundle } from '../../formats/blob-bundle.ts'
import { logBundleOfEntry } from '../../formats/log/log-bundle.ts'
import { timestampJson } from '../../formats/timestamp/timestamp-json.ts'
import { encodeSignedBundle, type SignedParts } from '../../sign/signing.ts'
import type { Candidate } from '../../verify/evidence.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { signBlobFlags } from '../flags/sign.ts'
import { blobLimitBytes, readBlob } from '../inputs/artifacts.ts'
import { checkOutputs } from '../inputs/outputs.ts'
import { openSigning } from '../inputs/signing/open-signing.ts'
import { withoutInput } from '../inputs/signing/without-input.ts'

type Flags = FlagsOf<typeof signBlobFlags>

/** `sign-blob`: signs files; writes a bundle, or the bare signature as cosign 2 did. */
export const signBlobs: CommandFunction<typeof signBlobFlags> = async (context, flags, paths) => {
  checkCombination(flags, paths)
  const asking = paths.includes('-') ? withoutInput(context) : context
  const signing = await openSigning(asking, flags, { promise: !flags.newBundleFormat, timestamp: flags.rfc3161Timestamp !== '' })
  for (const path of paths) {
    const blob = await readBlob(context, path, blobLimitBytes)
    context.stderr(`Using payload from: ${path}\nSigning artifact...\n`)
    const content = { kind: 'message', bytes: blob } as const
    const parts = await signing.sign(content)
    const bundle = flags.newBundleFormat ? encodeSignedBundle(content, parts) : encodeOlderBundle(parts)
    await signing.prove?.(await candidateOf(flags, bundle, parts), { kind: 'blob', name: path, message: messageOfBytes(blob) })
    await writeResults(context, flags, parts, bundle)
  }
  return 0
}

/** The bundle that cosign 2 wrote. It has no place for timestamps, which stay in files of their own. */
function encodeOlderBundle({ signature, certificate, signer, logEntries: [entry] }: SignedParts): Uint8Array {
  const pem = certificate ? encodePem('CERTIFICATE', certificate.der) : encodePublicKeyPem(signer.publicKey)
  return encodeBlobBundle(signature, pem, entry && logBundleOfEntry(entry))
}

/** What is to be proved; a key alone proves nothing, and has no use for what that takes. */
async function candidateOf({ newBundleFormat }: Flags, bundle: Uint8Array, { timestamps }: SignedParts): Promise<Candidate> {
  const { blobBundleCandidate, bundleCandidate, withMaterial } = await import('../../verify/evidence.ts')
  const source = 'the new bundle'
  return newBundleFormat ? bundleCandidate(source, bundle) : withMaterial(blobBundleCandidate(source, bundle), { timestamps })
}

/** cosign lets the bundle of the last file overwrite the others' in silence. */
function checkCombination(flags: Flags, paths: readonly string[]): void {
  const { newBundleFormat, bundle, output, outputSignature, outputCertificate, rfc3161Timestamp, b64 } = flags
  if (newBundleFormat && bundle === '') throw new CountersignError('USAGE', 'must specify --bundle with --new-bundle-format')
  if (output !== '' && outputSignature !== '') throw new CountersignError('USAGE', 'want one of --output and --output-signature, got both')
  if (newBundleFormat && !b64 && output === '' && outputSignature === '')
    throw new CountersignError('USAGE', '--b64 concerns the bare signature; it goes with --output-signature or --new-bundle-format=false')
  const outputs = {
    bundle,
    'output-signature': outputSignature,
    output,
    'output-certificate': outputCertificate,
    'rfc3161-timestamp': rfc3161Timestamp,
  }
  const named = Object.entries(outputs).flatMap(([name, value]) => (value === '' ? [] : [`--${name}`]))
  if (paths.length > 1 && named.length > 0)
    throw new CountersignError('USAGE', `${named[0]} names one file, but ${paths.length} are to be signed; sign them one by one`)
  if (new Set(paths).size < paths.length) throw new CountersignError('USAGE', 'the same file is named twice')
  checkOutputs(outputs, [flags.key, flags.certificate, flags.certificateChain, flags.signingConfig, ...paths])
}

async function writeResults(context: CommandContext, flags: Flags, parts: SignedParts, bundle: Uint8Array): Promise<void> {
  const { signature } = parts
  const { bundle: bundlePath, newBundleFormat, b64 } = flags
  const signaturePath = flags.outputSignature || flags.output
  if (bundlePath !== '') {
    await context.files.write(bundlePath, bundle, { mode: 0o600 })
    context.stderr(`Wrote bundle to file ${bundlePath}\n`)
  }
  await writeMaterial(context, flags, parts)
  const text = b64 ? encodeBase64(signature) : signature
  if (signaturePath !== '') {
    await context.files.write(signaturePath, text, { mode: 0o600 })
    context.stderr(`Wrote signature to file ${signaturePath}\n`)
  } else if (!newBundleFormat) {
    context.stdout(text)
    if (b64) context.stdout('\n')
  }
}

/** What lies beside a bare signature, in cosign's spellings: the certificate in base64 once more unless `--b64=false`. */
async function writeMaterial(context: CommandContext, flags: Flags, { certificate, timestamps: [timestamp] }: SignedParts): Promise<void> {
  const { outputCertificate, rfc3161Timestamp, b64 } = flags
  if (outputCertificate !== '' && certificate) {
    const pem = encodePem('CERTIFICATE', certificate.der)
    await context.files.write(outputCertificate, b64 ? encodeBase64(encodeUtf8(pem)) : pem, { mode: 0o600 })
    context.stderr(`Wrote certificate to file ${outputCertificate}\n`)
  }
  if (rfc3161Timestamp !== '' && timestamp) {
    await context.files.write(rfc3161Timestamp, serializeGoJson(timestampJson(timestamp)), { mode: 0o600 })
    context.stderr(`Wrote timestamp to file ${rfc3161Timestamp}\n`)
  }
}
