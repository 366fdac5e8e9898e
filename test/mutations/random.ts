/** Numbers that look random and are the same for the same seed. */
export type Random = {
  /** A whole number of 0 to `below` - 1. */
  readonly below: (below: number) => number
  readonly pick: <T>(items: readonly T[]) => T
  /** At most `count` different items, in their order. */
  readonly sample: <T>(items: readonly T[], count: number) => readonly T[]
}

/** Mulberry32: enough to choose where to break something, and nothing else. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
  const sample = <T>(items: readonly T[], count: number): readonly T[] => {
    const chosen = new Set<number>()
    while (chosen.size < Math.min(count, items.length)) chosen.add(below(items.length))
    return items.filter((_, index) => chosen.has(index))
  }
  return { below, pick: items => items[below(items.length)]!, sample }
}
