import { type Budget, sizeOf, wholeSizeOf } from './budget.ts'

/**
 * A node of the tree that cel-js parses, as its version 8.0.0 has it. Everything is evaluated by calling `evaluate` of a node as a method of
 * it, also what a macro was made into (`meta.alternate`, `meta.macro`).
 */
export type CelNode = {
  readonly op: string
  readonly args: unknown
  readonly meta: { readonly alternate?: CelNode; readonly macro?: object }
  readonly start: number
  evaluate: Evaluate
}

type Evaluate = (this: CelNode, evaluator: unknown, node: CelNode, context: unknown) => unknown

/** How what reads a value reads it: whole, member by member, as text that is searched, as the text of a span of time, or as what a loop runs over. */
type Reading = 'whole' | 'members' | 'text' | 'span' | 'range'

/** Every node under one, itself included, each once; a macro's and what it was made into. */
export function nodesUnder(root: CelNode): readonly CelNode[] {
  const isNode = (value: object): value is CelNode => value.constructor === root.constructor
  const seen = new Set<object>()
  const nodes: CelNode[] = []
  const waiting: unknown[] = [root]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (isNode(value)) {
      nodes.push(value)
      waiting.push(value.args, value.meta)
    } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) waiting.push(...Object.values(value))
  }
  return nodes
}

/**
 * Makes every node count: a step each time it is evaluated, and for its value what it costs whoever reads it as a whole. It is paid for
 * before it is done, so that no single step is long.
 */
export function countSteps(root: CelNode, budget: Budget): void {
  const nodes = nodesUnder(root)
  const readings = new Map<CelNode, { readonly how: Reading; readonly texts: Map<CelNode, number> }>()
  for (const node of nodes) {
    const texts = new Map<CelNode, number>() // lengths of those that are searched together
    for (const [operand, how] of operandsOf(node)) readings.set(operand, { how, texts })
  }
  for (const node of nodes) {
    const reading = readings.get(node)
    hook(node, budget, value => {
      if (reading) budget.spend(costOf(value, node, reading))
    })
  }
}

/** The operands that a node reads as wholes. What a macro was made into speaks for it. */
function operandsOf({ op, args, meta }: CelNode): readonly (readonly [CelNode, Reading])[] {
  if (meta.alternate || meta.macro) return []
  switch (op) {
    case '==':
    case '!=':
    case 'in':
      return (args as [CelNode, CelNode]).map(operand => [operand, 'whole'])
    case '+':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (args as [CelNode, CelNode]).map(operand => [operand, 'members'])
    case 'call': {
      const [name, operands] = args as [string, CelNode[]]
      return operands.map(operand => [operand, name === 'duration' ? 'span' : 'members'])
    }
    case 'rcall': {
      const [name, receiver, others] = args as [string, CelNode, CelNode[]]
      return [receiver, ...others].map(operand => [operand, name === 'join' ? 'whole' : 'text'])
    }
    case 'comprehension':
      return [[(args as { iterable: CelNode }).iterable, 'range']]
    default:
      return []
  }
}

const comparisonsAtOnce = 1000
const digitsAtOnce = 500

function costOf(value: unknown, node: CelNode, { how, texts }: { readonly how: Reading; readonly texts: Map<CelNode, number> }): number {
  switch (how) {
    case 'whole':
      return wholeSizeOf(value)
    case 'members':
      return sizeOf(value)
    case 'span': // the library's pattern looks for a unit behind every part of every row of digits
      return typeof value === 'string' ? value.length ** 3 / digitsAtOnce : sizeOf(value)
    case 'range':
      return Array.isArray(value) ? 0 : sizeOf(value) // of a map the keys are listed first; of a list each turn counts itself
    case 'text': {
      if (typeof value !== 'string') return sizeOf(value)
      texts.delete(node)
      const others = [...texts.values()].reduce((sum, length) => sum + length, 0)
      texts.set(node, value.length)
      return sizeOf(value) + (value.length * others) / comparisonsAtOnce // to search one for the other may compare each with each
    }
    default:
      throw new TypeError(`unhandled reading ${how satisfies never}`)
  }
}

const stepsToTellTime = 200

/** A call like `now.getHours("Europe/Paris")`: rules of time zones take some forty microseconds. */
function isOfTimeZone({ op, args }: CelNode): boolean {
  return (
    op === 'rcall' && (args as [string, CelNode, CelNode[]])[0].startsWith('get') && (args as [string, CelNode, CelNode[]])[2].length === 1
  )
}

/** Puts a function of ours in front of a node's own. The library replaces it at the first call by what it finds to be the shortest way. */
function hook(node: CelNode, budget: Budget, pay: (value: unknown) => void): void {
  let own = node.evaluate
  const price = isOfTimeZone(node) ? stepsToTellTime : 1
  const counted: Evaluate = (evaluator, _, context) => {
    budget.spend(price)
    const value = own.call(node, evaluator, node, context)
    pay(value)
    return value
  }
  Object.defineProperty(node, 'evaluate', {
    get: () => counted,
    set: (replacement: Evaluate) => {
      own = replacement
    },
  })
}
