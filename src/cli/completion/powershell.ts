import { type CompletedCommand, programNames, type ValueKind } from './completion-model.ts'

/** A script for PowerShell 5.1 and 7. It does not need the program. */
export function powershellScript(model: readonly CompletedCommand[]): string {
  const [name] = programNames
  return `# PowerShell completion for ${programNames.join(' and ')}; made by \`${name} completion powershell\`

Register-ArgumentCompleter -Native -CommandName ${programNames.map(quoted).join(', ')} -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # For each command: the words and flags that may follow, with what they are for, and the kinds of the flags' values.
    $commands = @{
${model.map(entryOf).join('')}    }

    $command = ''
    $flag = ''
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | Select-Object -Skip 1)
    foreach ($element in $words) {
        $word = $element.ToString()
        if ($flag -ne '') { $flag = '' }
        elseif ($word.StartsWith('-')) {
            if ($commands[$command].Values.ContainsKey($word)) { $flag = $word }
        }
        elseif ($commands[$command].Words.Contains($word)) { $command = "$command $word".Trim() }
    }

    $here = $commands[$command]
    $prefix = ''
    $part = $wordToComplete
    if ($flag -eq '' -and $wordToComplete -match '^(--[^=]+)=(.*)$') {
        $flag = $Matches[1]
        $prefix = "$flag="
        $part = $Matches[2]
    }
    $found = [ordered]@{}
    if ($flag -ne '') {
        if ($here.Values[$flag] -is [array]) { foreach ($choice in $here.Values[$flag]) { $found[$choice] = $choice } }
        elseif ($here.Values[$flag] -ne 'file') { return }
        else { return [System.Management.Automation.CompletionCompleters]::CompleteFilename($part) }
    }
    elseif ($wordToComplete.StartsWith('-')) { $found = $here.Flags }
    elseif ($here.Words.Count -gt 0) { $found = $here.Words }
    elseif ($here.Argument -is [array]) { foreach ($choice in $here.Argument) { $found[$choice] = $choice } }
    elseif ($here.Argument -eq 'file') { return [System.Management.Automation.CompletionCompleters]::CompleteFilename($part) }
    $found.GetEnumerator() | Where-Object { $_.Key.StartsWith($part) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new("$prefix$($_.Key)", $_.Key, 'ParameterValue', $_.Value)
    }
}
`
}

function entryOf({ path, members, flags, argument }: CompletedCommand): string {
  const words = members.map(({ word, summary }) => [word, quoted(summary)] as const)
  const descriptions = flags.map(({ spelling, help }) => [spelling, quoted(help)] as const)
  const values = flags.filter(({ value }) => value.kind !== 'none').map(({ spelling, value }) => [spelling, kindOf(value)] as const)
  return `        ${quoted(path)} = @{
            Words = ${table('[ordered]@', words)}
            Flags = ${table('[ordered]@', descriptions)}
            Values = ${table('@', values)}
            Argument = ${kindOf(argument)}
        }
`
}

function table(opening: string, entries: readonly (readonly [string, string])[]): string {
  return `${opening}{ ${entries.map(([key, value]) => `${quoted(key)} = ${value}`).join('; ')} }`
}

function kindOf(value: ValueKind): string {
  return value.kind === 'choice' ? `@(${value.choices.map(quoted).join(', ')})` : quoted(value.kind)
}

/** In single quotes PowerShell expands nothing; its curly quotes end a string too. */
function quoted(text: string): string {
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`
}
