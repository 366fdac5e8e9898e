import type { HashName } from '../../crypto/digest.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Policy, Trust } from '../../verify/policy.ts'
import type { FlagSource } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { publicKeyFromFlag } from './keys.ts'
import { requireIgnoredTlog } from './log-policy.ts'

type VerifierFlags = {
  readonly key: string
  readonly offline: boolean
  readonly insecureIgnoreTlog: boolean
  readonly privateInfrastructure: boolean
  readonly signatureDigestAlgorithm: HashName
  readonly given: ReadonlyMap<string, FlagSource>
}

/** What the verifying commands' flags say of trust and policy, whatever is verified. Everything that can be refused is, before any network. */
export async function trustFromFlags(
  context: CommandContext,
  flags: VerifierFlags,
  what: 'signature' | 'blob',
): Promise<{ readonly trust: Trust; readonly policy: Pick<Policy, 'hashes' | 'unsafeSkipTlog'> }> {
  requireIgnoredTlog(context, flags, what)
  const key: PublicKey = await publicKeyFromFlag(context, flags.key, flags.offline)
  const hashes = flags.given.has('signature-digest-algorithm') ? { hashes: [flags.signatureDigestAlgorithm] } : {}
  return { trust: { keys: [key] }, policy: { ...hashes, unsafeSkipTlog: true } }
}
