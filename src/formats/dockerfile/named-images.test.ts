// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are variables of Dockerfiles
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CountersignError } from '../../codec/error.ts'
import { findImages } from './named-images.ts'

const environment = new Map([
  ['REPO', 'r.test/env'],
  ['V', 'env'],
])

for (const { name, text, images, base = images.at(-1) ?? null, scratch = 0, fromEnvironment = [] as string[] } of [
  { name: 'a single stage', text: 'FROM a', images: ['a'] },
  { name: 'instructions in any case, indented, CRLF, a byte order mark', text: '\uFEFF \tfrom a\r\n\r\nrun x\r\n', images: ['a'] },
  { name: 'a tag and a digest', text: 'FROM r.test:5000/a:v1@sha256:00', images: ['r.test:5000/a:v1@sha256:00'] },
  { name: 'a platform', text: 'FROM --platform=$BUILDPLATFORM a AS b', images: ['a'] },
  { name: 'each image once, in order', text: 'FROM b\nFROM a\nFROM b', images: ['b', 'a'], base: 'b' },
  { name: 'quotes', text: 'FROM "a:$V"', images: ['a:env'], fromEnvironment: ['V'] },

  { name: 'a stage is no image', text: 'FROM a AS build\nFROM build\nCOPY --from=build / /', images: ['a'] },
  { name: 'a stage is found in any case', text: 'FROM a AS Build\nFROM b\nCOPY --from=bUILD / /', images: ['a', 'b'] },
  { name: 'a name is an image before it is a stage', text: 'FROM b AS x\nFROM a AS b\nFROM b', images: ['b', 'a'], base: 'a' },
  { name: 'of two stages of a name the later counts', text: 'FROM a AS s\nFROM b AS s\nFROM s', images: ['a', 'b'] },
  { name: 'stages by number', text: 'FROM a\nFROM b\nCOPY --from=0 / /\nCOPY --from=1 / /', images: ['a', 'b'] },
  { name: 'the base of a chain of stages', text: 'FROM a AS x\nFROM x AS y\nFROM b AS z\nFROM y', images: ['a', 'b'], base: 'a' },

  { name: 'COPY --from with paths', text: 'FROM a\nCOPY --chown=1 --from=b --link x y', images: ['a', 'b'], base: 'a' },
  { name: 'COPY --from alone, as cosign knows it', text: 'FROM a\nCOPY --from=b', images: ['a', 'b'], base: 'a' },
  { name: 'COPY without', text: 'FROM a\nCOPY . --from=b\nCOPY from=c .', images: ['a'] },
  { name: 'a flag under quotes', text: 'FROM a\nCOPY --"from"=\'b\' x y', images: ['a', 'b'], base: 'a' },
  {
    name: 'RUN --mount',
    text: 'FROM a\nRUN --mount=type=bind,FROM=b,target=/x --mount=target=/y,"from=c" x',
    images: ['a', 'b', 'c'],
    base: 'a',
  },
  { name: 'RUN --mount of a stage', text: 'FROM a AS s\nRUN --mount=from=s,target=/x --mount=type=cache,target=/y x', images: ['a'] },
  {
    name: 'triggers',
    text: 'FROM a\nONBUILD COPY --from=b . .\nONBUILD RUN --mount=from=c x\nONBUILD USER u',
    images: ['a', 'b', 'c'],
    base: 'a',
  },

  { name: 'scratch', text: 'FROM a AS s\nFROM scratch\nCOPY --from=s / /', images: ['a'], base: null, scratch: 1 },
  { name: 'scratch alone', text: 'FROM scratch', images: [], base: null, scratch: 1 },
  { name: 'nothing', text: '# just a comment\n', images: [], base: null },

  { name: 'ARG', text: 'ARG N=a\nARG T="v1" U=\'x\'\nFROM $N:${T}-$U', images: ['a:v1-x'] },
  { name: 'ARG of ARG', text: 'ARG A=a\nARG B=${A}/b\nFROM r.test/$B', images: ['r.test/a/b'] },
  { name: 'the file wins over the environment', text: 'ARG V=file\nFROM a:$V', images: ['a:file'] },
  { name: 'the environment fills in', text: 'ARG V\nFROM $REPO:$V', images: ['r.test/env:env'], fromEnvironment: ['REPO', 'V'] },
  { name: 'FROM sees no ARG and no ENV of a stage', text: 'ARG V=1\nFROM a\nARG V=2\nENV V=3\nFROM a:$V', images: ['a', 'a:1'] },
  {
    name: 'a stage sees no ARG ahead of all stages but by an ARG of its own',
    text: 'ARG W=1\nFROM a\nCOPY --from=b:x${W:-2} x y\nARG W\nCOPY --from=b:x$W x y',
    images: ['a', 'b:x2', 'b:x1'],
    base: 'a',
  },
  {
    name: 'ENV counts for more than ARG',
    text: 'FROM a AS s\nENV W=1\nFROM s\nARG W=2\nCOPY --from=b:$W x y',
    images: ['a', 'b:1'],
    base: 'a',
  },
  { name: 'a flag with an escape in its name', text: 'FROM a\nCOPY --fr\\om=b x y', images: ['a', 'b'], base: 'a' },
  {
    name: 'a flag behind an escape that the builder does not know as such',
    text: '# escape=`\nFROM a\nRUN --mount=target=/x` --mount=from=b x',
    images: ['a', 'b'],
    base: 'a',
  },
  {
    name: 'a flag behind an escape between single quotes',
    text: "FROM a\nRUN --mount=target='/x\\' y' --mount=from=b x '",
    images: ['a', 'b'],
    base: 'a',
  },
  { name: 'flags that -- ends', text: 'FROM a\nCOPY -- --from=b x', images: ['a'] },
  { name: 'a stage sees its own', text: 'ARG V=1\nFROM a\nENV V=2 W=3\nCOPY --from=b:$V-$W x y', images: ['a', 'b:2-3'], base: 'a' },
  { name: 'ENV of old, with a space', text: 'FROM a\nENV V 2\nCOPY --from=b:$V x y', images: ['a', 'b:2'], base: 'a' },
  { name: 'a stage sees the stage below', text: 'FROM a AS s\nENV W=2\nFROM s\nCOPY --from=b:$W x y', images: ['a', 'b:2'], base: 'a' },
  {
    name: 'a trigger sets nothing here',
    text: 'FROM a\nONBUILD ENV V=2\nCOPY --from=b:$V x y',
    images: ['a', 'b:env'],
    base: 'a',
    fromEnvironment: ['V'],
  },
  { name: ':- of what is unset, empty and set', text: 'ARG E=\nARG S=s\nFROM a:${U:-1}${E:-2}${S:-3}', images: ['a:12s'] },
  { name: '- of what is unset and empty', text: 'ARG E=\nFROM a:1${U-2}${E-3}', images: ['a:12'] },
  { name: ':+ and +', text: 'ARG E=\nARG S=s\nFROM a:1${U:+2}${E:+3}${S:+4}${E+5}${U+6}', images: ['a:145'] },
  { name: ':? of what is set', text: 'ARG S=s\nFROM a:${S:?needed}', images: ['a:s'] },
  { name: 'nested defaults', text: 'FROM a:${U:-${W:-"${X:-deep}"}}', images: ['a:deep'] },
  { name: 'what is not taken is not looked up', text: 'ARG S=s\nFROM a:${S:-$NOBODY}', images: ['a:s'] },
  { name: 'a variable that cannot be told is no matter until it is used', text: 'FROM a\nENV PATH=$NOBODY:${X%y}\nRUN x', images: ['a'] },

  { name: 'a line goes on', text: 'FROM \\\n  a \\ \n\n# comment\n AS b', images: ['a'] },
  { name: 'a word goes on', text: 'FR\\\nOM a', images: ['a'] },
  { name: 'two escapes end a line', text: 'FROM a\nRUN x \\\\\nFROM b', images: ['a', 'b'] },
  { name: 'another escape', text: '# escape=`\nFROM `\na\nRUN dir C:\\\nFROM b', images: ['a', 'b'] },
  { name: 'a comment does not go on', text: '# x \\\nFROM a', images: ['a'] },
  { name: 'a directive below a comment is a comment', text: '# x\n# escape=`\nFROM \\\na', images: ['a'] },
  {
    name: 'what no builder takes for a directive',
    text: '#\vescape=`\nFROM a\nRUN x `\nFROM b',
    images: ['a', 'b'],
  },
  { name: 'a here-document', text: 'FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<-"X" <<Y /\n\tFROM c\n\tX\nFROM d\nY\nUSER x', images: ['a'] },
  {
    name: 'what only looks like one',
    text: 'FROM a\nRUN echo "<<X" x<<X $((1<<2))\nFROM b\nRUN ["<<X"]\nFROM c\nCMD <<X\nFROM d',
    images: ['a', 'b', 'c', 'd'],
  },
  { name: 'one under an open quote is none', text: "FROM a\nRUN echo it's <<X\nFROM b", images: ['a', 'b'] },
  { name: 'one that ends like an instruction is none', text: 'FROM a\nRUN true <<RUN\nFROM b\nRUN', images: ['a', 'b'] },
])
  test(`findImages: ${name}`, () =>
    assert.deepEqual(findImages(text, environment), { images, base: base ?? undefined, scratch, fromEnvironment }))

