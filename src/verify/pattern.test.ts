import assert from 'node:assert/strict'
import { test } from 'node:test'
import { otherAdmitted, parsePattern } from './pattern.ts'

for (const { name, source, admits = [], refuses = [] } of [
  { name: 'is not anchored', source: 'example', admits: ['signer@example.com', 'example'], refuses: ['exampl'] },
  { name: 'is anchored where it says so', source: '^a$', admits: ['a'], refuses: ['ab', 'ba', 'a\n', '\na'] },
  { name: 'a dot is any character but a newline', source: '^a.b$', admits: ['a.b', 'axb'], refuses: ['a\nb', 'ab'] },
  { name: 'alternatives bind weaker than anchors', source: '^a|b$', admits: ['ax', 'xb'], refuses: ['xa', 'bx'] },
  { name: 'letters have a case', source: '^A$', refuses: ['a'] },
  { name: 'but where it says so', source: '(?i)^A$', admits: ['a', 'A'] },
  { name: 'empty admits everybody', source: '', admits: ['', 'x'] },
  { name: 'classes of RE2', source: '^[[:alpha:]]+\\z', admits: ['abc'], refuses: ['ab1', 'abc\n'] },
  { name: 'characters beyond 16 bits are one', source: '^.$', admits: ['\u{1f600}'] },
] satisfies { name: string; source: string; admits?: string[]; refuses?: string[] }[])
  test(`parsePattern: ${name}`, () => {
    const { matches } = parsePattern(source, 'flag')
    for (const text of admits) assert.equal(matches(text), true, JSON.stringify(text))
    for (const text of refuses) assert.equal(matches(text), false, JSON.stringify(text))
  })

for (const { name, source, code = 'PATTERN_MALFORMED', error } of [
  { name: 'a bracket that is not closed', source: '[', error: /^--flag: want a pattern of RE2, got "\[": "/ },
  { name: 'a repetition of nothing', source: '*', error: /want a pattern of RE2, got "\*"/ },
  { name: 'looking ahead, which RE2 has not', source: '(?=a)', error: /want a pattern of RE2/ },
  { name: 'referring back, which RE2 has not', source: '(a)\\1', error: /want a pattern of RE2/ },
  { name: 'too many repetitions', source: 'a{1001}', error: /want a pattern of RE2/ },
  { name: 'repetitions of repetitions', source: '(((a{100}){100}){100}){100}', error: /want a pattern of RE2/ },
  {
    name: 'more than any has',
    source: 'a'.repeat(4097),
    code: 'LIMIT_EXCEEDED',
    error: /^--flag: want a pattern of at most 4096 characters, got 4097$/,
  },
])
  test(`parsePattern refuses ${name}`, () => {
    assert.throws(() => parsePattern(source, '--flag'), { code, message: error })
  })

test('no pattern takes long on any text', () => {
  const text = `${'a'.repeat(20_000)}!`
  for (const source of ['^(a+)+$', '^(a|a)*$', '^(a*)*b', '(.*.*.*.*)=x']) assert.equal(parsePattern(source, 'flag').matches(text), false)
})

const uri = 'https://github.com/org/app/.github/workflows/build.yml@refs/heads/main'
const exact = '^https://github\\.com/org/app/\\.github/workflows/build\\.yml@refs/heads/main$'
for (const { name, source, text, admitted } of [
  { name: 'a whole URI', source: exact, text: uri, admitted: undefined },
  { name: 'without a beginning', source: exact.slice(1), text: uri, admitted: `https://attacker.example/?${uri}` },
  {
    name: 'without an end to the host',
    source: '^https://github\\.com',
    text: uri,
    admitted: /^https:\/\/github\.com\.attacker\.example\//,
  },
  { name: 'any owner', source: '^https://github\\.com/.*/app/', text: uri, admitted: /^https:\/\/github\.com\/attacker\/app\// },
  {
    name: 'an owner that only begins so',
    source: '^https://github\\.com/org.*/app/',
    text: uri,
    admitted: /^https:\/\/github\.com\/org-attacker\//,
  },
  {
    name: 'an owner that only ends so',
    source: '^https://github\\.com/.*org/app/',
    text: uri,
    admitted: /^https:\/\/github\.com\/attacker-org\//,
  },
  { name: 'a whole address', source: '^signer@example\\.com$', text: 'signer@example.com', admitted: undefined },
  {
    name: 'an address without a beginning',
    source: 'signer@example\\.com$',
    text: 'signer@example.com',
    admitted: 'attackersigner@example.com',
  },
  {
    name: 'an address without an end',
    source: '^signer@example\\.com',
    text: 'signer@example.com',
    admitted: 'signer@example.com.attacker.example',
  },
  { name: 'a whole domain on purpose', source: '@example\\.com$', text: 'signer@example.com', admitted: undefined },
  {
    name: 'an issuer without a path',
    source: '^https://issuer\\.example',
    text: 'https://issuer.example',
    admitted: 'https://issuer.example.attacker.example',
  },
])
  test(`otherAdmitted shows what else a pattern lets in: ${name}`, () => {
    const other = otherAdmitted(parsePattern(source, 'flag'), text)
    if (admitted instanceof RegExp) assert.match(other ?? 'nobody', admitted)
    else assert.equal(other, admitted)
  })
