import { quoteUpTo } from '../../codec/text.ts'
import type { Policy } from '../../verify/policy.ts'
import type { Verdict } from '../../verify/verify.ts'
import type { CommandContext } from '../context.ts'

/** Warns of patterns that admit more than who signed, with an example of whom: they are unanchored, as cosign's are. */
export async function warnOfPatterns(context: CommandContext, identities: Policy['identities'], { signatures }: Verdict): Promise<void> {
  const patterns = (identities === 'anybody' ? [] : (identities ?? [])).flatMap(({ subject, issuer }) => [
    ...(subject?.pattern && subject.exact === undefined
      ? [{ flag: 'certificate-identity-regexp', of: 'subject', pattern: subject.pattern } as const]
      : []),
    ...(issuer?.pattern && issuer.exact === undefined
      ? [{ flag: 'certificate-oidc-issuer-regexp', of: 'issuer', pattern: issuer.pattern } as const]
      : []),
  ])
  if (patterns.length === 0) return
  const { otherAdmitted } = await import('../../verify/pattern.ts')
  const { identity } = signatures[0].certificate ?? {}
  for (const { flag, of, pattern } of patterns) {
    const meant = of === 'issuer' ? identity?.issuer : identity?.subjects.find(({ value }) => pattern.matches(value))?.value
    const other = meant === undefined ? undefined : otherAdmitted(pattern, meant)
    if (other !== undefined)
      context.warn(
        `--${flag} ${quoteUpTo(pattern.source, 400)} also admits ${quoteUpTo(other, 400)}: a pattern matches anywhere in the text unless it begins with ^ and ends with $`,
      )
  }
}
