import { contextTag, type DerReader, derTag, parseDer } from '../../codec/der.ts'
import {
  encodeDer,
  encodeDerBoolean,
  encodeDerInteger,
  encodeDerOctetString,
  encodeDerOid,
  encodeDerSequence,
} from '../../codec/der-writer.ts'
import { CountersignError } from '../../codec/error.ts'
import { hashOfOid, hashOid, isAbsentOrNull, readAlgorithmIdentifier } from '../../crypto/algorithm-identifier.ts'
import type { HashName } from '../../crypto/digest.ts'

/** The hashes that requests are made with; which of them are taken is for the authority to say. */
export type RequestedHash = keyof typeof hashOid | 'sha1'

/** What a timestamp authority is asked for: well formed, and not judged. Source: RFC 3161 §2.4.1. */
export type TimestampRequest = {
  readonly imprint: { readonly hash: RequestedHash; readonly digest: Uint8Array } // of any length
  readonly policy: string | undefined // OID; any that the authority has where there is none
  readonly nonce: bigint | undefined // at most 256 bits with its sign
  readonly certificateWanted: boolean
  readonly extensions: readonly string[] // OIDs
}

/** Bytes of a request at most: one without extensions has under 200. */
export const timestampRequestLimitBytes = 1 << 20

const maxNonceBytes = 32
const maxDigestBytes = 64
const maxExtensions = 64
const sha1Oid = '1.3.14.3.2.26'
const extensionsTag = contextTag(0, 'constructed')

/**
 * Parses a TimeStampReq of version 1, in strict DER. Whether its hash, policy and extensions are acceptable is not looked at.
 *
 * @throws CountersignError `TIMESTAMP_MALFORMED`, also for hashes that nobody asks for; `LIMIT_EXCEEDED` past 1 MiB
 * @see RFC 3161 §2.4.1
 */
export function parseTimestampRequest(bytes: Uint8Array, what: string): TimestampRequest {
  if (bytes.length > timestampRequestLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${timestampRequestLimitBytes} bytes, got ${bytes.length}`)
  return parseDer(bytes, what, der => der.sequence(request => readRequest(request, what)), 'TIMESTAMP_MALFORMED')
}

function readRequest(der: DerReader, what: string): TimestampRequest {
  const version = readShortInteger(der, 'version', what)
  if (version !== 1n) throw der.malformed(`want version 1, got ${version}`)
  return {
    imprint: der.sequence(readImprint),
    policy: der.next === derTag.oid ? der.oid() : undefined,
    nonce: der.next === derTag.integer ? readShortInteger(der, 'nonce', what) : undefined,
    certificateWanted: der.booleanOrFalse('certReq'),
    extensions: der.next === extensionsTag ? der.constructed(extensionsTag, readExtensionOids) : [],
  }
}

/** Its length is looked at before a number is made of it: that takes time by the length. */
function readShortInteger(der: DerReader, name: string, what: string): bigint {
  const { bytes, content } = der.whole(derTag.integer)
  if (content.length > maxNonceBytes) throw der.malformed(`${name}: want at most ${maxNonceBytes} octets, got ${content.length}`)
  return parseDer(bytes, `${what}: ${name}`, integer => integer.integer(), 'TIMESTAMP_MALFORMED')
}

function readImprint(der: DerReader): TimestampRequest['imprint'] {
  const { oid, parameters } = readAlgorithmIdentifier(der)
  const hash = oid === sha1Oid ? 'sha1' : hashOfOid.get(oid)
  if (!hash) throw der.malformed(`message imprint: want SHA-256, SHA-384 or SHA-512, got ${oid.slice(0, 80)}`)
  if (!isAbsentOrNull(parameters)) throw der.malformed('message imprint: want no parameters of the hash, or NULL')
  const digest = der.octetString()
  if (digest.length > maxDigestBytes) throw der.malformed(`message imprint: want at most ${maxDigestBytes} bytes, got ${digest.length}`)
  return { hash, digest }
}

function readExtensionOids(der: DerReader): readonly string[] {
  const oids: string[] = []
  do {
    if (oids.length === maxExtensions) throw der.malformed(`want at most ${maxExtensions} extensions`)
    oids.push(
      der.sequence(extension => {
        const oid = extension.oid()
        extension.booleanOrFalse('critical')
        extension.octetString()
        return oid
      }),
    )
  } while (der.next !== undefined)
  return oids
}

/** What a client asks for. */
export type NewTimestampRequest = {
  readonly imprint: { readonly hash: Extract<HashName, keyof typeof hashOid>; readonly digest: Uint8Array }
  readonly policy?: string
  readonly nonce?: bigint
  readonly certificateWanted?: boolean // false unless told
}

/** TimeStampReq of version 1, DER. @see RFC 3161 §2.4.1 */
export function encodeTimestampRequest({ imprint, policy, nonce, certificateWanted = false }: NewTimestampRequest): Uint8Array {
  return encodeDerSequence(
    encodeDerInteger(1n),
    encodeDerSequence(encodeDerSequence(encodeDerOid(hashOid[imprint.hash]), encodeDer(derTag.null)), encodeDerOctetString(imprint.digest)),
    ...(policy === undefined ? [] : [encodeDerOid(policy)]),
    ...(nonce === undefined ? [] : [encodeDerInteger(nonce)]),
    ...(certificateWanted ? [encodeDerBoolean(true)] : []),
  )
}
