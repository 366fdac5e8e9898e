import { decodeBase64 } from '../../codec/base64.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import { defaultKeyDetails } from '../../crypto/key-details.ts'
import { type Signer, signerFromPkcs8 } from '../../crypto/signer.ts'
import { encodeCheckpoint } from '../../formats/log/checkpoint.ts'
import { cosign, type Witness } from '../../formats/log/cosignature.ts'
import { encodeEntryBody } from '../../formats/log/entry-body.ts'
import type { InclusionProof, LogEntry } from '../../formats/log/log-entry.ts'
import type { LogKey } from '../../formats/log/log-key.ts'
import { leafHash } from '../../formats/log/merkle.ts'
import { noteKeyId } from '../../formats/log/note-key.ts'
import { signedEntryBytes } from '../../formats/log/signed-entry-timestamp.ts'
import { encodeSignedNote, type NoteSignature } from '../../formats/log/signed-note.ts'
import { inclusionPath, treeRoot } from './naive-tree.ts'
import { entryBodyOf, type Submission } from './submission.ts'

/** What is broken about an answer, all else being as it should be. */
export type LogFlaw =
  | 'no promise'
  | 'no proof'
  | 'neither promise nor proof'
  | 'proof without checkpoint'
  | 'promise by another key'
  | 'promise over another body'
  | 'promise at another time'
  | 'promise at another index'
  | 'another log id'
  | 'checkpoint by another key' // under the log's own name and hint
  | 'checkpoint with another hint'
  | 'checkpoint with another name'
  | 'checkpoint of another origin' // properly signed under that name
  | 'checkpoint that only witnesses signed'
  | 'checkpoint without signatures'
  | 'checkpoint of another root'
  | 'checkpoint of another size'
  | 'proof of another root'
  | 'path too short'
  | 'path too long'
  | 'path with a flipped bit'
  | 'index off by one'
  | 'body of another entry'

export type TestLogOptions = {
  readonly rekor: 'v1' | 'v2'
  readonly now: () => Date
  readonly host?: string
  readonly signer?: Signer // P-256 in Rekor v1, Ed25519 in v2 unless told
  readonly witnesses?: readonly { readonly name: string; readonly signer: Signer }[]
  readonly earlierEntries?: number // leaves of others before the first; 5 unless told
  readonly earlierTrees?: bigint // Rekor v1: entries of trees before this one
}

/** A transparency log in memory. */
export type TestLog = {
  readonly logKey: LogKey
  readonly treeId: bigint // of Rekor v1
  /** Logs a signature. What comes back is broken in the one way named; the log itself stays sound. */
  readonly add: (submission: Submission, flaw?: LogFlaw) => Promise<LogEntry>
}

const p256Key =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJNKWAhOZqjPXoiRJzshrgKAQyAH76OPoUgFE6Vt9RMahRANCAAR80TR7vUBgT7uGEEYToegiNI9casoepI45aK9UliJ3YlL96gasiV38gB8gvrrQC0P5BTSeX2j6tGFDrLcAeTq1'

const p256Stranger =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqNWt+SGebY/acZNVovdA7iCWdT3iKjmNOTBcV0KYm4yhRANCAAS2TdlCHzcfbmDqMe2vNTPKrlivKSITO5Bx7+fLob0XhGogqAuJMM2A+iNnUg1Z+up6WR85tigdNHK4x0LZ9bsS'

/** Signers of logs and witnesses, public in all their parts. */
export const testLogSigners = {
  ecdsa: () => signerFromPkcs8(decodeBase64(p256Key, 'log key'), 'log key'),
  ecdsaStranger: () => signerFromPkcs8(decodeBase64(p256Stranger, 'log key'), 'log key'),
  ed25519: (seed = 1) => signerFromPkcs8(ed25519Pkcs8(seed), 'log key'),
} as const

/** PKCS#8 of the Ed25519 key whose seed is one byte repeated. @see RFC 8410 §7 */
function ed25519Pkcs8(seed: number): Uint8Array {
  return Uint8Array.of(
    0x30,
    0x2e,
    0x02,
    0x01,
    0x00,
    0x30,
    0x05,
    0x06,
    0x03,
    0x2b,
    0x65,
    0x70,
    0x04,
    0x22,
    0x04,
    0x20,
    ...Array(32).fill(seed),
  )
}

/** Starts a log. */
export function testTransparencyLog(options: TestLogOptions): TestLog {
  const { rekor, host = `log.${rekor}.example`, earlierEntries = 5 } = options
  const signer = options.signer ?? (rekor === 'v1' ? testLogSigners.ecdsa() : testLogSigners.ed25519())
  const treeId = 1193050959916656506n
  const logKey = keyOf(signer, host, rekor)
  const origin = rekor === 'v1' ? `${host} - ${treeId}` : host
  const leaves = Array.from({ length: earlierEntries }, (_, index) => leafHash(encodeUtf8(`earlier entry ${index}`)))
  const log: Log = { ...options, host, signer, logKey, origin, leaves, earlierTrees: rekor === 'v1' ? (options.earlierTrees ?? 1000n) : 0n }
  return { logKey, treeId, add: (submission, flaw) => addEntry(log, submission, flaw) }
}

type Log = Omit<TestLogOptions, 'witnesses'> & {
  readonly witnesses?: TestLogOptions['witnesses']
  readonly host: string
  readonly signer: Signer
  readonly logKey: LogKey
  readonly origin: string
  readonly leaves: Sha256[]
  readonly earlierTrees: bigint
}

function keyOf({ publicKey, hash }: Signer, host: string, rekor: 'v1' | 'v2'): LogKey {
  const scheme = defaultKeyDetails(publicKey)!
  return {
    key: publicKey,
    scheme: { scheme: scheme.scheme, hash },
    logId: rekor === 'v1' ? publicKey.id : noteKeyId(host, publicKey),
    baseUrl: `https://${host}`,
  }
}

