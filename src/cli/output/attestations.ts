import { encodeBase64 } from '../../codec/base64.ts'
import { type GoJson, serializeProtoJson } from '../../codec/go-json.ts'
import { decodeUtf8 } from '../../codec/text.ts'
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
      context.stdout(`${envelopeLine(statementOf(signature))}\n`)
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
function envelopeLine(content: StatementContent): string {
  const { encoded } = content
  return encoded?.every(isPlain) ? decodeUtf8(encoded, 'envelope') : serializeProtoJson(envelopeJson(content))
}

/** What neither ends a line nor drives a terminal: a `keyid` may hold anything. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e
}

function envelopeJson({ envelope }: StatementContent): GoJson {
  const { payload, payloadType, signature } = envelope
  return { payload: encodeBase64(payload), payloadType, signatures: [{ sig: encodeBase64(signature) }] }
}
