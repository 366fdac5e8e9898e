import { concatBytes } from '../../codec/bytes.ts'
import { CountersignError, type ErrorCode } from '../../codec/error.ts'

/** A cursor over the presentation language of TLS, RFC 5246 §4, in which RFC 6962 writes its structures. */
export class TlsReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  readonly #code: ErrorCode
  #at = 0

  /** `what` begins every message, `code` is what broken bytes are called here. */
  constructor(bytes: Uint8Array, what: string, code: ErrorCode) {
    this.#bytes = bytes
    this.#what = what
    this.#code = code
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  /** An error of this reader's code and place. */
  malformed(problem: string): CountersignError {
    return new CountersignError(this.#code, `${this.#what}: ${problem}`)
  }

  /** Exactly so many bytes. */
  take(length: number): Uint8Array {
    const rest = this.#bytes.length - this.#at
    if (length > rest) throw this.malformed(`cut off: want ${length} bytes more, got ${rest}`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** A number of up to eight octets; those above 2^53 lose their last bits, so the caller bounds what it accepts. */
  uint(octets: number): number {
    return this.take(octets).reduce((value, octet) => value * 256 + octet, 0)
  }

  /** A vector of variable length, whose length takes so many octets. */
  vector(lengthOctets: number): Uint8Array {
    return this.take(this.uint(lengthOctets))
  }

  /** Demands that nothing follows. */
  end(): void {
    if (!this.isAtEnd) throw this.malformed(`${this.#bytes.length - this.#at} bytes after the end`)
  }
}

/** A number in so many octets. Throws a RangeError where it does not fit. */
export function encodeTlsUint(octets: number, value: number): Uint8Array {
  const bytes = new Uint8Array(octets)
  let rest = value
  for (let at = octets - 1; at >= 0; at--) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  if (rest > 0) throw new RangeError(`${value} takes more than ${octets} octets`)
  return bytes
}

/** A vector of variable length, whose length takes so many octets. */
export function encodeTlsVector(lengthOctets: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(encodeTlsUint(lengthOctets, bytes.length), bytes)
}
