/** Steps that something may still take. */
export type Budget = {
  /** Takes steps away. @throws `exhausted`, from then on at every call; nothing is lost where somebody catches it */
  readonly spend: (steps: number) => void
  readonly isSpent: () => boolean
  readonly refill: () => void
}

/** What `spend` throws: one for all, for a loop that swallows errors may meet it a million times. */
export const exhausted = new Error('out of steps')

/** A budget of so many steps. */
export function createBudget(steps: number): Budget {
  let left = steps
  return {
    spend: taken => {
      left -= taken
      if (left < 0) throw exhausted
    },
    isSpent: () => left < 0,
    refill: () => {
      left = steps
    },
  }
}

const charactersAtOnce = 8

/** Steps it takes to read a value: of text some characters at once, of lists and maps each member, but not what is in it. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length / charactersAtOnce
  if (value instanceof Uint8Array) return value.length / charactersAtOnce
  if (Array.isArray(value)) return value.length
  if (typeof value !== 'object' || value === null) return 0
  return isPlain(value) ? Object.keys(value).length : 0
}

const wholeSizes = new WeakMap<object, number>() // of values that nobody changes: those of a statement, and those a policy has made

/** Steps it takes to read a value and all that is in it. What is in it twice counts twice, as it is read. */
export function wholeSizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value))) return 1 + sizeOf(value)
  const known = wholeSizes.get(value)
  if (known !== undefined) return known
  let size = 1
  for (const member of Array.isArray(value) ? value : Object.values(value)) size += wholeSizeOf(member)
  wholeSizes.set(value, size)
  return size
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
