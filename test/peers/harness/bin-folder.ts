import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { countersign } from './command.ts'
import type { Place } from './place.ts'

/** A folder of the place whose `countersign` is the command under test. */
export function binFolder(place: Place): string {
  const folder = place.path('bin')
  if (existsSync(folder)) return folder
  mkdirSync(folder)
  const [program, ...first] = countersign()
  if (first.length === 0) symlinkSync(program, join(folder, 'countersign'))
  else writeFileSync(join(folder, 'countersign'), `#!/bin/sh\nexec '${program}' '${first.join("' '")}' "$@"\n`, { mode: 0o755 })
  return folder
}
