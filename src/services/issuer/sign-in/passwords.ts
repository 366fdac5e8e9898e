import { type Argon2Parameters, argon2, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'

/** A password's hash, checked to be one we can afford to compute. Only `parsePasswordHash` makes one. */
export type PasswordHash = { readonly salt: Uint8Array; readonly tag: Uint8Array } & (
  | { readonly kind: 'argon2id'; readonly memoryKiB: number; readonly passes: number; readonly lanes: number }
  | { readonly kind: 'scrypt'; readonly costLog2: number; readonly blockSize: number; readonly lanes: number }
)

const saltBytes = 16
const tagBytes = 32

/**
 * Hashes a password for the configuration: argon2id with 19 MiB and two passes where the runtime has it (Node from 24.7, Bun), scrypt
 * with 32 MiB where it has not.
 *
 * @param randomBytes - gives the salt
 * @returns text in the PHC string format, `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`
 */
export async function hashPassword(password: string, randomBytes: (length: number) => Uint8Array): Promise<string> {
  const salt = randomBytes(saltBytes)
  const tag = new Uint8Array(tagBytes)
  const hash: PasswordHash = hasArgon2()
    ? { kind: 'argon2id', memoryKiB: 19_456, passes: 2, lanes: 1, salt, tag }
    : { kind: 'scrypt', costLog2: 15, blockSize: 8, lanes: 1, salt, tag }
  const made = await derive(password, hash)
  const head =
    hash.kind === 'argon2id'
      ? `$argon2id$v=19$m=${hash.memoryKiB},t=${hash.passes},p=${hash.lanes}`
      : `$scrypt$ln=${hash.costLog2},r=${hash.blockSize},p=${hash.lanes}`
  return `${head}$${unpadded(salt)}$${unpadded(made)}`
}

/** Whether it is the password. Takes the same time for any password. */
export async function isPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash), hash.tag)
}

/**
 * A hash in the PHC string format, of argon2id or scrypt. Costs that would let one guess use more than 256 MiB are refused.
 *
 * @param at - begins the messages: `users[0].passwordHash`. The hash itself is in none of them
 * @throws CountersignError `CONFIGURATION_MALFORMED`
 */
export function parsePasswordHash(text: string, at: string): PasswordHash {
  const wrong = (wanted: string): CountersignError => new CountersignError('CONFIGURATION_MALFORMED', `${at}: want ${wanted}`)
  const parts = text.split('$')
  const [before, kind, ...rest] = parts
  if (before !== '' || text.length > 512) throw wrong('a hash in the PHC string format: "$argon2id$…" or "$scrypt$…"')
  const [salt, tag] = rest.slice(-2).map(fromUnpadded)
  if (!salt || salt.length < 8 || salt.length > 64) throw wrong('a salt of 8 to 64 bytes, in base64 without padding')
  if (!tag || tag.length < 16 || tag.length > 64) throw wrong('a hash of 16 to 64 bytes, in base64 without padding')
  switch (kind) {
    case 'argon2id': {
      if (!hasArgon2()) throw wrong('a hash of scrypt: this runtime has no argon2')
      const found = /^v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]{0,2}),p=([1-9][0-9]?)$/.exec(rest.slice(0, -2).join('$'))
      if (!found) throw wrong('"$argon2id$v=19$m=…,t=…,p=…$salt$hash"')
      const [memoryKiB = 0, passes = 0, lanes = 0] = found.slice(1).map(Number)
      if (memoryKiB < 7168 || memoryKiB > 262_144 || passes > 16 || lanes > 4)
        throw wrong('argon2id with 7168 to 262144 KiB, at most 16 passes and 4 lanes')
      return { kind, memoryKiB, passes, lanes, salt, tag }
    }
    case 'scrypt': {
      const found = /^ln=([1-9][0-9]?),r=([1-9][0-9]?),p=([1-9][0-9]?)$/.exec(rest.slice(0, -2).join('$'))
      if (!found) throw wrong('"$scrypt$ln=…,r=…,p=…$salt$hash"')
      const [costLog2 = 0, blockSize = 0, lanes = 0] = found.slice(1).map(Number)
      if (costLog2 < 14 || costLog2 > 18 || blockSize !== 8 || lanes > 16) throw wrong('scrypt with ln 14 to 18, r 8 and p at most 16')
      return { kind, costLog2, blockSize, lanes, salt, tag }
    }
    default:
      throw wrong(`argon2id or scrypt, got ${quote(kind ?? '')}`)
  }
}

function hasArgon2(): boolean {
  return typeof argon2 === 'function'
}

function derive(password: string, hash: PasswordHash): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, tag: Uint8Array): void => (error ? reject(error) : resolve(new Uint8Array(tag)))
    if (hash.kind === 'argon2id') {
      const parameters: Argon2Parameters = {
        message: password,
        nonce: hash.salt,
        parallelism: hash.lanes,
        tagLength: hash.tag.length,
        memory: hash.memoryKiB,
        passes: hash.passes,
      }
      argon2('argon2id', parameters, done)
    } else {
      const cost: ScryptOptions = { N: 2 ** hash.costLog2, r: hash.blockSize, p: hash.lanes, maxmem: 512 << 20 }
      scrypt(password, hash.salt, hash.tag.length, cost, done)
    }
  })
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

function fromUnpadded(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return unpadded(bytes) === text ? bytes : undefined
}
