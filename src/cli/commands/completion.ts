import type { Command, CommandFunction } from '../command.ts'
import { bashScript } from '../completion/bash.ts'
import { completionModel } from '../completion/completion-model.ts'
import { fishScript } from '../completion/fish.ts'
import { powershellScript } from '../completion/powershell.ts'
import { zshScript } from '../completion/zsh.ts'
import { globalFlags } from '../flags/global.ts'
import type { completionFlags } from '../flags/other.ts'

const scripts = new Map([
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
  ['powershell', powershellScript],
])

/** `completion`: a script that completes command lines in a shell, made from the command table. */
export function createCompletion(commands: readonly Command[]): CommandFunction<typeof completionFlags> {
  return async (context, _, [shell]) => {
    context.stdout(scripts.get(shell!)!(completionModel(commands, globalFlags))) // the table names the shells there are
    return 0
  }
}
