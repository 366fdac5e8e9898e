/** All bytes at once. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: controller => {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** Some bytes, then an error. */
export function failing(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let pulls = 0
  return new ReadableStream({
    pull: controller => (pulls++ === 0 ? controller.enqueue(bytes) : controller.error(new Error('broken off on purpose'))),
  })
}

const endlessChunkBytes = 1 << 16

/** The bytes over and over, until the reader gives up. */
export function endless(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(endlessChunkBytes)
  for (let at = 0; bytes.length > 0 && at < chunk.length; at += bytes.length) chunk.set(bytes.subarray(0, chunk.length - at), at)
  return new ReadableStream({ pull: controller => controller.enqueue(Uint8Array.from(chunk)) }, { highWaterMark: 0 })
}

const dripMs = 1000

/** One byte at a time, with a second's wait between two. */
export function dripping(
  bytes: Uint8Array,
  sleep: (ms: number, signal: AbortSignal) => Promise<unknown>,
  caller: AbortSignal,
): ReadableStream<Uint8Array> {
  const cancelled = new AbortController()
  const signal = AbortSignal.any([caller, cancelled.signal])
  let at = 0
  return new ReadableStream(
    {
      pull: async controller => {
        if (at > 0) await sleep(dripMs, signal).catch(() => undefined)
        if (signal.aborted) return controller.error(signal.reason)
        controller.enqueue(bytes.subarray(at, ++at))
        if (at >= bytes.length) controller.close()
      },
      cancel: () => cancelled.abort(),
    },
    { highWaterMark: 0 },
  )
}
