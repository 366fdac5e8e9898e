import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { cosign3, ours } from './harness/actor.ts'
import { runOk, tool } from './harness/command.ts'
import { converse } from './harness/converse.ts'
import { createPlace } from './harness/place.ts'
import { sigstoreJs } from './harness/sigstore-js.ts'
import { type StackServer, startStack } from './harness/stack.ts'

// People sign in to a stack for sigstore-js and sigstore for Python, which open a browser, or take a code that is pasted. services.md §6, 46.
// Each asks in its own way: another address to come back to, an empty secret, and Python signs with the access token.

const place = createPlace()
const user = { email: 'alice@example.com', password: 'correct horse battery' }
const opened = place.path('opened')
let stack: StackServer
before(async () => {
  stack = await startStack(place, user)
  writeFileSync(place.path('file'), 'what is signed\n')
  mkdirSync(place.path('bin'))
  writeFileSync(place.path('bin/browser'), `#!/bin/sh\nprintf %s "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`, { mode: 0o755 })
})
after(async () => {
  await stack?.stop()
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
async function signWithBrowser(run: Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 30_000
  const person = async () => {
    while (!existsSync(opened)) {
      if (Date.now() > deadline) throw new Error('no browser was opened within 30 s')
      await setTimeout(50)
    }
    assert.match(await signIn(readFileSync(opened, 'utf8')), /Sigstore Authentication/)
    rmSync(opened)
  }
  await Promise.all([run, person()])
}

/** By everybody: it is Alice's, on the word of the stack's issuer. */
async function assertAlices(bundle: string): Promise<void> {
  const who = ['--certificate-identity', user.email, '--certificate-oidc-issuer', stack.url]
  const trust = ['--trusted-root', stack.trust.trustedRoot, '--use-signed-timestamps', '--bundle', bundle, 'file']
  for (const actor of [ours, cosign3]) await runOk(place, actor.command(), ['verify-blob', ...who, ...trust])
}

const environment = { BROWSER: place.path('bin/browser') }

test('sigstore for Python opens a browser, and signs', async () => {
  const args = ['--trust-config', stack.services('client_trust_config', 'v1'), 'sign', '--bundle', 'python.json', 'file']
  await signWithBrowser(runOk(place, tool('sigstore-python'), args, { env: environment }))
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
  await signWithBrowser(
    runOk(place, sigstoreJs, ['attest', ...services, '-t', 'text/plain', '-o', 'js.json', 'file'], { env: environment }),
  )
  const trust = ['--tuf-mirror-url', `${stack.url}/tuf`, '--tuf-root-path', stack.trust.firstRoot]
  const who = ['--certificate-issuer', stack.url, '--certificate-identity-email', user.email]
  await runOk(place, sigstoreJs, ['verify', ...trust, ...who, 'js.json'])
})
