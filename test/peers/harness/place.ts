import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of a test's own, and an environment in which it is also the home: no credentials, keys or caches of the machine's user are seen. */
export type Place = {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** Path of a file in the folder. */
  readonly path: (name: string) => string
  readonly remove: () => void
}

/** A new, empty place. COSIGN_PASSWORD is set, so that no tool asks for one. */
export function createPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-peers-'))
  mkdirSync(join(folder, 'home'))
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: join(folder, 'home'),
    TMPDIR: folder,
    COSIGN_PASSWORD: 'correct horse',
    NO_COLOR: '1',
  }
  return { folder, env, path: name => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
