import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, runOk, tool } from './command.ts'
import type { Place } from './place.ts'

// Tools that write what attestations carry: SBOMs and reports of scans. None of them may look for a newer one of itself, or of its data.

const root = join(import.meta.dirname, '../../..')
const peers = join(root, '.cache/peers')

/** A small Debian, unpacked. */
export const debianRoot = join(peers, 'debian-root')

/** A program of many Go modules. */
export const goProgram = join(peers, 'bin/grype')

/** The command that lists the dependencies of an npm package, on the Node that runs the test. */
export const cyclonedxNpm: Command = [process.execPath, join(peers, 'bin/cyclonedx-npm')]

/** Environment of Syft and Grype in a place. */
export function scannerEnvironment(place: Place): Readonly<Record<string, string>> {
  return {
    SYFT_CHECK_FOR_APP_UPDATE: 'false',
    GRYPE_CHECK_FOR_APP_UPDATE: 'false',
    GRYPE_DB_AUTO_UPDATE: 'false',
    GRYPE_DB_VALIDATE_AGE: 'false',
    GRYPE_DB_CACHE_DIR: place.path('grype'),
  }
}

/** An SBOM of this package and all that is installed for it, in CycloneDX. */
export async function writeNpmSbom(place: Place, file: string, specVersion: string): Promise<void> {
  await runOk(place, cyclonedxNpm, ['--spec-version', specVersion, '--output-file', place.path(file), join(root, 'package.json')])
}

/** SBOMs of the small Debian: `NAME.cdx.json` and `NAME.spdx.json`. */
export async function writeDebianSboms(place: Place, name: string): Promise<void> {
  await runOk(place, tool('debsbom'), ['generate', '--root', debianRoot, '--with-licenses', '--out', place.path(name)])
}

/** The Python environment that Pitloom itself runs in. */
export const pitloomPip = join(peers, 'pitloom/bin/pip')

/** An SBOM of that environment, in SPDX 3.0. */
export async function writePythonSbom(place: Place, file: string): Promise<void> {
  await runOk(place, tool('pitloom'), ['env', '--offline', '--output', place.path(file)])
}

/** SBOMs of one source of Syft's, in each of these formats and files. */
export async function writeSyftSboms(place: Place, source: string, files: Readonly<Record<string, string>>): Promise<void> {
  const outputs = Object.entries(files).flatMap(([format, file]) => ['-o', `${format}=${place.path(file)}`])
  await runOk(place, tool('syft'), ['scan', '--quiet', source, ...outputs], { env: scannerEnvironment(place) })
}

/** What a database of vulnerabilities says of a package of npm or Go. */
export type Advisory = {
  readonly id: string
  readonly ecosystem: 'npm' | 'go-module'
  readonly package: string
  readonly constraint: string
  readonly severity?: string
}

/** Gives Grype a database of these advisories; the published one cannot be had everywhere, and is another every day. */
export async function giveAdvisories(place: Place, advisories: readonly Advisory[]): Promise<void> {
  const folder = place.path('advisories')
  mkdirSync(folder)
  await runOk(place, tool('vulnerability-db'), [folder], { input: JSON.stringify(advisories) })
  await runOk(place, ['tar'], ['-C', folder, '-czf', `${folder}.tar.gz`, 'vulnerability.db'])
  await runOk(place, tool('grype'), ['db', 'import', `${folder}.tar.gz`], { env: scannerEnvironment(place) })
}

/** A document that a tool wrote. */
export function readDocument(place: Place, file: string): never {
  return JSON.parse(readFileSync(place.path(file), 'utf8')) as never
}
