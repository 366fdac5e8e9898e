import { commands, laterCommands, refusedCommands } from './commands.ts'
import { createProcessSystem, provingArgument } from './process/process-system.ts'
import { run } from './run.ts'

/** The program. Ends the process once all output has left it: sockets kept alive do not delay the end. */
async function main(): Promise<void> {
  if (process.argv[2] === provingArgument && (await startedAsThread())) return
  const program = { commands, later: laterCommands, refused: refusedCommands }
  process.exit(await run(process.argv.slice(2), createProcessSystem(), program))
}

/** A thread of a running stack is this same file once more, whichever form of the program it is. In a process of its own that means nothing. */
async function startedAsThread(): Promise<boolean> {
  const { parentPort } = await import('node:worker_threads')
  if (parentPort) (await import('../services/proving/serve-proofs.ts')).serveProofs(parentPort)
  return parentPort !== null
}

void main() // no top-level await: the released bundle is CommonJS
