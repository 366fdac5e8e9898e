import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { HashName } from '../../../crypto/digest.ts'
import { readTime } from '../../../trust/validity.ts'
import type { IdentityMatcher } from '../../../verify/identity.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import type { FlagSource } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import { publicKeyFromFlag } from '../keys.ts'
import { type AuthorityFlags, authoritiesFromFlags } from './authorities.ts'
import { type IdentityFlags, identityFromFlags } from './identity-flags.ts'

export type VerifierFlags = IdentityFlags &
  AuthorityFlags & {
    readonly asOf: string
    readonly certificate: string
    readonly insecureIgnoreSct: boolean
    readonly insecureIgnoreTlog: boolean
    readonly key: string
    readonly privateInfrastructure: boolean
    readonly sct: string
    readonly signatureDigestAlgorithm: HashName
    readonly useSignedTimestamps: boolean
    readonly given: ReadonlyMap<string, FlagSource>
  }

/** What the flags of a verifying command say of trust, and of policy as far as it does not depend on what is verified. */
export type Demands = {
  readonly trust: Trust
  readonly policy: Omit<Policy, 'artifact' | 'annotations' | 'predicateTypes' | 'unsafeSkipClaims'>
}

/** Clocks of logs and of this machine may differ by this much. With `--as-of` nothing may be later. */
const clockSkewMs = 5 * 60_000

/**
 * Reads them. Everything that can be refused is, before any network.
 *
 * @param what - what is verified, as cosign's warning names it: `signature`, `blob`
 * @throws CountersignError `USAGE`, `PATTERN_MALFORMED`, and whatever reading keys and roots throws
 */
export async function demandsOfFlags(context: CommandContext, flags: VerifierFlags, what: 'signature' | 'blob'): Promise<Demands> {
  const identity = await identityFromFlags(flags)
  checkSigner(flags, identity)
  const now = flags.asOf === '' ? context.world.now() : readAsOf(flags.asOf)
  const skipsTlog = flags.insecureIgnoreTlog || flags.privateInfrastructure
  if (skipsTlog)
    context.warn(
      `Skipping tlog verification is an insecure practice that lacks transparency and auditability verification for the ${what}.`,
    )
  const policy = {
    ...(flags.given.has('signature-digest-algorithm') && { hashes: [flags.signatureDigestAlgorithm] }),
    ...(identity && { identities: [identity] as const }),
    ...(flags.useSignedTimestamps && { timestampThreshold: 1 }),
    now,
    ...(flags.asOf === '' && { clockSkewMs }),
    unsafeSkipTlog: skipsTlog,
    unsafeSkipSct: flags.insecureIgnoreSct,
  }
  const keys = flags.key === '' ? {} : { keys: [await publicKeyFromFlag(context, flags.key, flags.offline)] }
  const needs = {
    certificates: identity !== undefined,
    certificateLogs: !flags.insecureIgnoreSct,
    logs: !skipsTlog,
    timestamps: flags.useSignedTimestamps,
  }
  return { trust: { ...(await authoritiesFromFlags(context, flags, needs)), ...keys }, policy }
}

/** A key and an identity answer the same question; so does nothing at all, for anybody. */
function checkSigner({ key, certificate, sct }: VerifierFlags, identity: IdentityMatcher | undefined): void {
  if (key !== '' && identity)
    throw new CountersignError(
      'USAGE',
      'exactly one of: key reference (--key), or certificate identity (--certificate-identity …), got both',
    )
  if (key === '' && !identity)
    throw new CountersignError(
      'USAGE',
      '--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode; to verify with a key, name it by --key',
    )
  for (const [flag, value] of [
    ['certificate', certificate],
    ['sct', sct],
  ])
    if (key !== '' && value !== '')
      throw new CountersignError('USAGE', `--${flag} goes with an identity (--certificate-identity …), not with --key`)
}

function readAsOf(text: string): Date {
  try {
    return readTime(text, '--as-of')
  } catch {
    throw new CountersignError('USAGE', `--as-of: want a time in UTC like 2026-11-30T12:00:00Z, got ${quote(text)}`)
  }
}
