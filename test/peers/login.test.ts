import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createProcessSystem } from '../../src/cli/process/process-system.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { type Handler, type Listener, listen } from '../../src/services/listen.ts'
import { noEvents } from '../../src/services/service.ts'
import { openStack, type Stack } from '../../src/services/stack/stack.ts'
import { type Actor, cosign2, cosign3, ours } from './harness/actor.ts'
import { launchChromium } from './harness/browser.ts'
import { countersign, type Ended, run, runOk } from './harness/command.ts'
import { converse } from './harness/converse.ts'
import { createPlace } from './harness/place.ts'
import { type Server, startServer } from './harness/server.ts'

// A person signs in to a whole stack in Chromium, for countersign and for cosign, in each of the ways that these have. services.md §12, 45
// and 46; scenarios.md C 17.

const place = createPlace()
const [email, password] = ['alice@example.com', 'correct horse battery']
const passphrase = place.env['COSIGN_PASSWORD']!
const actors = [ours, cosign3, cosign2]
const opener = place.path('opener')
let server: Server
let browser: Browser
let url: string

async function up(...args: readonly string[]): Promise<void> {
  server = await startServer(place, countersign(), ['stack', 'up', '--data', 'stack', ...args], /^http:\/\/(127\.0\.0\.1:\d+)$/m)
  url = `http://${server.host}`
}

const within = ({ name }: Actor, more: Readonly<Record<string, string>> = {}) => ({ HOME: place.path(`home of ${name}`), ...more })

before(async () => {
  writeFileSync(place.path('file'), 'what is signed\n')
  mkdirSync(opener)
  // what opens pages: it notes which, and the person goes there
  writeFileSync(join(opener, 'xdg-open'), '#!/bin/sh\nprintf %s "$1" > opened\n', { mode: 0o755 })
  await up('--dev', '--url', 'http://127.0.0.1:0')
  await server.stop()
  const { stdout: hash } = await runOk(place, countersign(), ['stack', 'hash-password'], { input: password })
  const configuration = place.path('stack/stack.yaml')
  const users = `\n  users: [{ email: ${email}, password-hash: "${hash.trim()}" }]`
  writeFileSync(configuration, readFileSync(configuration, 'utf8').replace('\n  users: []', users))
  await up()
  for (const actor of actors) {
    mkdirSync(place.path(`home of ${actor.name}`))
    await runOk(place, actor.command(), ['initialize', '--mirror', `${url}/tuf`, '--root', `${url}/tuf/1.root.json`], {
      env: within(actor),
    })
  }
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  place.remove()
})

/** A browser that has been nowhere yet. */
async function visit(address: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(address)
  return page
}

async function logIn(page: Page, typed: string): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password').fill(typed)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const heading = (page: Page, text: string) => page.getByRole('heading', { name: text, exact: true }).waitFor()

/** Follows the address that a device shows, up to signing in. */
async function confirmDevice(address: string, code: string): Promise<Page> {
  const page = await visit(address)
  await heading(page, 'Is this your device?')
  assert.equal(await page.locator('code').textContent(), code)
  return page
}

/** A bundle by cosign 2 has to be asked for, and services are named to it: it reads no signing config. */
function signing(actor: Actor, bundle: string, ...flags: readonly string[]): readonly string[] {
  const urls = ['--fulcio-url', url, '--rekor-url', url, '--oidc-issuer', url, '--new-bundle-format']
  return ['sign-blob', '--yes', '--bundle', bundle, ...(actor === cosign2 ? urls : []), ...flags, 'file']
}

async function verifies({ code, stderr }: Ended, bundle: string, issuer = url): Promise<void> {
  assert.equal(code, 0, stderr)
  const who = ['--certificate-identity', email, '--certificate-oidc-issuer', issuer]
  for (const verifier of [ours, cosign3])
    await runOk(place, verifier.command(), ['verify-blob', '--bundle', bundle, ...who, 'file'], { env: within(verifier) })
}

const deviceCode = /verification code ([A-Z]{4}-[A-Z]{4}) in your browser at:? (http\S+)/

