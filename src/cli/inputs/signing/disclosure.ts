import { disclosedFacts } from '../../../identity/disclosure.ts'
import { isLoopback } from '../../../identity/login/issuer-client.ts'
import type { IdentityToken } from '../../../identity/token-claims.ts'
import type { CommandContext } from '../../context.ts'
import type { ServicePlan } from './service-plan.ts'

/**
 * Tells what signing makes known, and of whom, and asks whether to go on; `--yes` answers it, and it is told all the same.
 *
 * @throws CountersignError `USAGE` where nobody agreed
 * @see scenarios.md C 18
 */
export async function confirmDisclosure(
  context: CommandContext,
  { yes }: { readonly yes: boolean },
  { authority, logs }: ServicePlan,
  token: IdentityToken,
): Promise<void> {
  const places = [
    ...(authority ? [`the certificate log of ${authority.host}`] : []),
    ...logs.map(({ url }) => `the transparency log of ${url.host}`),
  ]
  context.stderr(
    [
      `Signing without a key makes this known to whoever can read ${places.join(' and ')}, and it cannot be taken back:`,
      ...disclosedFacts(token).map(fact => `  ${fact}`),
      '  signed: digest and signature of what is signed, and when',
      '',
    ].join('\n'),
  )
  await context.prompts.confirm('this identity and these facts will be recorded for good', { yes, flag: '--yes' })
  if (authority?.protocol === 'http:' && !isLoopback(authority)) context.warn(`the identity token goes to ${authority.origin} unencrypted`)
}
