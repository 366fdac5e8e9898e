import { CountersignError } from '../../codec/error.ts'
import { looksLikeBlobBundle } from '../../formats/blob-bundle.ts'
import { bundleLimitBytes, looksLikeBundle, parseBundleOutline, signatureBundleLimitBytes } from '../../formats/bundle.ts'
import { signPredicateType } from '../../formats/statement.ts'
import { VerificationError } from '../../verify/derivation.ts'
import { blobBundleCandidate, bundleCandidate, type Candidate, detachedCandidate, withMaterial } from '../../verify/evidence.ts'
import type { Policy } from '../../verify/policy.ts'
import { derivationJson, renderDerivation } from '../../verify/render.ts'
import { verify } from '../../verify/verify.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { CommandFailure } from '../exit-code.ts'
import type { verifyBlobFlags } from '../flags/verify.ts'
import { readMessage, readSignatureInput } from '../inputs/artifacts.ts'
import { demandsOfFlags } from '../inputs/trust/demands.ts'
import { withLogEntries } from '../inputs/trust/log-lookup.ts'
import { materialFromFlags, refuseBesideBundle } from '../inputs/trust/material.ts'
import { explain } from '../output/explanation.ts'
import { warnOfPatterns } from '../output/pattern-warning.ts'

/** `verify-blob`: proves that a file carries a signature by the key, or by whom a certificate names. */
export const verifyBlob: CommandFunction<typeof verifyBlobFlags> = async (context, flags, [path]) => {
  const { trust, policy: demanded, from } = await demandsOfFlags(context, flags, 'blob')
  const artifact = { kind: 'blob', name: path!, message: await readMessage(context, path!) } as const
  const policy: Policy = {
    ...demanded,
    artifact,
    annotations: new Map(),
    predicateTypes: flags.anyPredicate ? 'any' : [signPredicateType],
    unsafeSkipClaims: false,
  }
  const candidate = await withLogEntries(context, flags, await readCandidate(context, flags), trust, policy)
  try {
    const verdict = await verify([candidate], trust, policy)
    if (flags.explain) explain(context, verdict.derivation, from, flags.output)
    await warnOfPatterns(context, policy.identities, verdict)
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    const { code, message, derivation } = error
    const isAttestation = code === 'PREDICATE_TYPE_MISMATCH'
    const said = isAttestation ? new CountersignError(code, `${message}; --any-predicate accepts an attestation about the file`) : error
    throw new CommandFailure(said, { derivation: derivationJson(derivation), explanation: renderDerivation(derivation) })
  }
  context.stderr('Verified OK\n')
  return 0
}

async function readCandidate(context: CommandContext, flags: FlagsOf<typeof verifyBlobFlags>): Promise<Candidate> {
  const { signature, offline } = flags
  checkEvidenceFlags(flags)
  if (signature === '') return await readBundleFile(context, flags, flags.anyPredicate ? bundleLimitBytes : signatureBundleLimitBytes)
  const bytes = await readSignatureInput(context, signature, offline)
  return withMaterial(detachedCandidate(signature, bytes), await materialFromFlags(context, flags))
}

/** Demands that what is to be verified is named once. @throws CountersignError `USAGE` */
export function checkEvidenceFlags({ bundle, signature }: { readonly bundle: string; readonly signature: string }): void {
  if (bundle !== '' && signature !== '') throw new CountersignError('USAGE', 'want one of --bundle and --signature, got both')
  if (bundle === '' && signature === '')
    throw new CountersignError('USAGE', "missing flag '--bundle': want the bundle or the signature (--signature) to verify")
}

/** What `--bundle` names: a Sigstore bundle or one of cosign 2, which other flags may complete. */
export async function readBundleFile(
  context: CommandContext,
  flags: Pick<FlagsOf<typeof verifyBlobFlags>, 'allowCertificateChain' | 'bundle' | 'certificate' | 'offline' | 'rfc3161Timestamp' | 'sct'>,
  limitBytes: number,
): Promise<Candidate> {
  const { bundle } = flags
  const material = await materialFromFlags(context, flags)
  const bytes = await context.files.read(bundle, limitBytes)
  const { json } = parseBundleOutline(bytes, `bundle ${bundle}`)
  if (looksLikeBlobBundle(json) && !looksLikeBundle(json)) return withMaterial(blobBundleCandidate(bundle, bytes), material)
  refuseBesideBundle(flags)
  return bundleCandidate(bundle, bytes, { allowsChain: flags.allowCertificateChain, consumes: true })
}
