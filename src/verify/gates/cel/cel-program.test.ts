import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../../../codec/error.ts'
import { celLimits, parseCel } from './cel-program.ts'

const range = (count: number) => Array.from({ length: count }, (_, at) => at)
const known = {
  n: 1,
  none: null,
  list: range(1000),
  map: Object.fromEntries(range(1000).map(at => [`k${at}`, at])),
  text: 'a'.repeat(100_000),
  digits: '1'.repeat(1000),
  json: '{"a":1,"a":2}',
  deep: [range(1000), range(1000)],
  odd: { constructor: 1, n: 1 },
}
const parse = (source: string, steps?: number) => parseCel(source, 'policy', { p: 'dyn', now: 'google.protobuf.Timestamp' }, steps)
const run = (source: string, steps?: number) => parse(source, steps).run({ p: known, now: new Date('2026-11-30T12:00:00Z') })

for (const { source, result } of [
  { source: 'p.n == 1', result: true },
  { source: 'p.n == 1.0 && int(p.n) + 1 == 2', result: true },
  { source: 'p.none == null', result: true },
  { source: 'has(p.n) && !has(p.other)', result: true },
  { source: 'p.list.exists(x, x == 999.0)', result: true },
  { source: 'p.list.filter(x, x < 3.0).map(x, x * 2.0) == [0.0, 2.0, 4.0]', result: true },
  { source: 'p.list.exists_one(x, x == 1.0)', result: true },
  { source: '"k7" in p.map && p.map["k7"] == 7', result: true },
  { source: 'cel.bind(x, p.n, x == 1)', result: true },
  { source: 'now - timestamp("2026-11-30T00:00:00Z") == duration("12h")', result: true },
  { source: 'timestamp(int(p.n) + 1764504000 - 1) < timestamp("2026-11-30T12:00:00+01:00")', result: true },
  { source: 'bytes("{\\"a\\":[1,2]}").json().a == [1.0, 2.0]', result: true },
  { source: 'p.n == 2 ? false : "yes"\n  .startsWith("y") // a comment', result: true },
  { source: 'p.other == 1 || true', result: true },
  { source: '"registry.example/app".matches("^registry\\\\.example/")', result: true },
  { source: '"abc".matches("b")', result: true },
  { source: '"abc".matches(p.text) == false', result: undefined }, // longer than a pattern may be
  { source: 'p.n', result: 1 },
  { source: 'p.none', result: null },
])
  test(`a policy runs: ${source}`, () => {
    if (result === undefined)
      assert.throws(() => run(source), { code: 'POLICY_FAILED', message: /want a pattern of at most 4096 characters/ })
    else assert.deepEqual(run(source), result)
  })

