/** What a run of tests came to. */
export type Counts = {
  readonly passed: number
  readonly failed: number
  readonly skipped?: number // of those that failed: skipped, or left to do
}

/** Reads the counts that Node's runner prints at its end; nothing where it did not come so far. Cancelled and skipped tests have failed. */
export function readCounts(output: string): Counts | undefined {
  const counts = ['pass', 'fail', 'cancelled', 'skipped', 'todo'].map(name => output.match(new RegExp(`^ℹ ${name} (\\d+)$`, 'm'))?.[1])
  if (counts.includes(undefined)) return undefined
  const [passed, failed, cancelled, skipped, todo] = counts.map(Number) as [number, number, number, number, number]
  return { passed, failed: failed + cancelled + skipped + todo, skipped: skipped + todo }
}
