import { concatBytes, joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { type AmbientEffects, type AmbientProvider, audience, unavailable } from './provider.ts'

const defaultSocket = '/tmp/spire-agent/public/api.sock'
const method = '/SpiffeWorkloadAPI/FetchJWTSVID'
const answerLimitBytes = 64 << 10
const timeoutMs = 10_000

/**
 * SPIFFE: an agent on the machine gives workloads that it knows tokens over a Unix domain socket, by gRPC. The one call that is made has two
 * strings in it, so that it is written here rather than by a library.
 *
 * @see SPIFFE Workload API §6.2, `FetchJWTSVID`
 */
export const spiffe: AmbientProvider = {
  name: 'spiffe',
  isHere: ({ environment, exists }) => Boolean(environment.get('SPIFFE_ENDPOINT_SOCKET')) || exists(defaultSocket),
  token: async effects => readToken(await callAgent(effects, frame(encodeField(1, encodeUtf8(audience))))),
}

function socketOf({ environment }: AmbientEffects): string {
  const address = environment.get('SPIFFE_ENDPOINT_SOCKET') || defaultSocket
  if (address.startsWith('/')) return address
  const [, path] = /^unix:(?:\/\/)?(\/.*)$/.exec(address) ?? []
  if (path === undefined) throw unavailable('SPIFFE_ENDPOINT_SOCKET: want unix:///PATH, the only kind of address that is supported')
  return path
}

async function callAgent(effects: AmbientEffects, request: Uint8Array): Promise<Uint8Array> {
  const path = socketOf(effects)
  const { connect } = await import('node:http2')
  const socket = await effects.connectSocket(path)
  const session = connect('http://localhost', { createConnection: () => socket })
  const signal = AbortSignal.any([effects.signal, AbortSignal.timeout(timeoutMs)])
  try {
    return await new Promise((resolve, reject) => {
      const fail = (why: string, cause?: unknown) =>
        reject(new CountersignError('SERVICE_UNAVAILABLE', `SPIFFE agent at ${path}: ${why}`, { cause }))
      session.on('error', cause => fail('no connection', cause))
      const stream = session.request({
        ':method': 'POST',
        ':path': method,
        'content-type': 'application/grpc',
        te: 'trailers',
        'workload.spiffe.io': 'true', // without it agents refuse: no page in a browser can send it
      })
      const chunks: Uint8Array[] = []
      let [length, status] = [0, '']
      const noteStatus = (headers: Readonly<Record<string, unknown>>) => {
        status = String(headers['grpc-status'] ?? status)
      }
      stream.on('response', noteStatus)
      stream.on('trailers', noteStatus)
      stream.on('data', (chunk: Uint8Array) => {
        length += chunk.length
        if (length > answerLimitBytes) fail(`want at most ${answerLimitBytes} bytes`)
        else chunks.push(chunk)
      })
      stream.on('error', cause => fail('the call broke off', cause))
      stream.on('end', () => {
        if (status === '7') reject(unavailable(`SPIFFE agent at ${path}: it has no identity for this workload`))
        else if (status !== '0') fail(`want gRPC status 0, got ${status === '' ? 'none' : status.slice(0, 8)}`)
        else resolve(joinBytes(chunks))
      })
      signal.addEventListener(
        'abort',
        () => (effects.signal.aborted ? reject(effects.signal.reason) : fail(`no answer within ${timeoutMs} ms`)),
        { once: true },
      )
      stream.end(request)
    })
  } finally {
    session.destroy()
    socket.destroy()
  }
}

/** gRPC's frame: not compressed, four bytes of length, the message. */
function frame(message: Uint8Array): Uint8Array {
  const head = new Uint8Array(5)
  new DataView(head.buffer).setUint32(1, message.length)
  return concatBytes(head, message)
}

/** A protobuf field of bytes shorter than 128. */
function encodeField(number: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of((number << 3) | 2, bytes.length), bytes)
}

/** JWTSVIDResponse { repeated JWTSVID svids = 1 }, JWTSVID { spiffe_id = 1, svid = 2 }: the first, which is the workload's default. */
function readToken(answer: Uint8Array): string {
  if (answer.length < 5 || answer[0] !== 0 || new DataView(answer.buffer, answer.byteOffset).getUint32(1) !== answer.length - 5)
    throw malformed('want one message that is not compressed')
  const svid = fieldOf(answer.subarray(5), 1)
  const token = svid && fieldOf(svid, 2)
  if (!token) throw unavailable('SPIFFE agent: it gave no token')
  return new TextDecoder().decode(token)
}

/** The first field of this number among fields that hold bytes. */
function fieldOf(message: Uint8Array, wanted: number): Uint8Array | undefined {
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at)
    if ((tag.value & 7) !== 2) throw malformed('want fields of bytes alone')
    const length = readVarint(message, tag.end)
    const end = length.end + length.value
    if (end > message.length) throw malformed('a field ends after the message')
    if (tag.value >> 3 === wanted) return message.subarray(length.end, end)
    at = end
  }
  return undefined
}

function readVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0
  for (let at = start; at < Math.min(bytes.length, start + 4); at++) {
    value |= (bytes[at]! & 0x7f) << (7 * (at - start))
    if (bytes[at]! < 0x80) return { value, end: at + 1 }
  }
  throw malformed('a number does not end')
}

function malformed(problem: string): CountersignError {
  return new CountersignError('SERVICE_RESPONSE_MALFORMED', `SPIFFE agent: ${problem}`)
}
