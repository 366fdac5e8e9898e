import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Command, countersign, type Ended, run } from '../../peers/harness/command.ts'
import { createPlace, type Place } from '../../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../../peers/harness/server.ts'
import { kmsTool } from '../harness/kms-tool.ts'
import { createTokenRig, type TokenRig } from '../harness/softhsm-rig.ts'

// By `npm run test:full`: cosign takes five minutes of one core to build. cosign 3.1.1, built from its own sources since Debian's has no PKCS #11, and countersign sign with the same keys of one SoftHSM2 token, and each
// verifies the other.

const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']
const withoutLogs = ['--insecure-ignore-tlog']

describe('cosign 3.1.1 and countersign with keys of one token', () => {
  let [place, rig, registry]: [Place, TokenRig, Server] = [] as never
  before(async () => {
    place = createPlace()
    rig = await createTokenRig(place)
    registry = await startOwnRegistry(place)
  })
  after(async () => {
    await registry.stop()
    await rig.stop()
    place.remove()
  })

  const ask = (command: Command, args: readonly string[]) => run(place, command, args, { env: rig.environment })
  const good = async (command: Command, args: readonly string[]): Promise<Ended> => {
    const ended = await ask(command, args)
    assert.equal(ended.code, 0, `${[...command, ...args].join(' ')}\n${ended.stdout}${ended.stderr}`)
    return ended
  }
  const file = (name: string) => {
    writeFileSync(place.path(name), name)
    return name
  }
  const clients = [
    { name: 'cosign', command: () => kmsTool('cosign') },
    { name: 'countersign', command: countersign },
  ]

  for (const [at, signer] of clients.entries())
    for (const algorithm of ['EC:prime256v1', 'rsa:2048'])
      test(`${algorithm}: ${signer.name} signs, the other verifies by the token and by the public key in a file`, async () => {
        const verifier = clients[1 - at]!
        const name = `${signer.name}-${algorithm.replace(':', '-')}`
        await rig.create(name, algorithm)
        const key = rig.reference(name)
        const byToken = verifier.name === 'cosign' ? `${key}?pin-value=${rig.pin}` : key // to verify, cosign takes no PIN from the environment
        const pem = (await good(signer.command(), ['public-key', '--key', key])).stdout
        assert.equal((await good(verifier.command(), ['public-key', '--key', key])).stdout, pem)
        writeFileSync(place.path(`${name}.pub`), pem)
        for (const [number, layout] of [[], ['--new-bundle-format=false']].entries()) {
          const content = file(`${name}-${number}.txt`)
          const { stdout } = await good(countersign(), [
            'upload',
            'blob',
            '-f',
            content,
            `${registry.host}/${name.toLowerCase()}-${number}:v1`,
          ])
          await good(signer.command(), ['sign', ...withoutLog, ...layout, '--key', key, stdout.trim()])
          for (const trusted of [byToken, `${name}.pub`])
            await good(verifier.command(), ['verify', ...withoutLogs, ...layout, '--key', trusted, stdout.trim()])
        }
        const blob = file(`${name}.blob`)
        await good(signer.command(), ['sign-blob', ...withoutLog, '--key', key, '--bundle', `${name}.bundle`, blob])
        for (const trusted of [byToken, `${name}.pub`])
          await good(verifier.command(), ['verify-blob', ...withoutLogs, '--key', trusted, '--bundle', `${name}.bundle`, blob])
        writeFileSync(place.path(blob), 'something else')
        const refused = await ask(verifier.command(), ['verify-blob', ...withoutLogs, '--key', byToken, '--bundle', `${name}.bundle`, blob])
        assert.notEqual(refused.code, 0)
        assert.match(refused.stderr, /the signature is about sha256:|invalid ecdsa signature|crypto\/rsa: verification error/)
      })

  test('both list the same tokens and key URIs, and each signs by the URIs that the other lists', async () => {
    await rig.create('listed', 'EC:prime256v1')
    const slot = Number.parseInt(/slot ID 0x([0-9a-f]+)/.exec(await rig.slots())![1]!, 16)
    const listed = await Promise.all(
      clients.map(
        async ({ command }) => (await good(command(), ['pkcs11-tool', 'list-keys-uris', '--slot-id', `${slot}`, '--pin', rig.pin])).stdout,
      ),
    )
    const uris = listed.map(text => /pkcs11:\S*object=listed\S*/.exec(text)?.[0])
    for (const [at, uri] of uris.entries()) {
      assert.ok(uri, `${clients[at]!.name} lists no key "listed":\n${listed[at]}`)
      const other = clients[1 - at]!
      await good(other.command(), ['sign-blob', ...withoutLog, '--key', uri, '--bundle', `listed-${at}.bundle`, file(`listed-${at}.blob`)])
      await good(countersign(), ['verify-blob', ...withoutLogs, '--key', uri, '--bundle', `listed-${at}.bundle`, `listed-${at}.blob`])
    }
    const tokens = await Promise.all(clients.map(async ({ command }) => (await good(command(), ['pkcs11-tool', 'list-tokens'])).stdout))
    for (const text of tokens) assert.match(text, /Label: release/)
  })
})
