import assert from 'node:assert/strict'
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { concatBytes } from '../src/codec/bytes.ts'
import { encodeUtf8 } from '../src/codec/text.ts'
import type { World } from '../src/codec/world.ts'
import { sha256 } from '../src/crypto/digest.ts'
import type { DeriveKey } from '../src/crypto/encrypted-key.ts'
import { noEvents } from '../src/services/service.ts'
import { createFolder } from '../src/services/stack/folder.ts'
import { openStack } from '../src/services/stack/stack.ts'
import { type MemoryFile, memoryFolder } from '../src/testing/memory-folder.ts'

// Somebody has put one thing wrong in a stack's folder: a file of another stack, of another time, or in another's place. It must not start and
// then sign what its clients refuse.

const place = mkdtempSync(join(tmpdir(), 'countersign-attacked-'))
const sound = join(place, 'sound')
const tufFiles = new Map<string, MemoryFile>()
const passphrase = encodeUtf8('')
const configText = 'version: 1\nurl: http://127.0.0.1:7070\noperator: example.com\nissuer: {}\n'
const deriveKey: DeriveKey = async (secret, salt) => sha256(concatBytes(secret, salt))
const world: World = {
  now: () => new Date(),
  randomBytes: length => crypto.getRandomValues(new Uint8Array(length)),
  fetch: async () => assert.fail('no request leaves the process'),
  sleep: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
}

const open = (folder: string, files: Map<string, MemoryFile>) =>
  openStack({ folder, tufFolder: memoryFolder(files, 'tuf'), passphrase, deriveKey }, world, noEvents)

before(async () => {
  const made = { folder: sound, tufFolder: memoryFolder(tufFiles, 'tuf'), rootFolder: join(place, 'root'), configText, passphrase }
  await createFolder(made, world, deriveKey)
  await (await open(sound, tufFiles)).close() // its logs have their first heads
})
after(() => rmSync(place, { recursive: true, force: true }))

/** What somebody does to a folder, whose files it finds by their names. */
type Attack = (folder: (name: string) => string, tuf: Map<string, MemoryFile>) => void

const swap =
  (one: string, other: string): Attack =>
  at => {
    renameSync(at(one), at('kept'))
    renameSync(at(other), at(one))
    renameSync(at('kept'), at(other))
  }
const swapKeys = (one: string, other: string) => swap(`keys/${one}.key`, `keys/${other}.key`)
const edit =
  (name: string, change: (text: string) => string): Attack =>
  at =>
    writeFileSync(at(name), change(readFileSync(at(name), 'utf8')))

const attacks: readonly { readonly name: string; readonly attack: Attack; readonly code: string; readonly message: RegExp }[] = [
  { name: 'keys of authority and timestamps', attack: swapKeys('authority', 'timestamps'), code: 'KEY_MISMATCH', message: /intermediate/ },
  { name: 'keys of two logs', attack: swapKeys('ct-log', 'rekor-v1'), code: 'KEY_MISMATCH', message: /ct-log\.pub: it is not of the key/ },
  {
    name: 'keys of two logs, and what is known of them',
    attack: (at, tuf) => {
      swapKeys('ct-log', 'rekor-v1')(at, tuf)
      swap('certificates/ct-log.pub', 'certificates/rekor-v1.pub')(at, tuf)
    },
    code: 'STORE_CORRUPT',
    message: /not one of this log/,
  },
  {
    name: 'keys of the TUF repository',
    attack: swapKeys('tuf-targets', 'tuf-online'),
    code: 'KEY_MISMATCH',
    message: /tuf-targets\.key: the root of the TUF repository has another key for targets/,
  },
  {
    name: 'keys of timestamps and TUF',
    attack: swapKeys('timestamps', 'tuf-online'),
    code: 'KEY_MISMATCH',
    message: /timestamps|"CN=timestamp authority|tuf-online/,
  },
  {
    name: 'certificates of another authority',
    attack: swap('certificates/authority.pem', 'certificates/timestamps.pem'),
    code: 'KEY_MISMATCH',
    message: /it is not for the key/,
  },
  {
    name: 'heads of two logs',
    attack: swap('rekor-v1/checkpoint', 'rekor-v2/checkpoint'),
    code: 'STORE_CORRUPT',
    message: /origin: want "127\.0\.0\.1 - \d+", got "127\.0\.0\.1"/,
  },
  { name: 'an empty head', attack: edit('rekor-v2/checkpoint', () => ''), code: 'STORE_CORRUPT', message: /not one of this log/ },
  {
    name: 'a database that is none',
    attack: edit('ct-log/log.db', () => 'no database'.repeat(100)),
    code: 'STORE_CORRUPT',
    message: /not a database/,
  },
  {
    name: 'another port',
    attack: edit('stack.yaml', text => text.replace('7070', '7071')),
    code: 'STORE_CORRUPT',
    message: /origin: want "127\.0\.0\.1:7071\/ct", got "127\.0\.0\.1:7070\/ct"/,
  },
  {
    name: 'another host',
    attack: edit('stack.yaml', text => text.replace('127.0.0.1', 'localhost')),
    code: 'STORE_CORRUPT',
    message: /origin: want "localhost:7070\/ct"/,
  },
  {
    name: 'a key that others may read',
    attack: at => chmodSync(at('keys/authority.key'), 0o640),
    code: 'RIGHTS_TOO_WIDE',
    message: /authority\.key": want rights for its owner alone/,
  },
  {
    name: 'issuer keys that others may read',
    attack: at => chmodSync(at('keys/issuer.keys'), 0o644),
    code: 'RIGHTS_TOO_WIDE',
    message: /keys\/issuer.*want rights for its owner alone/,
  },
  {
    name: 'a folder that others may look into',
    attack: at => chmodSync(at('.'), 0o755),
    code: 'RIGHTS_TOO_WIDE',
    message: /want rights for its owner alone/,
  },
  {
    name: 'a TUF repository without its root',
    attack: (_, tuf) => void tuf.delete('tuf/1.root.json'),
    code: 'STORE_CORRUPT',
    message: /1\.root\.json is missing/,
  },
  {
    name: 'a TUF repository that is cut short',
    attack: (_, tuf) => void tuf.set('tuf/timestamp.json', { data: encodeUtf8('{'), mode: 0o600 }),
    code: 'STORE_CORRUPT',
    message: /timestamp\.json/,
  },
]

/** The sound folder as it is, rights too: Node 24 gives copied folders those of new ones. */
function copyFolder(to: string): void {
  cpSync(sound, to, { recursive: true })
  for (const entry of [to, ...readdirSync(to, { recursive: true, encoding: 'utf8' }).map(name => join(to, name))])
    if (statSync(entry).isDirectory()) chmodSync(entry, 0o700)
}

describe('a stack does not start with', () => {
  for (const { name, attack, code, message } of attacks)
    test(name, async () => {
      const folder = join(place, name.replaceAll(' ', '-'))
      copyFolder(folder)
      const files = new Map(tufFiles)
      attack(file => join(folder, file), files)
      await assert.rejects(open(folder, files), { code, message })
    })
})

test('a folder whose making was interrupted says so', async () => {
  const folder = join(place, 'half')
  copyFolder(folder)
  rmSync(join(folder, 'stack.yaml'))
  const again = { folder, tufFolder: memoryFolder(new Map(), 'tuf'), rootFolder: join(place, 'other-root'), configText, passphrase }
  await assert.rejects(createFolder(again, world, deriveKey), {
    code: 'STACK_EXISTS',
    message: /half" is half made: it has keys and no stack\.yaml, which is written last/,
  })
  assert.ok(!existsSync(join(place, 'other-root')))
})
