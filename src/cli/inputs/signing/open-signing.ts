import { keySigning, type Signing } from '../../../sign/signing.ts'
import type { CommandContext } from '../../context.ts'
import { signerFromFlag } from '../keys.ts'
import { planServices, type ServiceNeeds } from './service-plan.ts'
import { checkSignerFlags, type SignerFlags } from './signer-flags.ts'

/**
 * Who signs, and who witnesses it, as the flags say. Everything that has to be asked for is asked for here: a passphrase, a token, whether to
 * make known what signing without a key makes known. What only services need is loaded only with them.
 *
 * @throws CountersignError `USAGE`, whatever choosing services, reading keys and getting a token throws
 */
export async function openSigning(context: CommandContext, flags: SignerFlags, needs: ServiceNeeds): Promise<Signing> {
  checkSignerFlags(flags)
  const plan = await planServices(context, flags, needs)
  const { key, certificate } = flags
  if (!plan && (key === '' || certificate === '')) return keySigning(await signerFromFlag(context, key))
  if (!plan) {
    const { certified } = await import('./brought.ts')
    return await certified(context, flags)
  }
  const { witnessed } = await import('./witnessed.ts')
  return await witnessed(context, flags, plan)
}
