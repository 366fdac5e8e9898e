/**
 * Works on items with at most `width` under way and hands results on in the order of the items, as soon as their turn
 * comes. Nothing is started further ahead than `width`, so memory does not grow with the number of items. The first
 * failure, in the order of the items, is thrown, after all results before it were handed on.
 */
export async function inOrder<T, R>(
  items: AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
  handOn: (result: R) => void,
): Promise<void> {
  const underway: Promise<{ readonly result: R } | { readonly failure: unknown }>[] = []
  const next = async () => {
    const outcome = await underway.shift()!
    if ('failure' in outcome) throw outcome.failure
    handOn(outcome.result)
  }
  for await (const item of items) {
    underway.push(
      work(item).then(
        result => ({ result }),
        (failure: unknown) => ({ failure }),
      ),
    )
    if (underway.length >= width) await next()
  }
  while (underway.length > 0) await next()
}
