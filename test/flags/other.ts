import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import { type Case, cs, definePlain, disk, dockerConfig, good, plainLine, rig, text, unreadable, usage, withoutKey } from './setup.ts'

let pairs = 0
definePlain('generate-key-pair', {
  line: async () => `generate-key-pair --output-key-prefix pair-${++pairs}`,
  failing: line => `${line} awskms://x`,
  prints: false,
})
definePlain('import-key-pair', {
  line: async () => `import-key-pair --key plain.pem --output-key-prefix pair-${++pairs}`,
  failing: line => line.replace('plain.pem', 'nowhere.pem'),
  prints: false,
})
definePlain('public-key', { line: async () => 'public-key --key team.key', failing: withoutKey, prints: true })
definePlain('login', {
  line: async () => 'login registry.test --username u --password p',
  failing: line => line.replace('--username u', '--username u:'),
  prints: false,
})
definePlain('registry', {
  line: async () => 'registry --listen 127.0.0.1:0',
  failing: line => line.replace('127.0.0.1:0', 'nowhere'),
  prints: true,
})
definePlain('admission', {
  line: async () => 'admission --policies policies --listen 127.0.0.1:0 --tls-folder tls --dns-name localhost',
  failing: line => line.replace('127.0.0.1:0', 'nowhere'),
  prints: true,
})
definePlain('env', { line: async () => 'env', failing: line => `${line} nosuch`, prints: true })
definePlain('debug providers', { line: async () => 'debug providers', failing: line => `${line} nosuch`, prints: true })
definePlain('completion', { line: async () => 'completion bash', failing: line => line.replace('bash', 'nosuch'), prints: true })
definePlain('version', { line: async () => 'version', failing: line => `${line} nosuch`, prints: true })

