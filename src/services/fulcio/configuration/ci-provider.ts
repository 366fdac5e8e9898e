import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { type FulcioExtensionName, fulcioExtensionKinds } from '../../../formats/x509/fulcio-extensions.ts'
import type { TemplatePart } from '../template/expression.ts'
import { parseTemplate } from '../template/parse-template.ts'
import { renderTemplate } from '../template/render-template.ts'
import { type ConfigNode, fieldsOf, malformedAt, mapOf, scalarOf } from './config-node.ts'

/** How a value of a certificate is made of a token: a template, or a claim by name. */
export type ValueRule =
  | { readonly kind: 'template'; readonly parts: readonly TemplatePart[] }
  | { readonly kind: 'claim'; readonly name: string }

/** What the tokens of a CI service are made into. */
export type CiProvider = {
  readonly defaults: ReadonlyMap<string, string> // in place of claims that are not there
  readonly subject: ValueRule // a URI
  readonly extensions: ReadonlyMap<FulcioExtensionName, ValueRule>
}

const fieldNames = ['default-template-values', 'extension-templates', 'subject-alternative-name-template'] as const

/** Those that always come from the token. */
const fixed: readonly FulcioExtensionName[] = ['issuer', 'token-subject']

/**
 * Reads one entry of `ci-issuer-metadata`. All its templates are parsed here.
 *
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `LIMIT_EXCEEDED`
 */
export function readCiProvider(node: ConfigNode): CiProvider {
  const fields = fieldsOf(node, fieldNames)
  const [defaults, extensions, subject] = fieldNames.map(name => fields.get(name))
  const rule = subject && readRule(subject)
  if (!rule) throw malformedAt(subject ?? node, 'want a subject-alternative-name-template that is not empty')
  return {
    defaults: new Map(defaults && [...mapOf(defaults)].map(([name, value]) => [name, scalarOf(value)])),
    subject: rule,
    extensions: new Map(extensions ? readExtensions(extensions) : []),
  }
}

function readExtensions(node: ConfigNode): readonly (readonly [FulcioExtensionName, ValueRule])[] {
  const names = [...new Set(fulcioExtensionKinds.map(({ name }) => name))].filter(name => !fixed.includes(name))
  return [...fieldsOf(node, names)].flatMap(([name, template]) => {
    const rule = readRule(template)
    return rule ? [[name, rule] as const] : []
  })
}

/** Nothing where there is but white space. */
function readRule(node: ConfigNode): ValueRule | undefined {
  const source = scalarOf(node)
  if (source.trim() === '') return undefined
  return source.includes('{{') ? { kind: 'template', parts: parseTemplate(source, node.at) } : { kind: 'claim', name: source }
}

/**
 * The value that a rule makes.
 *
 * @param values - claims of a token, over the defaults
 * @throws CountersignError `TOKEN_INVALID` where a claim is wanted that is not there, `LIMIT_EXCEEDED`
 */
export function applyRule(rule: ValueRule, values: ReadonlyMap<string, string>): string {
  if (rule.kind === 'template') return renderTemplate(rule.parts, values)
  const value = values.get(rule.name)
  if (value === undefined) throw new CountersignError('TOKEN_INVALID', `value ${quote(rule.name)} not present in either claims or defaults`)
  return value
}
