import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { assertRefused, type Refusal } from '../../src/testing/command-rig.ts'
import { tokenOf } from '../keyless-sign/scene.ts'
import {
  type Case,
  child,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  hand,
  image,
  index,
  noLog,
  refuses,
  repositoryOf,
  rig,
  signerLine,
  tags,
  text,
  unreadable,
  usage,
  withoutKey,
} from './setup.ts'

const keyed = `--key team.key ${noLog}`
const older = '--new-bundle-format=false'
const both = ['attest', 'attest-blob']

definePlain('attest', { line: () => signerLine('attest', keyed), failing: withoutKey, prints: false })
definePlain('attest-blob', { line: () => signerLine('attest-blob', `${keyed} --bundle at-plain.json`), failing: withoutKey, prints: false })

const hex = createHash('sha256').update('countersign\n').digest('hex')
const refused = (code: Refusal['code'], message: RegExp): Refusal => ({ exit: 1, code, message })

/** A statement about the image and the file of these tests, and about whatever else. */
function statement(predicateType: string, digests: readonly string[] = [hex, image.digest.slice(7)]): string {
  const subject = digests.map(sha256 => ({ name: 'it', digest: { sha256 } }))
  return JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: { b: 1, a: 2 } })
}

disk.set('at-statement.json', statement('https://example.com/t'))
const attTag = `${image.digest.replace(':', '-')}.att`

/** The payload of the envelope in a bundle, or of a bare one. */
function payloadOf(json: string): string {
  const document = JSON.parse(json)
  return new TextDecoder().decode(Uint8Array.from(atob((document.dsseEnvelope ?? document).payload), char => char.charCodeAt(0)))
}

/** What a line of either command attested. */
async function attested(name: string, flags: string, options?: Parameters<typeof cs>[1]) {
  const { stdout } = await good(cs(await attestingLine(name, flags), options))
  return JSON.parse(payloadOf(name === 'attest' ? stdout : text('at-out.json')))
}

async function attestingLine(name: string, flags: string): Promise<string> {
  return name === 'attest'
    ? `attest ${keyed} --no-upload ${flags} ${await fresh()}`
    : `attest-blob ${keyed} --bundle at-out.json ${flags} blob`
}

async function layersOf(name: string, tag = attTag) {
  return (await hand.manifest(repositoryOf(name), tag))['layers'] as { digest: string; annotations: Record<string, string> }[]
}

/** Flags of attest and attest-blob. */
export function attestingCases(): readonly Case[] {
  return [...contentCases(), ...imageCases(), ...blobCases()]
}

/** What GitHub tells a job of itself, and the token that it would give it. */
const job = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/release.yml@refs/heads/main',
  GITHUB_SHA: 'ab'.repeat(20),
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_ID: '7',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REPOSITORY_ID: '1',
  GITHUB_REPOSITORY_OWNER_ID: '2',
  RUNNER_ENVIRONMENT: 'github-hosted',
}

