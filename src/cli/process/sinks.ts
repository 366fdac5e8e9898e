import { fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { encodeUtf8, quote } from '../../codec/text.ts'
import type { Sink } from '../system.ts'
import { explain } from './file-bytes.ts'

/**
 * Sinks over file descriptors that share one queue, so that what is written first arrives first wherever both lead.
 * `node:fs` is used rather than `process.stdout`, whose first use costs 3 ms of a start-up of 20.
 */
export class SinkQueue {
  #last: Promise<void> = Promise.resolve()

  sink(descriptor: number): Sink {
    let isClosed = false // its reader has gone; what is written from then on is nobody's loss
    let failure: unknown
    const writeNow = async (data: Uint8Array): Promise<void> => {
      for (let sent = 0; sent < data.length && !isClosed; ) {
        const result = await writeSome(descriptor, data.subarray(sent))
        if (result === 'closed') isClosed = true
        else sent += result
      }
    }
    return {
      get isTerminal() {
        return isTerminal(descriptor)
      },
      write: data => {
        const bytes = typeof data === 'string' ? encodeUtf8(data) : Uint8Array.from(data) // the caller may reuse its own
        this.#last = this.#last
          .then(() => writeNow(bytes))
          .catch(cause => {
            failure ??= cause // reported by flush; the other sinks go on
          })
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

const retryMs = 5 // while a pipe that does not block is full

/** Writes at once: handing a line to another thread costs more than the line. A reader that is slow makes us wait, as it does any program. */
function writeSome(descriptor: number, data: Uint8Array): Promise<number | 'closed'> {
  try {
    return Promise.resolve(writeSync(descriptor, data))
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'EAGAIN') return new Promise(resolve => setTimeout(resolve, retryMs, 0))
    if (code === 'EPIPE') return Promise.resolve('closed')
    return Promise.reject(new CountersignError('FILE_UNWRITABLE', `output: ${explain(error)}`, { cause: error }))
  }
}
