import { type GoJson, serializeGoJson } from '../../codec/go-json.ts'
import { decodeUtf8, escapeControls } from '../../codec/text.ts'
import { simpleSigningJson, simpleSigningType } from '../../formats/simple-signing.ts'
import type { VerifiedSignature } from '../../verify/verify.ts'
import type { CommandContext } from '../context.ts'
import { certificateLines, claimsAndFacts } from './certificate-facts.ts'
import { type AcceptedImage, type Findings, writeChecks } from './findings.ts'

/** What `verify` shows: payloads, or what statements say in the shape of one. */
export const signatureFindings: Findings = {
  write: (context, image, format) => {
    writeChecks(context, image)
    if (format === 'text')
      for (const signature of image.verdict.signatures) {
        writeCertificateFacts(context, signature)
        context.stdout(`${signedText(signature, image)}\n`)
      }
    else context.stdout(`\n${serializeGoJson(signaturesJson(image))}\n`)
  },
  json: image => ({ signatures: signaturesJson(image) }),
}

/** Facts of a certificate for people; a workflow may have any name, line ends in it. */
export function writeCertificateFacts(context: CommandContext, signature: VerifiedSignature): void {
  for (const line of certificateLines(signature)) context.stderr(`${escapeControls(line)}\n`)
}

/** What was signed, of every signature that was accepted, as cosign prints it. */
function signaturesJson(image: AcceptedImage): readonly GoJson[] {
  return image.verdict.signatures.map(signature => signedJson(signature, image))
}

/** What was signed, in the shape of a simple signing payload whatever it was: the shape that programs already read. */
function signedJson(signature: VerifiedSignature, { name, digest }: AcceptedImage): GoJson {
  const { content, annotations } = signature
  if (content.kind === 'payload')
    return simpleSigningJson({ ...content.payload, optional: claimsAndFacts(content.payload.optional, signature) })
  const critical = (manifestDigest: string, type: string) => ({
    identity: { 'docker-reference': name },
    image: { 'docker-manifest-digest': manifestDigest },
    type,
  })
  if (content.kind === 'artifact') return { critical: critical(digest, simpleSigningType), optional: null }
  const { subjects, predicateType } = content.statement
  const subject = subjects.find(subject => subject.annotations === annotations) // the one that was checked, of several that may be the image
  const manifestDigest = `sha256:${subject?.digest.get('sha256') ?? ''}`
  return { critical: critical(manifestDigest, predicateType), optional: annotations }
}

function signedText(signature: VerifiedSignature, image: AcceptedImage): string {
  const { content } = signature
  return content.kind === 'payload' ? decodeUtf8(content.bytes, 'payload') : serializeGoJson(signedJson(signature, image))
}
