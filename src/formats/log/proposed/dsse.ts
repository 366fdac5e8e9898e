import { encodeBase64 } from '../../../codec/base64.ts'
import { serializeCanonicalJson } from '../../../codec/canonical-json.ts'
import { CountersignError, firstToHold } from '../../../codec/error.ts'
import { parseJson, readArray, readBase64, readString } from '../../../codec/json.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { sha256 } from '../../../crypto/digest.ts'
import { messageOfBytes } from '../../../crypto/message.ts'
import { preAuthEncoding } from '../../dsse.ts'
import { statementPayloadType } from '../../statement.ts'
import { maxEnvelopeSignatures } from '../kinds/dsse.ts'
import { hexDigestJson } from '../kinds/entry-digest.ts'
import { malformed, readFields } from './fields.ts'
import { type ProposedSigner, parsePemSigner } from './proposed-signer.ts'
import type { CheckedEntry } from './proven-entry.ts'
import { digestKey, statementKeys } from './search-keys.ts'
import { verifyMessageSignature } from './signed-message.ts'

/** An envelope as it is uploaded: unlike those of bundles, with several signatures. */
export type ProposedEnvelope = {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signatures: readonly Uint8Array[] // 1 to 10
}

const envelopeLimits = { bytes: 32 << 20, depth: 8, values: 1000 }

/** Parses the JSON of an envelope. @throws CountersignError `JSON_MALFORMED`, `LOG_ENTRY_MALFORMED`, `LIMIT_EXCEEDED` */
export function parseProposedEnvelope(json: Uint8Array, at: string): ProposedEnvelope {
  const { payload, payloadType, signatures } = readFields(parseJson(json, at, envelopeLimits), at, ['payload', 'payloadType', 'signatures'])
  const list = readArray(signatures, `${at}.signatures`, maxEnvelopeSignatures, (item, place) => {
    const { sig, keyid } = readFields(item, place, ['sig', 'keyid'])
    readString(keyid ?? '', `${place}.keyid`)
    return readBase64(sig, `${place}.sig`)
  })
  if (list.length === 0) throw malformed(`${at}.signatures: want 1 or more, got none`)
  return { payloadType: readString(payloadType, `${at}.payloadType`), payload: readBase64(payload, `${at}.payload`), signatures: list }
}

/**
 * Checks a proposed dsse 0.0.1: every signature of the envelope must verify with one of the verifiers. Signatures are kept in the order of
 * their base64, each once; the envelope itself is not kept.
 *
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `LIMIT_EXCEEDED`, `SIGNATURE_*` and what `parsePemSigner` throws
 * @see services §3.3
 */
export async function checkDsse(spec: unknown): Promise<CheckedEntry> {
  const { proposedContent, ...kept } = readFields(spec, 'spec', ['proposedContent', 'envelopeHash', 'payloadHash', 'signatures'])
  const [computed] = Object.keys(kept)
  if (computed !== undefined) throw malformed(`spec.${computed}: is computed by the log, want none beside proposedContent`)
  const place = 'spec.proposedContent'
  const { envelope: text, verifiers: listed } = readFields(proposedContent, place, ['envelope', 'verifiers'])
  const json = encodeUtf8(readString(text, `${place}.envelope`))
  const { payloadType, payload, signatures } = parseProposedEnvelope(json, `${place}.envelope`)
  const pems = readArray(listed, `${place}.verifiers`, maxEnvelopeSignatures, (item, at) => ({ pem: readBase64(item, at), at }))
  if (pems.length === 0) throw malformed(`${place}.verifiers: want 1 or more, got none`)
  const verifiers = await Promise.all(pems.map(({ pem, at }) => parsePemSigner(pem, at)))

  const message = messageOfBytes(preAuthEncoding(payloadType, payload))
  const signed = new Map<string, ProposedSigner>()
  for (const signature of signatures)
    signed.set(
      encodeBase64(signature),
      await firstToHold(
        verifiers,
        async verifier => {
          await verifyMessageSignature(verifier.key, signature, message)
          return verifier
        },
        ([first]) =>
          new CountersignError(first.code, `all signatures must have a key that verifies it: ${first.message}`, { cause: first }),
      ),
    )

  const [envelopeDigest, payloadDigest] = [json, payload].map(bytes => ({ hash: 'sha256', digest: sha256(bytes) }) as const)
  const body = serializeCanonicalJson({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hexDigestJson(envelopeDigest!),
      payloadHash: hexDigestJson(payloadDigest!),
      signatures: [...signed.keys()].sort().map(signature => ({ signature, verifier: encodeBase64(signed.get(signature)!.pem) })),
    },
  })
  return {
    body: encodeUtf8(body),
    searchKeys: [
      ...envelopeKeys([...signed.values()]),
      digestKey(payloadDigest!),
      digestKey(envelopeDigest!),
      ...keysOf(payloadType, payload),
    ],
  }
}

/** By which the signers of an envelope are found. Other than with signatures of artifacts, Rekor writes `sha256:` before the digest of a key. */
export function envelopeKeys(signers: readonly ProposedSigner[]): readonly string[] {
  return signers.flatMap(({ keyDigest, names }) => [`sha256:${keyDigest}`, ...names])
}

/** By which what an envelope speaks of is found: subjects and materials of an in-toto statement. */
export function keysOf(payloadType: string, payload: Uint8Array): readonly string[] {
  return payloadType === statementPayloadType ? statementKeys(payload) : []
}
