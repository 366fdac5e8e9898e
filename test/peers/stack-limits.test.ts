import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { cosign3 } from './harness/actor.ts'
import { countersign, run, runOk } from './harness/command.ts'
import { createPlace } from './harness/place.ts'
import { ciToken } from './harness/stack-load.ts'
import { type StackProcess, startStack, stopStack } from './harness/stack-process.ts'

// A whole stack whose connections are all taken by clients that ask for nothing, ask by halves, or do not listen: others are served.

const place = createPlace()
const folder = place.path('stack')
const more = 1200 // than a stack has room for
let stack: StackProcess
let metrics: string
let sockets: Socket[] = []

before(async () => {
  stack = await startStack(place, ['--dev', '--data', 'stack', '--url', 'http://127.0.0.1:0'])
  await stopStack(stack)
  const port = await freePort()
  metrics = `http://127.0.0.1:${port}/metrics`
  writeFileSync(`${folder}/stack.yaml`, `${readFileSync(`${folder}/stack.yaml`, 'utf8')}\nmetrics: 127.0.0.1:${port}\n`)
  stack = await startStack(place, ['--dev', '--data', 'stack'])
  writeFileSync(place.path('file'), 'what is signed')
  await runOk(place, countersign(), ['initialize', '--mirror', `${stack.url}/tuf`, '--root', `${stack.url}/tuf/1.root.json`])
  await runOk(place, cosign3.command(), ['initialize', '--mirror', `${stack.url}/tuf`, '--root', `${stack.url}/tuf/1.root.json`])
})
after(async () => {
  for (const socket of sockets) socket.destroy()
  await stopStack(stack)
  place.remove()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Opens so many connections, each of which says the same and then waits. */
async function crowd(says: string): Promise<void> {
  const port = Number(new URL(stack.url).port)
  sockets = await Promise.all(
    Array.from(
      { length: more },
      () =>
        new Promise<Socket>(resolve => {
          const socket = connect(port, '127.0.0.1', () => {
            if (says !== '') socket.write(says)
            socket.pause() // whatever comes is not read
            resolve(socket)
          })
          socket.on('error', () => {})
        }),
    ),
  )
}

const ended = async (reason: string): Promise<number> => {
  const text = await (await fetch(metrics, { headers: { connection: 'close' } })).text()
  const [, value = '0'] =
    new RegExp(`^http_connections_ended_total\\{server="services",reason="${reason}"\\} (\\d+)$`, 'm').exec(text) ?? []
  return Number(value)
}

for (const { name, says } of [
  { name: 'says nothing', says: '' },
  { name: 'begins a request', says: 'POST /api/v1/log/entries HTTP/1.1\r\nHost: a\r\n' },
  { name: 'sends half a body', says: 'POST /api/v1/log/entries HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{' },
])
  test(`more connections than there is room for, of whom each ${name}: cosign and countersign sign and verify`, async () => {
    const before = await ended('displaced')
    await crowd(says)
    for (const [at, client] of [cosign3.command(), countersign()].entries()) {
      const bundle = `${name}${at}.json`
      const token = await ciToken(folder)
      await runOk(place, client, ['sign-blob', '--yes', '--identity-token', token, '--bundle', bundle, 'file'])
      const identity = ['--certificate-identity-regexp', '.*', '--certificate-oidc-issuer', `${stack.url}/actions`]
      for (const verifier of [cosign3.command(), countersign()]) {
        const { code, stderr } = await run(place, verifier, ['verify-blob', '--bundle', bundle, ...identity, 'file'])
        assert.equal(code, 0, stderr)
      }
    }
    // of connections that say nothing Bun, and so the executable, is told nothing: the system keeps them
    if (says !== '') assert.ok((await ended('displaced')) - before >= more - 1024)
    for (const socket of sockets) socket.destroy()
  })
