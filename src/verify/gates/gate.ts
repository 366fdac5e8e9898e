import type { CountersignError } from '../../codec/error.ts'
import type { PublicKey } from '../../crypto/public-key.ts'
import type { Statement } from '../../formats/statement.ts'
import type { CertificateIdentity } from '../certificate-identity.ts'
import type { GateStep } from '../derivation.ts'

/** An attestation that passed every step before the gates: what it says, and what is proven of who said it and when. */
export type Attested = {
  readonly statement: Statement
  readonly signer: { readonly key: PublicKey; readonly identity: CertificateIdentity | undefined } // identity: of a signature by a certificate
  /** The earliest time at which the signature is proven to have existed; nothing where no log or authority that is trusted says so. */
  readonly signedAt: Date | undefined
  readonly now: Date // the policy's
}

/**
 * A demand on what an attestation says, as a step of its own. The engine takes it on every attestation of the types asked for that
 * passed all else, and one that fails it refuses the whole artifact: an older attestation that passes must not hide a newer one that
 * does not. Age alone selects: see `isPassedOver`.
 *
 * @see docs/decisions/0020-gates-hold-for-all.md
 */
export type Gate = {
  readonly step: GateStep
  readonly wanted: string // for the derivation
  /** @returns what was found, in words @throws CountersignError with a code of its own for each cause */
  readonly check: (attested: Attested) => string | Promise<string>
}

/** Whether a gate's refusal only means that this attestation does not count. Every other one refuses the artifact. */
export function isPassedOver({ code }: CountersignError): boolean {
  return code === 'ATTESTATION_TOO_OLD'
}

/** Gates in the order in which they are taken: what selects comes first, then as they were given. */
export function inOrder(gates: readonly Gate[]): readonly Gate[] {
  const selects = ({ step }: Gate) => step === 'age'
  return [...gates.filter(selects), ...gates.filter(gate => !selects(gate))]
}
