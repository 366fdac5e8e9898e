import { fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { Sink } from '../system.ts'
import { explain } from './file-bytes.ts'

/**
 * Sinks over file descriptors that share one queue, so that what is written first arrives first wherever both lead. What can be written at
 * once is, and is not held. `node:fs` is used rather than `process.stdout`, whose first use costs 3 ms of a start-up of 20.
 */
export class SinkQueue {
  #last: Promise<void> = Promise.resolve()
  #waiting = 0 // pieces that a descriptor did not take yet

  sink(descriptor: number): Sink {
    let isClosed = false // its reader has gone; what is written from then on is nobody's loss
    let failure: unknown
    /** Returns what is left for later. */
    const writeNow = (data: Uint8Array): Uint8Array => {
      let rest = data
      try {
        while (rest.length > 0 && !isClosed) {
          const result = writeSome(descriptor, rest)
          if (result === 'full') return rest
          if (result === 'closed') isClosed = true
          else rest = rest.subarray(result)
        }
      } catch (cause) {
        failure ??= cause // reported by flush; the other sinks go on
      }
      return nothing
    }
    const writeLater = async (data: Uint8Array): Promise<void> => {
      for (let rest = writeNow(data); rest.length > 0; rest = writeNow(rest)) await new Promise(resolve => setTimeout(resolve, retryMs))
      this.#waiting--
    }
    return {
      get isTerminal() {
        return isTerminal(descriptor)
      },
      write: data => {
        const bytes = typeof data === 'string' ? encodeUtf8(data) : data
        const rest = this.#waiting === 0 ? writeNow(bytes) : bytes
        if (rest.length === 0) return
        const held = typeof data === 'string' ? rest : Uint8Array.from(rest) // the caller may reuse its own
        this.#waiting++
        this.#last = this.#last.then(() => writeLater(held))
      },
      flush: async () => {
        await this.#last
        if (failure !== undefined) throw failure
      },
    }
  }

  /** @throws CountersignError `FILE_UNWRITABLE` */
  openFile(path: string): Sink {
    try {
      return this.sink(openSync(path, 'w', 0o644))
    } catch (cause) {
      throw new CountersignError('FILE_UNWRITABLE', `file ${quote(path)}: ${explain(cause)}`, { cause })
    }
  }
}

/** Whether a descriptor leads to a terminal; `node:tty` is asked only when it may. */
export function isTerminal(descriptor: number): boolean {
  try {
    const status = fstatSync(descriptor)
    if (!status.isCharacterDevice() || status.rdev === statSync('/dev/null').rdev) return false
  } catch {
    return false // closed, or no POSIX system
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor)
}

const nothing = new Uint8Array(0)
const retryMs = 5 // while a pipe that does not block is full

/** Writes at once: handing a line to another thread costs more than the line. A reader that is slow makes us wait, as it does any program. */
function writeSome(descriptor: number, data: Uint8Array): number | 'closed' | 'full' {
  try {
    return writeSync(descriptor, data)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EAGAIN') return 'full'
    if (code === 'EPIPE') return 'closed'
    throw new CountersignError('FILE_UNWRITABLE', `output: ${explain(error)}`, { cause: error })
  }
}
