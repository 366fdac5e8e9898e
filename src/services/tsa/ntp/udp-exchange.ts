import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { CountersignError, reasonOf } from '../../../codec/error.ts'

/** Sends one datagram to `HOST:PORT` and returns the first that comes back from there. */
export type UdpExchange = (host: string, port: number, request: Uint8Array, timeoutMs: number) => Promise<Uint8Array>

/**
 * Asks by UDP, from a port of its own; what others send to it is not read.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE` where there is no such host, no answer in time, or nobody listens
 */
export const exchangeByUdp: UdpExchange = async (host, port, request, timeoutMs) => {
  const what = `${host}:${port}`
  const signal = AbortSignal.timeout(timeoutMs)
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMs} ms`)), { once: true }),
  )
  late.catch(() => {}) // it may come after the answer
  try {
    const { address, family } = await Promise.race([lookup(host), late])
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4').unref() // nobody waits for the time to stop
    try {
      const answered = new Promise<Uint8Array>((resolve, reject) => {
        socket.once('error', reject)
        socket.once('message', message => resolve(Uint8Array.from(message)))
        socket.once('connect', () => socket.send(request))
        socket.connect(port, address) // from now on the system drops what comes from elsewhere
      })
      return await Promise.race([answered, late])
    } finally {
      socket.close()
    }
  } catch (cause) {
    const reason = reasonOf(cause)
    throw new CountersignError('SERVICE_UNAVAILABLE', `${what}: ${reason}`, { cause })
  }
}