async function addEntry(log: Log, submission: Submission, flaw?: LogFlaw): Promise<LogEntry> {
  const body = entryBodyOf(log.rekor, submission)
  const canonicalizedBody = encodeEntryBody(body)
  const index = log.leaves.push(leafHash(canonicalizedBody)) - 1
  const isPromised = log.rekor === 'v1' && flaw !== 'no promise' && flaw !== 'neither promise nor proof'
  const entry = {
    logIndex: log.earlierTrees + BigInt(index),
    logId: flaw === 'another log id' ? sha256(log.logKey.logId) : log.logKey.logId,
    kind: body.kind,
    version: body.version,
    integratedTime: log.rekor === 'v1' ? BigInt(Math.floor(log.now().getTime() / 1000)) : undefined,
    canonicalizedBody,
  }
  const inclusionPromise = isPromised ? await promise(log, { ...entry, integratedTime: entry.integratedTime! }, flaw) : undefined
  const inclusionProof = flaw === 'no proof' || flaw === 'neither promise nor proof' ? undefined : await prove(log, index, flaw)
  if (flaw === 'body of another entry')
    return { ...entry, inclusionPromise, inclusionProof, canonicalizedBody: encodeEntryBody(entryBodyOf(log.rekor, another(submission))) }
  return { ...entry, inclusionPromise, inclusionProof }
}

function another(submission: Submission): Submission {
  return { ...submission, signature: flipBit(submission.signature) }
}

function promise(log: Log, entry: Parameters<typeof signedEntryBytes>[0], flaw: LogFlaw | undefined): Promise<Uint8Array> {
  const signer = flaw === 'promise by another key' ? strangerOf(log.signer) : log.signer
  return signer.sign(
    signedEntryBytes({
      ...entry,
      ...(flaw === 'promise over another body' && { canonicalizedBody: encodeUtf8('{}') }),
      ...(flaw === 'promise at another time' && { integratedTime: entry.integratedTime + 1n }),
      ...(flaw === 'promise at another index' && { logIndex: entry.logIndex + 1n }),
    }),
  )
}

async function prove(log: Log, index: number, flaw: LogFlaw | undefined): Promise<InclusionProof> {
  const { leaves } = log
  const [root, path] = [treeRoot(leaves), inclusionPath(index, leaves)]
  const otherRoot = sha256(root)
  const checkpoint = await signCheckpoint(
    log,
    flaw === 'checkpoint of another root' || flaw === 'proof of another root' ? otherRoot : root,
    flaw,
  )
  return {
    logIndex: BigInt(flaw === 'index off by one' ? index - 1 : index),
    rootHash: flaw === 'proof of another root' ? otherRoot : root,
    treeSize: BigInt(leaves.length),
    hashes: brokenPath(path, flaw),
    checkpoint: flaw === 'proof without checkpoint' ? undefined : checkpoint,
  }
}

function brokenPath(path: readonly Sha256[], flaw: LogFlaw | undefined): readonly Sha256[] {
  switch (flaw) {
    case 'path too short':
      return path.slice(0, -1)
    case 'path too long':
      return [...path, path[0] ?? sha256(new Uint8Array(0))]
    case 'path with a flipped bit':
      return path.map((hash, index) => (index === 0 ? (flipBit(hash) as Sha256) : hash))
    default:
      return path
  }
}

async function signCheckpoint(log: Log, root: Sha256, flaw: LogFlaw | undefined): Promise<string> {
  const name = flaw === 'checkpoint of another origin' ? `other.${log.host}` : log.host
  const origin = flaw === 'checkpoint of another origin' && log.rekor === 'v2' ? name : log.origin.replace(log.host, name)
  const size = BigInt(log.leaves.length + (flaw === 'checkpoint of another size' ? 1 : 0))
  const text = encodeCheckpoint({ origin, size, root, extensions: [] })
  if (flaw === 'checkpoint without signatures') return `${text}\n`
  const witnesses = log.witnesses ?? []
  const isWitnessed = flaw === 'checkpoint that only witnesses signed'
  const cosignatures = await Promise.all(
    (isWitnessed && witnesses.length === 0 ? [{ name: 'witness.example', signer: testLogSigners.ed25519(9) }] : witnesses).map(witness =>
      cosignText(text, witness, log),
    ),
  )
  return encodeSignedNote({ text, signatures: isWitnessed ? cosignatures : [await signText(log, text, name, flaw), ...cosignatures] })
}

async function signText(log: Log, text: string, name: string, flaw: LogFlaw | undefined): Promise<NoteSignature> {
  const id = log.rekor === 'v1' ? log.signer.publicKey.id : noteKeyId(name, log.signer.publicKey)
  const signer = flaw === 'checkpoint by another key' ? strangerOf(log.signer) : log.signer
  return {
    name: flaw === 'checkpoint with another name' ? `other.${name}` : name,
    hint: flaw === 'checkpoint with another hint' ? flipBit(id.subarray(0, 4)) : id.subarray(0, 4),
    signature: await signer.sign(encodeUtf8(text)),
  }
}

function cosignText(
  text: string,
  { name, signer }: { readonly name: string; readonly signer: Signer },
  { now }: Log,
): Promise<NoteSignature> {
  const witness: Witness = { name, key: signer.publicKey }
  return cosign(text, witness, BigInt(Math.floor(now().getTime() / 1000)), signer.sign)
}

function strangerOf({ publicKey }: Signer): Signer {
  return publicKey.algorithm === 'ed25519' ? testLogSigners.ed25519(8) : testLogSigners.ecdsaStranger()
}

/** The same bytes but for the lowest bit of the first. */
function flipBit(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte))
}
