import { type CompletedCommand, programNames, type ValueKind } from './completion-model.ts'

/** A script for zsh 5: sourced, or put into `fpath` under the name `_countersign`. It does not need the program. */
export function zshScript(model: readonly CompletedCommand[]): string {
  const [name] = programNames
  return `#compdef ${programNames.join(' ')}
# zsh completion for ${programNames.join(' and ')}; made by \`${name} completion zsh\`

# What follows a flag goes to $reply: a kind (file, any, choice; none for a switch), then the choices.
_${name}_value() { # COMMAND FLAG
  case "$1 $2" in
${valueCases(model)}    *) reply=() ;;
  esac
}

# Words with what they are for go to $reply, as _describe takes them.
_${name}_flags() { # COMMAND
  case "$1" in
${model.map(({ path, flags }) => `    ${quoted(path)}) reply=(${flags.map(({ spelling, help }) => described(spelling, help)).join(' ')}) ;;\n`).join('')}    *) reply=() ;;
  esac
}

_${name}_words() { # COMMAND
  case "$1" in
${model
  .filter(({ members }) => members.length > 0)
  .map(({ path, members }) => `    ${quoted(path)}) reply=(${members.map(({ word, summary }) => described(word, summary)).join(' ')}) ;;\n`)
  .join('')}    *) reply=() ;;
  esac
}

# What the arguments of a command are, as _${name}_value has it.
_${name}_argument() { # COMMAND
  case "$1" in
${model
  .filter(({ argument }) => argument.kind !== 'none')
  .map(({ path, argument }) => `    ${quoted(path)}) reply=(${kindOf(argument)}) ;;\n`)
  .join('')}    *) reply=() ;;
  esac
}

_${name}_offer() { # KIND [CHOICE...]
  case "$1" in
    file) _files ;;
    choice) shift; compadd -- "$@" ;;
    any) _message 'a value' ;;
  esac
}

_${name}() {
  local -a reply
  local command='' flag='' item at=2
  while (( at < CURRENT )); do
    item="\${(Q)words[at]}"
    case "$item" in
      -*=*) ;;
      -*)
        _${name}_value "$command" "$item"
        if (( $#reply )); then
          (( at++ ))
          (( at >= CURRENT )) && flag="$item"
        fi
        ;;
      *)
        _${name}_words "$command"
        (( \${reply[(I)$\{(b)item}:*]} )) && command="\${command:+$command }$item"
        ;;
    esac
    (( at++ ))
  done
  if [[ -n "$flag" ]]; then
    _${name}_value "$command" "$flag"
    _${name}_offer "\${reply[@]}"
  elif [[ "$words[CURRENT]" == --*=* ]]; then
    _${name}_value "$command" "\${words[CURRENT]%%=*}"
    compset -P '*='
    _${name}_offer "\${reply[@]}"
  elif [[ "$words[CURRENT]" == -* ]]; then
    _${name}_flags "$command"
    _describe -o flag reply
  else
    _${name}_words "$command"
    if (( $#reply )); then
      _describe command reply
    else
      _${name}_argument "$command"
      _${name}_offer "\${reply[@]}"
    fi
  fi
}

if [[ "\${funcstack[1]-}" == _${name} ]]; then
  _${name} "$@" # autoloaded from fpath
elif (( $+functions[compdef] )); then
  compdef _${name} ${programNames.join(' ')}
fi
`
}

function valueCases(model: readonly CompletedCommand[]): string {
  const byKind = new Map<string, string[]>()
  for (const { path, flags } of model)
    for (const { spelling, value } of flags) {
      const kind = kindOf(value)
      if (kind !== '') byKind.set(kind, [...(byKind.get(kind) ?? []), quoted(`${path} ${spelling}`)])
    }
  return [...byKind].map(([kind, flags]) => `    ${flags.join(' | ')}) reply=(${kind}) ;;\n`).join('')
}

function kindOf(value: ValueKind): string {
  if (value.kind === 'none') return ''
  return value.kind === 'choice' ? ['choice', ...value.choices.map(quoted)].join(' ') : value.kind
}

/** `word:what it is for`; colons of the word itself are escaped, those behind the first are text. */
function described(word: string, help: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${help}`)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
