import type { AdmittedObject } from '../../../model.ts'

/** Objects a policy is for: of this resource, group and version, and with these labels where it asks for labels. */
export type ObjectMatch = {
  readonly group: string
  readonly version: string // `*`: whichever
  readonly resource: string
  readonly selector?: LabelSelector
}

/** What labels must be; every demand must hold, and none is no demand. Source: Kubernetes meta/v1 `LabelSelector`. */
export type LabelSelector = {
  readonly labels: ReadonlyMap<string, string>
  readonly expressions: readonly LabelExpression[]
}

export const labelOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const
export type LabelExpression = {
  readonly key: string
  readonly operator: (typeof labelOperators)[number]
  readonly values: readonly string[]
}

/**
 * Whether a policy is for an object: no entries are for all, and of several one is enough. Labels are the object's own, not those of its
 * template. Group, version and resource are compared as they stand; one that is left out is empty, which is the group of pods.
 *
 * @see spec admission §1.1 `match[]`
 */
export function matchesObject(entries: readonly ObjectMatch[], object: AdmittedObject): boolean {
  return entries.length === 0 || entries.some(entry => holds(entry, object))
}

function holds({ group, version, resource, selector }: ObjectMatch, object: AdmittedObject): boolean {
  const isKind = resource === object.resource && group === object.group && (version === '*' || version === object.version)
  return isKind && (!selector || selects(selector, object.labels))
}

function selects({ labels, expressions }: LabelSelector, found: ReadonlyMap<string, string>): boolean {
  return [...labels].every(([key, value]) => found.get(key) === value) && expressions.every(expression => satisfies(expression, found))
}

/** Without the label, `NotIn` holds, as it does in Kubernetes. */
function satisfies({ key, operator, values }: LabelExpression, found: ReadonlyMap<string, string>): boolean {
  const value = found.get(key)
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      throw new TypeError(`unhandled operator ${operator satisfies never}`)
  }
}
