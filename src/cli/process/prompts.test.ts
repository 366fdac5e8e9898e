import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemorySystem, type MemorySystem, type MemorySystemOptions } from '../../testing/memory-system.ts'
import type { Prompts } from '../context.ts'
import { createPrompts } from './prompts.ts'

function prompts(options: MemorySystemOptions): { readonly prompts: Prompts; readonly system: MemorySystem } {
  const system = createMemorySystem(options)
  const parts = { environment: system.environment, stdin: system.stdin, keyboard: system.keyboard, signal: new AbortController().signal }
  return { prompts: createPrompts({ ...parts, stderr: text => system.stderr.write(text) }), system }
}

type Passphrase = MemorySystemOptions & { name: string; confirm?: boolean; passphrase?: string; asked?: string; error?: object }
const passphrases: Passphrase[] = [
  { name: 'from the environment', environment: { COSIGN_PASSWORD: 'sesame' }, keys: ['typed\r'], passphrase: 'sesame', asked: '' },
  { name: 'empty, from the environment', environment: { COSIGN_PASSWORD: '' }, stdin: 'piped', passphrase: '', asked: '' },
  { name: 'all of standard input, untrimmed', stdin: ' two\nlines\n', passphrase: ' two\nlines\n', asked: '' },
  { name: 'standard input is not asked twice', confirm: true, stdin: 'once', passphrase: 'once', asked: '' },
  {
    name: 'more standard input than any passphrase',
    stdin: 'x'.repeat(65_537),
    error: { code: 'LIMIT_EXCEEDED', message: /at most 65536 bytes/ },
  },
  { name: 'typed', keys: ['ses', 'ame\r'], passphrase: 'sesame', asked: 'Enter password for private key: \n' },
  {
    name: 'typed twice',
    confirm: true,
    keys: ['a\r', 'a\n'],
    passphrase: 'a',
    asked: 'Enter password for private key: \nEnter password for private key again: \n',
  },
  { name: 'both pasted at once', confirm: true, keys: ['a\ra\r'], passphrase: 'a' },
  { name: 'two different ones', confirm: true, keys: ['a\r', 'b\r'], error: { code: 'USAGE', message: 'passwords do not match' } },
  { name: 'the second is the beginning of the first', confirm: true, keys: ['ab\r', 'a\r'], error: { message: 'passwords do not match' } },
  { name: 'nothing typed', keys: ['\r'], passphrase: '' },
  { name: 'backspace takes a whole character', keys: ['aä', '\u007f', 'b', '\b\b\b', 'c\r'], passphrase: 'c' },
  { name: 'Ctrl-U starts again', keys: ['wrong\u0015right\r'], passphrase: 'right' },
  { name: 'arrow keys leave no controls behind', keys: ['a\u001b\r'], passphrase: 'a' },
  { name: 'Ctrl-C', keys: ['a\u0003'], error: { name: 'Interrupted' } },
  { name: 'Ctrl-D', keys: ['\u0004'], error: { code: 'USAGE', message: 'standard input ended before the answer' } },
  { name: 'the terminal goes away', keys: ['a'], error: { code: 'USAGE', message: 'standard input ended before the answer' } },
  { name: 'a line without end', keys: ['x'.repeat(65_537)], error: { code: 'LIMIT_EXCEEDED', message: /at most 65536 bytes/ } },
]
for (const { name, confirm = false, passphrase, asked, error, ...options } of passphrases)
  test(`passphrase: ${name}`, async () => {
    const { prompts: asking, system } = prompts(options)
    if (error) await assert.rejects(asking.passphrase({ confirm }), error)
    else assert.equal(new TextDecoder().decode(await asking.passphrase({ confirm })), passphrase)
    if (asked !== undefined) assert.equal(system.written.stderr(), asked)
    assert.equal(system.modes.filter(mode => mode === 'raw').length, system.modes.filter(mode => mode === 'line').length)
    if (system.modes.length > 0) assert.equal(system.modes.at(-1), 'line')
  })

type Confirm = MemorySystemOptions & { name: string; yes?: boolean; error?: object; asked?: string }
const confirms: Confirm[] = [
  { name: '--yes asks nothing', yes: true, asked: '' },
  {
    name: 'y',
    keys: ['y\n'],
    asked: 'WARNING: File cosign.key already exists. Overwrite?\nAre you sure you would like to continue? [y/N] ',
  },
  { name: 'YES', keys: ['YES\n'] },
  { name: 'n', keys: ['n\n'], error: { code: 'USAGE', message: 'user declined the prompt' } },
  { name: 'Enter means no', keys: ['\n'], error: { message: 'user declined the prompt' } },
  { name: 'something else means no', keys: ['yep\n'], error: { message: 'user declined the prompt' } },
  { name: 'the end of input means no', keys: [], error: { message: /ended before the answer/ } },
  {
    name: 'no terminal',
    stdin: 'y\n',
    error: {
      code: 'USAGE',
      message: /standard input is no terminal: WARNING: File cosign\.key already exists\. Overwrite\?; --yes answers yes$/,
    },
  },
]
for (const { name, yes = false, error, asked, ...options } of confirms)
  test(`confirm: ${name}`, async () => {
    const { prompts: asking, system } = prompts(options)
    const answer = asking.confirm('File cosign.key already exists. Overwrite?', { yes, flag: '--yes' })
    if (error) await assert.rejects(answer, error)
    else await answer
    if (asked !== undefined) assert.equal(system.written.stderr(), asked)
    assert.deepEqual(system.modes, [], 'the terminal edits and echoes the line')
  })

test('secret and line ask in their own words', async () => {
  const { prompts: asking } = prompts({ keys: ['robot\n', 'hunter2\r'] })
  assert.equal(await asking.line('Username: '), 'robot')
  assert.equal(await asking.secret('Password: '), 'hunter2')
})
