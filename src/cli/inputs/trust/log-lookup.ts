import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { messageOfBytes } from '../../../crypto/message.ts'
import { artifactMessage } from '../../../verify/artifact.ts'
import { type Candidate, type Evidence, withEntriesOfLog } from '../../../verify/evidence.ts'
import type { Policy, Trust } from '../../../verify/policy.ts'
import type { CommandContext } from '../../context.ts'

/**
 * A signature of the older layout that brings no log entry along, with those that the log has of it: `--rekor-url`. The entry is evidence,
 * proven by the log's key as any other; the log itself is not believed. Bundles hold what they need, and offline nobody is asked.
 *
 * @throws CountersignError `USAGE`, `TLOG_UNAVAILABLE`: that a log cannot be reached does not mean that it has no entry
 */
export async function withLogEntries(
  context: CommandContext,
  flags: { readonly offline: boolean; readonly rekorUrl: string },
  candidate: Candidate,
  trust: Trust,
  policy: Policy,
): Promise<Candidate> {
  if (policy.unsafeSkipTlog || flags.offline || candidate.format === 'bundle') return candidate
  const evidence = decodeIfSound(candidate)
  const signer = evidence && signerOf(evidence, trust, policy)
  if (!evidence || evidence.logEntries.length > 0 || !signer) return candidate
  if (!URL.canParse(flags.rekorUrl)) throw new CountersignError('USAGE', `--rekor-url: want a URL, got ${quote(flags.rekorUrl)}`)
  const { searchLog } = await import('../../../sign/rekor/search-log.ts')
  const { content, signature } = evidence
  const message = content.kind === 'artifact' ? artifactMessage(policy.artifact) : messageOfBytes(content.bytes)
  const searched = { signature, sha256: message.digest('sha256'), signer }
  return withEntriesOfLog(candidate, await searchLog(context.world, new URL(flags.rekorUrl), searched, context.signal))
}

/** Broken evidence is the engine's to report. */
function decodeIfSound(candidate: Candidate): Evidence | undefined {
  try {
    return candidate.decode()
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}

function signerOf({ certificate }: Evidence, { keys: [key] = [] }: Trust, { identities }: Policy) {
  if (identities) return certificate && ({ kind: 'certificate', der: certificate } as const)
  return key && ({ kind: 'key', spki: key.spki } as const)
}
