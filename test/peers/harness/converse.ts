import { spawn } from 'node:child_process'
import type { Command, Ended } from './command.ts'
import type { Place } from './place.ts'

/** What a person does with a command that asks for something. */
export type Conversation = {
  /** Its first group is what the command asks with: an address, mostly. */
  readonly told: RegExp
  /** Does what is asked for, once; gives what the command then reads on its standard input, to the end. */
  readonly answer: (asked: string, told: RegExpExecArray) => Promise<string>
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command until it has printed what it asks, answers it, and waits for its end. What fails in the answer ends the command. */
export function converse(
  place: Place,
  [program, ...first]: Command,
  args: readonly string[],
  { told, answer, env }: Conversation,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], { cwd: place.folder, env: { ...place.env, ...env }, timeout: 120_000 })
    const printed = { stdout: '', stderr: '' }
    let isAsked = false
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        printed[name] += text
        const match = told.exec(printed[name])
        if (isAsked || match?.[1] === undefined) return
        isAsked = true
        answer(match[1], match).then(
          input => child.stdin.end(input),
          reason => {
            child.kill('SIGKILL')
            reject(reason)
          },
        )
      })
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', code => resolve({ code: code ?? 128, ...printed }))
  })
}
