/**
 * What must hold of the text, without running the product: `npm run check`.
 * Types; lint and format; the layer test; and the three tables of docs/, whose rows must name tests that exist.
 */
import { checkTable, type TableRule } from './check-table.ts'
import { root, run } from './process.ts'

const bin = `${root}/node_modules/.bin`
const later = /^later: issue \d+$/

const commands: readonly { readonly name: string; readonly command: readonly [string, ...string[]] }[] = [
  { name: 'types', command: [`${bin}/tsc`] },
  { name: 'lint and format', command: [`${bin}/biome`, 'check', '--error-on-warnings', '.'] },
  { name: 'layers', command: [process.execPath, '--test', '--test-reporter=dot', 'test/layers.test.ts'] },
]
const tables: readonly TableRule[] = [
  { file: 'docs/acceptance.md', states: [/^done$/], statesWithoutTest: [later] },
  { file: 'docs/advisories.md', states: [/^done$/], statesWithoutTest: [later, /^not applicable: \S.{9,}$/] },
  { file: 'docs/differences.md', states: [/^done$/], statesWithoutTest: [later] },
]

let failed = 0
for (const { name, command } of commands) {
  const [program, ...args] = command
  const { code, output } = await run(program, args)
  report(name, code === 0 ? [] : [output.trimEnd()])
}
for (const rule of tables) {
  const { problems, rows, done } = checkTable(rule)
  report(`${rule.file} (${rows} rows, ${done} done)`, problems)
}
console.log(`check: ${commands.length + tables.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function report(name: string, problems: readonly string[]): void {
  if (problems.length > 0) failed++
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}`)
  for (const problem of problems) console.log(problem.replace(/^/gm, '     '))
}
