import packageFile from '../../../package.json' with { type: 'json' }
import type { CommandFunction } from '../command.ts'
import type { versionFlags } from '../flags/other.ts'

/** What the release build writes into the bundle; source run as it stands has none. */
declare const COUNTERSIGN_BUILD: { readonly commit: string; readonly treeState: string; readonly date: string } | undefined

/** `version`: what is running, in the members and rows that cosign prints. */
export const version: CommandFunction<typeof versionFlags> = async (context, flags) => {
  const facts = versionFacts()
  if (flags.json) context.stdout(`${JSON.stringify(facts, undefined, 2)}\n`)
  else {
    const rows = Object.entries(facts).map(([name, value]) => `${`${name[0]!.toUpperCase()}${name.slice(1)}:`.padEnd(15)}${value}\n`)
    context.stdout(`countersign: ${packageFile.description}\n\n${rows.join('')}`)
  }
  return 0
}

/** What is running, by the names that cosign prints. */
export function versionFacts() {
  const build = typeof COUNTERSIGN_BUILD === 'undefined' ? undefined : COUNTERSIGN_BUILD
  const isBun = process.versions['bun'] !== undefined
  return {
    gitVersion: `v${packageFile.version}`,
    gitCommit: build?.commit ?? 'unknown',
    gitTreeState: build?.treeState ?? 'unknown',
    buildDate: build?.date ?? 'unknown',
    goVersion: 'none', // scripts that read cosign's JSON expect the member
    compiler: isBun ? 'bun' : 'node',
    platform: `${process.platform === 'win32' ? 'windows' : process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    runtime: isBun ? `Bun ${process.versions['bun']}` : `Node.js ${process.version}`,
  }
}
