import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { HashName } from '../../../crypto/digest.ts'
import { readTime } from '../../../formats/rfc3339.ts'
import { describeKeyReference } from '../../../kms/key-reference.ts'
import type { TrustedKey } from '../../../trust/key-set.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import type { FlagSource } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { publicKeysFromFlags } from '../keys.ts'
import { type AuthorityFlags, authoritiesFromFlags } from './authorities.ts'
import { asksForIdentity, type IdentityFlags, identityFromFlags } from './identity-flags.ts'

/** Flags about everything around a signature but who made it. */
export type SurroundingFlags = AuthorityFlags & {
  readonly asOf: string
  readonly insecureIgnoreSct: boolean
  readonly insecureIgnoreTlog: boolean
  readonly privateInfrastructure: boolean
  readonly useSignedTimestamps: boolean
}

/** And about who made it. */
export type SignerFlags = SurroundingFlags &
  IdentityFlags & {
    readonly certificate: string
    readonly key: readonly string[]
    readonly sct: string
    readonly signatureDigestAlgorithm: HashName
    readonly given: ReadonlyMap<string, FlagSource>
  }

/** What is verified, as cosign's warning names it. */
export type Verified = 'signature' | 'attestation' | 'blob' | 'blob attestation'

/** What the flags of a verifying command say of trust, and of policy as far as it does not depend on what is verified. */
export type Demands = {
  readonly trust: Trust
  readonly policy: Omit<Policy, 'artifact' | 'annotations' | 'predicateTypes' | 'unsafeSkipClaims'>
  readonly from: readonly string[] // where trust comes from, in words
}

/** Clocks of logs and of this machine may differ by this much. With `--as-of` nothing may be later. */
const clockSkewMs = 5 * 60_000

/**
 * Reads them. Everything that can be refused is, before any network.
 *
 * @throws CountersignError `USAGE`, `PATTERN_MALFORMED`, and whatever reading keys and roots throws
 */
export async function demandsOfFlags(context: CommandContext, flags: SignerFlags, what: Verified): Promise<Demands> {
  checkSigner(flags)
  const identity = await identityFromFlags(flags)
  if (identity) return await demandsOfIdentities(context, flags, [identity], what)
  const { trust, policy, from } = await demandsBesideSigner(context, flags, what, false)
  const named = namedKeys(flags)
  const keys = await publicKeysFromFlags(context, named, flags.offline)
  const hashes = flags.given.has('signature-digest-algorithm') && { hashes: [flags.signatureDigestAlgorithm] }
  return {
    trust: { ...trust, keys },
    policy: { ...policy, ...hashes },
    from: [...named.map(key => `--key ${describeKeyReference(key)}`), ...from],
  }
}

/** The same, for signatures by certificates of these, whatever the flags say of that. */
export async function demandsOfIdentities(
  context: CommandContext,
  flags: SurroundingFlags,
  identities: NonNullable<Policy['identities']>,
  what: Verified,
): Promise<Demands> {
  const { trust, policy, from } = await demandsBesideSigner(context, flags, what, true)
  return { trust, policy: { ...policy, identities }, from }
}

/** The same, for signatures by these keys, whatever the flags say of that. */
export async function demandsOfKeys(
  context: CommandContext,
  flags: SurroundingFlags,
  keys: readonly TrustedKey[],
  what: Verified,
): Promise<Demands> {
  const { trust, policy, from } = await demandsBesideSigner(context, flags, what, false)
  return { trust: { ...trust, keys }, policy, from }
}

async function demandsBesideSigner(
  context: CommandContext,
  flags: SurroundingFlags,
  what: Verified,
  certificates: boolean,
): Promise<Demands> {
  const { asOf, insecureIgnoreSct } = flags
  const wantsTimestamp = flags.useSignedTimestamps || flags.timestampCertificateChain !== '' // who names an authority wants its word
  const skipsTlog = flags.insecureIgnoreTlog || flags.privateInfrastructure
  if (skipsTlog)
    context.warn(
      `Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the ${what}.`,
    )
  const policy = {
    ...(wantsTimestamp && { timestampThreshold: 1 }),
    ...(asOf === '' ? { now: context.world.now(), clockSkewMs } : { now: readAsOf(asOf) }),
    unsafeSkipTlog: skipsTlog,
    unsafeSkipSct: insecureIgnoreSct,
  }
  const needs = { certificates, certificateLogs: !insecureIgnoreSct, logs: !skipsTlog, timestamps: wantsTimestamp }
  const { authorities, from } = await authoritiesFromFlags(context, flags, needs)
  return { trust: authorities, policy, from }
}

/** A key and an identity answer the same question; so does nothing at all, for anybody. */
function checkSigner(flags: SignerFlags): void {
  const { certificate, certificateChain, caRoots, caIntermediates, sct } = flags
  const wantsKey = namedKeys(flags).length > 0
  if (wantsKey && asksForIdentity(flags))
    throw new CountersignError(
      'USAGE',
      'exactly one of: key reference (--key), or certificate identity (--certificate-identity …), got both',
    )
  if (!wantsKey && !asksForIdentity(flags))
    throw new CountersignError(
      'USAGE',
      '--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode; to verify with a key, name it by --key',
    )
  for (const [flag, value] of Object.entries({
    certificate,
    'certificate-chain': certificateChain,
    'ca-roots': caRoots,
    'ca-intermediates': caIntermediates,
    sct,
  }))
    if (wantsKey && value !== '')
      throw new CountersignError('USAGE', `--${flag} goes with an identity (--certificate-identity …), not with --key`)
}

/** The keys that flags name; `--key ''` names none. */
function namedKeys({ key }: Pick<SignerFlags, 'key'>): readonly string[] {
  return key.filter(reference => reference !== '')
}

function readAsOf(text: string): Date {
  try {
    return readTime(text, '--as-of')
  } catch {
    throw new CountersignError('USAGE', `--as-of: want a time in UTC like 2026-11-30T12:00:00Z, got ${quote(text)}`)
  }
}
