import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createIssuer, hashPassword, type Issuer, memoryKeyStore } from '../../src/services/issuer/issuer.ts'
import { type Listener, listen } from '../../src/services/listen.ts'
import { type Command, type Ended, runOk, tool } from './harness/command.ts'
import { converse } from './harness/converse.ts'
import { createPlace } from './harness/place.ts'
import { type SigstoreServer, startSigstore } from './harness/sigstore.ts'

// Real cosign gets its token from our issuer, without a terminal: by the device flow, and as a program. services.md §12, 45.

const place = createPlace()
const random = (length: number) => new Uint8Array(randomBytes(length))
const password = 'correct horse'
const secret = 'a-secret-of-a-program'
let sigstore: SigstoreServer
let listener: Listener
let issuer: Issuer
let url: string
const polls: string[] = []

before(async () => {
  sigstore = await startSigstore(place)
  const handler = async (request: Request): Promise<Response> => {
    const response = await issuer.handler(request)
    if (new URL(request.url).pathname === '/token') polls.push(`${response.status} ${await response.clone().text()}`)
    return response
  }
  listener = await listen(handler, { graceMs: 100, report: error => assert.fail(String(error)) })
  url = listener.url.origin
  const users = [{ email: 'alice@example.com', passwordHash: await hashPassword(password, random) }]
  const clients = [{ id: 'robot', secret, email: 'robot@example.com' }]
  issuer = await createIssuer({ url, users, clients, deviceIntervalSeconds: 1 }, memoryKeyStore(), {
    now: () => new Date(),
    randomBytes: random,
  })
  writeFileSync(place.path('blob'), 'content')
  writeFileSync(place.path('secret'), secret)
})
after(async () => {
  await listener.close()
  await sigstore.close()
  place.remove()
})

const signers = [
  { name: 'cosign 2', command: () => tool('cosign-2'), flags: [] },
  { name: 'cosign 3', command: () => tool('cosign-3'), flags: ['--use-signing-config=false', '--new-bundle-format=false'] },
]

function flagsOf(name: string): readonly string[] {
  const { url: sigstoreUrl } = sigstore
  const outputs = ['--output-signature', place.path(`${name}.sig`), '--output-certificate', place.path(`${name}.pem`)]
  return ['sign-blob', '--yes', '--fulcio-url', sigstoreUrl, '--rekor-url', sigstoreUrl, '--oidc-issuer', url, ...outputs]
}

/** Signs the blob with cosign, and lets `answer` go where it says. */
function signIn(
  command: Command,
  args: readonly string[],
  told: RegExp,
  answer: (address: string) => Promise<string>,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return converse(place, command, [...args, place.path('blob')], { told, answer, env: { ...sigstore.variables, ...env } })
}

const deviceAddress = /code [A-Z]{4}-[A-Z]{4} in your browser at:? (http\S+)/

/** A browser: cookies by path, forms by their hidden fields. */
async function browse(
  steps: readonly ((html: string, address: string) => { readonly address: string; readonly form: Record<string, string> })[],
  start: string,
) {
  const cookies = new Map<string, { value: string; path: string }>()
  const visit = async (address: string, form?: Record<string, string>): Promise<{ html: string; address: string }> => {
    const { pathname } = new URL(address)
    const cookie = [...cookies].filter(([, { path }]) => pathname.startsWith(path)).map(([name, { value }]) => `${name}=${value}`)
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { cookie: cookie.join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = '', path = ''] = /^([^=]+)=([^;]*);.*?path=([^;]+)/i.exec(line) ?? []
      cookies.set(name, { value, path })
    }
    const location = response.headers.get('location')
    return location === null ? { html: await response.text(), address } : visit(new URL(location, address).href)
  }
  let page = await visit(start)
  for (const step of steps) {
    const { address, form } = step(page.html, page.address)
    page = await visit(address, form)
  }
  return page.html
}

function hidden(html: string): Record<string, string> {
  return Object.fromEntries([...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]))
}

const open = (html: string) => ({ address: `${url}/device`, form: hidden(html) })
const confirm = open
const logIn = (_: string, address: string) => ({ address, form: { email: 'alice@example.com', password, action: 'login' } })
const cancel = (_: string, address: string) => ({ address, form: { action: 'abort' } })

for (const { name, command, flags } of signers)
  describe(name, () => {
    test('waits for its user, and signs', async () => {
      polls.length = 0
      const { code, stderr } = await signIn(command(), [...flagsOf(name), ...flags], deviceAddress, async address => {
        assert.match(await browse([open, confirm, logIn], address), /You can close this page/)
        return ''
      })
      assert.equal(code, 0, stderr)
      assert.ok(
        polls.some(poll => poll.startsWith('400 {"error":"authorization_pending"')),
        polls.join('\n'),
      )
      const who = ['--certificate-identity', 'alice@example.com', '--certificate-oidc-issuer', url]
      const signed = ['--signature', place.path(`${name}.sig`), '--certificate', place.path(`${name}.pem`)]
      const verifying = name === 'cosign 3' ? ['--new-bundle-format=false'] : []
      await runOk(place, command(), ['verify-blob', ...verifying, '--rekor-url', sigstore.url, ...who, ...signed, place.path('blob')], {
        env: sigstore.variables,
      })
    })

    test('is told that its user said no', async () => {
      const { code, stderr } = await signIn(command(), [...flagsOf(name), ...flags], deviceAddress, async address => {
        assert.match(await browse([open, confirm, cancel], address), /Cancelled/)
        return ''
      })
      assert.notEqual(code, 0)
      assert.match(stderr, /access_denied|denied/)
    })

    test('opens a browser, and signs', async () => {
      const browser = place.path('bin')
      mkdirSync(browser, { recursive: true })
      writeFileSync(join(browser, 'xdg-open'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
      const env = { PATH: `${browser}:${place.env['PATH']}` }
      const args = [...flagsOf(`${name} browser`), ...flags, '--fulcio-auth-flow', 'normal']
      const { code, stderr } = await signIn(
        command(),
        args,
        /opened to:\s+(\S+)\n/,
        async address => {
          assert.match(new URL(address).searchParams.get('redirect_uri')!, /^http:\/\/localhost:[0-9]+\/auth\/callback$/)
          await browse([logIn], address)
          return ''
        },
        env,
      )
      assert.equal(code, 0, stderr)
    })

    test('reads a code that its user pastes, and signs', async () => {
      const args = [...flagsOf(`${name} pasted`), ...flags, '--fulcio-auth-flow', 'normal']
      const { code, stderr } = await signIn(
        command(),
        args,
        /link in a browser:\s+(\S+)\n/,
        async address => {
          assert.equal(new URL(address).searchParams.get('redirect_uri'), 'urn:ietf:wg:oauth:2.0:oob')
          return `${/<code>([\w-]+)<\/code>/.exec(await browse([logIn], address))![1]}\n`
        },
        { PATH: '/nowhere' },
      )
      assert.equal(code, 0, stderr)
    })

    test('signs as a program', async () => {
      const who = [
        '--fulcio-auth-flow',
        'client_credentials',
        '--oidc-client-id',
        'robot',
        '--oidc-client-secret-file',
        place.path('secret'),
      ]
      await runOk(place, command(), [...flagsOf(`${name} robot`), ...flags, ...who, place.path('blob')], { env: sigstore.variables })
    })
  })
