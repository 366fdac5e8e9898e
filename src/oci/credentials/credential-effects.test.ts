import assert from 'node:assert/strict'
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeUtf8 } from '../../codec/text.ts'
import { machineEffects } from './credential-effects.ts'
import { dockerCredentials } from './credentials.ts'
import { storeLogin } from './login.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-credentials-'))
})
after(() => rm(folder, { recursive: true, force: true }))

/** A credential helper as people write them: a script on the PATH. */
async function createHelper(name: string, script: string): Promise<void> {
  const path = join(folder, 'bin', `docker-credential-${name}`)
  await mkdir(join(folder, 'bin'), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}
const environment = () => ({ PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, HOME: folder, MARK: 'from the environment' })
const limits = { timeoutMs: 10_000, limitBytes: 1000 }

test('machineEffects: a helper gets the verb, its input and the environment handed in', async () => {
  await createHelper('echo', 'read line; echo "$1 $line $MARK"; exit 3')
  const { exitCode, output } = await machineEffects(environment()).run('docker-credential-echo', ['get'], encodeUtf8('ghcr.io'), limits)
  assert.deepEqual([exitCode, new TextDecoder().decode(output)], [3, 'get ghcr.io from the environment\n'])
})

test('machineEffects: a program gets the variables that are for it alone', async () => {
  await createHelper('told', 'echo "$MARK $TOLD"')
  const told = { ...limits, environment: { TOLD: 'and for it', MARK: 'in place of ours' } }
  const { output } = await machineEffects(environment()).run('docker-credential-told', [], new Uint8Array(), told)
  assert.equal(new TextDecoder().decode(output), 'in place of ours and for it\n')
})

test('machineEffects: a helper does not get the passphrase of a signing key', async () => {
  await createHelper('nosy', 'env')
  const secrets = { COSIGN_PASSWORD: 'of the key', COUNTERSIGN_PASSWORD: 'of the key', AWS_PROFILE: 'ci' }
  const { output } = await machineEffects({ ...environment(), ...secrets }).run('docker-credential-nosy', ['get'], new Uint8Array(), limits)
  const text = new TextDecoder().decode(output)
  assert.match(text, /^AWS_PROFILE=ci$/m)
  assert.doesNotMatch(text, /of the key/)
})

for (const { name, script, message } of [
  { name: 'never ends', script: 'exec sleep 600', message: /docker-credential-bad: want an end within 100 ms/ },
  { name: 'never stops talking', script: 'exec yes', message: /want at most 1000 bytes of output/ },
])
  test(`machineEffects: a helper that ${name} is ended`, async () => {
    await createHelper('bad', script)
    const timeoutMs = name === 'never ends' ? 100 : 10_000
    const call = machineEffects(environment()).run('docker-credential-bad', ['get'], new Uint8Array(), { ...limits, timeoutMs })
    await assert.rejects(call, { code: 'CREDENTIALS_UNAVAILABLE', message })
  })

test('machineEffects: a helper that is not there', async () => {
  const call = machineEffects(environment()).run('docker-credential-absent', ['get'], new Uint8Array(), limits)
  await assert.rejects(call, { code: 'CREDENTIALS_UNAVAILABLE', message: 'docker-credential-absent: no such program on the PATH' })
})

for (const path of ['.', '', 'bin', `.:/nowhere`, ':/nowhere', '/nowhere:'])
  test(`machineEffects: what lies in the current folder is not run by PATH=${path}`, async () => {
    await createHelper('planted', 'echo planted')
    const here = process.cwd()
    process.chdir(path.startsWith('bin') ? folder : join(folder, 'bin'))
    try {
      const call = machineEffects({ PATH: path }).run('docker-credential-planted', ['get'], new Uint8Array(), limits)
      await assert.rejects(call, {
        code: 'CREDENTIALS_UNAVAILABLE',
        message: /no such program on the PATH, whose relative folders are left out$/,
      })
    } finally {
      process.chdir(here)
    }
  })

test('machineEffects: a helper that ends without reading', async () => {
  await createHelper('deaf', 'exec true')
  const { exitCode } = await machineEffects(environment()).run('docker-credential-deaf', ['store'], new Uint8Array(1 << 20), limits)
  assert.equal(exitCode, 0)
})

test('storeLogin and dockerCredentials: on disk, mode 0600 in a folder 0700, nothing left beside', async () => {
  const effects = machineEffects(environment())
  const path = await storeLogin(effects, { server: 'ghcr.io', username: 'u', password: 'p' })
  await storeLogin(effects, { server: 'localhost:5000', username: 'v', password: 'q' })
  assert.equal(path, join(folder, '.docker/config.json'))
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(join(folder, '.docker'))).mode & 0o777, 0o700)
  assert.deepEqual(await readdir(join(folder, '.docker')), ['config.json'])
  const source = dockerCredentials(effects)
  assert.deepEqual(await source('ghcr.io'), { kind: 'basic', username: 'u', password: 'p' })
  assert.deepEqual(await source('localhost:5000'), { kind: 'basic', username: 'v', password: 'q' })
})

test('storeLogin: a file others could read becomes private, and a symbolic link stays one', async () => {
  const home = join(folder, 'linked')
  await mkdir(join(home, '.docker'), { recursive: true })
  await writeFile(join(home, 'dotfiles.json'), '{"detachKeys":"x"}', { mode: 0o644 })
  await symlink(join(home, 'dotfiles.json'), join(home, '.docker/config.json'))
  await storeLogin(machineEffects({ HOME: home }), { server: 'ghcr.io', username: 'u', password: 'p' })
  assert.ok((await lstat(join(home, '.docker/config.json'))).isSymbolicLink())
  assert.equal((await stat(join(home, 'dotfiles.json'))).mode & 0o777, 0o600)
  assert.equal(JSON.parse(await readFile(join(home, 'dotfiles.json'), 'utf8')).detachKeys, 'x')
})

test('storeLogin: a folder that cannot be made', async () => {
  await writeFile(join(folder, 'a-file'), '')
  const effects = machineEffects({ DOCKER_CONFIG: join(folder, 'a-file') })
  await assert.rejects(storeLogin(effects, { server: 'ghcr.io', username: 'u', password: 'p' }), {
    code: 'FILE_UNWRITABLE',
    message: /a-file\/config.json": cannot be written: (EEXIST|ENOTDIR)/,
  })
})

test('machineEffects: a file above the limit, a folder, and none', async () => {
  const effects = machineEffects({})
  await writeFile(join(folder, 'large'), new Uint8Array(101))
  await writeFile(join(folder, 'fits'), new Uint8Array(100))
  await assert.rejects(effects.readFile(join(folder, 'large'), 100), { code: 'LIMIT_EXCEEDED', message: /want at most 100 bytes/ })
  assert.equal((await effects.readFile(join(folder, 'fits'), 100))?.length, 100)
  await assert.rejects(effects.readFile(folder, 100), { code: 'FILE_UNREADABLE', message: /cannot be read: EISDIR/ })
  assert.equal(await effects.readFile(join(folder, 'absent'), 100), undefined)
})
