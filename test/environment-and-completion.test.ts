import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { commands, refusedCommands } from '../src/cli/commands.ts'
import { completionModel } from '../src/cli/completion/completion-model.ts'
import { environmentVariables } from '../src/cli/environment-variables.ts'
import { globalFlags } from '../src/cli/flags/global.ts'
import { assertRefused, createRig } from '../src/testing/command-rig.ts'

const { cs } = createRig()
const folder = mkdtempSync(join(tmpdir(), 'countersign-completion-'))
after(() => rmSync(folder, { recursive: true }))

test('scenario 76: env masks secrets that are set, and shows them on request', async () => {
  const secrets = environmentVariables.filter(({ sensitive }) => sensitive).map(({ name }) => name)
  assert.ok(secrets.length > 8)
  const environment = Object.fromEntries(secrets.map(name => [name, `secret of ${name}`]))
  const masked = await cs('env', { environment })
  assert.doesNotMatch(masked.stdout, /secret of/)
  for (const name of secrets) assert.ok(masked.stdout.includes(`\n${name}=******\n`), name)
  const open = await cs('env --show-sensitive-values', { environment })
  for (const name of secrets) assert.ok(open.stdout.includes(`\n${name}=secret of ${name}\n`), name)
})

test('env shows an empty secret as what it is, and other values as they are', async () => {
  const { stdout } = await cs('env --show-descriptions=false', { environment: { COSIGN_PASSWORD: '', COSIGN_REPOSITORY: 'r.test/x' } })
  assert.match(stdout, /^COSIGN_PASSWORD=$/m)
  assert.match(stdout, /^COSIGN_REPOSITORY=r\.test\/x$/m)
})

test('env lists variables of our prefixes that it does not know last, masked: each may set a flag', async () => {
  const environment = { COSIGN_KEY: 'env://X', SIGSTORE_NEW: '1', TUF_NEW: '', COUNTERSIGN_YES: 'true', OTHER: 'x' }
  const { stdout } = await cs('env', { environment, withoutPassphrase: true })
  assert.deepEqual(stdout.split('\n').slice(-7), [
    '# Environment variables below are not registered with countersign,',
    "# but might still influence countersign's behavior: COSIGN_X and COUNTERSIGN_X set the flag --x.",
    'COSIGN_KEY=******',
    'COUNTERSIGN_YES=******',
    'SIGSTORE_NEW=******',
    'TUF_NEW=',
    '',
  ])
})

test('env says which variables of cosign’s are not read yet, and lists our own names of the others', async () => {
  const { stdout } = await cs('env')
  assert.match(stdout, /^# Expects: string with log level.*\n# Not read by countersign: .*\nBUILDKITE_AGENT_LOG_LEVEL=$/m)
  assert.match(stdout, /^# Expects: string with a module-path\nCOSIGN_PKCS11_MODULE_PATH=$/m)
  assert.match(stdout, /^# Expects: string with a OIDC token\nSIGSTORE_ID_TOKEN=$/m)
  for (const read of ['TUF_ROOT_JSON', 'SIGSTORE_ROOT_FILE', 'SIGSTORE_TSA_CERTIFICATE_FILE'])
    assert.match(stdout, new RegExp(`^# Expects: path to .*\\n${read}=$`, 'm'))
  assert.match(stdout, /^# COUNTERSIGN_REPOSITORY is our own name of COSIGN_REPOSITORY, and wins$/m)
  assert.match(stdout, /^COUNTERSIGN_PKCS11_PIN=$/m)
})

test('debug providers says where this runs, in the order in which places are tried, and asks none of them', async () => {
  const { stdout } = await cs('debug providers', { environment: { SIGSTORE_ID_TOKEN: 'T', CIRCLECI: 'true' } })
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'github-actions: false',
    'envvar: true',
    'gitlab-ci: false',
    'filesystem: false',
    'google-workload-identity: false',
    'google-impersonate: false',
    'buildkite-agent: false',
    'circleci: true',
    'spiffe: false',
  ])
})

test('scenario 75: a variable sets a flag, our own name before cosign’s, and the command line before both', async () => {
  const image = `registry.test/app@sha256:${'0'.repeat(64)}`
  const suffixOf = async (flags: string, environment: Readonly<Record<string, string>>) =>
    (await cs(`triangulate ${flags} ${image}`, { environment })).stdout.trimEnd().replace(/.*\./, '')
  assert.equal(await suffixOf('', {}), 'sig')
  assert.equal(await suffixOf('', { COSIGN_TYPE: 'sbom' }), 'sbom')
  assert.equal(await suffixOf('', { COSIGN_TYPE: 'sbom', COUNTERSIGN_TYPE: 'attestation' }), 'att')
  assert.equal(await suffixOf('--type signature', { COSIGN_TYPE: 'sbom', COUNTERSIGN_TYPE: 'attestation' }), 'sig')
  const outcome = await cs(`triangulate -o json ${image}`, { environment: { COSIGN_TYPE: 'nosuch' } })
  assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^environment variable COSIGN_TYPE: invalid value "nosuch" for --type/ })
})

