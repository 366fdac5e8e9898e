import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cannotRunOnBun } from './bun-known.ts'
import { bun, root, run } from './process.ts'

/**
 * Runs test files on Bun and holds the outcome against the list of what cannot run there:
 * a failure outside the list fails, and so does a test of the list that passes or is no more.
 *
 * @param whole - the whole suite runs, so that stale rows of the list show
 */
export async function testOnBun(files: readonly string[], whole: boolean): Promise<{ passed: number; failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bun-'))
  try {
    const report = join(folder, 'report.xml')
    const args = ['test', '--timeout=60000', '--reporter=junit', `--reporter-outfile=${report}`, ...files.map(file => `./${file}`)]
    const { code, output } = await run(bun, args, { cwd: root, show: true })
    const results = existsSync(report) ? readReport(readFileSync(report, 'utf8')) : [] // no test at all, no report
    const surprises = results.filter(({ name, outcome }) => outcome !== 'pass' && !cannotRunOnBun.has(name))
    for (const { name, outcome } of surprises) console.error(`bun: ${outcome}: ${name}`)

    const outcomes = new Map(results.map(({ name, outcome }) => [name, outcome]))
    const stale = [...cannotRunOnBun.keys()].filter(name => outcomes.get(name) === 'pass' || (whole && !outcomes.has(name)))
    for (const name of stale) console.error(`bun: passes or is no more, so take it off scripts/bun-known.ts: ${name}`)

    // A file that does not load, or an error between tests, has no row in the report: the summary counts it.
    const errors = Number(output.match(/^ (\d+) errors?$/m)?.[1] ?? 0)
    const failed = surprises.length + stale.length + errors
    const explained = failed > 0 || results.some(({ outcome }) => outcome !== 'pass')
    return { passed: results.filter(({ outcome }) => outcome === 'pass').length, failed: code !== 0 && !explained ? 1 : failed }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Test cases of a JUnit report as Bun writes it. Their names are `FILE: TITLE`, with Bun's own order of groups before the title. */
function readReport(xml: string): readonly { name: string; outcome: 'pass' | 'fail' | 'skip' }[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(([, attributes = '', body = '']) => {
    const values = new Map([...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, unescapeXml(value)]))
    const title = [values.get('classname'), values.get('name')].filter(part => part).join(' > ')
    const outcome = /<(failure|error)\b/.test(body) ? 'fail' : body.includes('<skipped') ? 'skip' : 'pass'
    return { name: `${values.get('file')}: ${title}`, outcome }
  })
}

const entities = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['amp', '&'],
])

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (entities.get(name) ?? whole),
  )
}
