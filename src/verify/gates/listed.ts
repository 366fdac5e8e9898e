const shown = 10

/** Items of a refusal as text: the first ten, and how many more there are. */
export function listed<T>(items: readonly T[], describe: (item: T) => string, count = items.length): string {
  const more = count - shown
  return `${items.slice(0, shown).map(describe).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Counts items and keeps those that `listed` shows. */
export class Listing<T> {
  count = 0
  readonly #first: T[] = []

  add(item: T): void {
    this.count++
    if (this.#first.length < shown) this.#first.push(item)
  }

  listed(describe: (item: T) => string): string {
    return listed(this.#first, describe, this.count)
  }
}
