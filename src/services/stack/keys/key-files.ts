import { join } from 'node:path'
import { encodeHex } from '../../../codec/hex.ts'
import type { World } from '../../../codec/world.ts'
import { type DeriveKey, decryptPrivateKey, deriveKey, encryptPrivateKey } from '../../../crypto/encrypted-key.ts'
import { generatePrivateKey, type NewKeyKind } from '../../../crypto/private-key.ts'
import { checkPrivate, makePrivateFolder, readFileAt, writeNewFile } from '../private-files.ts'

/** Keys that a running stack signs with. Each file is cosign's own format, and all have one passphrase. */
export const onlineKeys = {
  authority: 'ecdsa-p256', // the intermediate that issues certificates
  'ct-log': 'ecdsa-p256',
  'rekor-v1': 'ecdsa-p256',
  'rekor-v2': 'ed25519', // which witnesses want, services §4.3
  timestamps: 'ecdsa-p256',
  'tuf-targets': 'ecdsa-p256',
  'tuf-online': 'ecdsa-p256', // snapshot and timestamp
} as const satisfies Readonly<Record<string, NewKeyKind>>

/** Keys that are needed when something above them changes, and are kept elsewhere until then. */
export const rootKeys = {
  'authority-root': 'ecdsa-p256',
  'timestamps-root': 'ecdsa-p256',
  'tuf-root': 'ecdsa-p256',
} as const satisfies Readonly<Record<string, NewKeyKind>>

export type OnlineKey = keyof typeof onlineKeys
export type RootKey = keyof typeof rootKeys

/** PKCS#8, secret, by name. */
export type Keys<Name extends string> = Readonly<Record<Name, Uint8Array>>

/**
 * Makes keys and writes them encrypted, 0600, into a folder of 0700.
 *
 * @throws CountersignError `KEY_EXISTS` where a file of that name is there; `FILE_UNWRITABLE`
 */
export async function createKeys<Name extends string>(
  folder: string,
  kinds: Readonly<Record<Name, NewKeyKind>>,
  passphrase: Uint8Array,
  { randomBytes }: Pick<World, 'randomBytes'>,
  derive?: DeriveKey,
): Promise<Keys<Name>> {
  await makePrivateFolder(folder)
  const salt = randomBytes(saltLength) // the same for all: the passphrase is, and each key has a nonce of its own
  const random = (length: number) => (length === saltLength ? salt : randomBytes(length))
  const made = await derivingOnce(derive, deriveOnce =>
    Promise.all(
      namesOf(kinds).map(async name => {
        const key = generatePrivateKey(kinds[name])
        await writeNewFile(pathOf(folder, name), await encryptPrivateKey(key, passphrase, random, deriveOnce))
        return [name, key] as const
      }),
    ),
  )
  return Object.fromEntries<Uint8Array>(made) as Record<Name, Uint8Array>
}

/**
 * Reads keys that `createKeys` wrote.
 *
 * @throws CountersignError `FILE_UNREADABLE`; `RIGHTS_TOO_WIDE` where others than their owner may read folder or file; `PASSPHRASE_WRONG`,
 *   `KEY_MALFORMED`
 */
export async function loadKeys<Name extends string>(
  folder: string,
  kinds: Readonly<Record<Name, NewKeyKind>>,
  passphrase: Uint8Array,
  derive?: DeriveKey,
): Promise<Keys<Name>> {
  await checkPrivate(folder)
  const loaded = await derivingOnce(derive, deriveOnce =>
    Promise.all(
      namesOf(kinds).map(async name => {
        const path = pathOf(folder, name)
        await checkPrivate(path)
        return [name, await decryptPrivateKey(await readFileAt(path), passphrase, path, deriveOnce)] as const
      }),
    ),
  )
  return Object.fromEntries<Uint8Array>(loaded) as Record<Name, Uint8Array>
}

const saltLength = 32

/** Lets a task derive once for each salt: it takes a fifth of a second, and starting a stack would take seconds. */
async function derivingOnce<T>(derive: DeriveKey = deriveKey, task: (derive: DeriveKey) => Promise<T>): Promise<T> {
  const derived = new Map<string, Promise<Uint8Array>>()
  try {
    return await task(async (passphrase, salt, cost) => {
      const name = `${encodeHex(salt)} ${cost}`
      const key = derived.get(name) ?? derive(passphrase, salt, cost)
      derived.set(name, key)
      return Uint8Array.from(await key) // who asked zeroes it
    })
  } finally {
    for (const key of await Promise.allSettled(derived.values())) if (key.status === 'fulfilled') key.value.fill(0)
  }
}

function pathOf(folder: string, name: string): string {
  return join(folder, `${name}.key`)
}

function namesOf<Name extends string>(kinds: Readonly<Record<Name, NewKeyKind>>): readonly Name[] {
  return Object.keys(kinds) as Name[]
}
