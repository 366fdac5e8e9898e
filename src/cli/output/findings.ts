import type { GoJson } from '../../codec/go-json.ts'
import type { OciDigest } from '../../formats/oci-digest.ts'
import { gateSteps, type StepName } from '../../verify/derivation.ts'
import type { Verdict } from '../../verify/verify.ts'
import type { CommandContext } from '../context.ts'

/** An image that was verified. */
export type AcceptedImage = {
  readonly name: string // in full, for people and for `docker-reference` where nothing signed says it
  readonly digest: OciDigest
  readonly verdict: Verdict
}

/** How what was found of an image that was accepted is shown. */
export type Findings = {
  /** What was checked on standard error, what was signed on standard output, as cosign prints it. `format` is that of `--output`. */
  readonly write: (context: CommandContext, image: AcceptedImage, format: string) => void
  /** What was signed, as members of a report. */
  readonly json: (image: AcceptedImage) => { readonly [member: string]: GoJson }
}

const isGate: ReadonlySet<StepName> = new Set(gateSteps)

/** Lists on standard error what was checked. Only checks that every printed signature passed are claimed. Source: formats-and-flows §5.4. */
export function writeChecks(context: CommandContext, { name, verdict }: AcceptedImage): void {
  const accepted = verdict.derivation.candidates.filter(({ outcome }) => outcome === 'accepted')
  const wasTaken = (step: StepName) =>
    accepted.every(({ steps }) => steps.some(({ name, outcome }) => name === step && outcome === 'passed'))
  const gates = (accepted[0]?.steps ?? []).filter(({ name }) => isGate.has(name) && wasTaken(name))
  const memberships = accepted.flatMap(({ steps }) => steps.filter(({ name }) => name === 'membership').map(({ found }) => found))
  const byCertificate = verdict.signatures.every(({ certificate }) => certificate)
  const checks = [
    ...(wasTaken('annotations') ? ['The specified annotations were verified.'] : []),
    ...(wasTaken('artifact') ? ['The cosign claims were validated'] : []),
    ...(wasTaken('transparency-log') ? logChecks(verdict) : []),
    ...(wasTaken('signature') && !byCertificate ? ['The signatures were verified against the specified public key'] : []),
    ...(wasTaken('certificate') ? ['The code-signing certificate was verified using trusted certificate authority certificates'] : []),
    ...gates.map(({ name, wanted }) => `What is attested is as asked (${name}): ${wanted}`),
    ...[...new Set(memberships)].map(found => `What was signed is an index that the image is in: ${found}`),
  ]
  context.stderr(`\nVerification for ${name} --\nThe following checks were performed on each of these signatures:\n`)
  for (const check of checks) context.stderr(`  - ${check}\n`)
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
