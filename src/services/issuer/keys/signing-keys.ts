import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { CountersignError } from '../../../codec/error.ts'
import type { IssuerKeyStore, StoredKey } from './key-store.ts'

/** A public key as an issuer publishes it. RFC 7517 §4, RFC 7518 §6.3.1 */
export type PublicJwk = {
  readonly kty: 'RSA'
  readonly use: 'sig'
  readonly alg: 'RS256'
  readonly kid: string
  readonly n: string
  readonly e: string
}

/** An RSA key that signs tokens by RS256, as clients want it. @see services.md §6 */
export type SigningKey = StoredKey & { readonly privateKey: KeyObject; readonly publicJwk: PublicJwk }

/** The keys of a moment: those in `published` are known to verifiers, `active` is one of them. A new object after every change. */
export type KeySet = { readonly active: SigningKey; readonly published: readonly SigningKey[] }

/** How long keys sign and stay. */
export type KeyTimes = {
  readonly rotateMs: number // that a key is in use
  readonly leadMs: number // that a key must have been published before it is used; at least a token's life
  readonly keepMs: number // that a key stays published after its last token
}

/** Who is told of what becomes of the keys. */
export type KeyNews = {
  readonly used: (kid: string) => void // from now on
  /** Keys could not be kept: those before go on being used. */
  readonly failed: (cause: unknown) => void
}

/** The keys of an issuer, which follow each other. */
export type SigningKeys = {
  /** The keys now; changes them first where their time has come, if what is to be kept can be: otherwise a minute later. */
  readonly current: () => Promise<KeySet>
  /** @throws CountersignError `USAGE` where the next key has not been published for long enough: what it signs would be refused */
  readonly rotate: () => Promise<KeySet>
}

/**
 * Keys that follow each other: the next is published as soon as the one before it is used, and the last stays until its tokens have expired.
 *
 * @param generate - makes PKCS#8 DER of an RSA key
 * @throws CountersignError `CONFIGURATION_MALFORMED` where what is stored is no key
 */
export async function openSigningKeys(
  store: IssuerKeyStore,
  now: () => Date,
  times: KeyTimes,
  news: KeyNews,
  generate: () => Promise<Uint8Array> = generateRsaKey,
): Promise<SigningKeys> {
  let keys: readonly SigningKey[] = (await store.load()).map(restore)
  let set: KeySet | undefined
  let change: Promise<KeySet> | undefined
  let notBeforeMs = Number.NEGATIVE_INFINITY // of another try

  const save = async (changed: readonly SigningKey[]): Promise<KeySet> => {
    await store.save(changed.map(({ pkcs8, publishedMs, activeMs, retiredMs }) => ({ pkcs8, publishedMs, activeMs, retiredMs })))
    keys = changed // only now: a key that is used is one that is there after a restart
    set = { active: activeOf(keys)!, published: keys }
    return set
  }
  const createKey = async (publishedMs: number): Promise<SigningKey> =>
    restore({ pkcs8: await generate(), publishedMs, activeMs: undefined, retiredMs: undefined })
  const switchKeys = async (): Promise<KeySet> => {
    const nowMs = now().getTime()
    const [active, next] = [activeOf(keys), nextOf(keys)]
    const [successor, following] = await Promise.all([next ?? createKey(nowMs), createKey(nowMs)])
    const others = keys.filter(key => key !== active && key !== next && nowMs < key.retiredMs! + times.keepMs)
    const retired = active ? [{ ...active, retiredMs: nowMs }] : []
    const changed = await save([{ ...successor, activeMs: nowMs }, following, ...retired, ...others])
    news.used(successor.publicJwk.kid)
    return changed
  }
  const forgetOld = async (): Promise<KeySet> => save(keys.filter(key => !isOver(key, now().getTime(), times.keepMs)))
  const inTurn = (task: () => Promise<KeySet>): Promise<KeySet> => {
    change ??= task().finally(() => {
      change = undefined
    })
    return change
  }
  const isKnown = (key: SigningKey | undefined): boolean => key !== undefined && key.publishedMs + times.leadMs <= now().getTime()

  const current = async (): Promise<KeySet> => {
    const nowMs = now().getTime()
    const active = activeOf(keys)
    const isDue = active !== undefined && active.activeMs! + times.rotateMs <= nowMs && isKnown(nextOf(keys))
    if (!active) return inTurn(switchKeys)
    const isOld = keys.some(key => isOver(key, nowMs, times.keepMs))
    if ((isDue || isOld) && nowMs >= notBeforeMs)
      try {
        return await inTurn(isDue ? switchKeys : forgetOld)
      } catch (cause) {
        if (nowMs >= notBeforeMs) news.failed(cause) // and not once for each who waited
        notBeforeMs = nowMs + retryMs
      }
    set ??= { active, published: keys }
    return set
  }
  await current()
  return {
    current,
    rotate: async () => {
      while (change) await change.catch(() => {}) // another change is not this one
      if (!isKnown(nextOf(keys)))
        throw new CountersignError('USAGE', `issuer: the next key must have been published for ${times.leadMs / 1000} s before it is used`)
      return inTurn(switchKeys)
    },
  }
}

const retryMs = 60_000

/** What a token says: about whom, and more. */
export type Claims = { readonly sub: string; readonly [name: string]: unknown }

/** A compact JWS over these claims, by RS256. */
export function signToken(key: SigningKey, claims: Claims): Promise<string> {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'RS256', kid: key.publicJwk.kid, typ: 'JWT' })}.${part(claims)}`
  return new Promise((resolve, reject) =>
    sign('sha256', Buffer.from(text), key.privateKey, (error, signature) =>
      error ? reject(error) : resolve(`${text}.${signature.toString('base64url')}`),
    ),
  )
}

function activeOf(keys: readonly SigningKey[]): SigningKey | undefined {
  return keys.find(({ activeMs, retiredMs }) => activeMs !== undefined && retiredMs === undefined)
}

function nextOf(keys: readonly SigningKey[]): SigningKey | undefined {
  return keys.find(({ activeMs }) => activeMs === undefined)
}

function isOver({ retiredMs }: SigningKey, nowMs: number, keepMs: number): boolean {
  return retiredMs !== undefined && retiredMs + keepMs <= nowMs
}

function generateRsaKey(): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    generateKeyPair('rsa', { modulusLength: 2048 }, (error, _, key) =>
      error ? reject(error) : resolve(new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }))),
    ),
  )
}

/** @throws CountersignError `CONFIGURATION_MALFORMED` */
function restore(stored: StoredKey): SigningKey {
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: Buffer.from(stored.pkcs8), format: 'der', type: 'pkcs8' })
  } catch {
    throw new CountersignError('CONFIGURATION_MALFORMED', 'keys of the issuer: want private keys in PKCS#8') // no cause: it might quote them
  }
  const { kty, n, e } = createPublicKey(privateKey).export({ format: 'jwk' })
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0
  if (kty !== 'RSA' || n === undefined || e === undefined || bits < 2048) {
    const found = kty === 'RSA' ? `${bits} bits` : privateKey.asymmetricKeyType
    throw new CountersignError('CONFIGURATION_MALFORMED', `keys of the issuer: want RSA keys of at least 2048 bits, got ${found}`)
  }
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url') // RFC 7638
  return { ...stored, privateKey, publicJwk: { kty, use: 'sig', alg: 'RS256', kid, n, e } }
}
