import { commands, laterCommands } from './commands.ts'
import { createProcessSystem } from './process/process-system.ts'
import { run } from './run.ts'

/** The program. Ends the process once all output has left it: sockets kept alive do not delay the end. */
async function main(): Promise<void> {
  process.exit(await run(process.argv.slice(2), createProcessSystem(), { commands, later: laterCommands }))
}

void main() // no top-level await: the released bundle is CommonJS
