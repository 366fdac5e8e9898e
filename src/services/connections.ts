import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Why a connection was ended, or never taken, for what its client did or did not do:
 * - `displaced`: it waited for its client, and others came for whom there was no room
 * - `refused`: there was no room, and no other one waited for its client
 * - `late`: its request did not come whole in time, or its TLS handshake
 * - `silent`: nothing came or went for too long
 * - `slow`: its client did not take the answer in time
 * - `ahead`: it sent more requests than it may ahead of their answers
 * - `malformed`: it does not speak HTTP, or TLS where that is wanted
 */
export type ConnectionEnd = 'displaced' | 'refused' | 'late' | 'silent' | 'slow' | 'ahead' | 'malformed'

/** What clients may take of a server's connections. */
export type ConnectionLimits = {
  readonly connections: number // open at once
  /** Requests that one connection may send ahead of their answers. Clients send none; whoever sends thousands would keep all others waiting. */
  readonly ahead: number
  /** For a client to take what was written of an answer, before more is. */
  readonly answerMs: number
}

/** The connections of a server, as it answers on them. */
export type Connections = {
  /** Takes note of a request under way, until its answer is closed. False where the connection was ended for it. */
  readonly begin: (message: IncomingMessage, reply: ServerResponse) => boolean
  /** Ends the connection unless its client takes what was written of the answer in time; what it returns calls that off. */
  readonly expectTaken: (reply: ServerResponse) => () => void
  /** Ends each connection on which no request is under way, and the others after their last answer: the server closes. */
  readonly windDown: () => void
}

type Exchange = { readonly message: IncomingMessage; readonly reply: ServerResponse }

/** One that is open: `socket` is the outermost, of TLS where that is spoken. */
type Connection = { socket: Socket; readonly peer: string; readonly exchanges: Set<Exchange> }

/**
 * Keeps a server open to new clients, whatever those do that it has. Where there is no room for a connection, another one gives way that waits
 * for its client: between requests, before one has come whole, or because nobody takes its answer. Of those it is one of the address that has
 * the most connections, where it has such, and of these the one whose last request or answer is the longest ago. So whoever holds on to
 * connections, however many, loses them to others; what is being worked on is never ended.
 *
 * @param onEnd - is told of each connection that was ended, but of those that were merely not used again
 */
export function keepConnections(
  server: Server,
  { connections: limit, ahead, answerMs }: ConnectionLimits,
  onEnd: (why: ConnectionEnd) => void,
): Connections {
  const open = new Set<Connection>() // the one whose last request or answer is the longest ago is the first
  const ofSocket = new WeakMap<Socket, Connection>()
  const ofPeer = new Map<string, number>()

  let isWindingDown = false

  const end = (connection: Connection, why: ConnectionEnd): void => {
    onEnd(why)
    forget(connection)
    connection.socket.destroy()
  }
  const forget = (connection: Connection): void => {
    if (!open.delete(connection)) return
    const left = ofPeer.get(connection.peer)! - 1
    if (left > 0) ofPeer.set(connection.peer, left)
    else ofPeer.delete(connection.peer)
  }
  const touch = (connection: Connection): void => {
    if (open.delete(connection)) open.add(connection)
  }
  const makeRoom = (): boolean => {
    const most = Math.max(...ofPeer.values())
    let first: Connection | undefined
    for (const connection of open) {
      if (!waitsForClient(connection)) continue
      first ??= connection
      if (ofPeer.get(connection.peer) !== most) continue
      first = connection
      break
    }
    if (first) end(first, 'displaced')
    return first !== undefined
  }

  server.on('connection', (socket: Socket) => {
    if (open.size >= limit && !makeRoom()) {
      onEnd('refused')
      socket.destroy()
      return
    }
    const connection = { socket, peer: peerOf(socket.remoteAddress ?? ''), exchanges: new Set<Exchange>() }
    open.add(connection)
    ofPeer.set(connection.peer, (ofPeer.get(connection.peer) ?? 0) + 1)
    ofSocket.set(socket, connection)
    socket.once('close', () => forget(connection))
  })
  server.on('secureConnection', (socket: Socket) => {
    const { remoteAddress, remotePort } = socket
    if (remotePort === undefined) return // it is gone already
    const connection = [...open].findLast(({ socket: raw }) => raw.remotePort === remotePort && raw.remoteAddress === remoteAddress)
    if (!connection) return
    connection.socket = socket
    ofSocket.set(socket, connection)
    socket.once('close', () => forget(connection))
  })
  server.on('timeout', (socket: Socket) => {
    const connection = ofSocket.get(socket)
    if (connection && connection.exchanges.size > 0) end(connection, 'silent')
    else socket.destroy()
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { code = '' } = error
    const isHttp = code.startsWith('HPE_') || code.startsWith('ERR_HTTP_') // otherwise it is TLS that was not agreed on, or the client is gone
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT') onEnd('late')
    else if (code !== 'ECONNRESET' && code !== 'EPIPE') onEnd('malformed')
    const isAnswered = [...(ofSocket.get(socket)?.exchanges ?? [])].some(({ reply }) => reply.headersSent)
    if (!isHttp || !socket.writable || isAnswered) socket.destroy()
    else socket.end(refusals[code] ?? refusals.other, () => socket.destroy())
  })

  return {
    begin: (message, reply) => {
      const connection = ofSocket.get(message.socket)
      if (!connection) return true
      const exchange = { message, reply }
      connection.exchanges.add(exchange)
      touch(connection)
      reply.once('close', () => {
        connection.exchanges.delete(exchange)
        touch(connection)
        if (isWindingDown && connection.exchanges.size === 0) connection.socket.destroySoon()
      })
      if (connection.exchanges.size <= ahead) return true
      end(connection, 'ahead')
      return false
    },
    expectTaken: reply => {
      const connection = reply.socket ? ofSocket.get(reply.socket) : undefined
      if (!connection || reply.writableLength === 0) return () => {}
      const timer = setTimeout(() => end(connection, 'slow'), answerMs)
      const callOff = (): void => {
        clearTimeout(timer)
        reply.off('close', callOff)
      }
      reply.once('close', callOff)
      return callOff
    },
    windDown: () => {
      isWindingDown = true
      for (const { socket, exchanges } of open) if (exchanges.size === 0) socket.destroy()
    },
  }
}

/**
 * Whom connections from an address are counted for. Of IPv6 it is the network of 64 bits, of which whoever has one address has all; IPv4 in
 * IPv6's form is IPv4.
 */
export function peerOf(address: string): string {
  const [, ipv4] = /^::ffff:([0-9.]+)$/i.exec(address) ?? []
  if (ipv4 !== undefined || !address.includes(':')) return ipv4 ?? address
  const [before = '', after] = address.split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const [first, last] = [groups(before), groups(after)]
  return [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last].slice(0, 4).join(':')
}

/** Whether nothing of ours is under way on it. */
function waitsForClient({ exchanges }: Connection): boolean {
  for (const { message, reply } of exchanges) if (message.complete && !(reply.headersSent && reply.writableLength > 0)) return false
  return true
}

/** What a client that cannot be understood is told, as Node does. */
const refusals: Readonly<Record<string, string>> & { readonly other: string } = {
  ERR_HTTP_REQUEST_TIMEOUT: 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n',
  HPE_HEADER_OVERFLOW: 'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n',
  other: 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
}
