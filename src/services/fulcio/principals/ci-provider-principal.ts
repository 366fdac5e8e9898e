import type { Json } from '../../../codec/json.ts'
import type { FulcioExtensionName } from '../../../formats/x509/fulcio-extensions.ts'
import type { Claims, VerifiedIdToken } from '../../../identity/id-token.ts'
import { applyRule, type CiProvider } from '../configuration/ci-provider.ts'
import { certifiedOf, type Principal, uriName } from './principal.ts'

/** A job of a CI service, as the configuration of the service has it. */
export function ciProviderPrincipal(token: VerifiedIdToken, { defaults, subject, extensions }: CiProvider): Principal {
  return {
    challenge: token.subject,
    certify: () => {
      const values = new Map([...defaults, ...textsOf(token.claims)])
      const certified = [...extensions].map(([name, rule]) => [name, applyRule(rule, values)] as [FulcioExtensionName, string])
      return certifiedOf(token, uriName(applyRule(subject, values)), certified)
    },
  }
}

/** Claims as templates see them. Lists and objects have no text that a certificate should hold: to a template they are not there. */
function textsOf(claims: Claims): readonly (readonly [string, string])[] {
  return [...claims].flatMap(([name, value]) => {
    const text = textOf(value)
    return text === undefined ? [] : [[name, text] as const]
  })
}

function textOf(value: Json): string | undefined {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return Number.isInteger(value) ? BigInt(value).toString() : String(value) // large ones without an exponent
    case 'boolean':
      return String(value)
    default:
      return undefined
  }
}
