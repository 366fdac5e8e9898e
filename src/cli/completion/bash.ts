import { type CompletedCommand, programNames, type ValueKind } from './completion-model.ts'

/** A script for bash 3.2 and newer, macOS among them; it needs neither bash-completion nor the program. */
export function bashScript(model: readonly CompletedCommand[]): string {
  const [name] = programNames
  return `# bash completion for ${programNames.join(' and ')}; made by \`${name} completion bash\`

# What follows: 'words ...' for commands, 'choice ...', 'file', 'any' for a value that only you know, nothing for a switch.
_${name}_value() { # COMMAND FLAG
  case "$1 $2" in
${valueCases(model)}  esac
}

_${name}_flags() { # COMMAND
  case "$1" in
${model.map(({ path, flags }) => `    ${quoted(path)}) printf '%s' ${quoted(flags.map(({ spelling }) => spelling).join(' '))} ;;\n`).join('')}  esac
}

_${name}_next() { # COMMAND
  case "$1" in
${model.map(at => `    ${quoted(at.path)}) printf '%s' ${quoted(nextOf(at))} ;;\n`).join('')}  esac
}

_${name}_offer() { # KIND [WORD...], as printed by the functions above
  local kind="$1" word="$2"
  case "$kind" in
    words\\ * | choice\\ *) COMPREPLY=($(compgen -W "\${kind#* }" -- "$word")) ;;
    file)
      local IFS=$'\\n'
      COMPREPLY=($(compgen -f -- "$word"))
      type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
      ;;
  esac
}

_${name}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command='' flag='' at=1 kind item
  COMPREPLY=()
  while [ "$at" -lt "$COMP_CWORD" ]; do
    item="\${COMP_WORDS[at]}"
    case "$item" in
      =) ;;
      -*)
        kind="$(_${name}_value "$command" "$item")"
        if [ -n "$kind" ]; then # its value is no command
          [ "\${COMP_WORDS[at + 1]}" = = ] && at=$((at + 1))
          at=$((at + 1))
          if [ "$at" -ge "$COMP_CWORD" ]; then
            flag="$item"
          fi
        fi
        ;;
      *)
        case "$(_${name}_next "$command") " in
          words*" $item "*) command="\${command:+$command }$item" ;;
        esac
        ;;
    esac
    at=$((at + 1))
  done
  [ "$word" = = ] && word=''
  if [ -n "$flag" ]; then
    _${name}_offer "$(_${name}_value "$command" "$flag")" "$word"
  else
    case "$word" in
      -*) _${name}_offer "words $(_${name}_flags "$command")" "$word" ;;
      *) _${name}_offer "$(_${name}_next "$command")" "$word" ;;
    esac
  fi
}

${programNames.map(program => `complete -F _${name} ${program}`).join('\n')}
`
}

/** Flags that take a value, those of one kind on one line. */
function valueCases(model: readonly CompletedCommand[]): string {
  const byKind = new Map<string, string[]>()
  for (const { path, flags } of model)
    for (const { spelling, value } of flags) {
      const kind = kindOf(value)
      if (kind !== '') byKind.set(kind, [...(byKind.get(kind) ?? []), quoted(`${path} ${spelling}`)])
    }
  return [...byKind].map(([kind, flags]) => `    ${flags.join(' | ')}) printf '%s' ${quoted(kind)} ;;\n`).join('')
}

function nextOf({ members, argument }: CompletedCommand): string {
  return members.length > 0 ? `words ${members.map(({ word }) => word).join(' ')}` : kindOf(argument)
}

/** A kind in the words of the script. */
function kindOf(value: ValueKind): string {
  switch (value.kind) {
    case 'none':
      return ''
    case 'choice':
      return `choice ${value.choices.join(' ')}`
    case 'any':
    case 'file':
      return value.kind
    default:
      throw new TypeError(`unhandled value ${value satisfies never}`)
  }
}

/** A word that the shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
