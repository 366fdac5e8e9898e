const shown = 10

/** Items of a refusal as text: the first ten, and how many more there are. */
export function listed<T>(items: readonly T[], describe: (item: T) => string): string {
  const more = items.length - shown
  return `${items.slice(0, shown).map(describe).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