for (const { name, source, code = 'POLICY_MALFORMED', message } of [
  { name: 'an end too early', source: 'p.n ==\n  ', message: /^policy: line 2, column 3: "Unexpected token: EOF"$/ },
  { name: 'a character that is none', source: 'p.n == 1;', message: /^policy: line 1, column 9: "Unexpected character: ;"$/ },
  { name: 'two expressions', source: 'true\ntrue', message: /^policy: line 2, column 1: "Unexpected character/ },
  { name: 'a bracket left open', source: '\n\n  (p.n == 1', message: /^policy: line 3, column 12: "Expected RPAREN, got EOF"$/ },
  { name: 'a text left open', source: 'p.n == "x', message: /^policy: line 1, column 8: "Unterminated string"$/ },
  { name: 'a name that does not exist', source: 'p.n == 1 &&\n  q.n == 1', message: /^policy: line 2, column 3: "Unknown variable: q"$/ },
  {
    name: 'a function that does not exist',
    source: 'p.n.sha256() == ""',
    message: /^policy: line 1, column 1: "found no matching overload for 'dyn\.sha256\(\)'"$/,
  },
  { name: 'types that do not fit', source: '"a" > 1', message: /^policy: line 1, column 1: "no such overload: string > int"$/ },
  { name: 'a number', source: '1 + 1', message: /^policy: want an expression that is true or false, got one of type "int"$/ },
  { name: 'a text', source: '"true"', message: /got one of type "string"$/ },
  { name: 'a list', source: '[true]', message: /got one of type "list<bool>"$/ },
  {
    name: 'a pattern that is none',
    source: '"x".matches("(a")',
    message: /^policy: line 1, column 13: "matches: want a pattern of RE2, got /,
  },
  {
    name: 'a pattern of JavaScript',
    source: 'true && "x".matches("(?=a)")',
    message: /^policy: line 1, column 21: "matches: want a pattern of RE2/,
  },
  { name: 'the library’s options', source: 'p.?n == 1', message: /^policy: line 1, column 3: "Expected IDENTIFIER, got QUESTION"$/ },
  {
    name: 'brackets past any depth',
    source: `${'('.repeat(60)}true${')'.repeat(60)}`,
    message: /^policy: line 1, column 49: "Exceeded maxDepth \(48\)"$/,
  },
  { name: 'negations past any depth', source: `${'!'.repeat(60_000)}true`, message: /^policy: / },
  { name: 'more parts than anybody writes', source: new Array(501).fill('true').join('&&'), message: /Exceeded maxAstNodes \(1000\)/ },
  { name: 'nothing', source: '', code: 'POLICY_EMPTY', message: /^policy: empty: want an expression that is true of what may pass$/ },
  { name: 'blanks and comments', source: '  \n// true\n\t// p.n\r\n', code: 'POLICY_EMPTY', message: /^policy: empty/ },
  {
    name: 'too long',
    source: `true${' '.repeat(celLimits.characters)}`,
    code: 'LIMIT_EXCEEDED',
    message: /^policy: want at most 65536 characters, got 65540$/,
  },
] satisfies { name: string; source: string; code?: ErrorCode; message: RegExp }[])
  test(`a policy is refused before it runs: ${name}`, () => assert.throws(() => parse(source), { code, message }))

for (const { name, source, message } of [
  { name: 'a member that is not there', source: 'p.other == 1', message: /^policy: line 1, column 3: "No such key: other"$/ },
  { name: 'a member of what is not there', source: 'has(p.other.n)', message: /^policy: line 1, column 7: "No such key: other"$/ },
  {
    name: 'an index past the end',
    source: 'p.list[1000] == 1',
    message: /^policy: line 1, column 1: "No such key: index out of bounds, index 1000 >= size 1000"$/,
  },
  { name: 'types that do not fit', source: 'p.n + 1 == 2', message: /^policy: line 1, column 1: "no such overload: dyn<double> \+ int"$/ },
  {
    name: 'a text where there is a number',
    source: 'p.n.matches("1")',
    message: /^policy: line 1, column 1: "found no matching overload for 'double\.matches\(string\)'"$/,
  },
  { name: 'division by nothing', source: '1 / int(p.n - 1.0) == 1', message: /^policy: line 1, column 1: "division by zero"$/ },
  {
    name: 'a date that is none',
    source: 'timestamp("yesterday, in the evening") < now',
    message: /timestamp: want an RFC 3339 time with its zone, got \\"yesterday, in the evening\\"/,
  },
  { name: 'a member twice in JSON within it', source: 'bytes(p.json).json().a == 2.0', message: /json: member \\"a\\" appears twice/ },
  { name: 'what is no JSON within it', source: 'bytes(p.text).json().a == 2.0', message: /json: not JSON/ },
  { name: 'a time without a zone', source: 'timestamp("2026-11-30T12:00:00.000") <= now', message: /want an RFC 3339 time with its zone/ },
  { name: 'a date of another kind', source: 'timestamp("30 November 2026, 12:00") <= now', message: /want an RFC 3339 time with its zone/ },
  { name: 'a time past all years', source: 'timestamp(253402300800) > now', message: /timestamp: want seconds of the years 1 to 9999/ },
  { name: 'a prototype’s member', source: 'p.toString == p.n', message: /"No such key: toString"$/ },
  { name: 'a member that would mislead the library', source: 'p.odd.n == 1', message: /"Unsupported type: object"$/ },
])
  test(`a policy fails: ${name}`, () => assert.throws(() => run(source), { code: 'POLICY_FAILED', message }))

const billion = 'p.list.all(x, p.list.all(y, p.list.all(z, x + y + z >= 0.0)))'
for (const { name, source, steps = 20_000 } of [
  { name: 'a billion combinations', source: billion },
  { name: 'a billion combinations whose errors are swallowed', source: `${billion} || true` },
  { name: 'in a search that swallows them', source: `p.list.exists(w, ${billion} || w == 999.0)` },
  { name: 'in a choice', source: `true || ${billion} ? ${billion} || true : false` },
  { name: 'in a map of maps', source: 'p.map.all(x, p.map.exists(y, true))' },
  {
    name: 'lists that double',
    source: 'cel.bind(a, p.list + p.list, cel.bind(b, a + a, cel.bind(c, b + b, cel.bind(d, c + c, size(d + d) > 0))))',
  },
  { name: 'texts that double', source: 'cel.bind(a, p.text + p.text, cel.bind(b, a + a, size(b) > 0))' },
  { name: 'lists compared with lists', source: 'p.list.all(x, p.list.map(y, y) == p.list)' },
  { name: 'whole trees compared', source: 'p.list.all(x, p.deep == [[0.0]] || true)' },
  { name: 'a search of a list in a loop', source: 'p.list.all(x, x in p.list)' },
  { name: 'a text searched for a text', source: 'p.text.contains(p.text)' },
  { name: 'a text in a loop', source: 'p.list.all(x, p.text.startsWith("a"))' },
  { name: 'a text compared in a loop', source: 'p.list.all(x, p.text < "b")' },
  { name: 'a pattern over a long text', source: 'p.text.matches("(a|aa)+$")' },
  { name: 'a short pattern that is a long program', source: 'p.text.substring(0, 1000).matches("[ab]*[bc]*a{300}[^a]")' },
  { name: 'long texts joined and put away', source: 'p.list.all(x, size([[p.text, p.text].join()]) == 1)' },
  { name: 'a span of time that is all digits', source: 'duration(p.digits) < duration("1h")' },
  { name: 'clocks of elsewhere', source: 'p.list.all(x, now.getHours("Europe/Paris") >= 0)' },
  { name: 'a pattern of its own for each of many', source: 'p.list.all(x, "a".matches("a" + string(x)) || true)' },
  { name: 'a list that is joined in a loop', source: 'p.list.all(x, p.list.map(y, "y").join() != "")' },
])
  test(`a policy that has no end is given up: ${name}`, () =>
    assert.throws(() => run(source, steps), { code: 'POLICY_EXHAUSTED', message: 'policy: gave no answer within 20000 steps' }))

test('steps are for one run, not for all', () => {
  const program = parse('p.list.all(x, x >= 0.0)', 10_000)
  for (let times = 0; times < 5; times++) assert.equal(program.run({ p: known, now: new Date() }), true)
})

test('each turn of a loop is counted: a thousand take more steps than a thousand, and less than ten thousand', () => {
  assert.throws(() => run('p.list.all(x, x >= 0.0)', 1000), { code: 'POLICY_EXHAUSTED' })
  assert.equal(run('p.list.all(x, x >= 0.0)', 10_000), true)
})
