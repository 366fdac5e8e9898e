import type { Json } from '../json.ts'

/** How many values are made of a document in all, by whichever calls share the budget. */
export type ValueBudget = { readonly most: number; left: number }

/** A budget that nothing was taken of. */
export function createValueBudget(most: number): ValueBudget {
  return { most, left: most }
}

/** Gives an object a member of its own, whatever it is called. */
export function setMember(object: Record<string, Json>, name: string, value: Json): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  else object[name] = value
}
