import { type CompletedCommand, programNames, type ValueKind } from './completion-model.ts'

/** A script for fish 3: one `complete` for each word, under a condition on the words before it. It does not need the program. */
export function fishScript(model: readonly CompletedCommand[]): string {
  const [name] = programNames
  const takers = [...new Set(model.flatMap(({ flags }) => flags.filter(({ value }) => value.kind !== 'none').map(flag => flag.spelling)))]
  const switches = new Set(model.flatMap(({ flags }) => flags.filter(({ value }) => value.kind === 'none').map(flag => flag.spelling)))
  return `# fish completion for ${programNames.join(' and ')}; made by \`${name} completion fish\`

# The command that the words before the cursor name: 'attach signature'. A flag's value is no part of it.
function __${name}_command
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l isValue no
    for word in $words
        if test $isValue = yes
            set isValue no
        else if contains -- $word ${takers.filter(flag => !switches.has(flag)).join(' ')}
            set isValue yes
        else if not string match -q -- '-*' $word
            if contains -- (string join ' ' $command $word) ${model
              .filter(({ path }) => path !== '')
              .map(({ path }) => quoted(path))
              .join(' ')}
                set -a command $word
            end
        end
    end
    string join ' ' $command
end

function __${name}_at
    set -l command (__${name}_command)
    test "$command" = "$argv[1]"
end

for program in ${programNames.join(' ')}
    complete -c $program -f
${model
  .flatMap(at => linesOf(at))
  .map(line => `    complete -c $program ${line}\n`)
  .join('')}end
`
}

function linesOf({ path, members, flags, argument }: CompletedCommand): readonly string[] {
  const condition = `-n ${quoted(`__${programNames[0]}_at ${quoted(path)}`)}`
  return [
    ...members.map(({ word, summary }) => `${condition} -a ${word} -d ${quoted(summary)}`),
    ...flags.map(({ spelling, help, value }) => {
      const flag = spelling.startsWith('--') ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`
      return [condition, flag, ...takes(value), '-d', quoted(help)].join(' ')
    }),
    ...(argument.kind === 'none' ? [] : [[condition, ...offers(argument)].join(' ')]),
  ]
}

/** What a flag takes, in the flags of fish's `complete`. */
function takes(value: ValueKind): readonly string[] {
  return value.kind === 'none' ? [] : ['-r', ...offers(value)]
}

function offers(value: ValueKind): readonly string[] {
  switch (value.kind) {
    case 'none':
    case 'any':
      return ['-f']
    case 'file':
      return ['-F']
    case 'choice':
      return ['-f', '-a', quoted(value.choices.join(' '))]
    default:
      throw new TypeError(`unhandled value ${value satisfies never}`)
  }
}

/** In single quotes fish knows two escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
