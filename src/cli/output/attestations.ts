import { encodeBase64 } from '../../codec/base64.ts'
import { type GoJson, serializeProtoJson } from '../../codec/go-json.ts'
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
      context.stdout(`${serializeProtoJson(envelopeJson(statementOf(signature)))}\n`)
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

/** An envelope as cosign writes it: the members of the older layout in another order than those of a bundle. A `keyid` proves nothing, and may hold anything. */
function envelopeJson({ envelope, encoded }: StatementContent): GoJson {
  const { payloadType } = envelope
  const [payload, sig] = [encodeBase64(envelope.payload), encodeBase64(envelope.signature)]
  return encoded ? { payloadType, payload, signatures: [{ keyid: '', sig }] } : { payload, payloadType, signatures: [{ sig }] }
}
