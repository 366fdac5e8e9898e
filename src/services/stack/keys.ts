import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { World } from '../../codec/world.ts'
import { type DeriveKey, decryptPrivateKey, encryptPrivateKey } from '../../crypto/encrypted-key.ts'
import { generatePrivateKey, type NewKeyKind } from '../../crypto/private-key.ts'

/** Keys that a running stack signs with. Each file is cosign's own format, and all have one passphrase. */
export const onlineKeys = {
  authority: 'ecdsa-p256', // the intermediate that issues certificates
  'ct-log': 'ecdsa-p256',
  'rekor-v1': 'ecdsa-p256',
  'rekor-v2': 'ed25519', // which witnesses want, services §4.3
  timestamps: 'ecdsa-p256',
  'tuf-online': 'ecdsa-p256', // snapshot and timestamp
  issuer: 'rsa-2048', // clients take RS256 tokens alone, services §6
} as const satisfies Readonly<Record<string, NewKeyKind>>

/** Keys that are needed when something above them changes, and are kept elsewhere until then. */
export const rootKeys = {
  'authority-root': 'ecdsa-p256',
  'timestamps-root': 'ecdsa-p256',
  'tuf-root': 'ecdsa-p256', // root and targets
} as const satisfies Readonly<Record<string, NewKeyKind>>

export type OnlineKey = keyof typeof onlineKeys
export type RootKey = keyof typeof rootKeys

/** PKCS#8, secret, by name. */
export type Keys<Name extends string> = Readonly<Record<Name, Uint8Array>>

const fileLimitBytes = 64 * 1024

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
): Promise<Keys<Name>> {
  await makePrivateFolder(folder)
  const made = await Promise.all(
    namesOf(kinds).map(async name => {
      const key = generatePrivateKey(kinds[name])
      await writeNew(pathOf(folder, name), await encryptPrivateKey(key, passphrase, randomBytes))
      return [name, key] as const
    }),
  )
  return Object.fromEntries<Uint8Array>(made) as Record<Name, Uint8Array>
}

/**
 * Reads keys that `createKeys` wrote.
 *
 * @throws CountersignError `FILE_UNREADABLE`; `KEY_UNSUPPORTED` where others than their owner may read folder or file; `PASSPHRASE_WRONG`,
 *   `KEY_MALFORMED`
 */
export async function loadKeys<Name extends string>(
  folder: string,
  kinds: Readonly<Record<Name, NewKeyKind>>,
  passphrase: Uint8Array,
  derive?: DeriveKey,
): Promise<Keys<Name>> {
  await checkPrivate(folder)
  const loaded = await Promise.all(
    namesOf(kinds).map(async name => {
      const path = pathOf(folder, name)
      await checkPrivate(path)
      return [name, await decryptPrivateKey(await readBounded(path), passphrase, path, derive)] as const
    }),
  )
  return Object.fromEntries<Uint8Array>(loaded) as Record<Name, Uint8Array>
}

/** A folder that its owner alone may look into. @throws CountersignError `FILE_UNWRITABLE`, `KEY_UNSUPPORTED` */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CountersignError('FILE_UNWRITABLE', `${quote(folder)} cannot be made`, { cause })
  }
  await checkPrivate(folder)
}

/** @throws CountersignError `KEY_UNSUPPORTED` where group or others have any right to a path; `FILE_UNREADABLE` */
export async function checkPrivate(path: string): Promise<void> {
  const { mode } = await stat(path).catch(cause => {
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} is not there or cannot be looked at`, { cause })
  })
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new CountersignError(
      'KEY_UNSUPPORTED',
      `${quote(path)}: want rights for its owner alone, got mode 0${(mode & 0o777).toString(8)}`,
    )
}

/** Writes a file that is not there yet: whole and durable, or not at all. @throws CountersignError `KEY_EXISTS`, `FILE_UNWRITABLE` */
async function writeNew(path: string, text: string): Promise<void> {
  if (await exists(path)) throw new CountersignError('KEY_EXISTS', `${quote(path)} is there already`)
  const temporary = `${path}.new`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (cause) {
    throw new CountersignError('FILE_UNWRITABLE', `${quote(path)} cannot be written`, { cause })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return false
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} cannot be looked at`, { cause })
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch(cause => {
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)} cannot be read`, { cause })
  })
  if (bytes.length > fileLimitBytes)
    throw new CountersignError('LIMIT_EXCEEDED', `${quote(path)}: want at most ${fileLimitBytes} bytes, got ${bytes.length}`)
  return bytes
}

function pathOf(folder: string, name: string): string {
  return join(folder, `${name}.key`)
}

function namesOf<Name extends string>(kinds: Readonly<Record<Name, NewKeyKind>>): readonly Name[] {
  return Object.keys(kinds) as Name[]
}
