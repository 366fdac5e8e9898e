import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { encodeBase64 } from '../../../src/codec/base64.ts'
import { encodeHex } from '../../../src/codec/hex.ts'
import { type PublicKey, publicKeyOctets } from '../../../src/crypto/public-key.ts'
import type { Witness } from '../../../src/formats/log/cosignature.ts'
import { emptyRoot } from '../../../src/formats/log/merkle.ts'
import { noteKeyId } from '../../../src/formats/log/note-key.ts'
import { parseWitnessKey } from '../../../src/formats/log/witness/witness-key.ts'
import { runOk, tool } from './command.ts'
import type { Place } from './place.ts'
import { startServer } from './server.ts'

/** `litewitness` of filippo.io/torchwood, with a key in an ssh-agent of its own. */
export type Litewitness = {
  readonly witness: Witness
  /** What a policy says of it. */
  readonly policyLine: string
  readonly stop: () => Promise<void>
  /** Starts it again, at its address, with what it has seen. */
  readonly start: () => Promise<void>
  readonly remove: () => Promise<void>
}

/** Starts one that knows one log. Its own tool for that is not to be had, so the log is written into its database as that would. */
export async function startLitewitness(
  place: Place,
  name: string,
  log: { readonly origin: string; readonly key: PublicKey },
): Promise<Litewitness> {
  const path = (file: string) => place.path(`${name}-${file}`)
  await runOk(place, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path('key')], [])
  const agent = spawn('ssh-agent', ['-D', '-a', path('agent')], { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] })
  const agentEnded = once(agent, 'close')
  await once(agent.stdout, 'data') // it says where it listens
  await runOk(place, ['ssh-add', '-q', path('key')], [], { env: { SSH_AUTH_SOCK: path('agent') } })
  const { stdout } = await runOk(place, ['ssh-keygen', '-l', '-E', 'sha256', '-f', path('key')], [])
  const fingerprint = /SHA256:\S+/.exec(stdout)![0]
  const address = `127.0.0.1:${await freePort()}`
  const args = ['-name', `witness.example/${name}`, '-key', fingerprint, '-ssh-agent', path('agent'), '-db', path('db'), '-listen', address]
  const start = () => startServer(place, tool('litewitness'), args, new RegExp(`listening.*addr=(${address})`))
  let server = await start()
  const vkey = /vkey=(\S+)/.exec(server.log())![1]!
  knowLog(path('db'), log)
  return {
    witness: parseWitnessKey(vkey, name),
    policyLine: `witness ${name} ${vkey} http://${address}`,
    stop: () => server.stop(),
    start: async () => {
      server = await start()
    },
    remove: async () => {
      await server.stop()
      agent.kill()
      await agentEnded
    },
  }
}

function knowLog(path: string, { origin, key }: { readonly origin: string; readonly key: PublicKey }): void {
  const hint = encodeHex(noteKeyId(origin, key).subarray(0, 4))
  const vkey = `${origin}+${hint}+${encodeBase64(Uint8Array.of(1, ...publicKeyOctets(key)))}`
  const database = new DatabaseSync(path, { timeout: 5000 })
  database.prepare('INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)').run(origin, encodeBase64(emptyRoot))
  database.prepare('INSERT INTO key (origin, key) VALUES (?, ?)').run(origin, vkey)
  database.close()
}

/** A port on which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
