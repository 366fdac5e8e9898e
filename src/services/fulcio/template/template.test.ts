import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountersignError } from '../../../codec/error.ts'
import { parseTemplate } from './parse-template.ts'
import { renderTemplate } from './render-template.ts'

const values = new Map([
  ['url', 'https://ci.example'],
  ['ref', 'main'],
  ['ref_type', 'branch'],
  ['empty', ''],
  ['ci.example/id', '7'],
])

function render(source: string): string {
  return renderTemplate(parseTemplate(source, 'place'), values)
}

// What Go's text/template writes for the same.
for (const { name, source, text } of [
  { name: 'no action', source: 'plain {text} }} here', text: 'plain {text} }} here' },
  { name: 'fields, with and without space', source: '{{.url}}/{{ .ref }}', text: 'https://ci.example/main' },
  { name: 'white space is kept', source: ' {{ .ref }} \n', text: ' main \n' },
  { name: 'white space is trimmed', source: 'a \n {{- .ref -}} \n b', text: 'amainb' },
  { name: 'white space before the closing mark', source: 'a{{ .ref   -}} b', text: 'amainb' },
  { name: 'a comment', source: 'a{{/* * a note */}}b', text: 'ab' },
  { name: 'a trimmed comment', source: 'a {{- /* note */ -}} b', text: 'ab' },
  { name: 'constants', source: '{{ "a\\n\\u0062" }}{{ `\\n` }}{{ true }}', text: 'a\nb\\ntrue' },
  { name: 'braces in a constant', source: '{{ "}}" }}', text: '}}' },
  { name: 'index', source: '{{ index . "ci.example/id" }}{{ (index . "ref") }}', text: '7main' },
  { name: 'index of what is not there', source: '[{{ index . "none" }}]', text: '[]' },
  { name: 'if', source: '{{ if .ref }}yes{{ end }}{{ if .empty }}no{{ end }}', text: 'yes' },
  { name: 'else', source: 'refs/{{if eq .ref_type "branch"}}heads/{{ else }}tags/{{end}}{{ .ref }}', text: 'refs/heads/main' },
  { name: 'else if', source: '{{ if .empty }}a{{ else if eq .ref "x" }}b{{ else if eq .ref "main" }}c{{ else }}d{{ end }}e', text: 'ce' },
  { name: 'if in if', source: '{{ if .ref }}{{ if .empty }}a{{ else }}b{{ end }}{{ else }}c{{ end }}', text: 'b' },
  { name: 'eq with several', source: '{{ eq .ref "a" "b" "main" }}{{ eq .ref "a" "b" }}', text: 'truefalse' },
  { name: 'ne', source: '{{ ne .ref "main" }}', text: 'false' },
  {
    name: 'and gives the last or the first that is empty',
    source: '{{ and .ref .url }}|{{ and .empty .none }}|',
    text: 'https://ci.example||',
  },
  { name: 'or gives the first that is not empty', source: '{{ or .empty .ref .none }}', text: 'main' },
  { name: 'not', source: '{{ not .empty }}{{ not .ref }}', text: 'truefalse' },
  { name: 'calls in calls', source: '{{ if and (eq .ref "main") (not .empty) }}x{{ end }}', text: 'x' },
  { name: 'printf', source: '{{ printf "%s/%v%%%v" .url .ref true }}', text: 'https://ci.example/main%true' },
])
  test(`template: ${name}`, () => assert.equal(render(source), text))