const unset = (name: string, line: number) => new RegExp(`^Dockerfile: line ${line}: variable ${name}: want a value that ARG, ENV or the`)
for (const { name, text, code = 'DOCUMENT_MALFORMED', message } of [
  { name: 'an unset variable', text: '\nFROM a:$NOBODY', code: 'VARIABLE_UNSET', message: unset('NOBODY', 2) },
  { name: 'an ARG without value', text: 'ARG A\nFROM a:${A}', code: 'VARIABLE_UNSET', message: unset('A', 2) },
  { name: 'an ARG made of an unset one', text: 'ARG V=$NOBODY\nFROM a:$V', code: 'VARIABLE_UNSET', message: unset('V', 2) },
  { name: ':? of an unset one', text: 'FROM a:${NOBODY:?set-it}', code: 'VARIABLE_UNSET', message: /got none: "set-it"$/ },
  { name: 'an empty image', text: 'ARG E=\nFROM $E', message: /^Dockerfile: line 2: want the name of an image, got nothing$/ },
  {
    name: 'an operator of newer builders',
    text: 'FROM a:${V#x}',
    message: /want \} or one of :- - :\+ \+ :\? \? after \$\{V, got "a:\$\{V#x\}"$/,
  },
  { name: 'an open brace', text: 'FROM a:${V:-x', message: /want \} to end what began/ },
  { name: 'an open quote', text: "FROM 'a", message: /want ' to end what began/ },
  { name: 'a dollar alone', text: 'FROM a$', message: /want the name of a variable after \$/ },
  { name: 'a number for a name', text: 'FROM a:$1', message: /want the name of a variable after \$/ },
  { name: 'deep nesting', text: `FROM ${'${A:-'.repeat(20)}x${'}'.repeat(20)}`, message: /want at most 16 levels of quotes and braces$/ },
  { name: 'a value that doubles', text: `ARG A=xx\n${'ARG A=$A$A\n'.repeat(40)}FROM $A`, code: 'VARIABLE_UNSET', message: unset('A', 42) },
  { name: 'a long name', text: `FROM ${'x'.repeat(5000)}`, message: /want a value of at most 4096 characters$/ },
  { name: 'FROM of nothing', text: 'FROM --platform=x', message: /FROM: want IMAGE or IMAGE AS NAME, got "--platform=x"$/ },
  { name: 'FROM with a comment behind it', text: 'FROM a # b', message: /FROM: want IMAGE or IMAGE AS NAME, got "a # b"$/ },
  { name: 'FROM of two', text: 'FROM a b c', message: /FROM: want IMAGE or IMAGE AS NAME/ },
  { name: 'a stage named scratch', text: 'FROM a AS scratch', message: /FROM: want a name for the stage.*, got "scratch"$/ },
  { name: 'a stage named by a number', text: 'FROM a AS 1', message: /FROM: want a name for the stage.*, got "1"$/ },
  {
    name: 'a stage that comes later',
    text: 'FROM a\nCOPY --from=b x y\nFROM c AS b',
    message: /line 2: COPY: want .* got "b", a stage that begins in line 3$/,
  },
  { name: 'the number of no stage', text: 'FROM a\nCOPY --from=1 x y', message: /COPY: want the number of an earlier stage, got "1"$/ },
  { name: '--from without value', text: 'FROM a\nCOPY --from x y', message: /COPY: --from: want a value, got none$/ },
  {
    name: 'a mount from nothing',
    text: 'FROM a\nRUN --mount=from=,target=/x y',
    message: /RUN: --mount: from: want an image or a stage, got nothing$/,
  },
  { name: 'no instruction', text: 'FROM a\nFROMAGE b', message: /line 2: want an instruction of a Dockerfile, got "FROMAGE"$/ },
  { name: 'a space of Unicode in front', text: '\u00a0# x\nFROM a', message: /line 1: want an instruction/ },
  { name: 'an escape that is followed by one', text: 'FROM a\nUSER \\\u00a0\nFROM\u00a0b', message: /line 3: want an instruction/ },
  {
    name: 'more than ARG ahead of FROM',
    text: 'ENV V=1\nFROM a:$V',
    message: /line 1: want nothing but ARG ahead of the first FROM, got ENV$/,
  },
  { name: 'a trigger of a trigger', text: 'FROM a\nONBUILD ONBUILD RUN x', message: /ONBUILD: want another instruction, got ONBUILD$/ },
  {
    name: 'a here-document without end',
    text: 'FROM a\nRUN <<EOF\nx',
    message: /line 2: here-document: want a line "EOF" that ends it, got none$/,
  },
  {
    name: 'a flag of other characters than ASCII',
    text: 'FROM a\nRUN --mount=target=/x\u00e0--mount=from=b x',
    message: /line 2: want flags of ASCII/,
  },
  {
    name: 'a mount with quotes in its fields',
    text: 'FROM a\nRUN --mount=target=/x,\\"from=b\\" x',
    message: /line 2: RUN: --mount: want fields without quotes/,
  },
  {
    name: 'ARG with quotes in its name',
    text: 'ARG V=1\nARG "V"=2\nFROM a:$V',
    message: /line 2: ARG: want the name of a variable, got "\\"V\\""$/,
  },
  { name: 'ENV with an escape in its name', text: 'FROM a\nENV V\\V=2', message: /line 2: ENV: want the name of a variable/ },
  {
    name: 'a line end that only some builders see',
    text: 'FROM a\nRUN x \\\r\r\nFROM b',
    message: /line 2: want lines that end with LF or CR LF, got CR alone$/,
  },
  ...['#!/bin/x', '# check=skip=all', '# x=y'].map(head => ({
    name: `an escape below ${head}, which only some builders heed`,
    text: `${head}\n# escape=\`\nFROM a\nRUN x \`\nFROM b`,
    message: /line 2: escape: want it in the first line, or below syntax alone$/,
  })),
  { name: 'another escape than there is', text: '# escape=x\nFROM a', message: /escape: want \\ or `, got "x"$/ },
  { name: 'a directive twice', text: '# escape=`\n#escape=`\nFROM a', message: /line 2: escape: want it once, got it again$/ },
  {
    name: 'too many images',
    text: `FROM a\n${Array.from({ length: 1001 }, (_, n) => `COPY --from=i${n} x y\n`).join('')}`,
    code: 'LIMIT_EXCEEDED',
    message: /at most 1000 images/,
  },
  {
    name: 'too many stages',
    text: 'FROM a\n'.repeat(501),
    code: 'LIMIT_EXCEEDED',
    message: /line 501: want at most 500 stages, got more$/,
  },
])
  test(`findImages refuses ${name}`, () => assert.throws(() => findImages(text, environment), { name: 'CountersignError', code, message }))

test('findImages tells the image of the frontend apart', () =>
  assert.equal(findImages('#!/usr/bin/env docker\n# syntax = docker/dockerfile:1\nFROM a', environment).syntax, 'docker/dockerfile:1'))

const pieces = [
  'FROM ',
  'ARG ',
  'ENV ',
  'COPY --from=',
  'RUN --mount=from=',
  'ONBUILD ',
  'a',
  'A=',
  '$A',
  '${A:-',
  '}',
  '"',
  "'",
  '\\',
  '`',
  '\n',
  ' ',
  '<<E',
  '#',
  '# escape=`\n',
  ' AS ',
  ',',
  '\r',
  '\t',
]
test('findImages answers any text, or refuses it by an error of ours', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(text, text => {
      try {
        const { images } = findImages(text, environment)
        assert.ok(!images.includes('') && !images.includes('scratch'))
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
      }
    }),
    { numRuns: 200 },
  )
})

for (const unit of [
  'FROM a\\\n',
  '${A:-',
  '"',
  '\\',
  '\\\n',
  ' ',
  '\r',
  '--from=a ',
  'RUN <<A\n',
  'ONBUILD ',
  '<<A ',
  '$',
  'ARG A=$A$A\n',
  'ENV A=1\nFROM a\n',
  '#\n',
])
  test(`findImages takes linear time over ${JSON.stringify(unit)} again and again`, () => {
    const started = performance.now()
    for (const head of ['', 'FROM a\nRUN ', 'FROM ', 'FROM a\nCOPY ']) {
      try {
        findImages(head + unit.repeat((1 << 17) / unit.length), environment)
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
      }
    }
    assert.ok(performance.now() - started < 20_000) // a tenth of a second; quadratic would be hours
  })
