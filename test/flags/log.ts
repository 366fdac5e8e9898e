import assert from 'node:assert/strict'
import { encodeBase64 } from '../../src/codec/base64.ts'
import { encodeHex } from '../../src/codec/hex.ts'
import { encodePem } from '../../src/codec/pem.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { defaultKeyDetails } from '../../src/crypto/key-details.ts'
import { bundleMediaType } from '../../src/formats/bundle.ts'
import { parseLogAnswer } from '../../src/formats/log/log-answer.ts'
import { logEntryJson } from '../../src/formats/log/log-entry.ts'
import { noteKeyId } from '../../src/formats/log/note-key.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { certificateOf, clientKey, openRekorV1, openRekorV2, signContent } from '../../src/testing/rekor/rekor-rig.ts'
import type { TransparencyLog } from '../../src/trust/transparency-log.ts'
import { encodeTrustedRoot } from '../../src/trust/trusted-root.ts'
import { openValidity } from '../../src/trust/validity.ts'
import { type Case, cs, definePlain, disk, good, rig, usage } from './setup.ts'

const [v1, v2] = await Promise.all([openRekorV1(), openRekorV2()])
const json = { headers: { 'content-type': 'application/json' } }
const [alice, robot] = [clientKey('P-256'), clientKey('P-256')]
const content = encodeUtf8('countersign\n') // of the file `blob`
const validFor = { ...openValidity, start: new Date('2020-01-01T00:00:00Z') }
const trusted = [v1, v2].map(({ signer: { publicKey: key, hash } }): TransparencyLog => {
  const host = key === v1.signer.publicKey ? 'rekor.example' : 'log.example'
  const logId = key === v1.signer.publicKey ? key.id : noteKeyId(host, key)
  const scheme = { scheme: defaultKeyDetails(key)!.scheme, hash }
  return { key, scheme, logId, baseUrl: `https://${host}`, validFor, operator: '' }
})
disk.set(
  'log-root.json',
  encodeTrustedRoot({ certificateAuthorities: [], timestampAuthorities: [], ctLogs: [], transparencyLogs: trusted }),
)
disk.set('robot-log.pub', robot.pem)
disk.set('unlogged', 'nobody logged this')

for (const [host, rekor] of [
  ['rekor.example', v1],
  ['log.example', v2],
] as const)
  rig.hosts.set(host, async request => {
    const { pathname, search } = new URL(request.url)
    return request.method === 'POST' ? rekor.post(pathname + search, await request.text(), json) : rekor.get(pathname + search)
  })

async function addV1(pem: string, key: typeof alice, text: Uint8Array): Promise<Uint8Array> {
  const { digest, signature } = signContent(key, text)
  const publicKey = { content: encodeBase64(encodeUtf8(pem)) }
  const spec = {
    data: { hash: { algorithm: 'sha256', value: encodeHex(digest) } },
    signature: { content: encodeBase64(signature), publicKey },
  }
  const response = await v1.post('/api/v1/log/entries', { apiVersion: '0.0.1', kind: 'hashedrekord', spec }, json)
  assert.equal(response.status, 201)
  return new Uint8Array(await response.arrayBuffer())
}

const certificate = encodePem('CERTIFICATE', await certificateOf(alice, 'alice@example.com'))
const answer = await addV1(certificate, alice, content)
for (const text of ['one', 'two', 'three']) await addV1(robot.pem, robot, encodeUtf8(text))
disk.set(
  'logged.json',
  JSON.stringify({
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [logEntryJson(parseLogAnswer(answer, 'answer')[0]!)] },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: encodeBase64(sha256(content)) }, signature: 'AAAA' },
  }),
)

const always = '--rekor-url https://rekor.example --trusted-root log-root.json --state-folder logs'
const lines: Readonly<Record<string, string>> = {
  'log info': `log info ${always}`,
  'log get': `log get ${always} 1`,
  'log search': `log search ${always} --email alice@example.com`,
  'log verify': `log verify ${always} 1`,
}
const commands = Object.keys(lines)
const searching = ['log get', 'log search', 'log verify']
for (const command of commands)
  definePlain(command, { line: async () => lines[command]!, failing: line => line.replace('https://rekor.example', 'rekor'), prints: true })

/** The line of a command without what it looks for. */
const bare = (command: string): string => `${command} ${always}`
const indexes = async (line: string): Promise<readonly string[]> => {
  const { stdout } = await good(cs(`${line} --output json`))
  return (JSON.parse(stdout) as { entries: { logIndex: string }[] }).entries.map(({ logIndex }) => logIndex)
}

