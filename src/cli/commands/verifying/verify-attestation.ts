import { CountersignError } from '../../../codec/error.ts'
import { predicateTypeAliases } from '../../../formats/predicate-type.ts'
import type { Policy } from '../../../verify/policy.ts'
import type { CommandFunction } from '../../command.ts'
import type { verifyAttestationFlags } from '../../flags/verify.ts'
import { gatesOfFlags } from '../../inputs/gates/gates-of-flags.ts'
import { demandsOfFlags } from '../../inputs/trust/demands.ts'
import { attestationFindings } from '../../output/attestations.ts'
import { checkNames, verifyNamed } from './verify-named.ts'

/**
 * `verify-attestation`: proves that each image named carries an attestation of the type asked for, by whom the flags name. One of another
 * type proves nothing, whoever signed it (GHSA-vjxv-45g9-9296), nor does a bare signature.
 */
export const verifyAttestations: CommandFunction<typeof verifyAttestationFlags> = async (context, flags, args) => {
  checkNames(flags, args)
  const predicateType = askedPredicateType(flags.type)
  const gates = await gatesOfFlags(context, flags)
  const { trust, policy: base, from } = await demandsOfFlags(context, flags, 'attestation')
  const policy: Omit<Policy, 'artifact'> = {
    ...base,
    annotations: new Map(),
    predicateTypes: [predicateType],
    unsafeSkipClaims: !flags.checkClaims,
    gates,
  }
  const named = { ...flags, signature: '', payload: '', viaIndex: '' }
  await verifyNamed(context, named, args, {
    of: 'attestations',
    askedType: flags.type,
    trust,
    policy,
    from,
    findings: attestationFindings,
  })
  return 0
}

/** The predicate type that `--type` names. What is no alias is taken to the letter, as cosign takes it. @throws CountersignError `USAGE` for nothing */
export function askedPredicateType(type: string): string {
  if (type === '') throw new CountersignError('USAGE', '--type: want a predicate type, got nothing')
  return predicateTypeAliases.get(type) ?? type
}
