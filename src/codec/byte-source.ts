/** Bytes that are made piece by piece, and can be made again: what is too large to be held in memory. */
export type ByteSource = {
  readonly size: number
  /** All bytes from the start, anew with each call. The loop throws where they cannot be had. */
  readonly open: () => Pieces
}

/** Bytes, one piece after the other. */
export type Pieces = AsyncIterable<Uint8Array> & {
  /**
   * Takes a piece back that nobody looks at any more: a later one is made in its place. Whoever keeps them need not; of those that are sent or
   * written, as many as the whole is long would otherwise wait for garbage collection.
   */
  readonly giveBack?: (piece: Uint8Array) => void
}

/** Uses one piece after the other and gives each back. @param use - is done with the piece when it resolves */
export async function eachPiece(pieces: Pieces, use: (piece: Uint8Array) => Promise<void> | void): Promise<void> {
  for await (const piece of pieces) {
    await use(piece)
    pieces.giveBack?.(piece)
  }
}
