import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { type EntryBody, type EntryKind, parseEntryBody } from '../../../formats/log/entry-body.ts'
import type { EntryVerifier } from '../../../formats/log/kinds/entry-verifier.ts'
import { parsePemSigner, signerOfVerifier } from '../../../formats/log/proposed/proposed-signer.ts'
import { digestKey } from '../../../formats/log/proposed/search-keys.ts'
import type { Criteria } from './open-log.ts'

/**
 * What an entry itself shows of what can be searched for: digests, names of certificates and `key HEX` of those who signed, lower case. None
 * for entries of kinds that are not read.
 */
export function keysOfEntry(entry: EntryKind & { readonly canonicalizedBody: Uint8Array }): readonly string[] {
  try {
    const body = parseEntryBody(entry)
    return [...digestsOf(body), ...verifiersOf(body).flatMap(keysOfVerifier)].map(key => key.toLowerCase())
  } catch (cause) {
    if (cause instanceof CountersignError) return []
    throw cause
  }
}

/** Who signed, as certificates name them. */
export function namesOfSigners(entry: EntryKind & { readonly canonicalizedBody: Uint8Array }): readonly string[] {
  try {
    return verifiersOf(parseEntryBody(entry)).flatMap(verifier => signerOfVerifier(verifier, 'entry').names)
  } catch (cause) {
    if (cause instanceof CountersignError) return []
    throw cause
  }
}

/** Criteria as such keys. @throws CountersignError for what is no public key */
export async function keysOfCriteria({ hashes, names, publicKey }: Criteria): Promise<readonly string[]> {
  const signer = publicKey && (await parsePemSigner(publicKey, '--public-key'))
  return [...hashes, ...names, ...(signer ? [keyName(signer.fingerprint)] : [])].map(key => key.toLowerCase())
}

function digestsOf(body: EntryBody): readonly string[] {
  switch (body.kind) {
    case 'hashedrekord':
    case 'rekord':
      return [digestKey(body.artifact)]
    case 'dsse':
      return [digestKey(body.payload)]
    case 'intoto':
      return [digestKey(body.envelope), ...(body.payload ? [digestKey(body.payload)] : [])]
    default:
      throw new TypeError(`unhandled kind ${body satisfies never}`)
  }
}

function verifiersOf(body: EntryBody): readonly EntryVerifier[] {
  if (body.kind === 'hashedrekord' || body.kind === 'rekord') return [body.verifier]
  if (body.kind === 'intoto' && body.version === '0.0.1') return [body.verifier]
  return body.signatures.map(({ verifier }) => verifier)
}

/** By the key, and for a certificate by itself, by its key and by its names. */
function keysOfVerifier(verifier: EntryVerifier): readonly string[] {
  const { key, fingerprint, names } = signerOfVerifier(verifier, 'entry')
  return [keyName(fingerprint), keyName(sha256(key.spki)), ...names]
}

function keyName(fingerprint: Uint8Array): string {
  return `key ${encodeHex(fingerprint)}`
}
