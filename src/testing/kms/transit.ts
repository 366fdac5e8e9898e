import { constants, createPublicKey, generateKeyPairSync, type KeyObject, privateEncrypt, sign } from 'node:crypto'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { encodeDer, encodeDerNull, encodeDerOid, encodeDerSequence } from '../../codec/der-writer.ts'
import type { Fetch } from '../../codec/world.ts'
import { hashOid } from '../../crypto/algorithm-identifier.ts'

/** A transit secrets engine in memory, at https://vault.test:8200, as far as keys that sign go. Source: OpenBao 2.7 as it answers. */
export type Transit = {
  readonly fetch: Fetch
  /** Method and path of every request, oldest first. */
  readonly asked: readonly string[]
  readonly bodies: readonly Readonly<Record<string, unknown>>[]
  /** Makes a key, or its next version. */
  readonly add: (name: string, type: TransitKeyType) => void
  /** Changes what is said of a key. */
  readonly say: (name: string, members: Readonly<Record<string, unknown>>) => void
  /** What the next requests are answered, in place of what the engine would. */
  readonly answer: (...answers: readonly (() => Response | Promise<Response>)[]) => void
}

export type TransitKeyType = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa-2048' | 'ed25519'

export const transitToken = 's.s3cretT0ken'

export const transitEnvironment: ReadonlyMap<string, string> = new Map([
  ['VAULT_ADDR', 'https://vault.test:8200'],
  ['VAULT_TOKEN', transitToken],
])

/** @param token - the only one that is known */
export function createTransit(token = transitToken): Transit {
  const keys = new Map<string, { type: string; versions: KeyObject[]; said: Readonly<Record<string, unknown>> }>()
  const [asked, bodies, answers]: [string[], Readonly<Record<string, unknown>>[], (() => Response | Promise<Response>)[]] = [[], [], []]
  const add: Transit['add'] = (name, type) => {
    const key = keys.get(name) ?? { type, versions: [], said: {} }
    key.versions.push(generate(type))
    keys.set(name, key)
  }
  const respond = (method: string, path: string, body: Readonly<Record<string, unknown>>): Response => {
    const [, engine, verb, name = '', hash] = path.slice(1).split('/')
    if (engine === 'auth') return ok({ id: 'hidden' })
    if (engine !== 'transit') return failed(404, `no handler for route "${path.slice(4)}". route entry not found.`)
    if (verb === 'keys' && method === 'PUT' && !keys.has(name)) add(name, body['type'] as TransitKeyType)
    const key = keys.get(name)
    if (!key) return verb === 'sign' ? failed(400, 'signing key not found') : failed(404)
    if (verb === 'keys') return ok(describe(name, key.type, key.versions, key.said))
    const version = (body['key_version'] as number) || key.versions.length
    const [input, asHash] = [Buffer.from(body['input'] as string, 'base64'), hash?.replace('sha2-', 'sha')]
    const signature =
      key.type === 'ed25519' ? sign(null, input, key.versions[version - 1]!) : signDigest(key.versions[version - 1]!, input, asHash!)
    return ok({ key_version: version, signature: `vault:v${version}:${Buffer.from(signature).toString('base64')}` })
  }
  return {
    asked,
    bodies,
    add,
    say: (name, members) => {
      const key = keys.get(name)!
      key.said = { ...key.said, ...members }
    },
    answer: (...more) => void answers.push(...more),
    fetch: async (input, init) => {
      const url = new URL(input)
      const body = init?.body === undefined ? {} : JSON.parse(String(init.body))
      asked.push(`${init?.method} ${url.pathname}`)
      bodies.push(body)
      const next = answers.shift()
      if (next) return next()
      if (new Headers(init?.headers).get('x-vault-token') !== token) return failed(403, 'permission denied')
      return respond(init?.method ?? 'GET', url.pathname, body)
    },
  }
}

/** An answer of the server that is no success. */
export function failed(status: number, error?: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify({ errors: error === undefined ? [] : [error] }), { status, headers })
}

/** An answer with data. */
export function ok(data: unknown): Response {
  return new Response(
    JSON.stringify({
      request_id: 'r',
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data,
      wrap_info: null,
      warnings: null,
      auth: null,
    }),
  )
}

function generate(type: TransitKeyType): KeyObject {
  if (type === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (type === 'rsa-2048') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return generateKeyPairSync('ec', { namedCurve: type.replace('ecdsa-p', 'P-') }).privateKey
}

const curves = new Map(Object.entries({ prime256v1: p256, secp384r1: p384, secp521r1: p521 }))

/** Node's own interface signs messages; these are digests. */
function signDigest(key: KeyObject, digest: Uint8Array, hash: string): Uint8Array {
  const curve = curves.get(key.asymmetricKeyDetails?.namedCurve ?? '')
  if (curve) {
    const secret = Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url'))
    return curve.sign(digest, secret, { prehash: false, format: 'der', lowS: false })
  }
  const algorithm = encodeDerSequence(encodeDerOid(hashOid[hash as keyof typeof hashOid]), encodeDerNull())
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encodeDerSequence(algorithm, encodeDer(0x04, digest)))
}

function describe(
  name: string,
  type: string,
  versions: readonly KeyObject[],
  said: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const shown = versions.map((key, at) => [
    String(at + 1),
    { creation_time: `2026-11-0${at + 1}T08:00:00.123456789Z`, name: type, public_key: publicKeyOf(key) },
  ])
  const hiddenBelow = (said['min_decryption_version'] as number | undefined) ?? 1
  return {
    name,
    type,
    derived: false,
    soft_deleted: false,
    keys: Object.fromEntries(shown.slice(hiddenBelow - 1)),
    latest_version: versions.length,
    min_available_version: 0,
    min_decryption_version: 1,
    min_encryption_version: 0,
    supports_signing: true,
    ...said,
  }
}

function publicKeyOf(key: KeyObject): string {
  const half = createPublicKey(key)
  if (key.asymmetricKeyType !== 'ed25519') return half.export({ format: 'pem', type: 'spki' }) as string
  return Buffer.from(half.export({ format: 'jwk' }).x!, 'base64url').toString('base64')
}
