/** Bytes that are made piece by piece, and can be made again: what is too large to be held in memory. */
export type ByteSource = {
  readonly size: number
  /** All bytes from the start, anew with each call. The loop throws where they cannot be had. */
  readonly open: () => AsyncIterable<Uint8Array>
}
