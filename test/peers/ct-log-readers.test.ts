import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { listen } from '../../src/services/listen.ts'
import { type Ended, run, runOk, tool } from './harness/command.ts'
import { type ListedLog, spotLog } from './harness/ct-log-readers.ts'
import { createPlace } from './harness/place.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// Readers of certificate logs that share no code with ours read the log of a stack: sunlight's client the tiles, certificate-transparency-go
// and Cert Spotter the older interface. services.md §2 and §12, 19. tools/ct-reader runs the first two, and says what they verified.

const place = createPlace()
let stack: StackServer
let log: ListedLog
before(async () => {
  stack = await startStack(place)
  const [{ baseUrl, logId, publicKey }] = JSON.parse(readFileSync(stack.trust.trustedRoot, 'utf8')).ctlogs
  log = { url: baseUrl, logId: logId.keyId, key: publicKey.rawBytes }
  await grow(3)
})
after(async () => {
  await stack.stop()
  place.remove()
})

/** Certificates by Fulcio, each logged before it is handed out; the files are named by their order. */
let issued = 0
async function grow(to: number): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const token = await stack.token()
  const { sub } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  const publicKeyRequest = {
    publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
    proofOfPossession: sign('sha256', Buffer.from(sub), privateKey).toString('base64'),
  }
  const body = JSON.stringify({ credentials: { oidcIdentityToken: token }, publicKeyRequest })
  const headers = { 'content-type': 'application/json' }
  while (issued < to) {
    const response = await fetch(`${stack.url}/api/v2/signingCert`, { method: 'POST', headers, body })
    assert.equal(response.status, 200)
    const answer = (await response.json()) as { signedCertificateEmbeddedSct: { chain: { certificates: [string] } } }
    writeFileSync(place.path(`certificate-${issued++}.pem`), answer.signedCertificateEmbeddedSct.chain.certificates[0])
  }
}

/** What tools/ct-reader prints of a log that it could verify. */
type Seen = { readonly size: number; readonly root: string; readonly [more: string]: unknown }

const reader = (...args: readonly string[]): Promise<Ended> => run(place, tool('ct-reader'), args)
async function read(...args: readonly string[]): Promise<Seen> {
  return JSON.parse((await runOk(place, tool('ct-reader'), args)).stdout)
}
const certificates = (...at: readonly number[]) => at.map(index => `certificate-${index}.pem`)

/** Every reader, for a log of so many entries, which has begun as it was before. */
async function readByAll(size: number, before: Seen | undefined, at: readonly number[]): Promise<Seen> {
  const issuers = ['CN=Sigstore intermediate,O=127.0.0.1', 'CN=Sigstore root,O=127.0.0.1']
  const tiles = await read('tiles', log.url, stack.trust.ctLog, ...certificates(...at))
  const { root } = tiles
  const origin = new URL(log.url).host + new URL(log.url).pathname
  assert.deepEqual(tiles, { origin, size, root, precertificates: size, issuers, indexes: at, proven: at.length, acceptedRoots: 0 })
  const older = await read('rfc6962', log.url, stack.trust.ctLog, ...(before ? [`${before.size}`, before.root] : []))
  assert.deepEqual(older, { size, root, precertificates: size, issuers, proven: 3, acceptedRoots: 1, ...(before && { consistent: true }) })
  const { verified_position: position, verified_sth: head } = await spotLog(place, log, size)
  assert.deepEqual([position.size, head.tree_size, head.sha256_root_hash], [size, size, Buffer.from(root, 'hex').toString('base64')])
  return tiles
}

describe('a log of a stack', () => {
  let first: Seen
  test('is read from tiles, by the older interface and by Cert Spotter, to the same root', async () => {
    first = await readByAll(3, undefined, [0, 1, 2])
  })

  test('is read on when it has grown over the first full tile', async () => {
    await grow(260)
    await readByAll(260, first, [0, 255, 256, 259])
  })

  test('is not taken for that of another key', async () => {
    writeFileSync(
      place.path('other.pub'),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }),
    )
    for (const mode of ['tiles', 'rfc6962']) {
      const { code, stderr } = await reader(mode, log.url, 'other.pub')
      assert.equal(code, 1, `${mode}: ${stderr}`)
    }
  })
})

/** The log by way of somebody who changes what is found at a path. */
async function withLiar<Result>(path: RegExp, change: (body: Buffer) => Buffer, ask: (url: string) => Promise<Result>): Promise<Result> {
  const liar = await listen(
    async request => {
      const { pathname, search } = new URL(request.url)
      const response = await fetch(`${stack.url}${pathname}${search}`)
      const body = Buffer.from(await response.arrayBuffer())
      const headers = { 'content-type': response.headers.get('content-type') ?? '' }
      return new Response(new Uint8Array(path.test(pathname) ? change(body) : body), { status: response.status, headers })
    },
    { graceMs: 100, report: error => assert.fail(String(error)) },
  )
  try {
    return await ask(`${liar.url.origin}/ct`)
  } finally {
    await liar.close()
  }
}

const flip = (bytes: Buffer, at: number) => {
  bytes[at]! ^= 1
  return bytes
}
const flipHundredth = (bytes: Buffer) => flip(bytes, 100)
/** The time in a leaf that is not asked a proof of. */
const flipTime = (json: Buffer) => {
  const answer = JSON.parse(json.toString())
  answer.entries[1].leaf_input = flip(Buffer.from(answer.entries[1].leaf_input, 'base64'), 9).toString('base64')
  return Buffer.from(JSON.stringify(answer))
}

for (const { what, mode, path, change = flipHundredth, why } of [
  { what: 'a tile of entries', mode: 'tiles', path: /\/tile\/data\/000$/, why: /hash mismatch for entry 0/ },
  { what: 'a tile of hashes', mode: 'tiles', path: /\/tile\/0\//, why: /inconsistent tile/ },
  { what: 'an authority', mode: 'tiles', path: /\/issuer\//, why: /wrong issuer/ },
  { what: 'an entry of the older interface', mode: 'rfc6962', path: /\/get-entries$/, change: flipTime, why: /entries lead to root/ },
])
  test(`the readers see it where one bit is changed in ${what}`, async () => {
    const { code, stderr } = await withLiar(path, change, url => reader(mode, url, stack.trust.ctLog))
    assert.equal(code, 1)
    assert.match(stderr, why)
  })

test('the readers do not mind by whom the log comes', async () => {
  for (const mode of ['tiles', 'rfc6962'])
    assert.equal((await withLiar(/^$/, flipHundredth, url => reader(mode, url, stack.trust.ctLog))).code, 0)
})
