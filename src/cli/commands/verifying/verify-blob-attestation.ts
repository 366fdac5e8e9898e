import { CountersignError } from '../../../codec/error.ts'
import { decodeHex } from '../../../codec/hex.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { hashLength } from '../../../crypto/digest.ts'
import { messageOfDigests } from '../../../crypto/message.ts'
import { bundleLimitBytes } from '../../../formats/bundle.ts'
import { VerificationError } from '../../../verify/derivation.ts'
import { type Candidate, detachedEnvelopeCandidate, withMaterial } from '../../../verify/evidence.ts'
import type { Policy } from '../../../verify/policy.ts'
import { derivationJson, renderDerivation } from '../../../verify/render.ts'
import { verify } from '../../../verify/verify.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { CommandFailure } from '../../exit-code.ts'
import type { verifyBlobAttestationFlags } from '../../flags/verify.ts'
import { isUrl, readFileOrUrl, readMessage } from '../../inputs/artifacts.ts'
import { gatesOfFlags } from '../../inputs/gates/gates-of-flags.ts'
import { demandsOfFlags } from '../../inputs/trust/demands.ts'
import { withLogEntries } from '../../inputs/trust/log-lookup.ts'
import { materialFromFlags } from '../../inputs/trust/material.ts'
import { explain } from '../../output/explanation.ts'
import { warnOfPatterns } from '../../output/pattern-warning.ts'
import { checkEvidenceFlags, readBundleFile } from '../verify-blob.ts'
import { inMessage, typeOf } from './refusal.ts'
import { askedPredicateType } from './verify-attestation.ts'

type Flags = FlagsOf<typeof verifyBlobAttestationFlags>

/** `verify-blob-attestation`: proves that something of the type asked for was attested of a file, by whom the flags name. */
export const verifyBlobAttestation: CommandFunction<typeof verifyBlobAttestationFlags> = async (context, flags, [path]) => {
  const predicateType = askedPredicateType(flags.type)
  checkEvidenceFlags(flags)
  const gates = await gatesOfFlags(context, flags)
  const { trust, policy: demanded, from } = await demandsOfFlags(context, flags, 'blob attestation')
  const policy: Policy = {
    ...demanded,
    artifact: await readArtifact(context, flags, path),
    annotations: new Map(),
    predicateTypes: [predicateType],
    unsafeSkipClaims: !flags.checkClaims,
    gates,
  }
  const candidate = await withLogEntries(context, flags, await readCandidate(context, flags), trust, policy)
  try {
    const verdict = await verify([candidate], trust, policy)
    if (flags.explain) explain(context, verdict.derivation, from, flags.output)
    await warnOfPatterns(context, policy.identities, verdict)
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    throw refusal(error, candidate, flags.type)
  }
  context.stderr('Verified OK\n')
  return 0
}

/** What the attestation must be about: a file, or the digest of one; nothing at all where claims are not compared. */
async function readArtifact(context: CommandContext, flags: Flags, path: string | undefined): Promise<Policy['artifact']> {
  const { checkClaims, digest, digestAlg } = flags
  if (path !== undefined && digest !== '') throw new CountersignError('USAGE', 'want one of a file and --digest, got both')
  if (digest === '' && digestAlg !== '') throw new CountersignError('USAGE', '--digestAlg goes with --digest, the digest by it')
  if (digest !== '' && digestAlg === '') throw new CountersignError('USAGE', '--digest goes with --digestAlg: which hash is it by?')
  if (!checkClaims) return { kind: 'blob', name: path ?? 'no file', message: messageOfDigests(new Map()) }
  if (digest !== '' && digestAlg !== '')
    return {
      kind: 'blob',
      name: `${digestAlg}:${digest}`,
      message: messageOfDigests(new Map([[digestAlg, decodeDigest(digest, digestAlg)]])),
    }
  if (path === undefined)
    throw new CountersignError(
      'USAGE',
      'requires a file, or its digest (--digest, --digestAlg); --check-claims=false compares with neither',
    )
  return { kind: 'blob', name: path, message: await readMessage(context, path) }
}

function decodeDigest(hex: string, hash: 'sha256' | 'sha384' | 'sha512'): Uint8Array {
  const digits = 2 * hashLength(hash)
  if (hex.length !== digits || !/^[0-9a-f]+$/.test(hex))
    throw new CountersignError('USAGE', `--digest: want ${digits} digits of lower-case hex, as ${hash} has them, got ${quote(hex)}`)
  return decodeHex(hex, '--digest')
}

async function readCandidate(context: CommandContext, flags: Flags): Promise<Candidate> {
  const { signature } = flags
  if (signature === '') return await readBundleFile(context, flags, bundleLimitBytes)
  const bytes =
    isUrl(signature) || (await context.files.exists(signature))
      ? await readFileOrUrl(context, 'signature', signature, bundleLimitBytes, flags.offline)
      : encodeUtf8(signature)
  return withMaterial(detachedEnvelopeCandidate(signature, bytes), await materialFromFlags(context, flags))
}

/** In the words of cosign where the type is another: of one attestation there is no list of types. */
function refusal(error: VerificationError, candidate: Candidate, askedType: string): CommandFailure {
  const { code, message, derivation } = error
  const said =
    code === 'PREDICATE_TYPE_MISMATCH'
      ? `invalid predicate type, expected ${inMessage(askedType)} got ${inMessage(typeOf(candidate))}`
      : message
  const details = { derivation: derivationJson(derivation), explanation: renderDerivation(derivation) }
  return new CommandFailure(new CountersignError(code, said, { cause: error }), details)
}
