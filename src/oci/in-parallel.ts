/**
 * Maps items with at most `width` calls under way, results in the order of the items. The first failure stops further calls
 * and is thrown once those under way have ended.
 */
export async function inParallel<T, R>(items: readonly T[], width: number, task: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length)
  const queue = items.entries()
  let failed = false
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failed) return
      try {
        results[index] = await task(item, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker))
  const failure = ended.find(outcome => outcome.status === 'rejected')
  if (failure) throw failure.reason
  return results
}
