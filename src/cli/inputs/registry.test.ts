import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fetch } from '../../codec/world.ts'
import { parseImageReference } from '../../oci/reference.ts'
import { createTestContext } from '../../testing/command-context.ts'
import { openRegistry } from './registry.ts'

const flags = {
  allowHttpRegistry: false,
  allowInsecureRegistry: false,
  registryCacert: '',
  registryClientCert: '',
  registryClientKey: '',
  registryServerName: '',
  registryUsername: 'user',
  registryPassword: 's3cret',
  registryToken: '',
}
const basic = `Basic ${Buffer.from('user:s3cret').toString('base64')}`

for (const { named, asked, shown } of [
  { named: 'r.example/app', asked: 'r.example/app', shown: true },
  { named: 'R.Example/app', asked: 'R.Example/app', shown: true },
  { named: 'r.example:443/app', asked: 'r.example:443/app', shown: true },
  { named: 'r.example/app', asked: 'evil.example/app', shown: false },
  { named: 'r.example/app', asked: 'r.example:8443/app', shown: false },
  { named: 'r.example/app', asked: 'sub.r.example/app', shown: false },
])
  test(`openRegistry: credentials given by flags for ${named} ${shown ? 'go' : 'never go'} to ${asked}`, async () => {
    const sent: string[] = []
    const fetch: Fetch = async (_, init) => {
      const authorization = new Headers(init?.headers).get('authorization')
      if (authorization !== null) sent.push(authorization)
      return new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } })
    }
    const context = createTestContext({ fetch })
    const client = await openRegistry(context, flags, [parseImageReference(named)], { willPush: false })
    await assert.rejects(client.resolve(parseImageReference(asked), context.signal), { code: 'REGISTRY_UNAUTHORIZED' })
    assert.deepEqual(sent, shown ? [basic] : [])
  })