/** Flags of the remaining commands. */
export function otherCases(): readonly Case[] {
  const login = ['login', 'registry.test']
  const stored = () => JSON.parse(readFileSync(join(dockerConfig, 'config.json'), 'utf8')).auths['registry.test'].auth
  return [
    {
      flag: 'output-key-prefix',
      commands: ['generate-key-pair', 'import-key-pair'],
      what: 'names the files',
      check: async name => {
        await good(cs(`${await plainLine(name)} --output-key-prefix release-${name}`))
        assert.match(text(`release-${name}.key`), /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/)
        assert.deepEqual([rig.modes.get(`release-${name}.key`), rig.modes.get(`release-${name}.pub`)], [0o600, 0o644])
      },
    },
    {
      flag: 'kms',
      commands: ['generate-key-pair'],
      what: 'names a KMS, and no file; keys are made there in test/kms',
      check: async () => {
        const outcome = await cs('generate-key-pair --kms team.key --output-key-prefix in-kms -o json')
        assertRefused(outcome, { exit: 1, code: 'USAGE', message: /^--kms: want a key in a KMS or HSM, got "team\.key"/ })
        assert.deepEqual([disk.has('in-kms.key'), disk.has('in-kms.pub')], [false, false])
      },
    },
    {
      flag: 'key',
      commands: ['import-key-pair'],
      what: 'is the key to import',
      check: async () => {
        await good(cs('import-key-pair --key plain.pem --output-key-prefix imported'))
        assert.equal(text('imported.pub'), teamKey.publicPem)
        assert.match((await cs('import-key-pair')).stderr, /^Error: import-key-pair: want --key FILE, got none$/m)
        assert.match((await cs('import-key-pair --key nowhere.pem')).stderr, /^Error: file "nowhere\.pem": no such file or folder$/m)
      },
    },
    {
      flag: 'yes',
      commands: ['import-key-pair'],
      what: 'overwrites without asking',
      check: async () => {
        disk.set('taken.key', 'precious')
        const line = 'import-key-pair --key plain.pem --output-key-prefix taken'
        assert.match(
          (await cs(line)).stderr,
          /^Error: a question needs an answer, and standard input is no terminal: .*taken\.key already exists/m,
        )
        assert.equal(text('taken.key'), 'precious')
        await good(cs(`${line} --yes`))
        assert.notEqual(text('taken.key'), 'precious')
      },
    },
    {
      flag: 'key',
      commands: ['public-key'],
      what: 'is the private key to take it from',
      check: async () => {
        assert.equal((await good(cs('public-key --key team.key'))).stdout, teamKey.publicPem)
        assertRefused(await cs('public-key --key nowhere.key -o json'), unreadable)
      },
    },
    {
      flag: 'outfile',
      commands: ['public-key'],
      what: 'takes the bytes that standard output would get',
      check: async () => {
        assert.equal((await good(cs('public-key --key team.key --outfile pk.pub'))).stdout, '')
        assert.equal(text('pk.pub'), teamKey.publicPem)
        assert.equal(rig.modes.get('pk.pub'), 0o600)
      },
    },
    {
      flag: 'username',
      commands: ['login'],
      what: 'is stored; without it, it is asked for',
      check: async () => {
        await good(cs([...login, '-u', 'robot', '-p', 'p']))
        assert.equal(stored(), btoa('robot:p'))
        await good(cs([...login, '-p', 'p'], { keys: ['typed\n'] }))
        assert.equal(stored(), btoa('typed:p'))
        assert.match((await cs([...login, '-p', 'p', '-o', 'json'])).failure?.message ?? '', /standard input is no terminal: Username:/)
      },
    },
    {
      flag: 'password',
      commands: ['login'],
      what: 'is stored; typed on the command line it draws a warning',
      check: async () => {
        const outcome = await good(cs([...login, '-u', 'u', '--password', 'secret']))
        assert.equal(stored(), btoa('u:secret'))
        assert.match(outcome.stderr, /^WARNING: --password shows the password in the process list/m)
        assert.match(outcome.stderr, /^logged in via .*config\.json$/m)
      },
    },
    {
      flag: 'password-stdin',
      commands: ['login'],
      what: 'reads it from standard input, without its line end',
      check: async () => {
        await good(cs([...login, '-u', 'u', '--password-stdin'], { stdin: 'from stdin\n' }))
        assert.equal(stored(), btoa('u:from stdin'))
        assertRefused(await cs([...login, '-u', 'u', '-p', 'p', '--password-stdin', '-o', 'json']), usage(/got both/))
      },
    },
    {
      flag: 'show-descriptions',
      commands: ['env'],
      what: 'off leaves one line for each variable',
      check: async () => {
        assert.match((await good(cs('env'))).stdout, /^# COSIGN_REPOSITORY can be used to store .*\n# Expects: .*\nCOSIGN_REPOSITORY=$/m)
        const { stdout } = await good(cs('env --show-descriptions=false'))
        assert.match(stdout, /^(?:[A-Z][A-Z0-9_]*=.*\n)+$/)
      },
    },
    {
      flag: 'show-sensitive-values',
      commands: ['env'],
      what: 'prints what is otherwise masked',
      check: async () => {
        const environment = { COSIGN_PASSWORD: 'secret', COSIGN_REPOSITORY: 'r.test/x' }
        assert.match((await good(cs('env', { environment }))).stdout, /^COSIGN_PASSWORD=\*{6}$/m)
        assert.match((await good(cs('env --show-sensitive-values', { environment }))).stdout, /^COSIGN_PASSWORD=secret$/m)
      },
    },
    {
      flag: 'json',
      commands: ['version'],
      what: 'prints JSON with the members that scripts read',
      check: async () => {
        const facts = JSON.parse((await good(cs('version --json'))).stdout)
        for (const member of ['gitVersion', 'gitCommit', 'gitTreeState', 'buildDate', 'goVersion', 'compiler', 'platform'])
          assert.equal(typeof facts[member], 'string', member)
        assert.match((await good(cs('version'))).stdout, /^countersign: .*\n\nGitVersion: {4}v\d/)
      },
    },
  ]
}
