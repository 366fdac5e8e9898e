/** The flags of an instruction, quotes and escapes taken away, and what follows them. */
export type FlaggedArguments = { readonly flags: readonly string[]; readonly rest: string }

const blanks = ' \t\v\f\r'

/**
 * Splits what follows a keyword as BuildKit's parser does, so that no flag hides here that is one there: a backslash escapes
 * whatever comes after it, also between single quotes and whatever `# escape=` says, and `--` alone ends the flags.
 *
 * @returns nothing where a flag has characters outside of ASCII: the parser takes some of their bytes for blanks
 * @see moby/buildkit frontend/dockerfile/parser/split_command.go
 */
export function splitFlags(text: string): FlaggedArguments | undefined {
  const flags: string[] = []
  for (let at = 0; ; ) {
    while (at < text.length && blanks.includes(text[at]!)) at++
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) }
    const flag = readFlag(text, at)
    if (!/^[\0-\x7f]*$/.test(text.slice(at, flag.end))) return undefined
    at = flag.end
    if (flag.word === '--') return { flags, rest: text.slice(at) }
    flags.push(flag.word)
  }
}

function readFlag(text: string, start: number): { readonly word: string; readonly end: number } {
  let word = ''
  let open = ''
  let at = start
  for (; at < text.length; at++) {
    const character = text[at]!
    if (open === '' && blanks.includes(character)) break
    if (character === '\\') word += text[++at] ?? ''
    else if (character === open) open = ''
    else if (open === '' && (character === '"' || character === "'")) open = character
    else word += character
  }
  return { word, end: Math.min(at, text.length) }
}
