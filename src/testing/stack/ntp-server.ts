import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** An NTP server on loopback, by UDP as any other. */
export type TestNtpServer = {
  readonly host: string
  readonly port: number
  /** What was asked so far. */
  readonly asked: () => number
  readonly close: () => void
}

/**
 * Starts a server that answers with the time it is told.
 *
 * @param timeMs - by its clock; nothing where it is to give no answer
 * @param change - alters each answer before it is sent
 */
export async function startNtpServer(
  timeMs: () => number | undefined,
  change: (packet: Uint8Array) => void = () => {},
): Promise<TestNtpServer> {
  const socket = createSocket('udp4')
  let asked = 0
  socket.on('message', (request, { port, address }) => {
    asked++
    const ms = timeMs()
    if (ms === undefined) return
    const answer = Buffer.alloc(48)
    answer.set([0x24, 2])
    request.copy(answer, 24, 40, 48)
    for (const at of [32, 40]) {
      answer.writeUInt32BE((Math.floor(ms / 1000) + 2_208_988_800) % 2 ** 32, at)
      answer.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32), at + 4)
    }
    change(answer)
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { host: '127.0.0.1', port: socket.address().port, asked: () => asked, close: () => void socket.close() }
}
