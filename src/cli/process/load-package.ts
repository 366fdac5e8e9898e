import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, isAbsolute, join, sep } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** Versions that are tested; package.json says the same of them as optional peers. */
export const optionalPackages = {
  '@aws-sdk/client-kms': '^3.1100.0',
  '@azure/identity': '^4.14.0',
  '@azure/keyvault-keys': '^4.10.0',
  '@google-cloud/kms': '^6.0.0',
  pkcs11js: '^2.1.7',
} as const

/**
 * Loads a package that countersign does not bring: from the folder that COUNTERSIGN_PACKAGES names, from beside the executable, or from where
 * countersign is installed. Never from where a person happens to stand, or from NODE_PATH, which may lead there: what lies there may be what
 * they are about to verify.
 *
 * @throws CountersignError `CAPABILITY_MISSING` with the line that adds it
 */
export function loadPackage(name: keyof typeof optionalPackages, environment: ReadonlyMap<string, string>): unknown {
  const folder = environment.get('COUNTERSIGN_PACKAGES') ?? ''
  if (folder !== '' && !isAbsolute(folder))
    throw new CountersignError('USAGE', `COUNTERSIGN_PACKAGES: want the absolute path of a folder, got ${quote(folder)}`)
  for (const place of [...(folder === '' ? [] : [basename(folder) === 'node_modules' ? dirname(folder) : folder]), ...ownPlaces()]) {
    const require = createRequire(join(place, 'any'))
    const path = resolveIn(place, name, require)
    if (path !== undefined) return require(path) // else the next place may have it
  }
  throw new CountersignError(
    'CAPABILITY_MISSING',
    `this key needs the package ${name}, which is not there: npm install ${name}@${optionalPackages[name]}, where countersign is installed or in a folder that COUNTERSIGN_PACKAGES names`,
  )
}

/** The package's main file in `node_modules` of a folder; Node looks for it elsewhere too. */
function resolveIn(folder: string, name: string, require: NodeJS.Require): string | undefined {
  try {
    const own = realpathSync(join(folder, 'node_modules', name))
    const path = require.resolve(name)
    return realpathSync(path).startsWith(own + sep) ? path : undefined
  } catch {
    return undefined
  }
}

/** The folder of the executable, or of the script that Node was started with, wherever links lead to it, and all above it. */
function ownPlaces(): readonly string[] {
  const [program, script = program] = process.argv
  const own = process.versions['bun'] && script!.startsWith('/$bunfs/') ? process.execPath : realpathSync(script!)
  const places: string[] = []
  for (let place = dirname(own); places.at(-1) !== place; place = dirname(place)) places.push(place)
  return places
}