// cosign 2 locks what it keeps of TUF: two at once in one home fail
for (const actor of actors)
  describe(actor.name, { concurrency: actor !== cosign2 }, () => {
    test('opens a browser here: a wrong password leads nowhere, the right one back', async () => {
      const bundle = `${actor.name} browser.json`
      const ended = await converse(place, actor.command(), signing(actor, bundle, '--fulcio-auth-flow', 'normal'), {
        told: /opened to:\s+(http\S+)\n/,
        env: within(actor, { PATH: `${opener}:${place.env['PATH']}` }),
        answer: async address => {
          assert.equal(readFileSync(place.path('opened'), 'utf8'), address)
          const page = await visit(address)
          await logIn(page, 'wrong')
          assert.equal(await page.getByRole('alert').textContent(), 'Email address or password are wrong.')
          await logIn(page, password)
          await page.waitForURL(/^http:\/\/localhost:\d+\/auth\/callback\?/)
          return ''
        },
      })
      await verifies(ended, bundle)
    })

    test('shows an address where there is no browser, and reads the code that the page there shows', async () => {
      const bundle = `${actor.name} pasted.json`
      const ended = await converse(place, actor.command(), signing(actor, bundle, '--fulcio-auth-flow', 'normal'), {
        told: /link in a browser:\s+(http\S+)\n/,
        env: within(actor, { PATH: '/nowhere' }),
        answer: async address => {
          const page = await visit(address)
          await logIn(page, password)
          await heading(page, 'Almost there')
          return `${await page.locator('code').textContent()}\n`
        },
      })
      await verifies(ended, bundle)
    })

    test('waits without a terminal until somebody elsewhere has signed in', async () => {
      const bundle = `${actor.name} device.json`
      const ended = await converse(place, actor.command(), signing(actor, bundle), {
        told: deviceCode,
        env: within(actor),
        answer: async (code, [, , address]) => {
          const page = await confirmDevice(address!, code)
          await page.getByRole('button', { name: 'Continue' }).click()
          await logIn(page, password)
          await page.getByText('You can close this page').waitFor()
          return ''
        },
      })
      await verifies(ended, bundle)
    })

    test('signs nothing where it is not their device', async () => {
      const bundle = `${actor.name} denied.json`
      const { code, stderr } = await converse(place, actor.command(), signing(actor, bundle), {
        told: deviceCode,
        env: within(actor),
        answer: async (code, [, , address]) => {
          const page = await confirmDevice(address!, code)
          await page.getByRole('button', { name: 'Cancel' }).click()
          await heading(page, 'Cancelled')
          return ''
        },
      })
      assert.equal(code, 1)
      assert.match(stderr, actor === ours ? /"access_denied"/ : /access_denied|denied/)
      assert.ok(!existsSync(place.path(bundle)))
    })
  })

describe('somebody whom another issuer vouches for', () => {
  const vouching = 'https://accounts.example.com'
  before(async () => {
    await server.stop()
    const configuration = place.path('stack/stack.yaml')
    const issuers = `\nfulcio:\n  oidc-issuers:\n    ${url}: { client-id: sigstore, type: email, issuer-claim: $.federated_claims.connector_id }\n`
    writeFileSync(configuration, readFileSync(configuration, 'utf8').replace(`email: ${email},`, `$& connector: "${vouching}",`) + issuers)
    await up()
  })

  test('is named with that one in the certificate, by the claims of their token', async () => {
    const bundle = 'federated.json'
    const ended = await converse(place, ours.command(), signing(ours, bundle, '--fulcio-auth-flow', 'normal'), {
      told: /opened to:\s+(http\S+)\n/,
      env: within(ours, { PATH: `${opener}:${place.env['PATH']}` }),
      answer: async address => {
        const page = await visit(address)
        await logIn(page, password)
        await page.waitForURL(/^http:\/\/localhost:\d+\/auth\/callback\?/)
        return ''
      },
    })
    await verifies(ended, bundle, vouching)
  })
})

describe('the same stack, ten minutes later between two questions of a device', () => {
  let stack: Stack
  let listener: Listener
  let passedMs = 0
  before(async () => {
    await server.stop()
    const { world, files } = createProcessSystem()
    const options = { folder: place.path('stack'), tufFolder: files.folder(place.path('stack/tuf')), passphrase: encodeUtf8(passphrase) }
    stack = await openStack(options, { ...world, fetch, now: () => new Date(Date.now() + passedMs) }, noEvents)
    const handler: Handler = async request => {
      const response = await stack.handler(request)
      if (new URL(request.url).pathname === '/token') passedMs = 601_000 // once it has said that nobody was there yet
      return response
    }
    listener = await listen(handler, { port: Number(new URL(url).port), graceMs: 100, report: error => assert.fail(String(error)) })
  })
  after(async () => {
    await listener?.close()
    await stack?.close()
  })

  for (const actor of actors)
    test(`is told that its code has expired, and signs nothing: ${actor.name}`, async () => {
      passedMs = 0
      const bundle = `${actor.name} expired.json`
      const { code, stderr } = await run(place, actor.command(), signing(actor, bundle), { env: within(actor) })
      assert.equal(code, 1)
      assert.match(stderr, actor === ours ? /: "expired_token": "the device code has expired"/ : /expired/)
      assert.ok(!existsSync(place.path(bundle)))
    })
})
