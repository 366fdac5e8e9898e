import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from './process.ts'

/**
 * A Markdown table whose rows must be held by tests. Its header names a column `test` and may name a column `state`
 * (without one, each row is `done`). The test cell holds tests as `` `src/x.test.ts: title` ``, each title in full or its
 * beginning; between double backticks, as in Markdown, a title may have single ones.
 */
export type TableRule = {
  readonly file: string
  /** States of a row that names a test. */
  readonly states: readonly RegExp[]
  /** States that excuse a row from naming one; a test it names all the same must exist. */
  readonly statesWithoutTest: readonly RegExp[]
}

/** Holds a table against the test files. No row at all is a problem too. */
export function checkTable(rule: TableRule): { readonly problems: readonly string[]; readonly rows: number; readonly done: number } {
  if (!existsSync(join(root, rule.file))) return { problems: [`${rule.file} is missing`], rows: 0, done: 0 }
  return checkText(readFileSync(join(root, rule.file), 'utf8'), rule)
}

/** Holds the text of a table against the test files. */
export function checkText(text: string, rule: TableRule): ReturnType<typeof checkTable> {
  const rows = readRows(text)
  const problems = rows.flatMap(row => checkRow(row, rule).map(problem => `${rule.file}:${row.line}: ${row.what}: ${problem}`))
  if (rows.length === 0) problems.push(`${rule.file}: no table with a column "test"`)
  return { problems, rows: rows.length, done: rows.filter(row => rule.states.some(state => state.test(row.state))).length }
}

type Row = { readonly line: number; readonly what: string; readonly test: string; readonly state: string }

function readRows(text: string): readonly Row[] {
  const rows: Row[] = []
  let header: readonly string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const cells = line.startsWith('|') ? line.replaceAll('\\|', '\0').split('|').slice(1, -1).map(clean) : []
    if (cells.length === 0) header = []
    else if (header.length === 0) header = cells.map(cell => cell.toLowerCase())
    else if (header.includes('test') && !cells.every(cell => /^:?-+:?$/.test(cell))) {
      const cell = (name: string) => cells[header.indexOf(name)] ?? ''
      rows.push({
        line: index + 1,
        what: cells[0]!.slice(0, 60),
        test: cell('test'),
        state: header.includes('state') ? cell('state') : 'done',
      })
    }
  }
  return rows
}

function clean(cell: string): string {
  return cell.replaceAll('\0', '|').trim()
}

function checkRow(row: Row, { states, statesWithoutTest }: TableRule): readonly string[] {
  const named = [...row.test.matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(([, , name]) => name!.trim())
  const problems = named.filter(name => !testExists(name)).map(name => `no such test: ${name}`)
  const excused = statesWithoutTest.some(state => state.test(row.state))
  if (!excused && !states.some(state => state.test(row.state))) problems.push(`no such state: "${row.state}"`)
  if (!excused && named.length === 0) problems.push('names no test')
  return problems
}

const titles = new Map<string, (title: string) => boolean>()

function testExists(name: string): boolean {
  const [, file, title] = name.match(/^([\w./-]+\.test\.ts): (.{4,})$/) ?? []
  if (!file || !title || !existsSync(join(root, file))) return false
  if (!titles.has(file)) titles.set(file, titlesOf(textOf(file, new Set())))
  return titles.get(file)!(title)
}

/** A test file with the modules of test/ that it imports, which hold cases of some tests; what they import too, each once. */
function textOf(file: string, seen: Set<string>): string {
  seen.add(file)
  const text = readFileSync(join(root, file), 'utf8')
  const imported = [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path]) => posix.join(posix.dirname(file), path!))
  const helpers = imported.filter(path => path.startsWith('test/'))
  return [text, ...helpers.map(path => (seen.has(path) ? '' : textOf(path, seen)))].join('\n')
}

/**
 * Tells whether a test file can have a title, by its text: the title begins a string of the file, or it fits a template
 * such as `` `parse: ${name}` `` whose holes are filled by strings of the file (the last one may be cut short) or by digits.
 */
function titlesOf(text: string): (title: string) => boolean {
  const quoted = (code: string) => [...code.matchAll(/'((?:\\.|[^'\\\n])*)'|"((?:\\.|[^"\\\n])*)"|`((?:\\.|[^`\\\n])*)`/g)]
  const inHoles = (template: string) => [...template.matchAll(/\$\{([^}]*)\}/g)].flatMap(([, hole]) => quoted(hole!))
  const literals = quoted(text).flatMap(literal => [literal, ...inHoles(literal[3] ?? '')])
  const plain = literals.flatMap(([, single, double, template]) => single ?? double ?? (template?.includes('${') ? [] : (template ?? [])))
  const strings = plain.map(literal => literal.replace(/\\(.)/g, '$1'))
  const templates = literals.flatMap(([, , , template]) => (template?.includes('${') ? [template.split(/\$\{[^}]*\}/)] : []))
  const fills = (hole: string, last: boolean) =>
    /^\d+$/.test(hole) || strings.some(text => text === hole || (last && text.startsWith(hole)))
  return title =>
    strings.some(text => text.startsWith(title)) ||
    templates.some(([head = '', ...parts]) => {
      if (head.startsWith(title)) return true
      const fit = title.match(new RegExp(`^${literally(head)}${parts.map(part => `(.+?)(?:${literally(part)}|$)`).join('')}$`))
      if (!fit) return false
      return fit.slice(1).every((hole, index) => fills(hole, index === parts.length - 1))
    })
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
