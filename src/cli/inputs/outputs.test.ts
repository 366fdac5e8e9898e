import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkOutputs } from './outputs.ts'

for (const { name, outputs, inputs = [], message } of [
  { name: 'files of their own', outputs: { bundle: 'b', 'output-signature': 's' }, inputs: ['blob', 'cosign.key', 'env://KEY'] },
  { name: 'nothing', outputs: { bundle: '', 'output-signature': '' }, inputs: ['', '-'] },
  { name: 'one device for both', outputs: { bundle: '/dev/stdout', 'output-signature': '/dev/stdout' } },
  {
    name: 'the private key',
    outputs: { bundle: './cosign.key' },
    inputs: ['cosign.key'],
    message: '--bundle would overwrite "./cosign.key", which is read',
  },
  {
    name: 'the file that is signed',
    outputs: { bundle: 'a/../blob' },
    inputs: ['blob'],
    message: '--bundle would overwrite "a/../blob", which is read',
  },
  {
    name: 'one file for two',
    outputs: { bundle: 'x', 'output-signature': 'x' },
    message: '--output-signature would overwrite "x", which --bundle names too',
  },
] as { name: string; outputs: Record<string, string>; inputs?: string[]; message?: string }[])
  test(`checkOutputs: ${name}`, () => {
    if (message) assert.throws(() => checkOutputs(outputs, inputs), { code: 'USAGE', message })
    else checkOutputs(outputs, inputs)
  })
