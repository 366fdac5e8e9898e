import assert from 'node:assert/strict'
import { commands } from '../../src/cli/commands.ts'
import { exitCode } from '../../src/cli/exit-code.ts'
import { CountersignError } from '../../src/codec/error.ts'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { type Case, cs, disk, good, plainLine, rig, unreadable, usage } from './setup.ts'

/** Commands that speak to the registry of an image. */
const onImages = commands.filter(({ flags }) => 'allow-http-registry' in flags).map(({ name }) => name)

/** A command on an image of another host than the plain line names. */
export async function lineOn(host: string, name: string): Promise<string> {
  return (await plainLine(name)).replace(`${rigHost}/`, `${host}/`)
}

/** The refusal as this command ends with it: commands of our own have a status for each kind of failure. */
function of(name: string, refusal: Refusal): Refusal {
  const rule = commands.find(command => command.name === name)!.exits
  return { ...refusal, exit: exitCode(new CountersignError(refusal.code, ''), rule) }
}

/** Flags about the connection to a registry, of every command that has them. */
export function registryCases(): readonly Case[] {
  const plainHttp = async (request: Request): Promise<Response> => {
    if (new URL(request.url).protocol === 'https:') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    return rig.registry(request)
  }
  const asking = (authorization: string, challenge: string) => async (request: Request) =>
    request.headers.get('authorization') === authorization
      ? rig.registry(request)
      : Response.json({ errors: [{ code: 'UNAUTHORIZED', message: 'who?' }] }, { status: 401, headers: { 'www-authenticate': challenge } })
  rig.hosts.set('plain.test', plainHttp)
  rig.hosts.set('basic.test', asking('Basic dTpw', 'Basic realm="basic.test"'))
  rig.hosts.set('bearer.test', asking('Bearer t0ken', 'Bearer realm="https://bearer.test/token"'))
  disk.set('ca.pem', '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n')
  const connects =
    (flags: string, half: string, wanted: object): Case['check'] =>
    async name => {
      const line = await plainLine(name)
      await good(cs(`${line} ${flags}`))
      assert.deepEqual(rig.connections.at(-1), { ...wanted, insecureSkipTlsVerify: false })
      if (half !== '') assertRefused(await cs(`${line} ${half} -o json`), usage(/go together: want both or neither/))
    }
  const readsPem =
    (flags: string, wanted: object, half = ''): Case['check'] =>
    async name => {
      await connects(flags, half, wanted)(name)
      assertRefused(await cs(`${await plainLine(name)} ${flags.replaceAll('ca.pem', 'nowhere.pem')} -o json`), of(name, unreadable))
    }
  const opens =
    (host: string, flags: string, without: Refusal): Case['check'] =>
    async name => {
      assertRefused(await cs(`${await lineOn(host, name)} -o json`), of(name, without))
      await good(cs(`${await lineOn(host, name)} ${flags}`))
    }
  const pem = String(disk.get('ca.pem'))
  const client = { clientCertificate: { cert: pem, key: pem } }
  const unknown: Refusal = { exit: 1, code: 'REGISTRY_UNAUTHORIZED', message: /asked without credentials/ }
  const http: Refusal = { exit: 1, code: 'REGISTRY_UNAVAILABLE', message: /plain\.test/ }
  return [
    { flag: 'allow-http-registry', what: 'speaks http where https fails', check: opens('plain.test', '--allow-http-registry', http) },
    {
      flag: 'allow-insecure-registry',
      what: 'speaks http, and accepts any certificate',
      check: async (name: string) => {
        await opens('plain.test', '--allow-insecure-registry', http)(name)
        assert.deepEqual(rig.connections.at(-1), { insecureSkipTlsVerify: true })
      },
    },
    { flag: 'registry-cacert', what: 'is read and handed to the connection', check: readsPem('--registry-cacert ca.pem', { ca: pem }) },
    {
      flag: 'registry-client-cert',
      what: 'is read and handed to the connection, never without its key',
      check: readsPem('--registry-client-cert ca.pem --registry-client-key ca.pem', client, '--registry-client-cert ca.pem'),
    },
    {
      flag: 'registry-client-key',
      what: 'is read and handed to the connection, never without its certificate',
      check: readsPem('--registry-client-cert ca.pem --registry-client-key ca.pem', client, '--registry-client-key ca.pem'),
    },
    {
      flag: 'registry-server-name',
      what: 'is handed to the connection',
      check: connects('--registry-server-name other.test', '', { serverName: 'other.test' }),
    },
    {
      flag: 'registry-username',
      what: 'opens a registry, never without a password',
      check: async (name: string) => {
        await opens('basic.test', '--registry-username u --registry-password p', unknown)(name)
        assertRefused(await cs(`${await plainLine(name)} --registry-username u -o json`), usage(/go together/))
      },
    },
    {
      flag: 'registry-password',
      what: 'opens a registry, never without a user name',
      check: async (name: string) => {
        const wrong: Refusal = { exit: 1, code: 'REGISTRY_UNAUTHORIZED', message: /asked as user "u", got status 401/ }
        assertRefused(await cs(`${await lineOn('basic.test', name)} --registry-username u --registry-password q -o json`), of(name, wrong))
        assertRefused(await cs(`${await plainLine(name)} --registry-password p -o json`), usage(/go together/))
        await good(cs(`${await lineOn('basic.test', name)} --registry-username u --registry-password p`))
      },
    },
    { flag: 'registry-token', what: 'opens a registry', check: opens('bearer.test', '--registry-token t0ken', unknown) },
  ].map(given => ({ ...given, commands: onImages }))
}
