import { concatBytes, joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { type Sha256, sha256 } from '../../crypto/digest.ts'
import type { BundleFraming } from '../log/entry-bundle.ts'
import { type SctSubject, sctSignedBytes } from '../x509/sct.ts'
import { encodeTlsUint, encodeTlsVector, TlsReader } from '../x509/tls-presentation.ts'

/** What a certificate transparency log holds of a certificate. Sources: RFC 6962 §3.4, C2SP static-ct-api "Log entries". */
export type CtEntry = {
  readonly subject: SctSubject
  readonly time: Date // of its SCT, to the millisecond
  readonly extensions: Uint8Array // of its SCT
  readonly precertificate: Uint8Array | undefined // DER, poison and all; of a certificate there is none
  readonly issuers: readonly Sha256[] // fingerprints of who vouches for it: its issuer first, an accepted root last
}

const maxIssuers = 16
const maxTimeMs = 8.64e15 // the last time that a Date can hold

/**
 * MerkleTreeLeaf, whose hash is the leaf of the tree. It is byte for byte what the log signs in the SCT: both begin with two zeros.
 *
 * @see RFC 6962 §3.4
 */
export function encodeMerkleTreeLeaf({ subject, time, extensions }: Pick<CtEntry, 'subject' | 'time' | 'extensions'>): Uint8Array {
  return sctSignedBytes({ time, extensions }, subject)
}

/** By which the same submission is known again, whenever it comes: a digest of what is signed but for time and extensions. */
export function ctIdentity(subject: SctSubject): Sha256 {
  return sha256(sctSignedBytes({ time: new Date(0), extensions: new Uint8Array() }, subject))
}

/** TileLeaf, the form in which data tiles hold entries one after the other. @see C2SP static-ct-api, "Log entries" */
export function encodeTileLeaf(entry: CtEntry): Uint8Array {
  return concatBytes(
    encodeMerkleTreeLeaf(entry).subarray(2), // TimestampedEntry: without version and kind of leaf
    ...(entry.precertificate ? [encodeTlsVector(3, entry.precertificate)] : []),
    encodeTlsVector(2, concatBytes(...entry.issuers)),
  )
}

/** The MerkleTreeLeaf of a TileLeaf: what the tree holds of it. @throws CountersignError `LOG_ENTRY_MALFORMED` */
export function leafOfTileLeaf(tileLeaf: Uint8Array): Uint8Array {
  return encodeMerkleTreeLeaf(parseTileLeaf(tileLeaf, 'CT log entry'))
}

/** Data tiles: entries one after the other, each of which says itself where it ends. @see C2SP static-ct-api, "Log entries" */
export const dataTiles: BundleFraming = {
  level: 'data',
  entryLimitBytes: 1 << 20,
  encode: joinBytes,
  decode: tile => parseDataTile(tile, 'data tile').map(encodeTileLeaf),
}

/**
 * Parses a TileLeaf. Whether its certificate is one is not looked at.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`
 * @see C2SP static-ct-api, "Log entries"
 */
export function parseTileLeaf(bytes: Uint8Array, what: string): CtEntry {
  const [entry, ...more] = parseDataTile(bytes, what)
  if (!entry || more.length > 0)
    throw new CountersignError('LOG_ENTRY_MALFORMED', `${what}: want one entry, got ${more.length + (entry ? 1 : 0)}`)
  return entry
}

/**
 * The entries of a data tile, at most 256.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`
 */
export function parseDataTile(bytes: Uint8Array, what: string): readonly CtEntry[] {
  const reader = new TlsReader(bytes, what, 'LOG_ENTRY_MALFORMED')
  const entries: CtEntry[] = []
  while (!reader.isAtEnd) {
    if (entries.length === 256) throw reader.malformed('want at most 256 entries')
    entries.push(readTileLeaf(reader))
  }
  return entries
}

function readTileLeaf(reader: TlsReader): CtEntry {
  const timeMs = reader.uint(8)
  if (timeMs > maxTimeMs) throw reader.malformed(`want a time of at most ${maxTimeMs} milliseconds, got ${timeMs}`)
  const subject = readSubject(reader)
  const extensions = reader.vector(2)
  const precertificate = subject.entry === 'precertificate' ? reader.vector(3) : undefined
  return { subject, time: new Date(timeMs), extensions, precertificate, issuers: readFingerprints(reader) }
}

function readSubject(reader: TlsReader): SctSubject {
  const type = reader.uint(2)
  switch (type) {
    case 0:
      return { entry: 'certificate', der: reader.vector(3) }
    case 1:
      return { entry: 'precertificate', issuerKeyId: reader.take(32) as Sha256, tbs: reader.vector(3) }
    default:
      throw reader.malformed(`want an entry of type 0 or 1, got ${type}`)
  }
}

function readFingerprints(reader: TlsReader): readonly Sha256[] {
  const bytes = reader.vector(2)
  if (bytes.length % 32 !== 0 || bytes.length > 32 * maxIssuers)
    throw reader.malformed(`want at most ${maxIssuers} fingerprints of 32 bytes, got ${bytes.length} bytes`)
  return Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(32 * at, 32 * at + 32) as Sha256)
}

const leafIndexType = 0

/**
 * The extension by which an SCT of a static log says where its entry is.
 *
 * @param index - below 2^40
 * @see C2SP static-ct-api, "SCT Extension"
 */
export function leafIndexExtension(index: bigint): Uint8Array {
  return concatBytes(encodeTlsUint(1, leafIndexType), encodeTlsVector(2, encodeTlsUint(5, Number(index))))
}

/**
 * Where the extensions of an SCT say that its entry is, nothing where they do not; extensions of other types are passed over.
 *
 * @throws CountersignError `SCT_MALFORMED`
 */
export function leafIndexOf(extensions: Uint8Array): bigint | undefined {
  const reader = new TlsReader(extensions, 'SCT extensions', 'SCT_MALFORMED')
  let index: bigint | undefined
  while (!reader.isAtEnd) {
    const [type, data] = [reader.uint(1), reader.vector(2)]
    if (type !== leafIndexType) continue
    if (index !== undefined) throw reader.malformed('the leaf index stands twice')
    if (data.length !== 5) throw reader.malformed(`leaf index: want 5 bytes, got ${data.length}`)
    index = data.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n)
  }
  return index
}
