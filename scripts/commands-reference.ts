/** Writes docs/commands.md from the command table: `node scripts/commands-reference.ts`. A unit test fails while it is stale. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commands, laterCommands, refusedCommands } from '../src/cli/commands.ts'
import { globalFlags } from '../src/cli/flags/global.ts'
import { commandReference } from '../src/cli/reference.ts'

const program = { commands, later: laterCommands, refused: refusedCommands }
writeFileSync(join(import.meta.dirname, '../docs/commands.md'), commandReference(program, globalFlags))
