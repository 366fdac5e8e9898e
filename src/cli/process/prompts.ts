import { bytesEqual } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, encodeUtf8 } from '../../codec/text.ts'
import type { Environment, Prompts, StandardInput } from '../context.ts'
import { Interrupted } from '../exit-code.ts'
import { variable } from '../parsing/environment.ts'

/** The keys a person presses. */
export type Keyboard = {
  /** What was typed, in line mode line by line; nothing at the end of input. Rejects with the signal's reason. */
  readonly read: (signal: AbortSignal) => Promise<Uint8Array | undefined>
  /** Takes the terminal out of line mode and echo, and back. */
  readonly setRaw: (raw: boolean) => void
}

/** What prompts stand on. */
export type PromptParts = {
  readonly environment: Environment
  readonly stdin: StandardInput
  readonly keyboard: Keyboard
  readonly stderr: (text: string) => void
  readonly signal: AbortSignal
}

const answerLimit = 64 * 1024 // bytes: of one line, and of a passphrase that is all of standard input

/** Questions on standard error, answers from the terminal; without a terminal a question is an error, never a hang. */
export function createPrompts(parts: PromptParts): Prompts {
  const { environment, stdin, stderr } = parts
  const lines = new LineReader(parts)
  const ask = async (question: string, hidden: boolean, inError = question.trim()): Promise<Uint8Array> => {
    if (!stdin.isTerminal) throw new CountersignError('USAGE', `a question needs an answer, and standard input is no terminal: ${inError}`)
    stderr(question)
    return lines.read(hidden)
  }
  return {
    line: async question => decodeUtf8(await ask(question, false), 'answer'),
    secret: async question => decodeUtf8(await ask(question, true), 'answer'),
    confirm: async (question, { yes, flag }) => {
      if (yes) return
      const warning = `WARNING: ${question}`
      const inError = flag === undefined ? warning : `${warning}; ${flag} answers yes`
      const answer = await ask(`${warning}\nAre you sure you would like to continue? [y/N] `, false, inError)
      if (!['y', 'yes'].includes(decodeUtf8(answer, 'answer').trim().toLowerCase()))
        throw new CountersignError('USAGE', 'user declined the prompt')
    },
    passphrase: async ({ confirm }) => {
      const set = variable(environment, 'PASSWORD')
      if (set !== undefined) return encodeUtf8(set)
      if (!stdin.isTerminal) return stdin.readAll(answerLimit)
      const passphrase = await ask('Enter password for private key: ', true)
      if (confirm && !bytesEqual(passphrase, await ask('Enter password for private key again: ', true)))
        throw new CountersignError('USAGE', 'passwords do not match')
      return passphrase
    },
  }
}

const [endOfText, endOfTransmission, backspace, lineFeed, carriageReturn, killLine, erase] = [0x03, 0x04, 0x08, 0x0a, 0x0d, 0x15, 0x7f]

/** Reads lines; what was typed or pasted past a line's end waits for the next. */
class LineReader {
  readonly #parts: PromptParts
  readonly #waiting: number[] = []

  constructor(parts: PromptParts) {
    this.#parts = parts
  }

  /** A line without its end. A shown line is edited and echoed by the terminal, a hidden one is edited here. */
  async read(hidden: boolean): Promise<Uint8Array> {
    const { keyboard, stderr } = this.#parts
    if (!hidden) return this.#line(false)
    keyboard.setRaw(true)
    try {
      return await this.#line(true)
    } finally {
      keyboard.setRaw(false)
      stderr('\n')
    }
  }

  async #line(raw: boolean): Promise<Uint8Array> {
    const line: number[] = []
    for (;;) {
      const key = await this.#key()
      if (key === lineFeed || key === carriageReturn) return Uint8Array.from(line)
      if (raw && key === endOfText) throw new Interrupted()
      if (key === undefined || (raw && key === endOfTransmission && line.length === 0))
        throw new CountersignError('USAGE', 'standard input ended before the answer')
      if (raw && (key === backspace || key === erase)) eraseCharacter(line)
      else if (raw && key === killLine) line.length = 0
      else if (!raw || key >= 0x20) line.push(key)
      if (line.length > answerLimit) throw new CountersignError('LIMIT_EXCEEDED', `want an answer of at most ${answerLimit} bytes`)
    }
  }

  async #key(): Promise<number | undefined> {
    if (this.#waiting.length === 0) this.#waiting.push(...((await this.#parts.keyboard.read(this.#parts.signal)) ?? []))
    return this.#waiting.shift()
  }
}

/** Takes the last UTF-8 character off the line. */
function eraseCharacter(line: number[]): void {
  while (line.length > 1 && (line.at(-1)! & 0xc0) === 0x80) line.pop()
  line.pop()
}
