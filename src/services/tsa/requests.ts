import { CountersignError } from '../../codec/error.ts'
import { parseJson, readBase64, readObjectOf, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { hashLength } from '../../crypto/digest.ts'
import type { TimestampHash } from '../../formats/timestamp/digest-algorithm.ts'
import {
  parseTimestampRequest,
  type RequestedHash,
  type TimestampRequest,
  timestampRequestLimitBytes,
} from '../../formats/timestamp/timestamp-request.ts'
import { headerOf } from '../incoming-request.ts'
import { readRequestBody, ServiceRefusal } from '../service.ts'

/** A request that an authority of these policies may answer. */
export type AcceptedRequest = {
  readonly imprint: { readonly hash: TimestampHash; readonly digest: Uint8Array }
  readonly policy: string // one of the authority's
  readonly nonce: bigint | undefined
  readonly certificateWanted: boolean
}

/** What upstream says of anything else that is wrong. Why it was, is logged. */
export const generalRefusal = 'Error generating timestamp response'

const jsonLimitBytes = 1024
const maxOidComponents = 128

/**
 * Reads a request in either of its forms, and judges it.
 *
 * @param policies - OIDs, the one for requests that name none first
 * @throws ServiceRefusal 400 and 415 with upstream's texts; its cause, if any, says more
 * @see services §5
 */
export async function readTimestampRequest(request: Request, policies: readonly [string, ...string[]]): Promise<AcceptedRequest> {
  const type = mediaTypeOf(request)
  const body = await readBody(request, type === 'application/json' ? jsonLimitBytes : timestampRequestLimitBytes)
  try {
    return accept(type === 'application/json' ? parseJsonRequest(body) : parseTimestampRequest(body, 'timestamp request'), policies)
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new ServiceRefusal(400, generalRefusal, { cause })
  }
}

type RequestType = 'application/json' | 'application/timestamp-query'

function mediaTypeOf(request: Request): RequestType {
  const [type = ''] = (headerOf(request, 'content-type') ?? '').split(';', 1)
  const name = type.trim().toLowerCase()
  if (name === 'application/json' || name === 'application/timestamp-query') return name
  throw new ServiceRefusal(415, `unsupported media type ${quote(name)}, only [application/timestamp-query application/json] are allowed`)
}

async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  try {
    return await readRequestBody(request, limit)
  } catch (cause) {
    if (cause instanceof ServiceRefusal && cause.status === 413) throw new ServiceRefusal(400, 'timestamp request is too large', { cause })
    throw cause
  }
}

function accept(request: TimestampRequest, policies: readonly [string, ...string[]]): AcceptedRequest {
  const { imprint, nonce, certificateWanted, extensions } = request
  const { hash, digest } = imprint
  if (hash === 'sha1') throw new ServiceRefusal(400, 'Weak hash algorithm in timestamp request')
  if (digest.length !== hashLength(hash)) throw new ServiceRefusal(400, 'Message digest has incorrect length for specified algorithm')
  const policy = request.policy ?? policies[0]
  if (!policies.includes(policy)) {
    if (policy.split('.').length > maxOidComponents)
      throw new ServiceRefusal(400, `OID should be comprised of at most ${maxOidComponents} components`)
    throw new ServiceRefusal(400, `unaccepted policy: ${policy}`)
  }
  const [extension] = extensions // none is known; one that is not acted on must not be passed over, RFC 3161 §2.4.1
  if (extension !== undefined) throw new ServiceRefusal(400, `unaccepted extension: ${extension.slice(0, 200)}`)
  return { imprint: { hash, digest }, policy, nonce, certificateWanted }
}

const jsonHashes: ReadonlyMap<string, RequestedHash> = new Map([
  ['sha1', 'sha1'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
])

const members = ['artifactHash', 'hashAlgorithm', 'certificates', 'nonce', 'tsaPolicyOID']

/** The form that upstream made for clients without DER. `null` stands for what is left out, as everywhere in JSON that Go writes. */
function parseJsonRequest(body: Uint8Array): TimestampRequest {
  const at = 'timestamp request'
  const asked = readObjectOf(parseJson(body, at, { bytes: jsonLimitBytes, depth: 2 }), at, members)
  const name = readString(asked['hashAlgorithm'], `${at}.hashAlgorithm`)
  const hash = jsonHashes.get(name.toLowerCase())
  if (!hash) throw malformed(`${at}.hashAlgorithm: want sha256, sha384 or sha512, got ${quote(name)}`)
  const wanted = asked['certificates'] ?? false
  if (typeof wanted !== 'boolean') throw malformed(`${at}.certificates: want true or false`)
  return {
    imprint: { hash, digest: readBase64(asked['artifactHash'], `${at}.artifactHash`) },
    policy: readPolicy(asked['tsaPolicyOID'] ?? undefined, `${at}.tsaPolicyOID`),
    nonce: readNonce(asked['nonce'] ?? undefined, body, `${at}.nonce`),
    certificateWanted: wanted,
    extensions: [],
  }
}

function readPolicy(value: unknown, at: string): string | undefined {
  if (value === undefined || value === '') return undefined
  const policy = readString(value, at)
  if (!/^[0-2](\.(0|[1-9][0-9]*))+$/.test(policy)) throw malformed(`${at}: want an object identifier, got ${quote(policy)}`)
  return policy
}

/** Nonces have more bits than JavaScript's numbers, so the digits are taken from the text, in which this member stands once. */
function readNonce(value: unknown, body: Uint8Array, at: string): bigint | undefined {
  if (value === undefined) return undefined
  const [, digits] = /[{,]\s*"nonce"\s*:\s*(-?[0-9]{1,77})\s*[,}]/.exec(new TextDecoder().decode(body)) ?? []
  const nonce = digits === undefined ? undefined : BigInt(digits)
  if (nonce === undefined || BigInt.asIntN(256, nonce) !== nonce) throw malformed(`${at}: want a whole number of at most 256 bits`)
  return nonce
}

function malformed(problem: string): CountersignError {
  return new CountersignError('TIMESTAMP_MALFORMED', problem)
}
