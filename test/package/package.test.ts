import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { installPackage, packagesBelow, readManifest } from '../../scripts/install-package.ts'
import { run } from '../../scripts/process.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { createTestSigstore } from '../../src/testing/sigstore/test-sigstore.ts'

// What a user gets from `npm install countersign`.

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'countersign-package-'))
const installed = join(folder, 'user/node_modules')
const manifest = readManifest(root)
const doors = Object.keys(manifest.exports).filter(door => door !== './package.json')

before(() => installPackage(folder))
after(() => rmSync(folder, { recursive: true, force: true }))

test('the package holds the released forms and no source, test or executable', () => {
  const files = globSync('**/*', { cwd: join(installed, 'countersign') }).filter(name => /\.\w+$|LICENSE/.test(name))
  for (const name of files)
    assert.match(
      name,
      /^(bin\/(countersign\.js|package\.json)|dist\/(cli\.cjs|[\w-]+(\.browser)?\.js)|dist\/types\/.+\.d\.ts|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    )
  assert.ok(files.includes('LICENSE') && files.includes('dist/cli.cjs'))
})

test('a plain install is at most 80 packages and 30 MB', () => {
  const lock = JSON.parse(readFileSync(join(installed, '.package-lock.json'), 'utf8')) as { packages: object }
  const bytes = globSync('**/*', { cwd: installed }).reduce((sum, name) => sum + statSync(join(installed, name)).size, 0)
  assert.ok(Object.keys(lock.packages).length <= 80, `${Object.keys(lock.packages).length} packages`)
  assert.ok(bytes <= 30_000_000, `${bytes} bytes`)
})

test('the installed command runs, and keeps compiled code in the folder of its user, not in one that all may write to', async () => {
  const [caches, temporary] = [join(folder, 'caches'), join(folder, 'temporary')]
  mkdirSync(temporary)
  const env = { ...process.env, XDG_CACHE_HOME: caches, TMPDIR: temporary, NODE_COMPILE_CACHE: undefined }
  const { code, output } = await run(process.execPath, [join(installed, '.bin/countersign'), 'version'], { cwd: folder, env })
  assert.equal(code, 0, output)
  assert.ok(output.includes(manifest.version), output)
  assert.notDeepEqual(readdirSync(join(caches, 'countersign')), [])
  assert.deepEqual(readdirSync(temporary), [])
})

for (const { name, prepare } of [
  { name: 'all may write to', prepare: (caches: string) => chmodSync(join(caches, 'countersign'), 0o777) },
  { name: 'is a link to elsewhere', prepare: (caches: string) => replaceByLink(join(caches, 'countersign'), join(folder, 'temporary')) },
  ...(mayGiveAway() ? [{ name: 'another user owns', prepare: (caches: string) => chownSync(join(caches, 'countersign'), 1, 1) }] : []),
])
  test(`the installed command runs no compiled code from a folder that ${name}`, async () => {
    const caches = mkdtempSync(join(folder, 'caches-'))
    mkdirSync(join(caches, 'countersign'))
    prepare(caches)
    const env = { ...process.env, XDG_CACHE_HOME: caches, NODE_COMPILE_CACHE: undefined }
    const { code, output } = await run(process.execPath, [join(installed, '.bin/countersign'), 'version'], { cwd: folder, env })
    assert.equal(code, 0, output)
    assert.deepEqual(readdirSync(join(caches, 'countersign')), [])
  })

/** Whether files can be given to another user here: by root, but not by the root of a user namespace. */
function mayGiveAway(): boolean {
  const file = join(folder, 'given-away')
  writeFileSync(file, '')
  try {
    chownSync(file, 1, 1)
    return true
  } catch {
    return false
  } finally {
    rmSync(file)
  }
}

for (const door of doors)
  test(`door ${door}: imports, and an error class is the same one through every door`, async () => {
    const name = `countersign${door.slice(1)}`
    const program = `
      const [door, main] = [await import('${name}'), await import('countersign')]
      if (Object.keys(door).length === 0) throw new Error('no exports')
      if (door.CountersignError && door.CountersignError !== main.CountersignError) throw new Error('two classes')`
    writeFileSync(join(folder, 'user/door.js'), program)
    const { code, output } = await run(process.execPath, ['door.js'], { cwd: join(folder, 'user') })
    assert.equal(code, 0, output)
  })

for (const { file, wanted } of [
  { file: 'verify.js', wanted: ['node:crypto'] },
  { file: 'verify.browser.js', wanted: [] },
])
  test(`door ./verify pulls in at most 3 packages, and ${file} imports ${wanted.join() || 'nothing'} of Node`, () => {
    const { packages, builtins } = importsFrom(join(installed, 'countersign/dist', file))
    assert.ok(packages.length <= 3, packages.join(', '))
    assert.deepEqual(builtins, wanted)
  })

test('door ./verify as browsers get it names nothing that only Node has', () => {
  const text = readFileSync(join(installed, 'countersign/dist/verify.browser.js'), 'utf8')
  assert.doesNotMatch(text, /\bBuffer\b|\bprocess\.|\brequire\(|#native/)
})

test('door ./verify as browsers get it verifies: by WebCrypto, here that of Node', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  writeFileSync(
    join(folder, 'user/browser.js'),
    `import { detachedCandidate, messageOfBytes, parsePublicKeyPem, verify } from 'countersign/verify'
    const text = new TextEncoder()
    if (!import.meta.resolve('countersign/verify').endsWith('verify.browser.js')) throw new Error('want the door of browsers')
    const trust = { keys: [parsePublicKeyPem(text.encode(${JSON.stringify(pem)}), 'key')] }
    const candidates = [detachedCandidate('signature', text.encode('${sign('sha256', 'a blob', privateKey).toString('base64')}'))]
    for (const blob of ['a blob', 'another']) {
      const artifact = { kind: 'blob', name: 'blob', message: messageOfBytes(text.encode(blob)) }
      const policy = { artifact, annotations: new Map(), predicateTypes: 'any', unsafeSkipTlog: true, unsafeSkipClaims: false, now: new Date() }
      console.log(await verify(candidates, trust, policy).then(({ signatures }) => signatures[0].scheme, error => error.code))
    }`,
  )
  const { output } = await run(process.execPath, ['--conditions=browser', 'browser.js'], { cwd: join(folder, 'user') })
  assert.equal(output, 'ecdsa\nSIGNATURE_INVALID\n')
})

/** Packages below a file of dist/, and built-ins of Node it imports, through all chunks. */
function importsFrom(entry: string): { packages: readonly string[]; builtins: readonly string[] } {
  const [files, direct] = [new Set([entry]), new Set<string>()]
  for (const file of files)
    for (const [, to = ''] of readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*"([\w@./#:-]+)"/g))
      if (to.startsWith('.')) files.add(join(file, '..', to))
      else direct.add(to)
  const names = [...direct].filter(to => !to.startsWith('node:')).map(to => to.match(/^(@[^/]+\/)?[^/]+/)![0])
  return { packages: packagesBelow(names), builtins: [...direct].filter(to => to.startsWith('node:')) }
}

/** The program in README.md, which wants `bundle`, `trustedRoot` and `artifact`, after lines that read them. */
function programOfReadme(): string {
  const [, block] = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n([\s\S]*?)```/) ?? []
  assert.ok(block, 'README.md shows a program')
  return `import { readFileSync } from 'node:fs'
const [bundle, trustedRoot, artifact] = [readFileSync('bundle'), readFileSync('trusted-root'), readFileSync('artifact')]
${block}
console.log(signatures.length, signatures[0].scheme)\n`
}

for (const { where, flags } of [
  { where: 'here', flags: [] },
  { where: 'as browsers get it', flags: ['--conditions=browser'] },
])
  test(`README's program, ${where}, verifies a file by who signed it, and fails for another file`, async () => {
    const sigstore = await createTestSigstore()
    const artifact = encodeUtf8('a release\n')
    const leaf = { names: [{ kind: 'email', value: 'release@example.com' }], fulcio: { issuer: 'https://accounts.google.com' } } as const
    const user = join(folder, 'user')
    writeFileSync(join(user, 'bundle'), await sigstore.signBlob(artifact, { leaf }))
    writeFileSync(join(user, 'trusted-root'), sigstore.trustedRootJson)
    writeFileSync(join(user, 'readme.ts'), programOfReadme())
    const runWith = async (content: Uint8Array) => {
      writeFileSync(join(user, 'artifact'), content)
      return await run(process.execPath, [...flags, 'readme.ts'], { cwd: user })
    }
    const accepted = await runWith(artifact)
    assert.equal(accepted.code, 0, accepted.output)
    assert.match(accepted.output, /^1 ecdsa$/m)
    const refused = await runWith(encodeUtf8('another release\n'))
    assert.notEqual(refused.code, 0)
    assert.match(refused.output, /ARTIFACT_MISMATCH/)
  })

test('the declarations serve a strict program', async () => {
  const program = doors.map((door, index) => `import * as door${index} from 'countersign${door.slice(1)}'\nvoid door${index}\n`).join('')
  writeFileSync(join(folder, 'user/program.ts'), program)
  writeFileSync(join(folder, 'user/readme.ts'), programOfReadme())
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024'],
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
  }
  writeFileSync(join(folder, 'user/tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts', 'readme.ts'] }))
  const { code, output } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: join(folder, 'user') })
  assert.equal(code, 0, output)
})

function replaceByLink(path: string, target: string): void {
  rmSync(path, { recursive: true })
  symlinkSync(target, path)
}