for (const { name, source, reason } of [
  { name: 'not closed', source: '{{ .ref', reason: /not closed/ },
  { name: 'empty', source: '{{ }}', reason: /an action is empty/ },
  { name: 'an if without end', source: '{{ if .ref }}a', reason: /an if has no end/ },
  { name: 'an else without end', source: '{{ if .ref }}a{{ else }}b', reason: /an else has no end/ },
  { name: 'two elses', source: '{{ if .ref }}a{{ else }}b{{ else }}c{{ end }}', reason: /an else has no end/ },
  { name: 'an end of nothing', source: 'a{{ end }}', reason: /"end" closes nothing/ },
  { name: 'an else of nothing', source: 'a{{ else }}', reason: /"else" closes nothing/ },
  { name: 'something behind end', source: '{{ if .ref }}{{ end .ref }}', reason: /nothing behind end/ },
  { name: 'an if of nothing', source: '{{ if }}a{{ end }}', reason: /want a claim, a text or a call/ },
  { name: 'a loop', source: '{{ range .ref }}{{ end }}', reason: /"range" is no function/ },
  { name: 'with', source: '{{ with .ref }}{{ end }}', reason: /"with" is no function/ },
  { name: 'a definition', source: '{{ define "x" }}{{ end }}', reason: /"define" is no function/ },
  { name: 'another template', source: '{{ template "x" }}', reason: /"template" is no function/ },
  { name: 'a pipeline', source: '{{ .ref | printf "%s" }}', reason: /"\| printf/ },
  { name: 'a variable', source: '{{ $x := .ref }}', reason: /"\$x/ },
  { name: 'an unlisted function', source: '{{ js .ref }}', reason: /"js" is no function/ },
  { name: 'what objects have', source: '{{ constructor .ref }}', reason: /"constructor" is no function/ },
  { name: 'a field of a field', source: '{{ .ref.name }}', reason: /is nothing that templates may hold/ },
  { name: 'all claims', source: '{{ . }}', reason: /"\." cannot stand here/ },
  { name: 'a number', source: '{{ eq .ref 1 }}', reason: /is nothing that templates may hold/ },
  { name: 'a name with a dash', source: '{{ .a-b }}', reason: /is nothing that templates may hold/ },
  { name: 'a call without parentheses', source: '{{ not eq .ref "a" }}', reason: /want parentheses around a call/ },
  { name: 'one operand too many', source: '{{ .ref .url }}', reason: /one operand too many/ },
  { name: 'too few operands', source: '{{ eq .ref }}', reason: /eq wants 2 to 16 operands, got 1/ },
  { name: 'too many operands', source: '{{ not .ref .url }}', reason: /not wants 1 operands, got 2/ },
  { name: 'index of something else', source: '{{ index .ref "x" }}', reason: /index: want \. and the name/ },
  { name: 'index by a claim', source: '{{ index . .ref }}', reason: /index: want \. and the name/ },
  { name: 'a parenthesis that is not closed', source: '{{ (.ref }}', reason: /parenthesis is not closed/ },
  { name: 'a string that is not closed', source: '{{ "a }}', reason: /is nothing that templates may hold/ },
  { name: 'an escape of Go alone', source: '{{ "\\x41" }}', reason: /is no text/ },
  { name: 'printf of a number', source: '{{ printf "%d" .ref }}', reason: /want %s, %v or %%, got "%d"/ },
  { name: 'printf with a width', source: '{{ printf "%9999999s" .ref }}', reason: /got "%9"/ },
  { name: 'printf by a claim', source: '{{ printf .ref }}', reason: /want its format in quotes/ },
  { name: 'printf without operand', source: '{{ printf "%s" }}', reason: /want 1 operands behind the format, got 0/ },
  { name: 'a comment beside something', source: '{{ .ref /* x */ }}', reason: /beside something else/ },
  { name: 'nested too deep', source: `${'{{ if .ref }}'.repeat(40)}${'{{ end }}'.repeat(40)}`, reason: /32 levels deep/ },
  { name: 'too many parentheses', source: `{{ ${'('.repeat(50)}.ref${')'.repeat(50)} }}`, reason: /32 levels deep/ },
])
  test(`template refused: ${name}`, () => {
    assert.throws(() => parseTemplate(source, 'place'), { code: 'CONFIGURATION_MALFORMED', message: reason })
  })

test('template refused: longer than 4096 characters', () => {
  assert.throws(() => parseTemplate('a'.repeat(4097), 'place'), { code: 'LIMIT_EXCEEDED', message: /at most 4096 characters/ })
})

for (const { name, source, code, reason } of [
  { name: 'a claim that is not there', source: '{{ .none }}', code: 'TOKEN_INVALID', reason: /no claim "none"/ },
  { name: 'text compared with truth', source: '{{ eq .ref true }}', code: 'TOKEN_INVALID', reason: /text is compared with a truth value/ },
  {
    name: 'more text than any certificate holds',
    source: '{{ .long }}'.repeat(20),
    code: 'LIMIT_EXCEEDED',
    reason: /at most 8192 characters/,
  },
])
  test(`rendering refused: ${name}`, () => {
    const parts = parseTemplate(source, 'place')
    assert.throws(() => renderTemplate(parts, new Map([...values, ['long', 'x'.repeat(1000)]])), { code, message: reason })
  })

test('whatever a template is, it is read and rendered, or refused, at once', () => {
  const pieces = ['{{', '}}', '{{-', '-}}', ' ', 'if ', 'else ', 'end', '.ref', '.', '"', '`', '(', ')', 'eq ', 'and ', 'index . "a"', '/*', '*/', 'x', '\\', '%s', 'printf '] // biome-ignore format: a list
  const sources = fc.array(fc.constantFrom(...pieces), { maxLength: 200 }).map(parts => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(sources, fc.string({ maxLength: 200 })), source => {
      try {
        assert.equal(typeof render(source), 'string')
      } catch (error) {
        assert.ok(error instanceof CountersignError, String(error))
      }
    }),
    { numRuns: 2000, verbose: true },
  )
  for (const source of [
    '{{ '.repeat(1300),
    `{{ ${'('.repeat(4000)}`,
    `{{"${'\\'.repeat(4000)}`,
    `{{/*${'*'.repeat(4000)}`,
    `{{ ${' '.repeat(4000)}`,
    `${' '.repeat(4000)}{{- x`,
  ])
    assert.throws(() => render(source), { name: 'CountersignError' })
})
