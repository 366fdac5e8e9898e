import { type GoJson, serializeGoJson } from '../../codec/go-json.ts'
import { decodeUtf8, escapeControls } from '../../codec/text.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { simpleSigningJson, simpleSigningType } from '../../formats/simple-signing.ts'
import type { StepName } from '../../verify/derivation.ts'
import type { Verdict, VerifiedSignature } from '../../verify/verify.ts'
import type { CommandContext } from '../context.ts'
import { certificateLines, claimsAndFacts } from './certificate-facts.ts'

/** An image that was verified. */
export type AcceptedImage = {
  readonly name: string // in full, for people and for `docker-reference` where nothing signed says it
  readonly digest: OciDigest
  readonly verdict: Verdict
}

/**
 * Prints an accepted image as cosign does: what was checked on standard error, what was signed on standard output. Only
 * checks that every printed signature passed are claimed. Source: formats-and-flows §5.4.
 */
export function writeVerdict(context: CommandContext, image: AcceptedImage, format: string): void {
  const { name, verdict } = image
  const accepted = verdict.derivation.candidates.filter(({ outcome }) => outcome === 'accepted')
  const wasTaken = (step: StepName) =>
    accepted.every(({ steps }) => steps.some(({ name, outcome }) => name === step && outcome === 'passed'))
  const memberships = accepted.flatMap(({ steps }) => steps.filter(({ name }) => name === 'membership').map(({ found }) => found))
  const byCertificate = verdict.signatures.every(({ certificate }) => certificate)
  const checks = [
    ...(wasTaken('annotations') ? ['The specified annotations were verified.'] : []),
    ...(wasTaken('artifact') ? ['The cosign claims were validated'] : []),
    ...(wasTaken('transparency-log') ? logChecks(verdict) : []),
    ...(wasTaken('signature') && !byCertificate ? ['The signatures were verified against the specified public key'] : []),
    ...(wasTaken('certificate') ? ['The code-signing certificate was verified using trusted certificate authority certificates'] : []),
    ...[...new Set(memberships)].map(found => `What was signed is an index that the image is in: ${found}`),
  ]
  context.stderr(`\nVerification for ${name} --\nThe following checks were performed on each of these signatures:\n`)
  for (const check of checks) context.stderr(`  - ${check}\n`)
  if (format === 'text')
    for (const signature of verdict.signatures) {
      for (const line of certificateLines(signature)) context.stderr(`${escapeControls(line)}\n`) // a workflow may have any name, line ends in it
      context.stdout(`${signedText(signature, image)}\n`)
    }
  else context.stdout(`\n${serializeGoJson(verdictJson(image))}\n`)
}

function logChecks({ signatures }: Verdict): readonly string[] {
  if (signatures.every(({ evidence }) => evidence.logEntriesFrom === 'evidence'))
    return ['Existence of the claims in the transparency log was verified offline']
  return [
    'The claims were present in the transparency log',
    ...(signatures.every(({ certificate, logged }) => certificate && logged.some(({ entry }) => entry.integratedTime))
      ? ['The signatures were integrated into the transparency log when the certificate was valid']
      : []),
  ]
}

/** What was signed, of every signature that was accepted, as cosign prints it. */
export function verdictJson(image: AcceptedImage): readonly GoJson[] {
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