const bash = onPath('bash')
const scriptOf = async (shell: string) => (await cs(`completion ${shell}`)).stdout

/** What bash would offer for the last of these words, by the script of a session that knows nothing else. */
async function offered(words: readonly string[]): Promise<readonly string[]> {
  const path = join(folder, 'countersign.bash')
  writeFileSync(path, await scriptOf('bash'))
  const line = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`
  const printed = execFileSync(bash!, ['--norc', '-c', line, path, ...words], { encoding: 'utf8', cwd: folder, env: { PATH: '' } })
  return printed.split('\n').filter(word => word !== '')
}

writeFileSync(join(folder, 'team key.pem'), '')
const leaf = (prefix: string) => [...new Set(commands.map(({ name }) => name.split(' ')[0]!))].filter(name => name.startsWith(prefix))
for (const { line, wanted } of [
  { line: ['countersign', 'tri'], wanted: ['triangulate'] },
  { line: ['cosign', 've'], wanted: leaf('ve').toSorted() },
  { line: ['countersign', 'upload', ''], wanted: ['blob', 'wasm'] },
  { line: ['countersign', 'attach', 'sig'], wanted: ['signature'] },
  { line: ['countersign', 'generate-key-pair', '--output-k'], wanted: ['--output-key-prefix'] },
  { line: ['countersign', 'triangulate', '--type', ''], wanted: ['signature', 'attestation', 'sbom', 'digest'] },
  { line: ['countersign', 'triangulate', '--type', '=', 'at'], wanted: ['attestation'] },
  { line: ['countersign', 'triangulate', '--type', '='], wanted: ['signature', 'attestation', 'sbom', 'digest'] },
  { line: ['countersign', '--output-file', 'verify', 'upload', 'b'], wanted: ['blob'] },
  { line: ['countersign', '--timeout', '=', '1m', 'upload', 'b'], wanted: ['blob'] },
  { line: ['countersign', 'tree', '-o', 'j'], wanted: ['json'] },
  { line: ['countersign', 'sign', '--key', 'team'], wanted: ['team key.pem'] },
  { line: ['countersign', 'sign-blob', 'team'], wanted: ['team key.pem'] },
  { line: ['countersign', 'tree', ''], wanted: [] },
  { line: ['countersign', 'sign', '--timeout', ''], wanted: [] },
  { line: ['countersign', 'sign', '--sk'], wanted: [] },
  { line: ['countersign', 'completion', ''], wanted: ['bash', 'zsh', 'fish', 'powershell'] },
  { line: ['countersign', 'nosuch', '--verb'], wanted: ['--verbose'] },
])
  test(`bash completes ${JSON.stringify(line.join(' '))}`, { skip: !bash && 'no bash here' }, async () =>
    assert.deepEqual(await offered(line), wanted),
  )

test('bash completes both names, and no other', { skip: !bash && 'no bash here' }, async () => {
  const printed = execFileSync(bash!, ['--norc', '-c', `${await scriptOf('bash')}\ncomplete -p`], { encoding: 'utf8' })
  assert.equal(printed, 'complete -F _countersign countersign\ncomplete -F _countersign cosign\n')
})

test('every script names each command and each flag that help shows, and no flag that is refused', async () => {
  const model = completionModel(commands, globalFlags)
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const script = await scriptOf(shell)
    for (const { path, members, flags } of model) {
      for (const { word } of members) assert.ok(script.includes(word), `${shell}: ${path} ${word}`)
      for (const { spelling } of flags)
        assert.ok(
          script.includes(shell === 'fish' ? ` ${spelling.replace(/^--/, '-l ').replace(/^-(?=\w$)/, '-s ')} ` : spelling),
          `${shell}: ${path} ${spelling}`,
        )
    }
    assert.doesNotMatch(script, /--?l? ?k8s-keychain\b/, shell)
    assert.ok(script.includes('cosign'))
  }
})

/** A table with texts that each shell reads as its own. */
test('texts cannot break out of a script', { skip: !bash && 'no bash here' }, async () => {
  const { bashScript } = await import('../src/cli/completion/bash.ts')
  const { zshScript } = await import('../src/cli/completion/zsh.ts')
  const { fishScript } = await import('../src/cli/completion/fish.ts')
  const { powershellScript } = await import('../src/cli/completion/powershell.ts')
  const text = `it's $(touch ${folder}/broken) \`x\` "y" \\ ’z`
  const [command] = commands.filter(({ name }) => name === 'triangulate')
  const flags = { type: { type: 'string', default: '', help: text, choices: ["a'b"] } } as const
  const model = completionModel([{ ...command!, summary: text, flags }], globalFlags)
  execFileSync(bash!, ['--norc', '-c', `${bashScript(model)}\nCOMP_WORDS=(x triangulate --type ''); COMP_CWORD=3; _countersign || true`])
  assert.throws(() => execFileSync('ls', [`${folder}/broken`], { stdio: 'ignore' }))
  assert.ok(zshScript(model).includes(`'triangulate:it'\\''s $(touch`))
  assert.ok(fishScript(model).includes(`'it\\'s $(touch ${folder}/broken) \`x\` "y" \\\\ ’z'`))
  assert.ok(powershellScript(model).includes(`'it''s $(touch ${folder}/broken) \`x\` "y" \\ ’’z'`))
})

