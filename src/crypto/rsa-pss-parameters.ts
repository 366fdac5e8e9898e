import { bytesEqual } from '../codec/bytes.ts'
import { contextTag } from '../codec/der.ts'
import { encodeDer, encodeDerInteger, encodeDerNull, encodeDerOid, encodeDerSequence } from '../codec/der-writer.ts'
import type { HashName } from './digest.ts'

const mgf1 = '1.2.840.113549.1.1.8'

const hashes: readonly { readonly hash: HashName; readonly oid: string; readonly length: number }[] = [
  { hash: 'sha256', oid: '2.16.840.1.101.3.4.2.1', length: 32 },
  { hash: 'sha384', oid: '2.16.840.1.101.3.4.2.2', length: 48 },
  { hash: 'sha512', oid: '2.16.840.1.101.3.4.2.3', length: 64 },
]

/**
 * The hash that `RSASSA-PSS-params` bind a key to. Accepted are SHA-256, 384 and 512, for digest and mask alike, with a salt as long as
 * the digest; nothing is returned for anything else, SHA-1 by default among it.
 *
 * @param parameters - DER of the parameters
 * @see RFC 4055 §3.1; hash identifiers may carry NULL or no parameters (§2.1)
 */
export function hashOfPssParameters(parameters: Uint8Array): HashName | undefined {
  return hashes.find(({ oid, length }) =>
    [[], [encodeDerNull()]].some(none =>
      bytesEqual(parameters, encodePssParameters(encodeDerSequence(encodeDerOid(oid), ...none), length)),
    ),
  )?.hash
}

function encodePssParameters(hash: Uint8Array, saltLength: number): Uint8Array {
  return encodeDerSequence(
    encodeDer(contextTag(0, 'constructed'), hash),
    encodeDer(contextTag(1, 'constructed'), encodeDerSequence(encodeDerOid(mgf1), hash)),
    encodeDer(contextTag(2, 'constructed'), encodeDerInteger(BigInt(saltLength))),
  )
}
