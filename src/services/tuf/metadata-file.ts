import { CountersignError } from '../../codec/error.ts'
import { decodeHex, encodeHex } from '../../codec/hex.ts'
import { type JsonObject, parseJson, readArray, readAs, readObject, readObjectOf, readSafeInteger, readString } from '../../codec/json.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import { messageOfBytes } from '../../crypto/message.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Signer } from '../../crypto/signer.ts'
import { verifySignatureAs } from '../../crypto/verify-signature.ts'
import { formatTime, readTime } from '../../formats/rfc3339.ts'
import { metadataLimits, type TopLevelRole } from '../../trust/tuf/metadata.ts'
import { serializeOlpcJson } from './olpc-json.ts'
import { checkTufSigner, tufKeyOf, tufSchemeOf } from './tuf-key.ts'

/** A file of metadata: what a role says, and who has signed it. Whether they may is for the root to say. */
export type MetadataFile = {
  readonly role: TopLevelRole
  readonly version: number // 1 or more
  readonly expires: Date
  readonly signed: JsonObject
  readonly signatures: ReadonlyMap<string, Uint8Array> // by key id
  readonly bytes: Uint8Array
}

/** What every role says. */
export type NewMetadata = { readonly version: number; readonly expires: Date; readonly body: JsonObject }

const specVersion = '1.0.31'
const maxSignatures = 64

/** What a role says, not yet signed. @see TUF specification 1.0.33 §4.3 */
export function draftMetadata(role: TopLevelRole, { version, expires, body }: NewMetadata): MetadataFile {
  const toTheSecond = new Date(Math.floor(expires.getTime() / 1000) * 1000)
  const signed = { _type: role, spec_version: specVersion, version, expires: formatTime(toTheSecond), ...body }
  return withSignatures({ role, version, expires: toTheSecond, signed }, new Map())
}

/**
 * The same with signatures by these keys, in place of older ones by them.
 *
 * @throws CountersignError `KEY_UNSUPPORTED`, and what a signer throws
 */
export async function signMetadata(file: MetadataFile, signers: readonly Signer[]): Promise<MetadataFile> {
  const message = encodeUtf8(serializeOlpcJson(file.signed))
  const signatures = new Map(file.signatures)
  for (const signer of signers) {
    checkTufSigner(signer)
    signatures.set(tufKeyOf(signer.publicKey).id, await signer.sign(message))
  }
  return withSignatures(file, signatures)
}

function withSignatures(
  { role, version, expires, signed }: Omit<MetadataFile, 'signatures' | 'bytes'>,
  signatures: ReadonlyMap<string, Uint8Array>,
): MetadataFile {
  const list = [...signatures].map(([keyid, signature]) => ({ keyid, sig: encodeHex(signature) }))
  return { role, version, expires, signed, signatures, bytes: encodeUtf8(JSON.stringify({ signatures: list, signed })) }
}

/**
 * Reads a file of metadata. `what` begins every message.
 *
 * @throws CountersignError `TUF_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function parseMetadata(role: TopLevelRole, bytes: Uint8Array, what: string): MetadataFile {
  return readAs('TUF_MALFORMED', what, () => {
    const file = readObjectOf(parseJson(bytes, what, metadataLimits[role]), what, ['signed', 'signatures'])
    const signed = readObject(file['signed'], `${what}: signed`)
    const type = readString(signed['_type'], `${what}: signed._type`)
    if (type !== role) throw new CountersignError('TUF_MALFORMED', `${what}: want metadata of ${role}, got ${quote(type)}`)
    const version = readSafeInteger(signed['version'], `${what}: signed.version`)
    if (version < 1) throw new CountersignError('TUF_MALFORMED', `${what}: want a version of 1 or more, got ${version}`)
    const expires = readTime(signed['expires'], `${what}: signed.expires`)
    return { role, version, expires, signed, signatures: readSignatures(file['signatures'], `${what}: signatures`), bytes }
  })
}

function readSignatures(value: unknown, at: string): ReadonlyMap<string, Uint8Array> {
  const signatures = readArray(value, at, maxSignatures, (item, place) => {
    const { keyid, sig } = readObjectOf(item, place, ['keyid', 'sig'])
    return [readString(keyid, `${place}.keyid`), decodeHex(readString(sig, `${place}.sig`), `${place}.sig`)] as const
  })
  const byKey = new Map(signatures)
  if (byKey.size !== signatures.length) throw new CountersignError('TUF_MALFORMED', `${at}: want one signature of each key`)
  return byKey
}

/** How many of these keys have signed a file. */
export async function countSignatures({ signed, signatures }: MetadataFile, keys: readonly PublicKey[]): Promise<number> {
  const message = messageOfBytes(encodeUtf8(serializeOlpcJson(signed)))
  let count = 0
  for (const key of keys) {
    const signature = signatures.get(tufKeyOf(key).id)
    if (!signature) continue
    try {
      await verifySignatureAs(key, signature, message, tufSchemeOf(key))
      count++
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause // it is no signature; the threshold decides
    }
  }
  return count
}
