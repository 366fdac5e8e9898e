import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Listener, listen } from '../../src/services/listen.ts'
import { cosign3, ours } from './harness/actor.ts'
import { type Command, runOk, tool } from './harness/command.ts'
import { converse } from './harness/converse.ts'
import { createPlace } from './harness/place.ts'
import { sigstoreJs } from './harness/sigstore-js.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// People sign in to a stack for sigstore-js and sigstore for Python, which open a browser, or take a code that is pasted. services.md §6, 46.
// Each asks in its own way: another address to come back to, an empty secret, and Python signs with the access token.

const place = createPlace()
const user = { email: 'alice@example.com', password: 'correct horse battery' }
let stack: StackServer
let desk: Listener
let opened = Promise.withResolvers<string>()
before(async () => {
  stack = await startStack(place, user)
  writeFileSync(place.path('file'), 'what is signed\n')
  const handler = async (request: Request) => {
    opened.resolve(await request.text())
    return new Response()
  }
  desk = await listen(handler, { graceMs: 100, report: error => assert.fail(String(error)) })
  // what opens pages: it says which, and the person goes there
  writeFileSync(place.path('browser'), `#!/bin/sh\nexec curl -sS --data-binary "$1" ${desk.url.origin}\n`, { mode: 0o755 })
})
after(async () => {
  await stack?.stop()
  await desk?.close()
  place.remove()
})

/** Signs in with a browser that keeps cookies by path and follows where it is sent; gives the page at the end. */
async function signIn(start: string): Promise<string> {
  const cookies = new Map<string, { readonly value: string; readonly path: string }>()
  const visit = async (address: string, form?: Record<string, string>): Promise<{ readonly html: string; readonly address: string }> => {
    const { pathname, host } = new URL(address)
    const known = [...cookies].filter(([, { path }]) => host === new URL(stack.url).host && pathname.startsWith(path))
    const headers = { cookie: known.map(([name, { value }]) => `${name}=${value}`).join('; ') }
    const response = await fetch(address, { redirect: 'manual', headers, ...(form && { method: 'POST', body: new URLSearchParams(form) }) })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = '', path = ''] = /^([^=]+)=([^;]*);.*?path=([^;]+)/i.exec(line) ?? []
      cookies.set(name, { value, path })
    }
    const location = response.headers.get('location')
    return location === null ? { html: await response.text(), address } : visit(new URL(location, address).href)
  }
  const { address } = await visit(start)
  assert.match(address, /\/login\//)
  return (await visit(address, { ...user, action: 'login' })).html
}

/** Runs a client that opens a browser, and signs in with it. */
async function signWithBrowser(command: Command, args: readonly string[]): Promise<void> {
  opened = Promise.withResolvers()
  const running = runOk(place, command, args, { env: { BROWSER: place.path('browser') } })
  const address = await Promise.race([opened.promise, running.then(() => assert.fail('it ended without a browser'))])
  assert.match(await signIn(address), /Sigstore Authentication/)
  await running
}

/** By everybody: it is Alice's, on the word of the stack's issuer. */
async function assertAlices(bundle: string): Promise<void> {
  const who = ['--certificate-identity', user.email, '--certificate-oidc-issuer', stack.url]
  const trust = ['--trusted-root', stack.trust.trustedRoot, '--use-signed-timestamps', '--bundle', bundle, 'file']
  for (const actor of [ours, cosign3]) await runOk(place, actor.command(), ['verify-blob', ...who, ...trust])
}

test('sigstore for Python opens a browser, and signs', async () => {
  const args = ['--trust-config', stack.services('client_trust_config', 'v1'), 'sign', '--bundle', 'python.json', 'file']
  await signWithBrowser(tool('sigstore-python'), args)
  await assertAlices('python.json')
})

test('sigstore for Python reads a code that is pasted, and signs', async () => {
  const args = [
    '--trust-config',
    stack.services('client_trust_config', 'v1'),
    'sign',
    '--oauth-force-oob',
    '--bundle',
    'pasted.json',
    'file',
  ]
  const { code, stderr } = await converse(place, tool('sigstore-python'), args, {
    told: /link in a browser:\s+(\S+)\n/,
    answer: async address => `${/<code>([\w-]+)<\/code>/.exec(await signIn(address))![1]}\n`,
  })
  assert.equal(code, 0, stderr)
  await assertAlices('pasted.json')
})

test('sigstore attest opens a browser, and signs', async () => {
  const services = ['--oidc-issuer', stack.url, '--fulcio-url', stack.url, '--rekor-url', stack.url, '--tsa-server-url', stack.url]
  await signWithBrowser(sigstoreJs, ['attest', ...services, '-t', 'text/plain', '-o', 'js.json', 'file'])
  const trust = ['--tuf-mirror-url', `${stack.url}/tuf`, '--tuf-root-path', stack.trust.firstRoot]
  const who = ['--certificate-issuer', stack.url, '--certificate-identity-email', user.email]
  await runOk(place, sigstoreJs, ['verify', ...trust, ...who, 'js.json'])
})
