import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import type { Expression, TemplatePart, TemplateValue } from './expression.ts'

const limitCharacters = 8192

/**
 * Text of a template. There are no loops, so it takes time in proportion to the template and to what it writes, which is bounded.
 *
 * @param values - claims and defaults, by name
 * @throws CountersignError `TOKEN_INVALID` for a claim that is not there and for values that cannot be compared, `LIMIT_EXCEEDED` past 8192
 *   characters
 */
export function renderTemplate(parts: readonly TemplatePart[], values: ReadonlyMap<string, string>): string {
  let text = ''
  const write = (more: string): void => {
    if (text.length + more.length > limitCharacters)
      throw new CountersignError('LIMIT_EXCEEDED', `template: want at most ${limitCharacters} characters of text`)
    text += more
  }
  const renderAll = (some: readonly TemplatePart[]): void => {
    for (const part of some)
      switch (part.kind) {
        case 'text':
          write(part.text)
          break
        case 'output':
          write(String(evaluate(part.expression, values)))
          break
        case 'if':
          renderAll(isTrue(evaluate(part.condition, values)) ? part.consequent : part.otherwise)
          break
        default:
          throw new TypeError(`unhandled part ${part satisfies never}`)
      }
  }
  renderAll(parts)
  return text
}

function evaluate(expression: Expression, values: ReadonlyMap<string, string>): TemplateValue {
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'field': {
      const value = values.get(expression.name)
      if (value === undefined) throw invalid(`the token has no claim ${quote(expression.name)}, and there is no default`)
      return value
    }
    case 'index':
      return values.get(expression.name) ?? ''
    case 'call':
      return call(expression, values)
    default:
      throw new TypeError(`unhandled expression ${expression satisfies never}`)
  }
}

function call({ name, operands }: Extract<Expression, { kind: 'call' }>, values: ReadonlyMap<string, string>): TemplateValue {
  const evaluated = (operand: Expression) => evaluate(operand, values)
  switch (name) {
    case 'eq': {
      const [first, ...others] = operands.map(evaluated)
      return others.some(other => areEqual(first!, other))
    }
    case 'ne': {
      const [first, second] = operands.map(evaluated)
      return !areEqual(first!, second!)
    }
    case 'and': // as in Go, the first operand that decides, and later ones are not looked at
    case 'or': {
      let value: TemplateValue = ''
      for (const operand of operands) {
        value = evaluated(operand)
        if (isTrue(value) === (name === 'or')) return value
      }
      return value
    }
    case 'not':
      return !isTrue(evaluated(operands[0]!))
    case 'printf': {
      const [format, ...rest] = operands.map(evaluated)
      let at = 0
      return String(format).replace(/%[sv%]/g, verb => (verb === '%%' ? '%' : String(rest[at++])))
    }
    default:
      throw new TypeError(`unhandled function ${name satisfies never}`)
  }
}

function areEqual(a: TemplateValue, b: TemplateValue): boolean {
  if (typeof a !== typeof b) throw invalid('text is compared with a truth value')
  return a === b
}

function isTrue(value: TemplateValue): boolean {
  return value !== '' && value !== false
}

function invalid(problem: string): CountersignError {
  return new CountersignError('TOKEN_INVALID', `template: ${problem}`)
}
