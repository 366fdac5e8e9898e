import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { runOrDie } from '../../scripts/process.ts'
import { probeToken } from '../../src/services/stack/probe.ts'
import { cosign3 } from './harness/actor.ts'
import { type Command, countersign, type Ended, run } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { createPrivateMachine, type PrivateMachine } from './harness/private-machine.ts'
import { type StackProcess, startStack, stopStack } from './harness/stack-process.ts'

// A stack that others reach, by TLS of its own: https://sigstore.example.com on port 443 of a machine of its own, which has another address
// beside loopback and nobody to talk to.

const place = createPlace()
const url = 'https://sigstore.example.com'
const trusting = { SSL_CERT_FILE: place.path('ca.pem') }
let machine: PrivateMachine
let stack: StackProcess | undefined

const there = (command: Command, args: readonly string[], env: Readonly<Record<string, string>> = trusting): Promise<Ended> =>
  run(place, [...machine.within, ...command] as unknown as Command, args, { env })
const good = async (...asked: Parameters<typeof there>): Promise<Ended> => {
  const ended = await there(...asked)
  assert.equal(ended.code, 0, ended.stderr)
  return ended
}
const openssl = (...args: readonly string[]) => runOrDie('openssl', args, { cwd: place.folder })
const newKey = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']

before(async () => {
  writeFileSync(place.path('file'), 'what is signed')
  writeFileSync(place.path('hosts'), '127.0.0.1 localhost\n192.0.2.1 sigstore.example.com\n')
  await openssl(...newKey, '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  machine = await createPrivateMachine(
    place,
    ['mount', 'net'],
    `ip link set lo up; ip address add 192.0.2.1/32 dev lo; mount --bind ${place.path('hosts')} /etc/hosts`,
  )
  await good(countersign(), ['stack', 'init', '--data', 'stack', '--root-keys', 'roots', '--url', url, '--operator', 'example.com'])
})
after(async () => {
  if (stack) await stopStack(stack)
  machine.end()
  place.remove()
})

const configure = (listen: string) => {
  const path = place.path('stack/stack.yaml')
  const text = readFileSync(path, 'utf8').replace(/^listen:.*\n/m, '')
  writeFileSync(path, `${text.trimEnd()}\nlisten: ${listen}\n`)
}

test('an address that others reach is refused without a certificate', async () => {
  configure('{ address: "192.0.2.1:443" }')
  const { code, stderr } = await there(countersign(), ['stack', 'up', '--data', 'stack'])
  assert.equal(code, 3)
  assert.match(stderr, /listen\.address: want certificate and key for an address that others reach, got "192\.0\.2\.1" alone/)
})

test('with one it serves there, and cosign and countersign sign and verify by https alone', async () => {
  const names = ['-addext', 'subjectAltName=DNS:sigstore.example.com', '-addext', 'basicConstraints=critical,CA:FALSE']
  const signed = ['-subj', '/CN=sigstore.example.com', '-CA', 'ca.pem', '-CAkey', 'ca.key']
  await openssl(...newKey, ...signed, ...names, '-keyout', 'stack/tls.key', '-out', 'stack/tls.pem')
  configure('{ address: "192.0.2.1:443", certificate: tls.pem, key: tls.key }')
  stack = await startStack(place, ['--data', 'stack'], machine)
  assert.equal(stack.url, url)
  const clients = [cosign3.command(), countersign()]
  const initialize = ['initialize', '--mirror', `${url}/tuf`, '--root', `${url}/tuf/1.root.json`]
  for (const client of clients) {
    const refused = await there(client, initialize, {})
    assert.match(refused.stderr, /certificate/, 'whoever does not know the authority of its certificate talks to nobody')
    assert.notEqual(refused.code, 0)
    await good(client, initialize)
  }
  for (const [at, client] of clients.entries()) {
    await good(client, ['sign-blob', '--yes', '--identity-token', await token(), '--bundle', `${at}.json`, 'file'])
    const identity = ['--certificate-identity', 'doctor@sigstore.example.com', '--certificate-oidc-issuer', url]
    for (const verifier of clients) await good(verifier, ['verify-blob', '--bundle', `${at}.json`, ...identity, 'file'])
  }
  await good(countersign(), ['stack', 'doctor', '--data', 'stack'])
})

test('who asks there without TLS gets no answer', async () => {
  const { code, stderr } = await there(['curl', '-sS'], ['--max-time', '10', 'http://sigstore.example.com:443/readyz'])
  assert.equal(code, 52, stderr) // empty reply from server
})

/** By the keys of the stack's own issuer, as `stack doctor` has it. */
async function token(): Promise<string> {
  const passphrase = new TextEncoder().encode(place.env['COSIGN_PASSWORD'])
  const world = { now: () => new Date(), randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }
  return (await probeToken(place.path('stack'), { url: new URL(url) }, passphrase, world)).literal
}
