import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { parseJson, readAs } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { type BlobBundle, parseBlobBundle } from '../../../formats/blob-bundle.ts'
import { type Bundle, bundleLimitBytes, looksLikeBundle } from '../../../formats/bundle.ts'
import { decodeDetachedSignature } from '../../../formats/detached-signature.ts'
import { readDsseEnvelope } from '../../../formats/dsse.ts'
import { parseCertificate } from '../../../formats/x509/certificate.ts'
import { assembleBundle, type BundleSigner, type BundleSubject } from '../../../sign/bundle-assembly.ts'
import { convertBlobBundle, type FindEntry } from '../../../sign/bundle-conversion.ts'
import type { SearchedSignature } from '../../../sign/rekor/ask-log.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { bundleCreateFlags } from '../../flags/bundles.ts'
import { readMessage, readSignatureInput } from '../../inputs/artifacts.ts'
import { publicKeyFromFlag } from '../../inputs/keys.ts'
import { checkOutputs } from '../../inputs/outputs.ts'
import { entryProver, logAccess } from '../../inputs/trust/log-lookup.ts'
import { materialFromFlags } from '../../inputs/trust/material.ts'
import { writeBundle } from '../../output/bundle-file.ts'

type Flags = FlagsOf<typeof bundleCreateFlags>

/** `bundle create`: a bundle of version 0.3 of the parts of a signature that were kept apart. */
export const createBundle: CommandFunction<typeof bundleCreateFlags> = async (context, flags) => {
  const { out, key, artifact, bundle, attestation, signature, certificate, rfc3161Timestamp } = flags
  checkCombination(flags)
  checkOutputs({ out }, [artifact, bundle, attestation, signature, certificate, key, rfc3161Timestamp])
  await writeBundle(context, out, bundle === '' ? await fromParts(context, flags) : await fromBlobBundle(context, flags))
  return 0
}

/** cosign takes any of these together and drops some in silence. With --attestation it wants --artifact and --signature, and looks at neither. */
function checkCombination({ artifact, attestation, bundle, signature, certificate, key }: Flags): void {
  const apart = attestation === '' ? { signature } : { attestation }
  const sources = Object.entries({ ...apart, bundle }).filter(([, value]) => value !== '')
  if (sources.length !== 1)
    throw new CountersignError(
      'USAGE',
      `want one of --signature, --attestation and --bundle, got ${sources.map(([name]) => `--${name}`).join(' and ') || 'none'}`,
    )
  if (signature !== '' && artifact === '')
    throw new CountersignError('USAGE', 'must supply --artifact: the file that the signature is over')
  if (bundle !== '' && certificate !== '')
    throw new CountersignError('USAGE', '--certificate does not go with --bundle, which names whoever signed')
  if (bundle === '' && (certificate === '') === (key === ''))
    throw new CountersignError('USAGE', `want one of --certificate and --key, got ${key === '' ? 'neither' : 'both'}`)
}

async function fromBlobBundle(context: CommandContext, flags: Flags): Promise<Uint8Array> {
  const { timestamps = [] } = await materialOf(context, flags)
  return await convertBlobBundle(await readOlderBundle(context, flags.bundle), {
    key: flags.key === '' ? undefined : await publicKeyFromFlag(context, flags.key),
    artifact: flags.artifact === '' ? undefined : await readMessage(context, flags.artifact),
    timestamps,
    proveEntry: flags.ignoreTlog ? undefined : entryProver(context, flags),
    findEntry: flags.ignoreTlog ? undefined : entryFinder(context, flags),
  })
}

async function readOlderBundle(context: CommandContext, path: string): Promise<BlobBundle> {
  const bytes = await context.files.read(path, bundleLimitBytes)
  const what = `bundle ${path}`
  if (looksLikeBundle(readAs('BUNDLE_MALFORMED', what, () => parseJson(bytes, what, { bytes: bundleLimitBytes }))))
    throw new CountersignError('USAGE', `--bundle: ${quote(path)} is a Sigstore bundle; \`bundle upgrade\` brings one to version 0.3`)
  return parseBlobBundle(bytes)
}

async function fromParts(context: CommandContext, flags: Flags): Promise<Uint8Array> {
  const { certificate: der, timestamps = [] } = await materialOf(context, flags)
  const signer: BundleSigner = der
    ? { kind: 'certificate', certificate: parseCertificate(der, `certificate ${flags.certificate}`) }
    : { kind: 'key', key: await publicKeyFromFlag(context, flags.key) }
  const subject = flags.attestation === '' ? await signedArtifact(context, flags) : await signedEnvelope(context, flags)
  const find = entryFinder(context, flags)
  return await assembleBundle({
    subject,
    signer,
    findEntries: async content => (flags.ignoreTlog ? [] : [await find(subject, signer, content)]),
    timestamps,
  })
}

function materialOf(context: CommandContext, { certificate, rfc3161Timestamp }: Flags) {
  return materialFromFlags(context, { certificate, rfc3161Timestamp, sct: '', offline: false })
}

async function signedArtifact(context: CommandContext, { artifact, signature }: Flags): Promise<BundleSubject> {
  return { kind: 'artifact', signature: await signatureOf(context, signature), artifact: await readMessage(context, artifact) }
}

/** The envelope; a signature or file that is named beside it, as cosign wants both, must be its own. */
async function signedEnvelope(context: CommandContext, { attestation: path, artifact, signature }: Flags): Promise<BundleSubject> {
  const encoded = await context.files.read(path, bundleLimitBytes)
  const what = `attestation ${path}`
  const json = readAs('DSSE_MALFORMED', what, () => parseJson(encoded, what, { bytes: bundleLimitBytes }))
  const envelope = readDsseEnvelope(json, what)
  if (signature !== '' && !bytesEqual(await signatureOf(context, signature), envelope.signature))
    throw new CountersignError('SIGNATURE_INVALID', `--signature is another one than that of ${quote(path)}`)
  return { kind: 'envelope', envelope, encoded, ...(artifact !== '' && { artifact: await readMessage(context, artifact) }) }
}

async function signatureOf(context: CommandContext, signature: string): Promise<Uint8Array> {
  return decodeDetachedSignature(await readSignatureInput(context, signature, false))
}

/** Asks the log that `--rekor-url` names. */
function entryFinder(context: CommandContext, flags: Flags): FindEntry {
  return async (subject, signer, content) => {
    const access = logAccess(context, flags.rekorUrl)
    const { earliestOf, searchLog } = await import('../../../sign/rekor/ask-log.ts')
    const entries = await searchLog(access, {
      signature: content.kind === 'dsse' ? content.envelope.signature : content.signature,
      content: searchedContent(subject, content),
      signer: signer.kind === 'key' ? { kind: 'key', spki: signer.key.spki } : { kind: 'certificate', der: signer.certificate.der },
    })
    const earliest = earliestOf(entries)
    if (!earliest)
      throw new CountersignError(
        'TLOG_ENTRY_MISSING',
        `${access.url.origin} has no entry of this signature; --ignore-tlog does without one`,
      )
    return earliest
  }
}

function searchedContent(subject: BundleSubject, content: Bundle['content']): SearchedSignature['content'] {
  if (subject.kind === 'envelope') {
    if (!subject.encoded) throw new TypeError('an envelope is searched for by its JSON')
    return { kind: 'envelope', json: subject.encoded }
  }
  if (content.kind !== 'message' || !content.messageDigest) throw new TypeError('a file is searched for by its digest')
  return { kind: 'digest', ...content.messageDigest }
}
