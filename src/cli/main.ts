import { commands, laterCommands, refusedCommands } from './commands.ts'
import { createProcessSystem } from './process/process-system.ts'
import { run } from './run.ts'

/** The program. Ends the process once all output has left it: sockets kept alive do not delay the end. */
async function main(): Promise<void> {
  const program = { commands, later: laterCommands, refused: refusedCommands }
  process.exit(await run(process.argv.slice(2), createProcessSystem(), program))
}

void main() // no top-level await: the released bundle is CommonJS
