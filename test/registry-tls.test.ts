import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTransport } from '../src/oci/transport.ts'
import { listen } from '../src/services/listen.ts'
import { createRig } from '../src/testing/command-rig.ts'
import { buildImage } from '../src/testing/image-builder.ts'

// Registries whose certificate no authority of the system vouches for: only the flags open them. On sockets of loopback.

const pem = (name: string) => readFileSync(join(import.meta.dirname, 'vectors/tls', name), 'utf8')
const rig = createRig({ connect: settings => createTransport({ ...settings, environment: {} }) })
for (const name of ['ca.pem', 'client.pem', 'client.key', 'stranger-client.pem', 'stranger-client.key']) rig.disk.set(name, pem(name))
const image = buildImage()
await rig.push('app', image)
const serve = (cert: string, clientCa?: string) =>
  listen(rig.registry, {
    tls: { cert: pem(`${cert}.pem`), key: pem(`${cert}.key`), ...(clientCa !== undefined && { clientCa }) },
    graceMs: 0,
    report: () => {},
  })
const [server, elsewhere, mutual] = [await serve('server'), await serve('elsewhere'), await serve('server', pem('ca.pem'))]
after(() => Promise.all([server, elsewhere, mutual].map(({ close }) => close())))
const client = '--registry-cacert ca.pem --registry-client-cert client.pem --registry-client-key client.key'

for (const { name, at, flags, error } of [
  { name: 'no flag', at: server, flags: '', error: /its certificate .*(authority|trusted|issued)/ },
  { name: '--allow-http-registry', at: server, flags: '--allow-http-registry', error: /its certificate/ },
  { name: '--allow-insecure-registry', at: server, flags: '--allow-insecure-registry' },
  { name: '--registry-cacert', at: server, flags: '--registry-cacert ca.pem' },
  {
    name: 'a certificate for another name',
    at: elsewhere,
    flags: '--registry-cacert ca.pem',
    error: /its certificate is for another name/,
  },
  { name: '--registry-server-name', at: elsewhere, flags: '--registry-cacert ca.pem --registry-server-name elsewhere.example' },
  { name: 'no client certificate', at: mutual, flags: '--registry-cacert ca.pem', error: /./ },
  { name: '--registry-client-cert', at: mutual, flags: client },
  { name: 'a client certificate of a stranger', at: mutual, flags: client.replaceAll('client.', 'stranger-client.'), error: /./ },
])
  test(`a registry with its own authority: ${name}`, async () => {
    const reference = `${at.url.host}/app@${image.digest}`
    for (const line of [
      `sign --key team.key --tlog-upload=false -o json ${flags} ${reference}`,
      `verify --key team.pub --insecure-ignore-tlog -o json ${flags} ${reference}`,
    ]) {
      const { code, failure, stderr } = await rig.cs(line)
      if (!error) assert.equal(code, 0, stderr)
      else {
        assert.deepEqual([code, failure?.code], [1, 'REGISTRY_UNAVAILABLE'], stderr)
        assert.match(failure?.message ?? '', error)
      }
    }
  })
