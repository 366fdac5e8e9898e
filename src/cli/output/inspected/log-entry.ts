import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { parseCheckpoint } from '../../../formats/log/checkpoint.ts'
import { type EntryBody, parseEntryBody, readEntryKind } from '../../../formats/log/entry-body.ts'
import type { EntryDigest } from '../../../formats/log/kinds/entry-digest.ts'
import type { EntryVerifier } from '../../../formats/log/kinds/entry-verifier.ts'
import type { LogBundle } from '../../../formats/log/log-bundle.ts'
import type { InclusionProof, LogEntry } from '../../../formats/log/log-entry.ts'
import { parseSignedNote } from '../../../formats/log/signed-note.ts'
import { problemLines, readPart, timeText } from './part.ts'

/** A transparency log entry as it states itself. What is missing of it stands in `problems`. */
export type DescribedLogEntry = {
  readonly logIndex: string
  readonly logId: string // hex
  readonly kind: string | null
  readonly version: string | null
  readonly integratedTime: string | null // signed by the log only where there is a promise
  readonly inclusionPromise: boolean
  readonly inclusionProof: DescribedProof | null
  readonly body: DescribedBody | null
  readonly problems: readonly string[]
}

type DescribedProof = {
  readonly logIndex: string // in the tree of the proof
  readonly treeSize: string
  readonly rootHash: string // hex
  readonly hashes: number
  readonly hasCheckpoint: boolean
  readonly checkpoint: DescribedCheckpoint | null
}

type DescribedCheckpoint = {
  readonly origin: string
  readonly size: string
  readonly rootHash: string // hex
  readonly signatures: readonly { readonly name: string; readonly hint: string }[]
}

/** What the entry commits to: digests by what they are of, and who it says signed. */
type DescribedBody = {
  readonly digests: { readonly [of: string]: string } // `sha256:…`
  readonly signers: readonly { readonly kind: 'certificate' | 'key'; readonly sha256: string }[] // fingerprint, or key id
}

/** Describes an entry. `what` begins the words about problems. */
export function describeLogEntry(entry: LogEntry, what: string): DescribedLogEntry {
  const { kind, version, integratedTime } = entry
  const time = integratedTime === undefined ? null : timeText(Number(integratedTime))
  return describe(entry, { kind, version }, time, what, [])
}

/** Describes the entry of the older layout, whose kind stands in its body alone. */
export function describeLogBundle(bundle: LogBundle, what: string): DescribedLogEntry {
  const { body, integratedTime, logIndex } = bundle
  const problems: string[] = []
  const kind = readPart(problems, () => readEntryKind(body))
  const entry = { logIndex, logId: bundle.logId, inclusionPromise: bundle.signedEntryTimestamp, canonicalizedBody: body }
  return describe({ ...entry, inclusionProof: undefined }, kind, timeText(integratedTime), what, problems)
}

type Common = Pick<LogEntry, 'inclusionPromise' | 'inclusionProof' | 'canonicalizedBody'> & {
  readonly logIndex: bigint | number
  readonly logId: Uint8Array | string
}

function describe(
  { logIndex, logId, inclusionPromise, inclusionProof, canonicalizedBody }: Common,
  kind: Pick<LogEntry, 'kind' | 'version'> | null,
  integratedTime: string | null,
  what: string,
  problems: string[],
): DescribedLogEntry {
  return {
    logIndex: String(logIndex),
    logId: typeof logId === 'string' ? logId : encodeHex(logId),
    kind: kind?.kind ?? null,
    version: kind?.version ?? null,
    integratedTime,
    inclusionPromise: inclusionPromise !== undefined,
    inclusionProof: inclusionProof ? describeProof(inclusionProof, problems) : null,
    body: kind && readPart(problems, () => describeBody(parseEntryBody({ ...kind, canonicalizedBody }))),
    problems: problems.map(problem => `${what}: ${problem}`),
  }
}

function describeProof({ logIndex, treeSize, rootHash, hashes, checkpoint }: InclusionProof, problems: string[]): DescribedProof {
  return {
    logIndex: String(logIndex),
    treeSize: String(treeSize),
    rootHash: encodeHex(rootHash),
    hashes: hashes.length,
    hasCheckpoint: checkpoint !== undefined,
    checkpoint: checkpoint === undefined ? null : readPart(problems, () => describeCheckpoint(checkpoint)),
  }
}