test('a shell that is none is refused in cosign’s words', async () => {
  const outcome = await cs('completion nosuch -o json')
  assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^invalid argument "nosuch" for "countersign completion"/ })
  assertRefused(await cs('completion -o json'), { exit: 1, code: 'USAGE', message: /^accepts 1 arg\(s\), received 0/ })
})

const pivFlags = new Map([
  ['piv-tool attestation', ['--output=json', '--slot=signature']],
  [
    'piv-tool generate-key',
    ['--management-key=x', '--pin-policy=once', '--random-management-key', '--slot=signature', '--touch-policy=never'],
  ],
  ['piv-tool set-management-key', ['--new-key=x', '--old-key=y', '--random-management-key']],
  ['piv-tool set-pin', ['--new-pin=1', '--old-pin=2']],
  ['piv-tool set-puk', ['--new-puk=1', '--old-puk=2']],
  ['piv-tool unblock', ['--new-PIN=1', '--puk=2']],
])
for (const name of refusedCommands.keys())
  test(`${name} is refused by name, with whatever flags, and the way that works is shown`, async () => {
    for (const flags of [[], ['--no-input'], ...(pivFlags.get(name) ?? []).map(flag => [flag])]) {
      const { code, stderr, stdout } = await cs([...name.split(' '), ...flags])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, new RegExp(`^Error: ${name}: .*ykman.*PKCS #11; use --key "pkcs11:token=.*list-keys-uris shows`, 'm'))
    }
  })

test('the group piv-tool is refused as its commands are', async () => {
  assert.match((await cs('piv-tool')).stderr, /^Error: piv-tool: .*PKCS #11/m)
})

function onPath(program: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, program)
    try {
      execFileSync(path, ['--version'], { stdio: 'ignore' })
      return path
    } catch {}
  }
  return undefined
}