/** Flags of the log commands. */
export function logCases(): readonly Case[] {
  return [
    {
      flag: 'rekor-url',
      commands,
      what: 'is the log that is asked',
      check: async command => {
        const { requests } = await good(cs(lines[command]!))
        assert.ok(requests.length > 0 && requests.every(request => request.includes('https://rekor.example/')))
      },
    },
    {
      flag: 'log-version',
      commands,
      what: 'is how the log is asked',
      check: async command => {
        const { requests, failure } = await cs(`${lines[command]} --log-version v2 --output json`)
        assert.equal(failure!.message, 'rekor.example: there is no Rekor v2 there')
        assert.deepEqual(requests, ['GET https://rekor.example/checkpoint', 'GET https://rekor.example/api/v2/checkpoint'])
      },
    },
    {
      flag: 'state-folder',
      commands,
      what: 'is where the head is kept',
      check: async command => {
        const folder = `kept-${command.replace(' ', '-')}`
        await good(cs(lines[command]!.replace('logs', folder)))
        assert.equal([...disk.keys()].filter(name => name.startsWith(`${folder}/`)).length, 1)
      },
    },
    {
      flag: 'trusted-root',
      commands,
      what: 'has the key of the log',
      check: async command => {
        const outcome = await cs(
          `${lines[command]!.replace('--trusted-root log-root.json', '--trusted-root trusted_root.json')} --output json`,
        )
        assertRefused(outcome, { exit: 4, code: 'TLOG_UNKNOWN', message: /is of no log that file trusted_root.json trusts/ })
      },
    },
    {
      flag: 'artifact',
      commands: searching,
      what: 'is a file that entries are about',
      check: async command => {
        assert.deepEqual(await indexes(`${bare(command)} --artifact blob`), ['0'])
        const outcome = await cs(`${bare(command)} --artifact unlogged --output json`)
        if (command === 'log search') assert.deepEqual(await indexes(`${bare(command)} --artifact unlogged`), [])
        else assertRefused(outcome, { exit: 5, code: 'TLOG_ENTRY_MISSING', message: /has no entry/ })
      },
    },
    {
      flag: 'hash',
      commands: searching,
      what: 'is the digest that entries are about',
      check: async command => {
        assert.deepEqual(await indexes(`${bare(command)} --hash sha256:${encodeHex(sha256(content))}`), ['0'])
        assertRefused(await cs(`${bare(command)} --hash x --output json`), usage(/--hash: want 64 hex digits of SHA-256, got "x"/))
      },
    },
    {
      flag: 'email',
      commands: searching,
      what: 'is whom the certificate names',
      check: async command => assert.deepEqual(await indexes(`${bare(command)} --email alice@example.com`), ['0']),
    },
    {
      flag: 'public-key',
      commands: searching,
      what: 'is the key that signed',
      check: async command => assert.deepEqual(await indexes(`${bare(command)} --public-key robot-log.pub`), ['1', '2', '3']),
    },
    {
      flag: 'operator',
      commands: searching,
      what: 'and: all must hold',
      check: async command => {
        const both = `${bare(command)} --public-key robot-log.pub --email alice@example.com`
        assert.deepEqual(await indexes(both), ['0', '1', '2', '3'])
        const line = `${both} --operator and`
        if (command === 'log search') assert.deepEqual(await indexes(line), [])
        else assertRefused(await cs(`${line} --output json`), { exit: 5, code: 'TLOG_ENTRY_MISSING', message: /has no entry/ })
      },
    },
    {
      flag: 'limit',
      commands: searching,
      what: 'is how many entries are looked at',
      check: async command => assert.deepEqual(await indexes(`${bare(command)} --public-key robot-log.pub --limit 2`), ['1', '2']),
    },
    {
      flag: 'max-entries',
      commands: searching,
      what: 'is how large a log may be that is fetched whole',
      check: async command => {
        const line = `${bare(command).replace('rekor.example', 'log.example')} --email nobody@example.com --output json`
        const { failure } = await cs(`${line} --max-entries -1`)
        assert.match(failure!.message, /want at most -1 entries to make an index of, got 0/)
      },
    },
    {
      flag: 'bundle',
      commands: ['log verify'],
      what: 'is the bundle whose entries must be in the log',
      check: async command => {
        assert.deepEqual(await indexes(`${bare(command)} --bundle logged.json`), ['0'])
        assertRefused(await cs(`${bare(command)} --bundle logged.json --email x --output json`), usage(/want one of/))
      },
    },
  ]
}
