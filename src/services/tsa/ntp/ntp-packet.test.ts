import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHex } from '../../../codec/hex.ts'
import { encodeNtpRequest, parseNtpResponse } from './ntp-packet.ts'

const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

/** A server's answer that it got the request at `seconds` of its era, and sent this half a second later. */
function answer(seconds: number, ...changes: readonly (readonly [at: number, ...bytes: number[]])[]): Uint8Array {
  const packet = new Uint8Array(48)
  packet.set([0x24, 2, 6, 0xec])
  packet.set(nonce, 24)
  const view = new DataView(packet.buffer)
  for (const [at, fraction] of [
    [32, 0],
    [40, 0x8000_0000],
  ] as const) {
    view.setUint32(at, seconds)
    view.setUint32(at + 4, fraction)
  }
  for (const [at, ...bytes] of changes) packet.set(bytes, at)
  return packet
}

test('encodeNtpRequest: version 4, client, and nothing else but the nonce', () => {
  assert.equal(encodeHex(encodeNtpRequest(nonce)), `23${'00'.repeat(39)}0102030405060708`)
  assert.throws(() => encodeNtpRequest(new Uint8Array(7)), /want 8 random bytes, got 7/)
})

// Dates of RFC 5905, figure 4, with their seconds in the era.
for (const { date, seconds } of [
  { date: '1970-01-01', seconds: 2_208_988_800 },
  { date: '1972-01-01', seconds: 2_272_060_800 },
  { date: '1999-12-31', seconds: 3_155_587_200 },
  { date: '2036-02-08', seconds: 63_104 },
])
  test(`parseNtpResponse: ${date}`, () => {
    const ms = Date.parse(`${date}T00:00:00Z`)
    for (const nearMs of [ms, ms - 2e12, ms + 2e12])
      assert.deepEqual(parseNtpResponse(answer(seconds), nonce, nearMs), { receivedMs: ms, sentMs: ms + 500 })
  })

for (const { name, packet, code, message } of [
  { name: 'nothing', packet: new Uint8Array(0), code: 'SERVICE_RESPONSE_MALFORMED', message: /want 48 to 192 bytes, got 0$/ },
  { name: 'a byte too few', packet: answer(1).subarray(1), code: 'SERVICE_RESPONSE_MALFORMED', message: /got 47$/ },
  { name: 'far too much', packet: new Uint8Array(193), code: 'SERVICE_RESPONSE_MALFORMED', message: /got 193$/ },
  {
    name: 'a request',
    packet: answer(1, [0, 0x23]),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want mode 4 \(server\), got 3$/,
  },
  {
    name: 'version 2',
    packet: answer(1, [0, 0x14]),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want version 3 or 4, got 2$/,
  },
  {
    name: 'an answer to another',
    packet: answer(1, [31, 9]),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /not an answer to what was asked$/,
  },
  {
    name: 'a kiss of death',
    packet: answer(1, [1, 0], [12, 82, 65, 84, 69]),
    code: 'SERVICE_UNAVAILABLE',
    message: /does not want to be asked: "RATE"$/,
  },
  {
    name: 'a server without the time',
    packet: answer(1, [0, 0xe4]),
    code: 'SERVICE_UNAVAILABLE',
    message: /does not know the time itself$/,
  },
  {
    name: 'stratum 16',
    packet: answer(1, [1, 16]),
    code: 'SERVICE_UNAVAILABLE',
    message: /does not know the time itself$/,
  },
  {
    name: 'no time',
    packet: answer(1, [32, ...new Uint8Array(16)]),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /want a time, got none$/,
  },
])
  test(`parseNtpResponse: ${name} is refused`, () => assert.throws(() => parseNtpResponse(packet, nonce, 0), { code, message }))
