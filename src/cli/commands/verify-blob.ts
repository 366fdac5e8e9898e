import { CountersignError } from '../../codec/error.ts'
import { parseJson, readAs } from '../../codec/json.ts'
import { looksLikeBlobBundle } from '../../formats/blob-bundle.ts'
import { bundleLimitBytes, looksLikeBundle } from '../../formats/bundle.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { VerificationError } from '../../verify/derivation.ts'
import { blobBundleCandidate, bundleCandidate, type Candidate, detachedCandidate } from '../../verify/evidence.ts'
import { derivationJson, renderDerivation } from '../../verify/render.ts'
import { verify } from '../../verify/verify.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { CommandFailure } from '../exit-code.ts'
import type { verifyBlobFlags } from '../flags/verify.ts'
import { readMessage, readSignatureInput } from '../inputs/artifacts.ts'
import { trustFromFlags } from '../inputs/trust-policy.ts'

/** `verify-blob`: proves that a file carries a signature by the key. */
export const verifyBlob: CommandFunction<typeof verifyBlobFlags> = async (context, flags, [path]) => {
  const { trust, policy } = await trustFromFlags(context, flags, 'blob')
  const candidate = await readCandidate(context, flags)
  const artifact = { kind: 'blob', name: path!, message: await readMessage(context, path!) } as const
  try {
    await verify([candidate], trust, {
      ...policy,
      artifact,
      annotations: new Map(),
      predicateTypes: [signPredicateType],
      unsafeSkipClaims: false,
    })
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    const { derivation } = error
    throw new CommandFailure(error, { derivation: derivationJson(derivation), explanation: renderDerivation(derivation) })
  }
  context.stderr('Verified OK\n')
  return 0
}

async function readCandidate(context: CommandContext, { bundle, signature, offline }: FlagsOf<typeof verifyBlobFlags>): Promise<Candidate> {
  if (bundle !== '' && signature !== '') throw new CountersignError('USAGE', 'want one of --bundle and --signature, got both')
  if (signature !== '') return detachedCandidate(signature, await readSignatureInput(context, signature, offline))
  if (bundle === '')
    throw new CountersignError('USAGE', "missing flag '--bundle': want the bundle or the signature (--signature) to verify")
  const bytes = await context.files.read(bundle, bundleLimitBytes)
  const what = `bundle ${bundle}`
  const json = readAs('BUNDLE_MALFORMED', what, () => parseJson(bytes, what, { bytes: bundleLimitBytes }))
  return looksLikeBlobBundle(json) && !looksLikeBundle(json) ? blobBundleCandidate(bundle, bytes) : bundleCandidate(bundle, bytes)
}
