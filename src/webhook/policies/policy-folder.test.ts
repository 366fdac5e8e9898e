import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { memoryFolder } from '../../testing/memory-folder.ts'
import { readPolicyFolder } from './policy-folder.ts'

const folderOf = (files: Readonly<Record<string, string | Uint8Array>>) =>
  memoryFolder(
    new Map(
      Object.entries(files).map(([name, text]) => [
        `at/policies/${name}`,
        { data: typeof text === 'string' ? encodeUtf8(text) : text, mode: 0o644 },
      ]),
    ),
    'at',
  )

test('the files of a folder are read in the order of their names, hidden ones left out', async () => {
  const files = await readPolicyFolder(folderOf({ 'b.yml': '2', 'a.yaml': '1', 'c.json': '3', '..data': 'x' }), 'policies')
  assert.deepEqual(files, [
    { name: 'a.yaml', text: '1' },
    { name: 'b.yml', text: '2' },
    { name: 'c.json', text: '3' },
  ])
})

for (const { name, files, code, message } of [
  { name: 'nothing', files: {}, code: 'POLICY_EMPTY', message: /want files in folder "policies"/ },
  { name: 'a file of another kind', files: { 'a.yaml.bak': '' }, code: 'POLICY_MALFORMED', message: /"a.yaml.bak": want a file .yaml/ },
  { name: 'no text', files: { 'a.yaml': Uint8Array.of(0xff) }, code: 'UTF8_MALFORMED', message: /^a.yaml/ },
  { name: 'too much', files: { 'a.yaml': 'x'.repeat(3 << 20), 'b.yaml': 'x'.repeat(2 << 20) }, code: 'LIMIT_EXCEEDED', message: /at most/ },
  {
    name: 'too many',
    files: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`${index}.yaml`, ''])),
    code: 'LIMIT_EXCEEDED',
    message: /at most 1000 files/,
  },
] as const)
  test(`a folder of policies is refused: ${name}`, async () => {
    await assert.rejects(readPolicyFolder(folderOf(files), 'policies'), { code, message })
  })
