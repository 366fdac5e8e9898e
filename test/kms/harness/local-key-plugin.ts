// A plugin of cosign's KMS plugin protocol over private keys in files: `localkey://NAME` is $LOCALKEY_FOLDER/NAME.pem. It stands on the protocol's
// own text alone, and serves cosign and countersign alike. LOCALKEY_MISBEHAVES makes it crash, fall silent, or sign with another key.
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

type Options = { readonly messageOptions: { readonly digest?: string | null; readonly hashFunc?: number } }

type Arguments = {
  readonly initOptions: { readonly protocolVersion: string; readonly keyResourceID: string; readonly hashFunc: number }
  readonly methodName: string
  readonly createKey?: { readonly algorithm: string }
  readonly signMessage?: { readonly signOptions: Options }
  readonly verifySignature?: { readonly signature: string; readonly verifyOptions: Options }
}

const hashes = new Map([
  [5, 'sha256'],
  [6, 'sha384'],
  [7, 'sha512'],
])

async function answer(version: string, given: Arguments): Promise<object> {
  const { initOptions, methodName } = given
  if (version !== 'v1' || initOptions.protocolVersion !== 'v1') throw new Error(`want protocol v1, got ${version}`)
  const path = join(process.env['LOCALKEY_FOLDER'] ?? '.', `${initOptions.keyResourceID}.pem`)
  switch (methodName) {
    case 'defaultAlgorithm':
      return { defaultAlgorithm: 'ecdsa-p256' }
    case 'supportedAlgorithms':
      return { supportedAlgorithms: ['ecdsa-p256'] }
    case 'createKey':
      if (given.createKey?.algorithm !== 'ecdsa-p256') throw new Error(`want algorithm ecdsa-p256, got ${given.createKey?.algorithm}`)
      if (!existsSync(path))
        writeFileSync(path, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }), {
          mode: 0o600,
        })
      return { publicKeyPEM: pemOf(load(path)) }
    case 'publicKey':
      return { publicKeyPEM: pemOf(load(path)) }
    case 'signMessage': {
      const message = await buffer(process.stdin)
      load(path)
      const by = process.env['LOCALKEY_MISBEHAVES'] === 'foreign' ? path.replace(/[^/]*$/, 'nobody.pem') : path
      return { signature: signed(by, message, given.signMessage!.signOptions, initOptions.hashFunc).toString('base64') }
    }
    case 'verifySignature': {
      const { signature, verifyOptions } = given.verifySignature!
      if (!verified(path, await buffer(process.stdin), Buffer.from(signature, 'base64'), verifyOptions, initOptions.hashFunc))
        throw new Error('the signature does not verify')
      return {}
    }
    default:
      throw new Error(`want a method of protocol v1, got ${methodName}`)
  }
}

function load(path: string): KeyObject {
  if (!existsSync(path)) throw new Error('there is no such key')
  return createPublicKey(readFileSync(path)) // of a private key it is the public half
}

function pemOf(key: KeyObject): string {
  return Buffer.from(key.export({ type: 'spki', format: 'pem' })).toString('base64')
}

function signed(path: string, message: Buffer, { messageOptions }: Options, defaultHash: number): Buffer {
  if (load(path).asymmetricKeyType === 'ed25519') return sign(null, message, readFileSync(path))
  const name = hashes.get(messageOptions.hashFunc ?? defaultHash)
  if (name === undefined) throw new Error('want a hash of SHA-2')
  const digest = messageOptions.digest ? Buffer.from(messageOptions.digest, 'base64') : hash(name, message, 'buffer')
  return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', path, '-pkeyopt', `digest:${name}`], { input: digest })
}

function verified(path: string, message: Buffer, signature: Buffer, { messageOptions }: Options, defaultHash: number): boolean {
  if (messageOptions.digest) throw new Error('verifies messages, not digests')
  const key = load(path)
  return verify(key.asymmetricKeyType === 'ed25519' ? null : hashes.get(messageOptions.hashFunc ?? defaultHash), message, key, signature)
}

const [version = '', given = ''] = process.argv.slice(2)
if (process.env['LOCALKEY_MISBEHAVES'] === 'crash') process.exit(3)
if (process.env['LOCALKEY_MISBEHAVES'] === 'silent')
  setTimeout(() => {}, 20_000) // whoever asked is gone by then
else
  try {
    const parsed = JSON.parse(given) as Arguments
    const result = await answer(version, parsed)
    process.stdout.write(`${JSON.stringify({ [parsed.methodName]: result })}\n`)
  } catch (error) {
    process.stdout.write(JSON.stringify({ errorMessage: (error as Error).message }))
    process.exitCode = 1
  }
