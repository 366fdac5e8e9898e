import { type GoJson, serializeGoJson } from '../../codec/go-json.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { simpleSigningJson, simpleSigningType } from '../../formats/simple-signing.ts'
import { formatReference, type ImageReference } from '../../oci/reference.ts'
import type { StepName } from '../../verify/derivation.ts'
import type { Verdict, VerifiedSignature } from '../../verify/verify.ts'
import type { CommandContext } from '../context.ts'

/**
 * Prints an accepted image as cosign does: what was checked on standard error, what was signed on standard output. Only
 * checks that every printed signature passed are claimed. Source: formats-and-flows §5.4.
 */
export function writeVerdict(
  context: CommandContext,
  reference: ImageReference,
  image: OciDigest,
  { signatures, derivation }: Verdict,
  format: string,
): void {
  const name = formatReference(reference)
  const accepted = derivation.candidates.filter(({ outcome }) => outcome === 'accepted')
  const wasTaken = (step: StepName) =>
    accepted.every(({ steps }) => steps.some(({ name, outcome }) => name === step && outcome === 'passed'))
  const checks = [
    ...(wasTaken('annotations') ? ['The specified annotations were verified.'] : []),
    ...(wasTaken('artifact') ? ['The cosign claims were validated'] : []),
    ...(wasTaken('signature') ? ['The signatures were verified against the specified public key'] : []),
  ]
  context.stderr(`\nVerification for ${name} --\nThe following checks were performed on each of these signatures:\n`)
  for (const check of checks) context.stderr(`  - ${check}\n`)
  if (format === 'text') for (const signature of signatures) context.stdout(`${signedText(signature, name, image)}\n`)
  else context.stdout(`\n${serializeGoJson(signatures.map(signature => signedJson(signature, name, image)))}\n`)
}

/** What was signed, in the shape of a simple signing payload whatever it was: the shape that programs already read. */
function signedJson({ content, annotations }: VerifiedSignature, name: string, image: OciDigest): GoJson {
  if (content.kind === 'payload') return simpleSigningJson(content.payload)
  const critical = (manifestDigest: string, type: string) => ({
    identity: { 'docker-reference': name },
    image: { 'docker-manifest-digest': manifestDigest },
    type,
  })
  if (content.kind === 'artifact') return { critical: critical(image, simpleSigningType), optional: null }
  const { subjects, predicateType } = content.statement
  const subject = subjects.find(subject => subject.annotations === annotations) // the one that was checked, of several that may be the image
  const manifestDigest = `sha256:${subject?.digest.get('sha256') ?? ''}`
  return { critical: critical(manifestDigest, predicateType), optional: annotations }
}

function signedText(signature: VerifiedSignature, name: string, image: OciDigest): string {
  const { content } = signature
  return content.kind === 'payload' ? decodeUtf8(content.bytes, 'payload') : serializeGoJson(signedJson(signature, name, image))
}
