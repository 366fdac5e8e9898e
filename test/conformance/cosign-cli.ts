import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const path = join(import.meta.dirname, '../../../shared/spec/cosign-cli.tsv')
if (!existsSync(path)) throw new Error(`${path} is missing: this suite compares the command table with it`)

/** One row of the table: a command, or a flag of one. Names are without `cosign` and without dashes. */
export type Row = {
  readonly command: string
  readonly flag: string
  readonly shorthand: string
  readonly default: string
  readonly inV3: string
  readonly inV2: string
}
/** Every command and flag that cosign 2.5.0 and 3.1.1 have. Where they differ, 3.1.1 decides. */
export const rows: readonly Row[] = readFileSync(path, 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map(line => {
    const [command = '', flag = '', shorthand = '', text = '', inV2 = '', inV3 = ''] = line.split('\t')
    return {
      command: command.replace(/^cosign ?/, ''),
      flag: flag.replace(/^--/, ''),
      shorthand: shorthand.replace(/^-/, ''),
      default: text,
      inV2,
      inV3,
    }
  })
const names = [...new Set(rows.map(row => row.command))]
/** Commands that are no groups of commands. */
export const leaves = names.filter(name => name !== '' && !names.some(other => other.startsWith(`${name} `)))

/** Flags that cosign 3 hides and deprecates and that are here to stay: they are in help, and nothing says that they end. */
export const kept: ReadonlySet<string> = new Set(
  ['dockerfile verify', 'manifest verify', 'verify', 'verify-attestation', 'verify-blob', 'verify-blob-attestation'].map(
    command => `${command} --offline`,
  ),
)

/** Flags that may be given several times here, and each time counts; of cosign's the last does. Nothing is their default in both. */
export const several: ReadonlySet<string> = new Set(
  ['dockerfile verify', 'manifest verify', 'verify', 'verify-attestation', 'verify-blob', 'verify-blob-attestation'].map(
    command => `${command} --key`,
  ),
)

/** Commands of cosign's that wait for an issue of the plan. The list may only shrink. */
export const waiting: Readonly<Record<number, readonly string[]>> = {
  3: [],
  6: [],
  7: [],
}
