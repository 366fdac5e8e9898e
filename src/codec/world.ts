/** One HTTP exchange, in the shape of the global `fetch` but for `Request` objects; the command line hands in one that stands on `node:http(s)`. */
export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>

/** Everything that is not a function of its arguments. Handed in from the outermost layer, so tests and offline mode need no special code. */
export type World = {
  readonly now: () => Date
  readonly randomBytes: (length: number) => Uint8Array
  readonly fetch: Fetch
  /** Resolves after `ms`, or rejects with the signal's reason; tests hand in one that does not wait. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Environment variables in the shape of `process.env`. */
export type ProcessEnvironment = { readonly [name: string]: string | undefined }
