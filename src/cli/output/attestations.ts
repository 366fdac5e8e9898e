import { encodeBase64 } from '../../codec/base64.ts'
import { type GoJson, serializeProtoJson } from '../../codec/go-json.ts'
import { encodeLongBase64 } from '../../codec/json/long-base64.ts'
import type { StatementContent } from '../../verify/evidence.ts'
import type { VerifiedSignature } from '../../verify/verify.ts'
import { type AcceptedImage, type Findings, writeChecks } from './findings.ts'
import { writeCertificateFacts } from './verdict.ts'

/** What `verify-attestation` shows: the envelope of each, one on a line, whatever the format. Source: formats-and-flows §5.4. */
export const attestationFindings: Findings = {
  write: (context, image, format) => {
    writeChecks(context, image)
    for (const signature of image.verdict.signatures) {
      if (format === 'text') writeCertificateFacts(context, signature)
      for (const piece of envelopeLine(statementOf(signature))) context.stdout(piece)
      context.stdout('\n')
    }
  },
  json: ({ verdict }: AcceptedImage) => ({
    attestations: verdict.signatures.map(signature => envelopeJson(statementOf(signature))),
  }),
}

/** The engine takes nothing else where a predicate type is asked for. */
function statementOf({ content }: VerifiedSignature): StatementContent {
  if (content.kind !== 'statement') throw new TypeError('an attestation is a statement')
  return content
}

/** An envelope of the older layout as it is stored, as cosign prints it, where that is plain text on one line; else its members in cosign's order. */
function* envelopeLine(content: StatementContent): Iterable<string | Uint8Array> {
  const { encoded, envelope } = content
  if (encoded?.every(isPlain)) return yield encoded
  const text = serializeProtoJson(envelopeJson({ ...content, envelope: { ...envelope, payload: new Uint8Array(0) } }))
  const within = text.indexOf('""') + 1 // of the payload, the first member
  yield text.slice(0, within)
  yield* encodeLongBase64(envelope.payload)
  yield text.slice(within)
}

/** What neither ends a line nor drives a terminal: a `keyid` may hold anything. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e
}

function envelopeJson({ envelope }: StatementContent): GoJson {
  const { payload, payloadType, signature } = envelope
  return { payload: encodeBase64(payload), payloadType, signatures: [{ sig: encodeBase64(signature) }] }
}
