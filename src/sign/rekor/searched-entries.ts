import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { LogEntry } from '../../formats/log/log-entry.ts'
import { artifactMessage } from '../../verify/artifact.ts'
import { type Candidate, type Evidence, withEntriesOfLog } from '../../verify/evidence.ts'
import type { Policy, Trust } from '../../verify/policy.ts'
import { checkSignature, eligibleSigners } from '../../verify/signer.ts'
import type { SearchedSignature } from './ask-log.ts'

/**
 * A signature of the older layout that brings no log entry along, with the one that a log has of it. The entry is evidence, proven by the
 * log's key as any other; the log itself is not believed. Bundles hold what they need, and what no trusted signer can have made is not asked for.
 *
 * @param search - asks the log
 * @throws what `search` throws: that a log cannot be reached does not mean that it has no entry
 */
export async function withSearchedEntries(
  candidate: Candidate,
  trust: Trust,
  policy: Policy,
  search: (signature: SearchedSignature) => Promise<readonly LogEntry[]>,
): Promise<Candidate> {
  if (policy.unsafeSkipTlog || candidate.format === 'bundle') return candidate
  const evidence = decodeIfSound(candidate)
  const signer = evidence && (await signerOf(evidence, trust, policy))
  if (!evidence || evidence.logEntries.length > 0 || !signer) return candidate
  const { content, signature } = evidence
  const entries = await search({ signature, content: searchedContent(content, policy), signer })
  const { earliestOf } = await import('./ask-log.ts') // commands that ask no log do not load it
  const found = earliestOf(ofKnownLogs(entries, trust))
  return withEntriesOfLog(candidate, found ? [found] : [])
}

/** What the log was given: the JSON of an envelope, the digest of whatever else was signed. */
function searchedContent(content: Evidence['content'], policy: Policy): SearchedSignature['content'] {
  if (content.kind === 'statement' && content.encoded) return { kind: 'envelope', json: content.encoded }
  const message = content.kind === 'artifact' ? artifactMessage(policy.artifact) : messageOfBytes(content.bytes)
  return { kind: 'digest', hash: 'sha256', digest: message.digest('sha256') }
}

/** Those that a trusted log can prove; where there are none, all, for the engine to say of which log they are. */
function ofKnownLogs(entries: readonly LogEntry[], { transparencyLogs = [] }: Trust): readonly LogEntry[] {
  const known = entries.filter(({ logId }) => transparencyLogs.some(log => bytesEqual(log.logId, logId)))
  return known.length > 0 ? known : entries
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

/** Whom the log must have it by. Of several keys the one that made the signature; where none did, the engine says so. */
async function signerOf(evidence: Evidence, trust: Trust, policy: Policy) {
  const { certificate } = evidence
  if (policy.identities) return certificate && ({ kind: 'certificate', der: certificate } as const)
  const [only, ...others] = trust.keys ?? []
  const key = others.length === 0 ? only : await keyOfSignature(evidence, trust, policy)
  return key && ({ kind: 'key', spki: key.spki } as const)
}

async function keyOfSignature(evidence: Evidence, trust: Trust, policy: Policy): Promise<PublicKey | undefined> {
  try {
    return (await checkSignature(evidence, eligibleSigners(evidence, trust, policy).value, policy)).value.key
  } catch (error) {
    if (error instanceof CountersignError) return undefined
    throw error
  }
}
