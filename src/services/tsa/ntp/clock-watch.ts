import { CountersignError } from '../../../codec/error.ts'
import type { World } from '../../../codec/world.ts'
import { repeatedly } from '../../repeatedly.ts'
import type { ServiceEvents } from '../../service.ts'
import { encodeNtpRequest, nonceLength, parseNtpResponse } from './ntp-packet.ts'
import type { UdpExchange } from './udp-exchange.ts'

/** Whom to ask for the time, and how far ours may be from it. */
export type ClockWatchOptions = {
  readonly servers: readonly NtpServer[] // at least one
  readonly maxOffsetMs: number
  readonly limits?: Partial<ClockWatchLimits>
}

/** Where a server is asked, by UDP. */
export type NtpServer = { readonly host: string; readonly port: number }

/** Whom a round asks, how often and how long. */
export type ClockWatchLimits = {
  readonly asked: number // servers in a round, drawn anew each time
  readonly attempts: number // of each server
  readonly timeoutMs: number // of each attempt
  readonly periodMs: number // between rounds
  readonly believedMs: number // a round that learned nothing leaves what was known before, for so long
}

/** As upstream has them, but for the last, which it does not have. services §5 */
export const defaultClockWatchLimits: ClockWatchLimits = { asked: 4, attempts: 3, timeoutMs: 5000, periodMs: 60_000, believedMs: 300_000 }

/** Holds the clock against NTP servers. */
export type ClockWatch = {
  /** Why the clock is not to be trusted: it is off, or nobody could be asked. Nothing where it is right. */
  readonly problem: () => string | undefined
  /** Asks once a minute until it is told to stop. */
  readonly watch: (signal: AbortSignal) => Promise<void>
}

/**
 * Makes a watch. A round asks some of the servers; more than half must answer, and it is the middle one of their answers that counts, so that
 * one server that lies moves nothing. What it finds is counted and logged.
 *
 * @see services §5 "NTP watch"; RFC 5905 §8 for offset and delay
 */
export function createClockWatch(
  { servers, maxOffsetMs, limits: told }: ClockWatchOptions,
  world: Pick<World, 'now' | 'randomBytes' | 'sleep'> & { readonly exchange: UdpExchange },
  { count, observe, log }: ServiceEvents,
): ClockWatch {
  const limits = { ...defaultClockWatchLimits, ...told }
  const nowMs = () => world.now().getTime()
  let known: { readonly offsetMs: number; readonly atMs: number } | undefined
  let isOff = false

  const askOnce = async ({ host, port }: NtpServer): Promise<number> => {
    const nonce = world.randomBytes(nonceLength)
    const sentMs = nowMs()
    const packet = await world.exchange(host, port, encodeNtpRequest(nonce), limits.timeoutMs)
    const gotMs = nowMs()
    const server = parseNtpResponse(packet, nonce, gotMs)
    observe('timestamp_authority_ntp_latency', Math.max(0, gotMs - sentMs) / 1000, { host })
    return (server.receivedMs - sentMs + (server.sentMs - gotMs)) / 2
  }
  const ask = async (server: NtpServer): Promise<number | undefined> => {
    const failures: string[] = []
    for (let attempt = 0; attempt < limits.attempts; attempt++)
      try {
        const offsetMs = await askOnce(server)
        count('timestamp_authority_ntp_sync_total', { host: server.host, failed: 'false' })
        return offsetMs
      } catch (cause) {
        if (!(cause instanceof CountersignError)) throw cause
        count('timestamp_authority_ntp_sync_total', { host: server.host, failed: 'true' })
        failures.push(cause.message)
      }
    log('warn', 'an NTP server gave no time', { host: server.host, reason: failures.at(-1) })
    return undefined
  }
  const round = async () => {
    const asked = drawn(servers, limits.asked, world.randomBytes)
    const offsets = (await Promise.all(asked.map(ask))).filter(offset => offset !== undefined)
    const wanted = Math.floor(asked.length / 2) + 1
    if (offsets.length < wanted) {
      count('timestamp_authority_ntp_errors_total', { reason: 'too_few' })
      log('warn', 'the clock could not be held against NTP servers', { answered: offsets.length, asked: asked.length })
      return
    }
    const offsetMs = middleOf(offsets)
    known = { offsetMs, atMs: nowMs() }
    const wasOff = isOff
    isOff = Math.abs(offsetMs) > maxOffsetMs
    if (isOff) count('timestamp_authority_ntp_errors_total', { reason: 'offset' })
    if (isOff) log('error', 'the clock is off', { offsetMs: Math.round(offsetMs), maxOffsetMs })
    else if (wasOff) log('info', 'the clock is right again', { offsetMs: Math.round(offsetMs) })
  }
  return {
    problem: () => {
      if (!known || Math.abs(nowMs() - known.atMs) > limits.believedMs) return 'clock: NTP servers could not be asked'
      return isOff ? `clock: it is off by ${Math.round(known.offsetMs)} ms, and may be by ${maxOffsetMs} ms` : undefined
    },
    watch: signal => {
      const onFailure = (reason: string) => log('error', 'the clock could not be watched', { reason })
      return repeatedly(round, { restMs: limits.periodMs, atOnce: true, onFailure }, world, signal)
    },
  }
}

/** So many of a list, each as likely as the others. */
function drawn<T>(list: readonly T[], count: number, randomBytes: World['randomBytes']): readonly T[] {
  const left = [...list]
  const taken: T[] = []
  while (taken.length < count && left.length > 0) {
    const number = new DataView(Uint8Array.from(randomBytes(4)).buffer).getUint32(0)
    taken.push(...left.splice(number % left.length, 1))
  }
  return taken
}

/** The median; of an even number the one nearer to zero, which accuses nobody by the half. */
function middleOf(offsets: readonly number[]): number {
  const sorted = offsets.toSorted((one, other) => one - other)
  const [low, high] = [sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!]
  return Math.abs(low) <= Math.abs(high) ? low : high
}
