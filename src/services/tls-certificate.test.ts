import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connect } from 'node:tls'
import { listen } from './listen.ts'
import type { ServiceEvents } from './service.ts'
import { followCertificate, type TlsPair } from './tls-certificate.ts'

const pem = (name: string) => readFileSync(join(import.meta.dirname, '../../test/vectors/tls', name), 'utf8')
const pair = (name: string): TlsPair => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) })
const server = await listen(async () => new Response('served'), { tls: pair('server'), graceMs: 0, report: () => {} })
after(() => server.close())

/** The name of the certificate by which it is served now. */
function served(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(server.url.port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subjectaltname))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('a certificate that is replaced is served from the next look on; one that cannot be used is left aside, and said once', async () => {
  const before = await served()
  const minutes: (() => void)[] = []
  const logged: string[] = []
  const events: ServiceEvents = {
    count: () => {},
    observe: () => {},
    log: (level, message, facts) => logged.push(`${level} ${message}: ${facts?.['reason']}`),
    audit: action => logged.push(action),
  }
  const asleep = () => new Promise<void>(resolve => setImmediate(resolve))
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      assert.equal(ms, 60_000)
      minutes.push(resolve)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  let found: TlsPair | Error = pair('server')
  const load = async (): Promise<TlsPair> => {
    if (found instanceof Error) throw found
    return found
  }
  const ending = new AbortController()
  const following = followCertificate(pair('server'), load, server.renew, { sleep }, events, ending.signal)
  const minute = async (next: TlsPair | Error): Promise<string> => {
    found = next
    minutes.pop()!()
    while (minutes.length === 0) await asleep()
    return await served()
  }
  assert.equal(await minute(pair('server')), before)
  assert.deepEqual(logged, [])
  for (let times = 0; times < 2; times++) assert.equal(await minute({ cert: pem('elsewhere.pem'), key: pem('server.key') }), before)
  assert.equal(logged.length, 1)
  assert.match(logged.pop()!, /^error the TLS certificate was replaced by one that cannot be used: .*key/i)
  assert.equal(await minute(new Error('tls.pem is not there')), before)
  assert.match(logged.pop()!, /tls\.pem is not there/)
  assert.match(await minute(pair('elsewhere')), /elsewhere\.example/)
  assert.deepEqual(logged, ['tls-certificate-renewed'])
  ending.abort()
  await following
})
