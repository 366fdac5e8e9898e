import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type LicenseExpression, parseLicenseExpression } from '../../formats/license/license-expression.ts'
import type { Component } from '../../formats/predicates/predicate.ts'
import { forEachComponent } from './attested-predicate.ts'
import { describeComponent } from './component.ts'
import type { Gate } from './gate.ts'
import { Listing } from './listed.ts'

/** What can be told of a license from how it is stated. */
type Opinion = 'allowed' | 'forbidden' | 'unknown'

/**
 * Step `license`: an SBOM lists no component that is bound to one of these licenses. Of alternatives (`OR`) one that is allowed is enough, of
 * a combination (`AND`) every one counts, and so does each of several statements about one component. `GPL-3.0-or-later` is another license
 * than `GPL-3.0-only`. A component whose license is not stated, or not as an expression of licenses on the SPDX list, could be under any: it
 * is refused unless the caller says that it may pass.
 *
 * `check` throws CountersignError `LICENSE_FORBIDDEN`, `LICENSE_UNKNOWN`, and what reading the SBOM throws.
 *
 * @param ids - canonical, as `parseLicenseId` makes them; at least one
 */
export function licenseGate(ids: readonly string[], options: { readonly allowsUnknown: boolean }): Gate {
  const forbidden = new Set(ids)
  return {
    step: 'license',
    wanted: `none of ${ids.map(quote).join(', ')}${options.allowsUnknown ? ', as far as licenses are known' : ''}`,
    check: ({ statement }) => {
      const opinions = new Map<string, Opinion>() // an SBOM of 100,000 components states a few dozen licenses
      const [bound, untold] = [new Listing<Component>(), new Listing<Component>()]
      const count = forEachComponent(statement, component => {
        const opinion = combined(component.licenses, text => ofText(text, forbidden, opinions), 'unknown')
        if (opinion === 'forbidden') bound.add(component)
        else if (opinion === 'unknown') untold.add(component)
      })
      if (bound.count > 0)
        throw new CountersignError(
          'LICENSE_FORBIDDEN',
          `${bound.count} of ${count} components are under a forbidden license: ${bound.listed(component => describeBound(component, forbidden))}`,
        )
      if (untold.count > 0 && !options.allowsUnknown)
        throw new CountersignError(
          'LICENSE_UNKNOWN',
          `of ${untold.count} of ${count} components it cannot be told: ${untold.listed(describeUntold)}`,
        )
      return `${count} components${untold.count > 0 ? `, of ${untold.count} it cannot be told` : ''}`
    },
  }
}

function ofText(text: string, forbidden: ReadonlySet<string>, opinions: Map<string, Opinion>): Opinion {
  const before = opinions.get(text)
  if (before) return before
  const expression = parseLicenseExpression(text)
  const opinion = expression ? ofExpression(expression, forbidden) : 'unknown'
  opinions.set(text, opinion)
  return opinion
}

function ofExpression(expression: LicenseExpression, forbidden: ReadonlySet<string>): Opinion {
  switch (expression.kind) {
    case 'license':
      if (forbidden.has(expression.id)) return 'forbidden'
      return expression.isKnown ? 'allowed' : 'unknown'
    case 'and':
      return combined(expression.operands, operand => ofExpression(operand, forbidden), 'allowed')
    case 'or': {
      const opinions = new Set(expression.operands.map(operand => ofExpression(operand, forbidden)))
      if (opinions.has('allowed')) return 'allowed'
      return opinions.has('unknown') ? 'unknown' : 'forbidden'
    }
    default:
      throw new TypeError(`unhandled expression ${expression satisfies never}`)
  }
}

/** All of them hold at once; `none` where there are none. */
function combined<T>(items: readonly T[], opinionOf: (item: T) => Opinion, none: Opinion): Opinion {
  if (items.length === 0) return none
  const opinions = new Set(items.map(opinionOf))
  if (opinions.has('forbidden')) return 'forbidden'
  return opinions.has('unknown') ? 'unknown' : 'allowed'
}

/** With the licenses that it is refused for: what states them may be a page of text. */
function describeBound(component: Component, forbidden: ReadonlySet<string>): string {
  const stated = component.licenses.flatMap(text => idsIn(parseLicenseExpression(text)))
  const found = [...new Set(stated.filter(id => forbidden.has(id)))]
  return `${describeComponent(component)} (${found.map(quote).join(', ')})`
}

function idsIn(expression: LicenseExpression | undefined): readonly string[] {
  if (!expression) return []
  return expression.kind === 'license' ? [expression.id] : expression.operands.flatMap(idsIn)
}

function describeUntold(component: Component): string {
  const { licenses } = component
  return `${describeComponent(component)} (${licenses.length === 0 ? 'states none' : licenses.slice(0, 3).map(quote).join(', ')})`
}