function contentCases(): readonly Case[] {
  return [
    {
      flag: 'generate',
      commands: both,
      what: 'makes the provenance of the job of a CI system, as its token says it',
      check: async name => {
        const flags = '--type slsaprovenance1 --generate --strict'
        const claims = {
          iss: 'https://token.actions.githubusercontent.com',
          sha: job.GITHUB_SHA,
          repository: 'acme/app',
          job_workflow_ref: 'acme/b/.github/workflows/b.yml@refs/tags/v1',
        }
        rig.hosts.set('actions.test', async () => Response.json({ value: tokenOf(claims) }))
        const asking = { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 't', ACTIONS_ID_TOKEN_REQUEST_URL: 'https://actions.test/token?v=1' }
        const { predicateType, predicate } = await attested(name, flags, { environment: { ...job, ...asking } })
        assert.equal(predicateType, 'https://slsa.dev/provenance/v1')
        assert.equal(predicate.runDetails.builder.id, 'https://github.com/acme/b/.github/workflows/b.yml@refs/tags/v1')
        const alone = await attested(name, flags, { environment: job })
        assert.equal(alone.predicate.runDetails.builder.id, 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main')
        const line = await attestingLine(name, flags)
        assert.match((await cs(line, { environment: job })).stderr, /^WARNING: no identity token vouches for this provenance/m)
        const other = await cs(line, { environment: { ...job, ...asking, GITHUB_SHA: 'cd'.repeat(20) } })
        assert.match(other.stderr, /^Error: identity token: it is not of this job: sha is "abab/m)
        await refuses(name, line, { exit: 1, code: 'CAPABILITY_MISSING', message: /this process runs in neither/ })
        await refuses(name, line.replace('slsaprovenance1', 'vuln'), usage(/want --type slsaprovenance1 beside it, got "vuln"/))
        await refuses(name, `${line} --predicate predicate.json`, usage(/want one of --predicate, --statement and --generate, got two/))
      },
    },
    {
      flag: 'predicate',
      commands: both,
      what: 'is what is stated: a file or standard input',
      check: async name => {
        const flags = '--type cyclonedx --predicate'
        assert.deepEqual((await attested(name, `${flags} predicate.json`)).predicate, { a: 1 })
        assert.deepEqual((await attested(name, `${flags} -`, { stdin: '{"b":2}' })).predicate, { b: 2 })
        await refuses(name, await attestingLine(name, `${flags} nowhere.json`), unreadable)
        const neither = await attestingLine(name, '')
        await refuses(name, neither, usage(/^(Error: )?one of --predicate or --statement must be set$/))
        const asking = await cs(await attestingLine(name, `${flags} -`), {
          stdin: '{}',
          withoutPassphrase: true,
        })
        assert.match(asking.stderr, /^Error: standard input is what is to be signed, and no answer as well$/m)
      },
    },
    {
      flag: 'statement',
      commands: both,
      what: 'is signed as it is, when it is about what is named',
      check: async name => {
        const line = await attestingLine(name, '--statement at-statement.json')
        const { stdout } = await good(cs(line))
        assert.equal(payloadOf(name === 'attest' ? stdout : text('at-out.json')), text('at-statement.json'))
        await refuses(name, `${line} --predicate predicate.json`, usage(/want one of --predicate and --statement, got both/))
        disk.set('at-other.json', statement('https://example.com/t', ['ab'.repeat(32)]))
        const other = line.replace('at-statement', 'at-other')
        await refuses(name, other, refused('ARTIFACT_MISMATCH', /the statement is about "it" sha256:abab/))
        disk.set('at-future.json', text('at-statement.json').replace('Statement/v1', 'Statement/v9'))
        await refuses(
          name,
          line.replace('at-statement', 'at-future'),
          refused('STATEMENT_MALFORMED', /_type: want one of .*Statement\/v9"/),
        )
      },
    },
    {
      flag: 'type',
      commands: both,
      what: 'is what the predicate is, and what a given statement must be',
      check: async name => {
        const typed = async (type: string) => (await attested(name, `${type} --predicate predicate.json`)).predicateType
        assert.equal(await typed(''), 'https://cosign.sigstore.dev/attestation/v1')
        assert.equal(await typed('--type openvex'), 'https://openvex.dev/ns')
        assert.equal(await typed('--type https://example.com/t'), 'https://example.com/t')
        await refuses(name, await attestingLine(name, '--type cvss --predicate predicate.json'), usage(/invalid predicate type: "cvss"/))
        const given = await attestingLine(name, '--statement at-statement.json')
        await good(cs(`${given} --type https://example.com/t`))
        const mismatch = refused(
          'PREDICATE_TYPE_MISMATCH',
          /want one of type "https:\/\/openvex\.dev\/ns", got "https:\/\/example\.com\/t"/,
        )
        await refuses(name, `${given} --type openvex`, mismatch)
      },
    },
    {
      flag: 'strict',
      commands: both,
      what: 'refuses a predicate that breaks the format of its type',
      check: async name => {
        disk.set('at-good.cdx.json', '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a"}]}')
        disk.set('at-bad.cdx.json', text('at-good.cdx.json').replace('"a"', '7'))
        const type = '--type cyclonedx --predicate'
        await attested(name, `--strict ${type} at-good.cdx.json`)
        await attested(name, `${type} at-bad.cdx.json`)
        const broken = refused('PREDICATE_MALFORMED', /CycloneDX document: components\[0\]\.name: want a string, got "7"/)
        await refuses(name, await attestingLine(name, `--strict ${type} at-bad.cdx.json`), broken)
        const unknown = usage(/--strict: no format is known here for predicates of type "https:\/\/example\.com\/t"/)
        await refuses(name, await attestingLine(name, '--strict --type https://example.com/t --predicate predicate.json'), unknown)
        await refuses(name, await attestingLine(name, '--strict --statement at-statement.json'), unknown)
      },
    },
    {
      flag: 'rekor-entry-type',
      commands: both,
      what: 'is the kind of the entry in a Rekor v1',
      check: async name => {
        const by = '--key team.key --trusted-root ks-root.json --bundle at-out.json --signing-config'
        const kindIn = async (flags: string) => {
          await good(cs(await signerLine(name, `${by} ks-v1.json ${flags}`)))
          return JSON.parse(text('at-out.json')).verificationMaterial.tlogEntries[0].kindVersion
        }
        assert.deepEqual(await kindIn(''), { kind: 'dsse', version: '0.0.1' })
        assert.deepEqual(await kindIn('--rekor-entry-type intoto'), { kind: 'intoto', version: '0.0.2' })
        const v2 = await signerLine(name, `${by} ks-v2.json --rekor-entry-type intoto`)
        await refuses(name, v2, usage(/--rekor-entry-type intoto: only Rekor v1 has such entries/))
        const none = await attestingLine(name, '--predicate predicate.json --rekor-entry-type intoto')
        await refuses(name, none, usage(/--rekor-entry-type intoto: no log takes part/))
        await refuses(name, none.replace('intoto', 'rekord'), usage(/want one of "dsse", "intoto", got "rekord"/))
      },
    },
  ]
}

function imageCases(): readonly Case[] {
  const attest = `attest ${keyed} --type cyclonedx --predicate predicate.json`
  return [
    {
      flag: 'new-bundle-format',
      commands: ['attest'],
      what: 'off, a layer of the tag of cosign 2 is written instead of a referrer',
      check: async () => {
        const [first, second] = [await fresh(), await fresh()]
        await good(cs(`${attest} ${first}`))
        await good(cs(`${attest} ${older} ${second}`))
        assert.deepEqual([await tags(first), await tags(second)], [['v1'], [attTag, 'v1']])
        assertRefused(
          await cs(`${attest} ${older} --bundle b -o json ${second}`),
          usage(/--bundle does not go with --new-bundle-format=false/),
        )
        for (const flag of ['--replace', '--record-creation-timestamp', '--attachment-tag-prefix x'])
          assertRefused(await cs(`${attest} ${flag} -o json ${first}`), usage(/concerns the layout of cosign 2 only/))
      },
    },
    {
      flag: 'attachment-tag-prefix',
      commands: ['attest'],
      what: 'comes before the tag',
      check: async () => {
        const name = await fresh()
        await good(cs(`${attest} ${older} --attachment-tag-prefix our- ${name}`))
        assert.deepEqual(await tags(name), [`our-${attTag}`, 'v1'])
      },
    },
    {
      flag: 'record-creation-timestamp',
      commands: ['attest'],
      what: 'records the time, or SOURCE_DATE_EPOCH',
      check: async () => {
        const created = async (flags: string, environment = {}) => {
          const name = await fresh()
          await good(cs(`${attest} ${older} ${flags} ${name}`, { environment }))
          const { config } = (await hand.manifest(repositoryOf(name), attTag)) as { config: { digest: string } }
          return JSON.parse(new TextDecoder().decode(await hand.blob(repositoryOf(name), config.digest)))['created']
        }
        assert.equal(await created(''), '0001-01-01T00:00:00Z')
        assert.equal(await created('--record-creation-timestamp'), '2026-01-02T03:04:05Z')
        assert.equal(await created('--record-creation-timestamp', { SOURCE_DATE_EPOCH: '86400' }), '1970-01-02T00:00:00Z')
      },
    },
    {
      flag: 'replace',
      commands: ['attest'],
      what: 'drops those of the same type',
      check: async () => {
        const name = await fresh()
        for (const flags of ['', '--type openvex', '', '--replace']) await good(cs(`${attest} ${older} ${flags} ${name}`))
        const types = (await layersOf(name)).map(({ annotations }) => annotations['predicateType'])
        assert.deepEqual(types, ['https://cyclonedx.org/bom', 'https://openvex.dev/ns'])
        assertRefused(await cs(`${attest} ${older} --replace --no-upload -o json ${name}`), usage(/--replace does not go with --no-upload/))
      },
    },
    {
      flag: 'no-upload',
      commands: ['attest'],
      what: 'leaves the registry alone, and prints what there is',
      check: async () => {
        const name = await fresh()
        for (const flags of ['', older]) {
          const { stdout, requests } = await good(cs(`${attest} --no-upload ${flags} ${name}`))
          assert.match(stdout, flags === '' ? /^\{"mediaType":.*\}\n$/ : /^\{"payloadType":.*\}\n$/)
          assert.ok(
            requests.every(request => /^(GET|HEAD) /.test(request)),
            requests.join('\n'),
          )
        }
        const kept = await good(cs(`${attest} --no-upload --bundle at-kept.json ${name}`))
        assert.equal(kept.stdout, '')
        assert.match(text('at-kept.json'), /^\{"mediaType":/)
        assert.deepEqual(await hand.referrers(repositoryOf(name), image.digest), [])
      },
    },
    {
      flag: 'recursive',
      commands: ['attest'],
      what: 'attests to every image of an index, each by its own digest',
      check: async () => {
        const name = await fresh(index)
        const about = async (flags: string) => {
          const { stdout } = await good(cs(`${attest} --no-upload ${flags} ${name}`))
          return stdout
            .trimEnd()
            .split('\n')
            .map(line => `sha256:${JSON.parse(payloadOf(line)).subject[0].digest.sha256}`)
        }
        assert.deepEqual(await about(''), [index.digest])
        assert.deepEqual(await about('-r'), [index.digest, image.digest, child.digest])
        await good(cs(`${attest} -r --bundle at-many.json ${name}`))
        for (const { digest } of [index, image, child]) {
          assert.equal((await hand.referrers(repositoryOf(name), digest)).length, 1)
          assert.ok(text(`at-many.json-${digest.replace(':', '-')}`).startsWith('{"mediaType":'))
        }
        const oneOfThem = `${attest.replace('--type cyclonedx --predicate predicate.json', '--statement at-statement.json')} -r -o json ${name}`
        assertRefused(await cs(oneOfThem), refused('ARTIFACT_MISMATCH', /the statement is about/))
      },
    },
  ]
}

function blobCases(): readonly Case[] {
  const attest = 'attest-blob --type cyclonedx --predicate predicate.json'
  return [
    {
      flag: 'new-bundle-format',
      commands: ['attest-blob'],
      what: 'off, the envelope is printed, and in the bundle of cosign 2',
      check: async () => {
        const { stdout } = await good(cs(`${attest} ${keyed} ${older} --bundle at-old.json blob`))
        assert.match(stdout, /^\{"payloadType":"application\/vnd\.in-toto\+json",.*\}\n$/)
        const { base64Signature, cert, ...others } = JSON.parse(text('at-old.json'))
        assert.equal(`${atob(base64Signature)}\n`, stdout)
        assert.match(atob(cert), /^-----BEGIN PUBLIC KEY-----/)
        assert.deepEqual(others, {})
        await refuses('attest-blob', `${attest} ${keyed} blob`, usage(/must specify --bundle with --new-bundle-format/))
      },
    },
    {
      flag: 'hash',
      commands: ['attest-blob'],
      what: 'stands for a file that is elsewhere',
      check: async () => {
        const line = `${attest} ${keyed} --bundle at-out.json --hash ${hex.toUpperCase()} far/away.tgz`
        await good(cs(line))
        assert.deepEqual(JSON.parse(payloadOf(text('at-out.json'))).subject, [{ name: 'away.tgz', digest: { sha256: hex } }])
        await refuses(
          'attest-blob',
          line.replace(/--hash \w+/, '--hash abc'),
          usage(/--hash: want the 64 hex digits of a SHA-256, got "abc"/),
        )
        await refuses('attest-blob', line.replace('far/away.tgz', '-'), usage(/--hash is of a file that is elsewhere/))
        const statementAlone = `attest-blob ${keyed} --bundle at-out.json --statement at-statement.json --hash ${hex}`
        await good(cs(`${statementAlone} blob`))
        await refuses('attest-blob', statementAlone, usage(/--hash goes with FILE/))
        const other = `${statementAlone.replace(hex, 'ab'.repeat(32))} blob`
        await refuses('attest-blob', other, refused('ARTIFACT_MISMATCH', /not blob$/))
      },
    },
    {
      flag: 'output-attestation',
      commands: ['attest-blob'],
      what: 'writes the bare statement, in both formats',
      check: async () => {
        for (const flags of ['--bundle at-out.json', older]) {
          await good(cs(`${attest} ${keyed} ${flags} --output-attestation at-bare.json blob`))
          assert.match(text('at-bare.json'), /^\{"_type":"https:\/\/in-toto\.io\/Statement\/v0\.1",.*"predicate":\{"a":1\}\}$/)
          assert.equal(rig.modes.get('at-bare.json'), 0o600)
          disk.delete('at-bare.json')
        }
      },
    },
    {
      flag: 'output-signature',
      commands: ['attest-blob'],
      what: 'writes the envelope',
      check: async () => {
        for (const flags of ['--bundle at-out.json', older]) {
          const { stdout } = await good(cs(`${attest} ${keyed} ${flags} --output-signature at-envelope.json blob`))
          assert.match(text('at-envelope.json'), /^\{"payloadType":"application\/vnd\.in-toto\+json",.*\}$/)
          assert.equal(stdout, '')
          disk.delete('at-envelope.json')
        }
        const over = `${attest} ${keyed} --bundle at-out.json --output-signature blob blob`
        await refuses('attest-blob', over, usage(/--output-signature would overwrite "blob", which is read/))
      },
    },
    {
      flag: 'rfc3161-timestamp-bundle',
      commands: ['attest-blob'],
      what: 'writes the timestamp as cosign does',
      check: async () => {
        const line = `${attest} --yes --identity-token ${tokenOf()} --trusted-root ks-root.json --signing-config ks-v1-stamped.json`
        await good(cs(`${line} ${older} --bundle at-old.json --rfc3161-timestamp-bundle at-stamp.json blob`))
        assert.match(text('at-stamp.json'), /^\{"SignedRFC3161Timestamp":"/)
        const none = `${attest} ${keyed} --bundle at-out.json --rfc3161-timestamp-bundle at-none.json blob`
        await refuses('attest-blob', none, usage(/no timestamp authority takes part/))
      },
    },
  ]
}
