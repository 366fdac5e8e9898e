import { CountersignError } from '../../../codec/error.ts'
import { signPredicateType } from '../../../formats/statement.ts'
import type { Policy } from '../../../verify/policy.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { verifyFlags } from '../../flags/verify.ts'
import { demandedAnnotations } from '../../inputs/annotations.ts'
import { demandsOfFlags } from '../../inputs/trust/demands.ts'
import { signatureFindings } from '../../output/verdict.ts'
import { checkNames, verifyNamed } from './verify-named.ts'

/** `verify`: proves that each image named carries a signature that the key and the claims ask for. */
export const verifyImages: CommandFunction<typeof verifyFlags> = async (context, flags, args) => {
  checkNames(flags, args)
  checkCombination(flags)
  const { trust, policy: base, from } = await demandsOfFlags(context, flags, 'signature')
  const policy: Omit<Policy, 'artifact'> = {
    ...base,
    annotations: demandedAnnotations(flags.annotations, flags.given.has('annotations')),
    predicateTypes: flags.anyPredicate ? 'any' : [signPredicateType],
    unsafeSkipClaims: !flags.checkClaims,
  }
  await verifyNamed(context, flags, args, { of: 'signatures', trust, policy, from, findings: signatureFindings })
  return 0
}

/** cosign leaves a payload without a signature aside in silence. */
function checkCombination({ signature, payload, viaIndex, checkClaims }: FlagsOf<typeof verifyFlags>): void {
  if (signature === '' && payload !== '')
    throw new CountersignError('USAGE', '--payload goes with --signature, the signature over it; those in the registry have their own')
  if (signature !== '' && payload === '')
    throw new CountersignError('USAGE', '--signature goes with --payload FILE, the payload that was signed')
  if (viaIndex !== '' && signature !== '')
    throw new CountersignError('USAGE', '--via-index takes the signatures that are kept with the index: want no --signature beside it')
  if (viaIndex !== '' && !checkClaims)
    throw new CountersignError('USAGE', '--via-index compares what was signed with the index: want no --check-claims=false beside it')
}
