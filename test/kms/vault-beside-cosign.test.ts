import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type Command, countersign, type Ended, run, tool } from '../peers/harness/command.ts'
import { createPlace, type Place } from '../peers/harness/place.ts'
import { type Server, startOwnRegistry } from '../peers/harness/server.ts'
import { kmsTool } from './harness/kms-tool.ts'
import { type OpenBaoRig, startOpenBaoRig } from './harness/openbao-rig.ts'

// cosign 3.1.1 by Sigstore's own provider (which Debian's cosign leaves out and takes as a plugin) and countersign sign with the same keys of one
// OpenBao, and each verifies the other.

const withoutLog = ['--tlog-upload=false', '--use-signing-config=false', '--yes']
const withoutLogs = ['--insecure-ignore-tlog']

describe('cosign 3.1.1 and countersign with keys of one OpenBao', () => {
  let [place, rig, registry]: [Place, OpenBaoRig, Server] = [] as never
  let token = ''
  before(async () => {
    place = createPlace()
    rig = await startOpenBaoRig(place)
    registry = await startOwnRegistry(place)
    await rig.ask('POST', 'sys/policies/acl/remote', { policy: 'path "transit/verify/*" { capabilities = ["update"] }' }) // cosign verifies there
    token = await rig.tokenFor('create', 'sign', 'remote')
    mkdirSync(place.path('bin'))
    for (const scheme of ['hashivault', 'openbao']) symlinkSync(kmsTool('sigstore-kms-vault')[0], place.path(`bin/sigstore-kms-${scheme}`))
  })
  after(async () => {
    await registry.stop()
    await rig.stop()
    place.remove()
  })

  const ask = (command: Command, args: readonly string[]) =>
    run(place, command, args, { env: { ...rig.environment, BAO_TOKEN: token, PATH: `${place.path('bin')}:${place.env['PATH']}` } })
  const good = async (command: Command, args: readonly string[]): Promise<Ended> => {
    const ended = await ask(command, args)
    assert.equal(ended.code, 0, `${[...command, ...args].join(' ')}\n${ended.stdout}${ended.stderr}`)
    return ended
  }
  const file = (name: string) => {
    writeFileSync(place.path(name), name)
    return name
  }
  const image = async (name: string) => {
    const { stdout } = await good(countersign(), ['upload', 'blob', '-f', file(`${name}.txt`), `${registry.host}/${name}:v1`])
    return stdout.trim()
  }
  const clients = [
    { name: 'cosign', command: () => tool('cosign-3') },
    { name: 'countersign', command: countersign },
  ]

  for (const scheme of ['hashivault', 'openbao'])
    for (const [at, signer] of clients.entries())
      for (const type of ['ecdsa-p256', 'rsa-2048'])
        test(`${scheme}, ${type}: ${signer.name} signs, the other verifies`, async () => {
          const verifier = clients[1 - at]!
          const name = `${scheme}-${signer.name}-${type}`
          await rig.create(name, type)
          const key = `${scheme}://${name}`
          // By reference cosign asks the server, which takes RSA for PSS unless told: its own signatures fail there too.
          const isAsked = verifier.name === 'countersign' || type !== 'rsa-2048'
          const trusted = isAsked ? key : `${name}.pub`
          if (!isAsked) writeFileSync(place.path(trusted), (await good(countersign(), ['public-key', '--key', key])).stdout)
          for (const layout of [[], ['--new-bundle-format=false']]) {
            const signed = await image(`${name}-${layout.length}`)
            await good(signer.command(), ['sign', ...withoutLog, ...layout, '--key', key, signed])
            await good(verifier.command(), ['verify', ...withoutLogs, ...layout, '--key', trusted, signed])
          }
          const blob = file(`${name}.blob`)
          await good(signer.command(), ['sign-blob', ...withoutLog, '--key', key, '--bundle', `${name}.bundle`, blob])
          await good(verifier.command(), ['verify-blob', ...withoutLogs, '--key', trusted, '--bundle', `${name}.bundle`, blob])
        })

  test('a key that one makes is used by the other, and both write the same public key', async () => {
    for (const [at, maker] of clients.entries()) {
      const key = `hashivault://made-by-${maker.name}`
      await good(maker.command(), ['generate-key-pair', '--kms', key, '--output-key-prefix', maker.name])
      const other = clients[1 - at]!
      const { stdout } = await good(other.command(), ['public-key', '--key', key])
      assert.equal(stdout, readFileSync(place.path(`${maker.name}.pub`), 'utf8'))
    }
  })

  test('after a rotation both verify the newer signature by the public key in a file; by reference only countersign does', async () => {
    await rig.create('rotated-beside', 'ecdsa-p256')
    await rig.rotate!('rotated-beside')
    const [key, signed] = ['hashivault://rotated-beside', await image('rotated-beside')]
    await good(tool('cosign-3'), ['sign', ...withoutLog, '--key', key, signed])
    const { stdout } = await good(countersign(), ['public-key', '--key', `${key}/versions/2`])
    writeFileSync(place.path('rotated.pub'), stdout)
    for (const { command } of clients) await good(command(), ['verify', ...withoutLogs, '--key', 'rotated.pub', signed])
    await good(countersign(), ['verify', ...withoutLogs, '--key', key, signed])
    assert.notEqual((await ask(tool('cosign-3'), ['verify', ...withoutLogs, '--key', key, signed])).code, 0, 'cosign asks for version 1')
  })
})
