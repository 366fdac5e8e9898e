import { bytesEqual } from '../../../codec/bytes.ts'
import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

const packetLength = 48 // bytes, without extensions

/** Bytes of the value in a request that the answer repeats: of its transmit timestamp. RFC 5905 §7.3 */
export const nonceLength = 8

const clientMode = 3
const serverMode = 4
const version = 4
const unixEpochSeconds = 2_208_988_800 // of the first of January 1970, since that of 1900
const eraMs = 2 ** 32 * 1000 // timestamps begin anew in February 2036

/** When a server got a request and when it answered, by its own clock: milliseconds since 1970. */
export type ServerTimes = { readonly receivedMs: number; readonly sentMs: number }

/**
 * A request for the time. It says nothing of the client's clock: where its time would stand is a random value, by which the answer is known.
 *
 * @param nonce - 8 random bytes
 * @see RFC 5905 §7.3; RFC 9109 has the same thought of ports
 */
export function encodeNtpRequest(nonce: Uint8Array): Uint8Array {
  if (nonce.length !== nonceLength) throw new TypeError(`want ${nonceLength} random bytes, got ${nonce.length}`)
  const packet = new Uint8Array(packetLength)
  packet[0] = (version << 3) | clientMode
  packet.set(nonce, 40)
  return packet
}

/**
 * Reads the answer to a request.
 *
 * @param nonce - of the request
 * @param nearMs - a time at most 68 years away from what is answered: timestamps do not say their era
 * @throws CountersignError `SERVICE_RESPONSE_MALFORMED` for what is no answer to this request; `SERVICE_UNAVAILABLE` for a server that does not
 *   know the time, or does not want to be asked
 * @see RFC 5905 §7.3, §7.4 and §8
 */
export function parseNtpResponse(packet: Uint8Array, nonce: Uint8Array, nearMs: number): ServerTimes {
  if (packet.length < packetLength || packet.length > 4 * packetLength)
    throw malformed(`want ${packetLength} to ${4 * packetLength} bytes, got ${packet.length}`)
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const [leap, answeredVersion, mode, stratum] = [packet[0]! >> 6, (packet[0]! >> 3) & 7, packet[0]! & 7, packet[1]!]
  if (mode !== serverMode) throw malformed(`want mode ${serverMode} (server), got ${mode}`)
  if (answeredVersion < 3 || answeredVersion > version) throw malformed(`want version 3 or ${version}, got ${answeredVersion}`)
  if (!bytesEqual(packet.subarray(24, 32), nonce)) throw malformed('it is not an answer to what was asked')
  if (stratum === 0) throw unavailable(`the server does not want to be asked: ${quote(kissCode(packet))}`)
  if (leap === 3 || stratum > 15) throw unavailable('the server does not know the time itself')
  return { receivedMs: timeAt(view, 32, nearMs), sentMs: timeAt(view, 40, nearMs) }
}

/** Milliseconds since 1970, in the era that is nearest. */
function timeAt(view: DataView, offset: number, nearMs: number): number {
  const [seconds, fraction] = [view.getUint32(offset), view.getUint32(offset + 4)]
  if (seconds === 0 && fraction === 0) throw malformed('want a time, got none')
  const ms = (seconds - unixEpochSeconds) * 1000 + (fraction / 2 ** 32) * 1000
  return ms + Math.round((nearMs - ms) / eraMs) * eraMs
}

/** Four letters in place of the reference. RFC 5905 §7.4 */
function kissCode(packet: Uint8Array): string {
  return String.fromCharCode(...packet.subarray(12, 16)).replace(/\0+$/, '')
}

function malformed(problem: string): CountersignError {
  return new CountersignError('SERVICE_RESPONSE_MALFORMED', `NTP answer: ${problem}`)
}

function unavailable(problem: string): CountersignError {
  return new CountersignError('SERVICE_UNAVAILABLE', `NTP answer: ${problem}`)
}
