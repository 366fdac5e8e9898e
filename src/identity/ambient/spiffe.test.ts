import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { AmbientEffects } from './provider.ts'
import { spiffe } from './spiffe.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-spiffe-'))
after(() => rmSync(folder, { recursive: true }))

const field = (number: number, bytes: Buffer) => {
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}
const frame = (message: Buffer) => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
const svid = (token: string) => field(1, Buffer.concat([field(1, Buffer.from('spiffe://domain.test/app')), field(2, Buffer.from(token))]))

/** Runs the provider against an agent of the tests. */
async function tokenFrom(
  answer: Buffer,
  status: string,
): Promise<{ readonly token: Promise<string>; readonly asked: () => readonly string[] }> {
  const path = join(folder, `agent-${status}-${answer.length}.sock`)
  const asked: string[] = []
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      asked.push(`${headers[':path']} ${headers['workload.spiffe.io']} ${Buffer.concat(chunks).toString('hex')}`)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
      stream.end(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  const effects = {
    environment: new Map([['SPIFFE_ENDPOINT_SOCKET', `unix://${path}`]]),
    signal: new AbortController().signal,
    connectSocket: async (socket: string) => connect(socket),
  } as unknown as AmbientEffects
  const token = spiffe.token(effects).finally(() => server.close())
  return { token, asked: () => asked }
}

for (const { name, answer, status = '0', token, code, message } of [
  { name: 'the first token', answer: frame(Buffer.concat([svid('T'), svid('U')])), token: 'T' },
  { name: 'a token of usual length', answer: frame(svid('x'.repeat(900))), token: 'x'.repeat(900) },
  {
    name: 'a workload that the agent does not know',
    answer: Buffer.alloc(0),
    status: '7',
    code: 'TOKEN_UNAVAILABLE',
    message: /has no identity for this workload/,
  },
  {
    name: 'an agent that fails',
    answer: Buffer.alloc(0),
    status: '13',
    code: 'SERVICE_UNAVAILABLE',
    message: /want gRPC status 0, got 13/,
  },
  { name: 'no token', answer: frame(Buffer.alloc(0)), code: 'TOKEN_UNAVAILABLE', message: /it gave no token/ },
  { name: 'half a message', answer: frame(svid('T')).subarray(0, 20), code: 'SERVICE_RESPONSE_MALFORMED', message: /want one message/ },
  {
    name: 'a field past the end',
    answer: frame(Buffer.from([0x0a, 0x7f, 0x01])),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /ends after the message/,
  },
  {
    name: 'a number without end',
    answer: frame(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff])),
    code: 'SERVICE_RESPONSE_MALFORMED',
    message: /does not end/,
  },
] as const)
  test(`spiffe: ${name}`, async () => {
    const { token: given, asked } = await tokenFrom(answer as Buffer, status ?? '0')
    if (code) await assert.rejects(given, { code, message })
    else assert.equal(await given, token)
    assert.deepEqual(asked(), ['/SpiffeWorkloadAPI/FetchJWTSVID true 000000000a0a0873696773746f7265'])
  })
