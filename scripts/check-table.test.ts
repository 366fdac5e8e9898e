import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkText } from './check-table.ts'

const rule = { file: 'docs/table.md', states: [/^done$/], statesWithoutTest: [/^later: issue \d+$/] }
const here = 'scripts/check-table.test.ts'

for (const { name, row, problem } of [
  { name: 'a title in full', row: `| a | \`${here}: no table is a problem\` | done |` },
  { name: 'the beginning of a title', row: `| a | \`${here}: no table is\` | done |` },
  { name: 'a title made of a template and a name', row: `| a | \`${here}: a row: a title in full\` | done |` },
  { name: 'the beginning of such a title', row: `| a | \`${here}: a row: a title\` | done |` },
  {
    name: 'a title made of a case that another module holds',
    row: '| a | `test/flags.test.ts: --annotations of verify: is signed` | done |',
  },
  {
    name: 'a title of no such case',
    row: `| a | \`test/flags.test.ts: --annotations of verify: is ${'not'} signed\` | done |`,
    problem: /no such test: .*not signed/,
  },
  { name: 'a template filled by a choice', row: `| a | \`${here}: a table of two rows is counted\` | done |` },
  {
    name: 'a title with `code` in it',
    row: `| a | \`\` ${here}: a row: a title with \`code\` in it \`\` and \`${here}: no table\` | done |`,
  },
  {
    name: 'no such title, with backticks',
    row: `| a | \`\` ${here}: a row: ${'some'} \`code\` \`\` | done |`,
    problem: /no such test: .*some `code`$/m,
  },
  { name: 'two tests', row: `| a | \`${here}: no table\` and \`${here}: a row\` | done |` },
  { name: 'later', row: '| a | | later: issue 12 |' },
  {
    name: 'no such title',
    row: `| a | \`${here}: ${'nothing'} of the kind\` | done |`,
    problem: /docs\/table\.md:3: a: no such test: .*of the kind/,
  },
  { name: 'a template filled by no name', row: `| a | \`${here}: a row: ${'zz'}z\` | done |`, problem: /no such test/ },
  { name: 'no such file', row: '| a | `src/nowhere.test.ts: no table is a problem` | done |', problem: /no such test/ },
  { name: 'no title', row: `| a | \`${here}\` | done |`, problem: /no such test/ },
  {
    name: 'one of two tests',
    row: `| a | \`${here}: no table\` and \`${here}: ${'not'} there\` | done |`,
    problem: /no such test: .*not there/,
  },
  { name: 'no test', row: '| a | tried by hand | done |', problem: /names no test/ },
  { name: 'no state', row: `| a | \`${here}: no table\` | |`, problem: /no such state: ""/ },
  { name: 'another state', row: '| a | | soon |', problem: /no such state: "soon"/ },
  { name: 'later with a test that is not there', row: `| a | \`${here}: ${'not'} there\` | later: issue 12 |`, problem: /no such test/ },
])
  test(`a row: ${name}`, () => {
    const { problems, rows } = checkText(`| scenario | test | state |\n|---|---|---|\n${row}\n`, rule)
    assert.equal(rows, 1)
    if (problem) assert.match(problems.join('\n'), problem)
    else assert.deepEqual(problems, [])
  })

test('no table is a problem', () => {
  assert.match(checkText('# Differences\n\nNone.\n', rule).problems.join('\n'), /no table with a column "test"/)
})

test('a table without a column for states is done row by row', () => {
  assert.deepEqual(checkText(`| what | test |\n|---|---|\n| a | \`${here}: no table\` |\n| b | |\n`, rule), {
    problems: ['docs/table.md:4: b: names no test'],
    rows: 2,
    done: 2,
  })
})

for (const count of [1, 2])
  test(`a table of ${count === 1 ? 'one row' : 'two rows'} is counted`, () => {
    const row = `| a | \`${here}: no table\` |\n`
    assert.equal(checkText(`| what | test |\n|---|---|\n${row.repeat(count)}`, rule).done, count)
  })