function describeCheckpoint(envelope: string): DescribedCheckpoint {
  const { text, signatures } = parseSignedNote(envelope)
  const { origin, size, root } = parseCheckpoint(text)
  return {
    origin,
    size: String(size),
    rootHash: encodeHex(root),
    signatures: signatures.map(({ name, hint }) => ({ name, hint: encodeHex(hint) })),
  }
}

function describeBody(body: EntryBody): DescribedBody {
  switch (body.kind) {
    case 'hashedrekord':
    case 'rekord':
      return { digests: { artifact: digestText(body.artifact) }, signers: [describeVerifier(body.verifier)] }
    case 'dsse': {
      const signers = body.signatures.map(({ verifier }) => describeVerifier(verifier))
      return { digests: { payload: digestText(body.payload) }, signers }
    }
    case 'intoto': {
      const verifiers = body.version === '0.0.1' ? [body.verifier] : body.signatures.map(({ verifier }) => verifier)
      const digests = { envelope: digestText(body.envelope), ...(body.payload && { payload: digestText(body.payload) }) }
      return { digests, signers: verifiers.map(describeVerifier) }
    }
    default:
      throw new TypeError(`unhandled kind ${body satisfies never}`)
  }
}

function digestText({ hash, digest }: EntryDigest): string {
  return `${hash}:${encodeHex(digest)}`
}

function describeVerifier(verifier: EntryVerifier): DescribedBody['signers'][number] {
  return { kind: verifier.kind, sha256: encodeHex(sha256(verifier.kind === 'certificate' ? verifier.der : verifier.spki)) }
}

/** Lines for people: index, kind and time, and below them what else the entry says. */
export function logEntryLines(entry: DescribedLogEntry): readonly string[] {
  const { logIndex, logId, kind, version, inclusionPromise, inclusionProof: proof, body } = entry
  const promise = inclusionPromise ? 'inclusion promise' : 'no inclusion promise'
  return [
    `  index ${logIndex}${kind === null ? '' : `, ${quote(`${kind} ${version}`)}`}, ${integratedWords(entry)}`,
    `    log id: ${logId}`,
    `    ${promise}, ${proof ? proofWords(proof) : 'no inclusion proof'}`,
    ...(isOfRekorV2(entry) ? ['    of Rekor v2, whose entries cosign 2 does not read: cosign 3 and countersign do'] : []),
    ...(proof?.checkpoint ? [`    checkpoint: ${checkpointWords(proof.checkpoint)}`] : []),
    ...Object.entries(body?.digests ?? {}).map(([of, digest]) => `    logged ${of}: ${digest}`),
    ...(body?.signers ?? []).map(signer =>
      signer.kind === 'key' ? `    logged key: key id ${signer.sha256}` : `    logged certificate: SHA-256 fingerprint ${signer.sha256}`,
    ),
    ...problemLines(entry.problems, '    '),
  ]
}

/** The promise signs the time; the proof says nothing of it. */
function integratedWords({ integratedTime, inclusionPromise }: DescribedLogEntry): string {
  if (integratedTime === null) return 'integrated at no stated time'
  return `integrated ${integratedTime}${inclusionPromise ? ', which the promise covers' : ', which no promise covers'}`
}

function proofWords({ hashes, logIndex, treeSize, hasCheckpoint }: DescribedProof): string {
  const without = hasCheckpoint ? '' : ', without checkpoint'
  return `inclusion proof of ${hashes} hashes for leaf ${logIndex} in a tree of ${treeSize}${without}`
}

function checkpointWords({ origin, size, signatures }: DescribedCheckpoint): string {
  const lines = signatures.map(({ name, hint }) => `${quote(name)} (key hint ${hint})`)
  return `origin ${quote(origin)}, size ${size}, signed as ${lines.join(', ')}`
}

/** Rekor v1 has other versions of these kinds. services.md §4.2 */
function isOfRekorV2({ kind, version }: DescribedLogEntry): boolean {
  return version === '0.0.2' && (kind === 'hashedrekord' || kind === 'dsse')
}
