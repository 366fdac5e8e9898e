import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

// The rules of STYLE.md that text alone can show. Each list of exceptions carries a reason and may only shrink.

const layers = [
  'codec',
  'crypto',
  'formats',
  'trust',
  'verify',
  'oci',
  'kms',
  'identity',
  'sign',
  'policy',
  'log',
  'services',
  'webhook',
  'monitor',
  'cli',
  'ui',
  'testing',
]
const root = join(import.meta.dirname, '..')
const names = globSync('src/**/*.ts', { cwd: root }).sort()
const sources = names.filter(name => !name.endsWith('.test.ts')).map(read)
const tests = [...names.filter(name => name.endsWith('.test.ts')), ...globSync('test/**/*.test.ts', { cwd: root })].map(read)
/** Files directly in src/ are the public doors. */
const doors = sources.filter(({ name }) => dirname(name) === 'src')
const inside = sources.filter(({ name }) => dirname(name) !== 'src')

type Source = { readonly name: string; readonly text: string; readonly code: string }

/** A file, and what is left of it without comments and the insides of strings. */
function read(name: string): Source {
  const text = readFileSync(join(root, name), 'utf8')
  return { name, text, code: text.replace(/\/\*[\s\S]*?\*\/|(?<!\\)\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''") }
}

function layerOf(path: string): number {
  const layer = layers.indexOf(path.split('/')[1] ?? '')
  assert.notEqual(layer, -1, `${path}: no such layer`)
  return layer
}

function importsOf({ text }: Source): readonly string[] {
  const statements = /^(?:import|export)\b(?:[^'"=(;]*?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  return [...text.matchAll(statements)].map(([, fixed, lazy]) => (fixed ?? lazy)!)
}

/** The command line tells the package's version. */
function isOwnManifest({ name }: Source, to: string): boolean {
  return name.startsWith('src/cli/') && join(dirname(name), to) === 'package.json'
}

/** Every place where `pattern` stands in code, as `file: line`. */
function places(files: readonly Source[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ name, code }) => code.split('\n').flatMap(line => (pattern.test(line) ? [`${name}: ${line.trim()}`] : [])))
}

test('there is something to look at', () => assert.ok(inside.length > 0 && tests.length > 0))

test('imports point down the layers', () => {
  for (const source of inside)
    for (const to of importsOf(source).filter(path => path.startsWith('.') && !isOwnManifest(source, path)))
      assert.ok(layerOf(join(dirname(source.name), to)) <= layerOf(source.name), `${source.name} imports ${to}`)
})

test('imports are written out, so that they can be followed', () => assert.deepEqual(places(sources, /\bimport\((?!\s*'')/), []))

test('other packages are dependencies, and what Node has is asked for by node:', () => {
  const { dependencies, peerDependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const known = Object.keys({ ...dependencies, ...peerDependencies })
  for (const source of sources)
    for (const to of importsOf(source))
      assert.ok(
        /^(\.|node:|#native\/)/.test(to) || known.some(name => to === name || to.startsWith(`${name}/`)),
        `${source.name} imports ${to}`,
      )
})

test('public doors only re-export', () => {
  for (const { name, code } of doors)
    assert.match(code, /^\s*(export (type )?\{[^}]*\} from ''\s*;?\s*|''\s*)+$/, `${name}: want named re-exports and nothing else`)
})

test('index.ts stands only at a public door, and no file is named for nothing', () => {
  for (const { name } of inside) assert.doesNotMatch(name, /\/(index|utils?|helpers?|common|misc)\.ts$/, name)
})

test('files are kebab-case', () => {
  for (const name of names) assert.match(name, /^src(\/[a-z0-9]+(-[a-z0-9]+)*)+(\.test)?\.tsx?$/, name)
})

test('a folder holds at most about fifteen files', () => {
  const folders = Map.groupBy(inside, ({ name }) => dirname(name))
  for (const [folder, files] of folders)
    assert.ok(files.length <= 17, `${folder}: ${files.length} files: give it sub-folders named for ideas`)
})

test('a file holds one idea', () => {
  for (const { name, text } of sources) assert.ok(text.split('\n').length <= 400, `${name}: ${text.split('\n').length} lines`)
})

test('every exported function and class says what it promises', () => {
  const silent = sources.flatMap(({ name, text }) =>
    [...text.matchAll(/^(.*)\nexport (?:async )?(?:function\*? (?=\w)|class (?=\w)|const (?=\w+ = (?:async )?\())(\w+)/gm)]
      .filter(([, before = '', exported], at, all) => !before.endsWith('*/') && all[at - 1]?.[2] !== exported) // an overload: its first line speaks
      .map(([, , exported]) => `${name}: ${exported}`),
  )
  assert.deepEqual(silent, [])
})

// Effects come from outside: the command line builds the one real World, everything below is handed what it needs.
for (const { what, pattern, unless, allowed = /^src\/cli\// } of [
  { what: 'the environment and arguments', pattern: /\bprocess\.(env|argv|exit|exitCode|cwd|stdin|stdout|stderr)\b/ },
  { what: 'the clock', pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/ },
  // A `fetch` that a file was handed, or declares, is not the global one. bun-fetch.ts is the one adapter that stands on it.
  {
    what: 'the network by a global',
    pattern: /\bglobalThis\.fetch\b|(?<![.\w])fetch\(|\bnew WebSocket\b/,
    unless: /[({,]\s*fetch\b(?!\()|\b(?:const|let|function)\s+fetch\b/,
    allowed: /^src\/(cli\/|oci\/transport\/bun-fetch\.ts$)/,
  },
  { what: 'the console', pattern: /\bconsole\./ },
  { what: 'cheap randomness', pattern: /\bMath\.random\b/, allowed: /^$/ },
  // Patterns of outsiders go to a linear-time engine. These two build theirs from constants beside them.
  { what: 'a pattern made at run time', pattern: /\bRegExp\(/, allowed: /^src\/oci\/(reference|challenge)\.ts$/ },
  { what: 'code made at run time', pattern: /\beval\(|\bnew Function\(/, allowed: /^$/ },
  { what: 'Buffer in a signature', pattern: /(?:[:|]\s*|<)Buffer\b(?![.(])/, allowed: /^src\/codec\// },
])
  test(`no source uses ${what}`, () => {
    const files = sources.filter(({ name, code }) => !allowed.test(name) && !name.startsWith('src/ui/') && !unless?.test(code))
    assert.deepEqual(places(files, pattern), [])
  })

test('no test sleeps', () => {
  assert.deepEqual(places(tests, /timers\/promises|new Promise\(\(?\w*\)? => \{? *setTimeout\(/), [])
  for (const source of tests) assert.ok(!importsOf(source).includes('node:timers/promises'), source.name)
})

test('no test patches a global or reaches out', () => {
  assert.deepEqual(places(tests, /\bglobalThis\.\w+ *=[^=]|\bmock\.timers\b|\bglobalThis\.fetch\b/), [])
})
