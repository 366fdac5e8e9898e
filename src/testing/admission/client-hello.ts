import { connect } from 'node:net'
import { concatBytes } from '../../codec/bytes.ts'

/** Cipher suites of TLS 1.2 by the names that OpenSSL has for them. Source: the IANA registry of TLS parameters. */
export const cipherSuites = {
  'ECDHE-ECDSA-AES128-GCM-SHA256': 0xc02b,
  'ECDHE-ECDSA-CHACHA20-POLY1305': 0xcca9,
  'ECDHE-ECDSA-AES128-SHA': 0xc009,
  'ECDHE-ECDSA-AES256-SHA384': 0xc024,
  'ECDHE-ECDSA-NULL-SHA': 0xc006,
  'AECDH-AES128-SHA': 0xc018,
  'AES128-GCM-SHA256': 0x009c,
  'AES128-SHA': 0x002f,
  'DES-CBC3-SHA': 0x000a,
} as const

export type CipherSuite = keyof typeof cipherSuites

/** Versions of TLS as they are written on the wire. */
export const tlsVersions = { 'TLS 1.0': 0x0301, 'TLS 1.1': 0x0302, 'TLS 1.2': 0x0303 } as const

/** How a server answers a first message: with a suite it has chosen, or with an alert by its number, or by hanging up. */
export type HelloAnswer =
  | { readonly kind: 'hello'; readonly suite: number }
  | { readonly kind: 'alert'; readonly description: number }
  | { readonly kind: 'closed' }

/**
 * Says hello to a server as a client that knows one version and these suites alone, which clients of today's libraries can no longer be.
 *
 * @see RFC 5246 §7.4.1.2
 */
export function sayHello(port: number, version: keyof typeof tlsVersions, suites: readonly CipherSuite[]): Promise<HelloAnswer> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write(clientHello(tlsVersions[version], suites)))
    let received: Uint8Array = new Uint8Array()
    socket.on('data', (piece: Uint8Array) => {
      received = concatBytes(received, piece)
      const answer = readAnswer(received)
      if (!answer) return
      resolve(answer)
      socket.destroy()
    })
    socket.on('error', () => resolve({ kind: 'closed' }))
    socket.on('close', () => resolve({ kind: 'closed' }))
  })
}

/** The first record of an answer, once all that is looked at of it is there. */
function readAnswer(received: Uint8Array): HelloAnswer | undefined {
  const sessionAt = 5 + 4 + 2 + 32 // record, handshake, version, random
  if (received[0] === 21 && received.length >= 7) return { kind: 'alert', description: received[6]! }
  const suiteAt = sessionAt + 1 + (received[sessionAt] ?? 0)
  if (received[0] !== 22 || received.length < suiteAt + 2) return undefined
  return { kind: 'hello', suite: received[suiteAt]! * 256 + received[suiteAt + 1]! }
}

function clientHello(version: number, suites: readonly CipherSuite[]): Uint8Array {
  const extensions = concatBytes(
    extension(0x000a, vector(2, u16(0x0017), u16(0x001d))), // groups: P-256, X25519
    extension(0x000b, vector(1, Uint8Array.of(0))), // points: uncompressed
    extension(0x000d, vector(2, ...[0x0403, 0x0804, 0x0401, 0x0203].map(u16))), // signatures: ECDSA, PSS and PKCS #1 with SHA-256, ECDSA with SHA-1
  )
  const body = concatBytes(
    u16(version),
    new Uint8Array(32).fill(7), // random
    vector(1), // no session
    vector(2, ...suites.map(name => u16(cipherSuites[name]))),
    vector(1, Uint8Array.of(0)), // no compression
    vector(2, extensions),
  )
  return concatBytes(Uint8Array.of(22), u16(0x0301), vector(2, Uint8Array.of(1, 0), vector(2, body)))
}

function extension(type: number, content: Uint8Array): Uint8Array {
  return concatBytes(u16(type), vector(2, content))
}

/** Octets behind their number, in so many octets. */
function vector(width: 1 | 2, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts)
  return concatBytes(width === 1 ? Uint8Array.of(content.length) : u16(content.length), content)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff)
}
