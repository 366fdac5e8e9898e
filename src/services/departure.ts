/**
 * A client's going away before it is answered. It is asked about far less often than clients come, and an AbortController for each would cost
 * more than their headers, so one is made only for whoever asks.
 */
export class Departure {
  #reason: Error | undefined
  #controller: AbortController | undefined
  readonly #callbacks = new Set<() => void>()

  /** Whether nobody waits for the answer any more. */
  get isGone(): boolean {
    return this.#reason !== undefined
  }

  /** Notes that the client is gone, the first time. */
  leave(reason: Error): void {
    if (this.#reason) return
    this.#reason = reason
    this.#controller?.abort(reason)
    for (const callback of this.#callbacks) callback()
    this.#callbacks.clear()
  }

  /** Calls back once when the client goes, at once where it has gone. @returns what calls that off */
  onLeave(callback: () => void): () => void {
    if (this.#reason) callback()
    else this.#callbacks.add(callback)
    return () => void this.#callbacks.delete(callback)
  }

  /** Aborts when the client goes, with the reason. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }
}
