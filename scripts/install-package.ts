import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runOrDie } from './process.ts'

/** What this project reads of a package.json. */
export type Manifest = {
  readonly version: string
  readonly exports: Record<string, unknown>
  readonly dependencies?: Record<string, string>
}

/** The package.json of a package's folder. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/**
 * Builds, packs and installs the package by npm, as a user's `npm install countersign` would, without asking the network:
 * its dependencies are packed from node_modules here, and npm's cache begins empty.
 *
 * @param folder - empty; the user's program goes to `user` below it
 * @returns the user's node_modules
 */
export async function installPackage(folder: string): Promise<string> {
  await runOrDie(process.execPath, ['scripts/build.ts', '--package', '--out', join(folder, 'stage/dist')])
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'bin'])
    cpSync(join(root, name), join(folder, 'stage', name), { recursive: true })
  const names = packagesBelow(Object.keys(readManifest(root).dependencies ?? {}))
  const [own, ...others] = await pack(folder, [join(folder, 'stage'), ...names.map(name => join(root, 'node_modules', name))])
  const overrides = Object.fromEntries(names.map((name, index) => [name, `file:${others[index]}`]))
  const manifest = { name: 'user', private: true, type: 'module', dependencies: { countersign: `file:${own}` }, overrides }
  mkdirSync(join(folder, 'user'))
  writeFileSync(join(folder, 'user/package.json'), JSON.stringify(manifest))
  await npm(folder, ['install', '--offline'], join(folder, 'user'))
  return join(folder, 'user/node_modules')
}

/** Packages and all they depend on, by name, as they lie in node_modules here. */
export function packagesBelow(names: readonly string[]): readonly string[] {
  const seen = new Set(names)
  for (const name of seen) for (const next of Object.keys(readManifest(join(root, 'node_modules', name)).dependencies ?? {})) seen.add(next)
  return [...seen]
}

/** Packs package folders, and gives the tarballs in the same order. */
async function pack(folder: string, packages: readonly string[]): Promise<readonly string[]> {
  mkdirSync(join(folder, 'tarballs'))
  const printed = await npm(folder, ['pack', '--silent', '--pack-destination', join(folder, 'tarballs'), ...packages], folder)
  const names = printed.split('\n').filter(line => line.endsWith('.tgz'))
  if (names.length !== packages.length) throw new Error(`npm pack: want ${packages.length} tarballs, got\n${printed}`)
  return names.map(name => join(folder, 'tarballs', name))
}

function npm(home: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: home, npm_config_cache: join(home, 'cache') }
  return runOrDie('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, env })
}
