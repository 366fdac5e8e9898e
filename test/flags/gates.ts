import type { ErrorCode } from '../../src/codec/error.ts'
import { encodeUtf8 } from '../../src/codec/text.ts'
import { preAuthEncoding } from '../../src/formats/dsse.ts'
import { ociDigestOf } from '../../src/formats/oci-digest.ts'
import { predicateTypeOf } from '../../src/formats/predicate-type.ts'
import { statementPayloadType } from '../../src/formats/statement.ts'
import { encodeEnvelopeBundle } from '../../src/sign/bundle.ts'
import { assertRefused } from '../../src/testing/command-rig.ts'
import { teamKey } from '../../src/testing/test-keys.ts'
import { attestedImage, setAttestations, statementAbout } from '../attestations/scene.ts'
import { fails, isOfFile, passes, signed, strict } from './keyless/setup.ts'
import { type Case, cs, disk, good, rig, trusting, usage } from './setup.ts'

const scene = setAttestations(rig, 'gated')
const commands = ['verify-attestation', 'verify-blob-attestation']
const fileBytes = encodeUtf8('gated\n')
disk.set('gated-file', fileBytes)
let files = 0

/** A line of the command about something with an attestation that says this. */
async function lineAbout(command: string, type: string, predicate: object): Promise<string> {
  const edit = { predicateType: predicateTypeOf(type), predicate }
  if (!isOfFile(command))
    return `${command} ${trusting} --type ${type} ${await scene.image('bundle', [{ statement: statementAbout(attestedImage.digest, edit) }])}`
  const statement = statementAbout(ociDigestOf(fileBytes), edit)
  const signature = await teamKey.signer().sign(preAuthEncoding(statementPayloadType, statement))
  const bundle = `gated-${++files}.bundle`
  disk.set(bundle, encodeEnvelopeBundle(teamKey.signer(), statement, signature))
  return `${command} ${trusting} --type ${type} --bundle ${bundle} gated-file`
}

const commit = '0123456789abcdef0123456789abcdef01234567'
const provenance = {
  builder: { id: 'https://builder.example' },
  buildType: 'https://builder.example/v1',
  invocation: { configSource: { uri: 'git+https://git.example/org/app@refs/heads/main', digest: { sha1: commit } } },
}
const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  components: [
    { type: 'library', name: 'left-pad', purl: 'pkg:npm/left-pad@1.3.0', licenses: [{ license: { id: 'WTFPL' } }] },
    { type: 'library', name: 'odd' },
  ],
}
const scan = {
  invocation: { parameters: null, uri: '', event_id: '', 'builder.id': '' },
  scanner: {
    uri: 'scanner',
    version: '1',
    db: { uri: '', version: '' },
    result: {
      SchemaVersion: 2,
      ArtifactName: 'app',
      ArtifactType: 'container_image',
      Results: [
        {
          Target: 'debian',
          Class: 'os-pkgs',
          Vulnerabilities: [{ VulnerabilityID: 'CVE-2026-1', PkgName: 'curl', InstalledVersion: '1', Severity: 'MEDIUM' }],
        },
      ],
    },
  },
  metadata: { scanStartedOn: '2026-01-01T00:00:00Z', scanFinishedOn: '2026-01-01T00:00:10Z' },
}
disk.set('good.cel', 'predicate.builder.id == "https://builder.example"')
disk.set('bad.cel', 'predicate.builder.id == "https://other.example"')

type Both = {
  readonly flag: string
  readonly what: string
  readonly type: string
  readonly predicate: object
  readonly passing: readonly string[]
  readonly refused: readonly (readonly [flags: string, code: ErrorCode, message: RegExp])[]
}

