/** ` (did you mean "sign"?)` when a known name is close to what was typed, else nothing. */
export function suggestion(typed: string, known: readonly string[], prefix = ''): string {
  if (typed.length > 40) return ''
  const [nearest] = known
    .map(name => ({ name, distance: distance(typed, name) }))
    .filter(({ name, distance }) => distance <= Math.min(2, name.length - 1) || (typed.length > 2 && name.startsWith(typed)))
    .sort((a, b) => a.distance - b.distance)
  return nearest ? ` (did you mean ${prefix}${nearest.name}?)` : ''
}

/** Levenshtein's: insertions, deletions and replacements that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}
