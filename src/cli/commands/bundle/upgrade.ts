import { CountersignError } from '../../../codec/error.ts'
import { bundleLimitBytes } from '../../../formats/bundle.ts'
import { upgradeBundle } from '../../../formats/bundle-upgrade.ts'
import { parseSignatureDocuments, type SignatureDocument } from '../../../formats/signature-document.ts'
import { type ConversionInputs, convertBlobBundle, convertEnvelope, refuseImageSignature } from '../../../sign/bundle-conversion.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { bundleUpgradeFlags } from '../../flags/bundles.ts'
import { readBlob, readMessage } from '../../inputs/artifacts.ts'
import { publicKeyFromFlag } from '../../inputs/keys.ts'
import { checkOutputs } from '../../inputs/outputs.ts'
import { entryProver } from '../../inputs/trust/log-lookup.ts'
import { writeBundle } from '../../output/bundle-file.ts'

type Flags = FlagsOf<typeof bundleUpgradeFlags>

/** `bundle upgrade`: rewrites a signature of an older format as a bundle of version 0.3, without the private key. */
export const upgradeBundleFile: CommandFunction<typeof bundleUpgradeFlags> = async (context, flags, [path]) => {
  const { out, key, artifact } = flags
  checkOutputs({ out }, [path!, key, artifact])
  const bytes = await readBlob(context, path!, bundleLimitBytes)
  const [document, ...others] = parseSignatureDocuments(bytes, `bundle ${path}`)
  if (others.length > 0)
    throw new CountersignError('USAGE', `${path}: want one signature to convert, got ${others.length + 1}; give one line at a time`)
  await writeBundle(context, out, await convert(context, flags, document))
  if (out !== '') context.stderr(`Successfully upgraded bundle written to ${out}\n`)
  return 0
}

async function convert(context: CommandContext, flags: Flags, document: SignatureDocument): Promise<Uint8Array> {
  checkFlagsFor(document, flags)
  switch (document.format) {
    case 'bundle': {
      const { from, bytes, issuers } = await upgradeBundle(document.bytes, entryProver(context, flags))
      context.stderr(from === '0.3' ? 'Bundle is already at v0.3, no upgrade needed.\n' : `Upgrading from v${from} to v0.3...\n`)
      if (issuers > 0) context.stderr(`Truncating certificate chain to only the leaf certificate, without ${issuers} more...\n`)
      return bytes
    }
    case 'blob-bundle':
      context.stderr('Converting a blob bundle of cosign 2 to v0.3...\n')
      return await convertBlobBundle(document.bundle, await inputsFrom(context, flags))
    case 'dsse-envelope':
      context.stderr('Converting a DSSE envelope to v0.3...\n')
      return await convertEnvelope(document.envelope, await inputsFrom(context, flags))
    case 'image-signature':
      return refuseImageSignature(document.signature.payload.manifestDigest)
    default:
      throw new TypeError(`unhandled document ${document satisfies never}`)
  }
}

const flagsOfFormat = {
  bundle: ['rekor-url'],
  'blob-bundle': ['artifact', 'key', 'ignore-tlog', 'rekor-url'],
  'dsse-envelope': ['key'],
  'image-signature': ['artifact', 'key', 'ignore-tlog', 'rekor-url'], // refused with a reason that no flag alters
} as const satisfies Record<SignatureDocument['format'], readonly string[]>

const nameOfFormat = {
  bundle: 'a Sigstore bundle, which is converted by itself',
  'blob-bundle': 'a blob bundle of cosign 2',
  'dsse-envelope': 'a DSSE envelope',
  'image-signature': 'a signature of the layout of cosign 2',
} as const satisfies Record<SignatureDocument['format'], string>

/** A flag that has nothing to say about this format would be dropped in silence. */
function checkFlagsFor({ format }: SignatureDocument, { given }: Flags): void {
  const taken: readonly string[] = flagsOfFormat[format]
  const stranger = (['artifact', 'key', 'ignore-tlog', 'rekor-url'] as const).find(name => given.has(name) && !taken.includes(name))
  if (stranger) throw new CountersignError('USAGE', `--${stranger} does not go with ${nameOfFormat[format]}`)
}

async function inputsFrom(context: CommandContext, flags: Flags): Promise<ConversionInputs> {
  const { key, artifact, ignoreTlog } = flags
  return {
    key: key === '' ? undefined : await publicKeyFromFlag(context, key),
    artifact: artifact === '' ? undefined : await readMessage(context, artifact),
    timestamps: [],
    proveEntry: ignoreTlog ? undefined : entryProver(context, flags),
  }
}