const gates: readonly Both[] = [
  {
    flag: 'require-builder',
    what: 'is who must have built it',
    type: 'slsaprovenance',
    predicate: provenance,
    passing: ['--require-builder https://builder.example'],
    refused: [['--require-builder https://builder.example/', 'BUILDER_MISMATCH', /it was built by "https:\/\/builder\.example"$/]],
  },
  {
    flag: 'require-source',
    what: 'is what must have been built',
    type: 'slsaprovenance',
    predicate: provenance,
    passing: ['--require-source https://git.example/org/app', '--require-source https://git.example/org/app.git@refs/heads/main'],
    refused: [['--require-source https://git.example/org/app@refs/heads/dev', 'SOURCE_MISMATCH', /it was built from "git\+https:/]],
  },
  {
    flag: 'require-commit',
    what: 'is the commit that must have been built',
    type: 'slsaprovenance',
    predicate: provenance,
    passing: [`--require-commit ${commit}`],
    refused: [[`--require-commit ${commit.replace('0', 'f')}`, 'COMMIT_MISMATCH', new RegExp(`it was built from "${commit}"$`)]],
  },
  {
    flag: 'max-severity',
    what: 'is the worst that a scan may have found',
    type: 'vuln',
    predicate: scan,
    passing: ['--max-severity medium', '--max-severity critical,unknown'],
    refused: [['--max-severity low', 'SEVERITY_EXCEEDED', /1 of 1 findings by "scanner" are worse than low: "CVE-2026-1" \(medium, /]],
  },
  {
    flag: 'forbid-license',
    what: 'is a license that nothing in it may be under',
    type: 'cyclonedx',
    predicate: sbom,
    passing: ['--forbid-license MIT --allow-unknown-license'],
    refused: [
      [
        '--forbid-license MIT --forbid-license wtfpl',
        'LICENSE_FORBIDDEN',
        /1 of 2 components .*: "pkg:npm\/left-pad@1\.3\.0" \("wtfpl"\)$/,
      ],
    ],
  },
  {
    flag: 'allow-unknown-license',
    what: 'lets components pass of which it cannot be told',
    type: 'cyclonedx',
    predicate: sbom,
    passing: ['--forbid-license MIT --allow-unknown-license'],
    refused: [['--forbid-license MIT', 'LICENSE_UNKNOWN', /of 1 of 2 components it cannot be told: "odd" \(states none\)$/]],
  },
  {
    flag: 'require-component',
    what: 'is what must be in it',
    type: 'cyclonedx',
    predicate: sbom,
    passing: ['--require-component left-pad --require-component pkg:npm/left-pad'],
    refused: [['--require-component left-pad --require-component openssl', 'COMPONENT_MISSING', /not among 2 components: "openssl"$/]],
  },
  {
    flag: 'policy',
    what: 'is an expression that must be true',
    type: 'slsaprovenance',
    predicate: provenance,
    passing: ['--policy good.cel'],
    refused: [['--policy good.cel,bad.cel', 'POLICY_REFUSED', /policy "bad\.cel" is false$/]],
  },
]

/** Flags about what attestations say. Each is tried on one that passes and on one that does not, and each is refused where it is empty. */
export function gateCases(): readonly Case[] {
  return [
    ...gates.map(({ flag, what, type, predicate, passing, refused }) => ({
      flag,
      commands,
      what,
      check: async (command: string) => {
        const line = await lineAbout(command, type, predicate)
        for (const flags of passing) await good(cs(`${line} ${flags}`))
        for (const [flags, code, message] of refused) assertRefused(await cs(`${line} ${flags} -o json`), { exit: 1, code, message })
        if (flag === 'allow-unknown-license')
          assertRefused(await cs(`${line} --allow-unknown-license -o json`), usage(/goes with --forbid-license$/))
        else assertRefused(await cs([...line.split(' '), `--${flag}=`, '-o', 'json']), usage(new RegExp(`^--${flag}: want `)))
      },
    })),
    {
      flag: 'max-age',
      commands,
      what: 'counts only what was signed since then, and is proven to have been',
      check: async command => {
        const line = `${await signed(command)} ${strict}`
        await passes(`${line} --max-age 365d`)
        await fails(`${line} --max-age 30d`, 'ATTESTATION_TOO_OLD', /signed at 2025-06-01T12:00:00\.000Z, 21[0-9]d\S* before 2026-01-02/)
        const unproven = await lineAbout(command, 'slsaprovenance', provenance)
        assertRefused(await cs(`${unproven} --max-age 365d -o json`), {
          exit: 1,
          code: 'TIME_UNPROVEN',
          message: /nobody trusted says when it was signed/,
        })
        assertRefused(await cs([...line.split(' '), '--max-age=', '-o', 'json']), usage(/^--max-age: want a value, got nothing$/))
      },
    },
  ]
}
