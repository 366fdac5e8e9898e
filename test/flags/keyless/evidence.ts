import assert from 'node:assert/strict'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { materialAnnotations } from '../../../src/formats/signature-material.ts'
import { createHand } from '../../../src/testing/registry-hand.ts'
import { signingTime } from '../../../src/testing/sigstore/certificate-authority.ts'
import type { SigningOptions } from '../../../src/testing/sigstore/test-sigstore.ts'
import { signEnvelope } from '../../attestations/scene.ts'
import { anImage, rekorWith, workflowLeaf } from '../../keyless/scene.ts'
import { type Case, disk, rig, text } from '../setup.ts'
import {
  attestedFile,
  exitOf,
  fails,
  foreign,
  isOfFile,
  onImage,
  passes,
  review,
  reviewOfFile,
  scene,
  signed,
  signedBefore,
  sigstore,
  strict,
  verifiers,
  who,
  withWorkflow,
} from './setup.ts'

const duringTheCertificate = new Date(signingTime.getTime() + 60_000).toISOString().replace('.000', '')
const images = verifiers.filter(name => !isOfFile(name))

/** Flags about what lies beside a signature, and about what of it must be there. */
export function evidenceCases(): readonly Case[] {
  const skips =
    (flag: string): Case['check'] =>
    async command => {
      const unlogged = `${await signed(command, { logs: [], stamped: true })} ${strict}`
      await fails(unlogged, 'TLOG_ENTRY_MISSING', /the signature brings no log entry$/)
      assert.match((await passes(`${unlogged} ${flag}`)).stderr, /^WARNING: Skipping tlog verification is an insecure practice/m)
      const logged = `${await signed(command)} ${strict}`
      await passes(logged)
      await fails(`${logged} ${flag}`, 'CERTIFICATE_EXPIRED', /expired before observed time: .* is before 2026-01-02/)
      const broken = `${await signed(command, { logFlaw: 'promise by another key', stamped: true })} ${strict}`
      await fails(broken, 'TLOG_PROMISE_INVALID', /promise|signed entry timestamp/i)
      assert.doesNotMatch((await passes(`${broken} ${flag}`)).stderr, /transparency log was verified/)
    }
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'insecure-ignore-tlog',
      what: 'leaves the log out, and entries that came along prove nothing',
      check: skips('--insecure-ignore-tlog'),
    },
    { flag: 'private-infrastructure', what: 'leaves the log out as its newer name does', check: skips('--private-infrastructure') },
    {
      flag: 'insecure-ignore-sct',
      what: 'does without the certificate log',
      check: async command => {
        const line = `${await signed(command, { leaf: { ctLogs: [] } })} ${strict}`
        await fails(
          line,
          'SCT_INVALID',
          /only able to verify 0 SCT entries; unable to meet threshold of 1: the certificate brings none along$/,
        )
        await passes(`${line} --insecure-ignore-sct`)
        await fails(`${await signed(command, {}, foreign)} ${strict} --insecure-ignore-sct`, 'TLOG_UNKNOWN', /no trusted log/)
      },
    },
    {
      flag: 'as-of',
      what: 'is when this is: nothing proven later counts',
      check: async command => {
        const line = `${await signed(command)} ${strict}`
        await passes(`${line} --as-of 2025-06-01T12:00:00Z`)
        await fails(
          `${line} --as-of 2025-06-01T11:59:59Z`,
          'TIME_UNPROVEN',
          /says 2025-06-01T12:00:00\.000Z, which is later than 2025-06-01T11:59:59\.000Z/,
        )
        await passes(`${line} --insecure-ignore-tlog --as-of ${duringTheCertificate}`)
        await fails(`${line} --as-of yesterday`, 'USAGE', /^--as-of: want a time in UTC like 2026-11-30T12:00:00Z, got "yesterday"$/)
      },
    },
    {
      flag: 'explain',
      what: 'shows each step and the evidence behind it, as text or JSON',
      check: async command => {
        const line = `${await signed(command)} ${strict}`
        assert.doesNotMatch((await passes(line)).stderr, /✓/)
        const { stderr } = await passes(`${line} --explain`)
        for (const step of [
          /✓ transparency-log: index \d+ of log https:\/\/log\.v1\.example, included in its tree of size \d+, promised at 2025-06-01T12:00/,
          /✓ time: 2025-06-01T12:00:00\.000Z \(log https:\/\/log\.v1\.example\)/,
          /✓ certificate: issued by .*intermediate 1.*root/,
          /✓ sct: log https:\/\/ct\.example at /,
          /✓ identity: "https:\/\/github\.com\/org\/app\/.*", vouched for by "https:\/\/token/,
        ])
          assert.match(stderr, step)
        const document = JSON.parse((await passes(`${line} --explain -o json`)).stdout)
        const { derivation } = isOfFile(command) ? document : document.images[0]
        assert.equal(derivation.outcome, 'accepted')
        assert.deepEqual(
          derivation.candidates[0].steps
            .map(({ outcome }: { outcome: string }) => outcome)
            .filter((outcome: string) => outcome !== 'passed'),
          [],
        )
      },
    },
    {
      flag: 'allow-certificate-chain',
      what: 'lets a bundle of version 0.3 carry a chain, which proves nothing',
      check: async command => {
        const line = `${await withChain(command)} ${strict}`
        await fails(line, 'BUNDLE_MALFORMED', /a bundle of version 0\.3 carries one certificate, not a chain$/)
        await passes(`${line} --allow-certificate-chain`)
        const rooted = `${await withChain(command, foreign)} ${strict} --allow-certificate-chain --insecure-ignore-tlog --as-of ${duringTheCertificate}`
        await fails(rooted, 'CERTIFICATE_UNTRUSTED', /not signed by certificate "CN=intermediate 1,/)
      },
    },
    {
      flag: 'rekor-url',
      what: 'is the log that is asked for the entry of an older signature',
      check: async command => {
        const { line: target, entry } = await searched(command)
        const line = `${target} ${strict} --rekor-url https://rekor.test`
        const exit = exitOf(command, 'legacy')
        rig.hosts.set('rekor.test', rekorWith(sigstore, [entry]))
        const { stderr, requests } = await passes(line)
        assert.ok(requests.includes('POST https://rekor.test/api/v1/log/entries/retrieve'), requests.join('\n'))
        if (!isOfFile(command))
          assert.match(stderr, /The claims were present in the transparency log\n {2}- The signatures were integrated/)
        rig.hosts.set('rekor.test', rekorWith(sigstore, []))
        await fails(line, 'TLOG_ENTRY_MISSING', /not enough verified log entries/, { exit })
        rig.hosts.set('rekor.test', rekorWith(sigstore, [(await searched(command)).entry]))
        await fails(line, 'TLOG_ENTRY_MISMATCH', /signature/, { exit })
        rig.hosts.set('rekor.test', async () => new Response('{"x":1}'))
        await fails(line, 'LOG_ENTRY_MALFORMED', /rekor\.test/)
        rig.hosts.set('rekor.test', async () => new Response('', { status: 503 }))
        await fails(line, 'TLOG_UNAVAILABLE', /rekor\.test.*: want status 200, got 503/)
        await fails(line.replace('rekor.test', 'gone.test'), 'TLOG_UNAVAILABLE', /gone\.test/)
        await fails(line.replace('https://rekor.test', 'rekor'), 'USAGE', /^--rekor-url: want a URL, got "rekor"$/)
        assert.deepEqual(foreignRequests(await passes(`${await signed(command)} ${strict} --rekor-url https://gone.test`)), [])
      },
    },
    {
      flag: 'offline',
      what: 'asks no log and no repository of trust',
      check: async command => {
        const { line, entry } = await searched(command)
        rig.hosts.set('rekor.test', rekorWith(sigstore, [entry]))
        const asking = `${line} ${strict} --rekor-url https://rekor.test`
        await passes(asking)
        const refused = await fails(`${asking} --offline`, 'TLOG_ENTRY_MISSING', /brings no log entry/, { exit: exitOf(command, 'legacy') })
        assert.deepEqual(foreignRequests(refused), [])
        assert.deepEqual(foreignRequests(await passes(`${await signed(command)} ${strict} --offline`)), [])
        const byDefault = await fails(`${await signed(command)} ${who} --offline`, 'TLOG_UNKNOWN', /no trusted log has id/, {
          environment: { TUF_ROOT: 'nothing-kept', TUF_MIRROR: '', TUF_ROOT_JSON: '' },
        })
        assert.deepEqual(foreignRequests(byDefault), [])
        assert.match(byDefault.stderr, /^WARNING: offline, .*using the trusted root that comes with countersign/m)
      },
    },
  ]
  return [
    ...cases.map(given => ({ ...given, commands: verifiers })),
    {
      flag: 'sct',
      commands: verifiers,
      what: 'is the certificate’s timestamp where it is not in the certificate',
      check: async command => {
        const certificate = await sigstore.authority.issueLeaf({ ...workflowLeaf })
        const other = await sigstore.authority.issueLeaf({ ...workflowLeaf })
        const line = `${await signedBefore(command, { certificate })} ${strict}`
        const exit = exitOf(command, 'legacy')
        const sct = scene.write('sct', await sigstore.ctLog.answer(certificate.certificate, signingTime))
        const ofOther = scene.write('sct', await sigstore.ctLog.answer(other.certificate, signingTime))
        await fails(line, 'SCT_INVALID', /the certificate brings none along$/, { exit })
        await passes(`${line} --sct ${sct}`)
        await fails(`${line} --sct ${ofOther}`, 'SCT_INVALID', /signature/, { exit })
        await fails(`${line} --sct our-trusted_root.json`, 'SCT_MALFORMED', /certificate timestamp/, { exit })
        await fails(
          `${await signed(command)} ${strict} --sct ${sct}`,
          'USAGE',
          /^--sct does not go with a Sigstore bundle, which holds its own$/,
        )
        await fails(`${line.replace(who, '--key team.pub')} --sct ${sct}`, 'USAGE', /^--sct goes with an identity/)
      },
    },
    {
      flag: 'certificate',
      commands: images,
      what: 'is who signed, where the signature does not say it',
      check: async command => {
        const certificate = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf })
        const line = `${await signedBefore(command, { certificate }, withoutCertificate)} ${strict}`
        const exit = exitOf(command, 'legacy')
        await fails(line, 'MATERIAL_UNSUPPORTED', /no certificate found on signature$/, { exit })
        await passes(`${line} --certificate ${scene.write('certificate', certificate.pem)}`)
        const other = await sigstore.authority.issueLeaf({ ctLogs: [sigstore.ctLog], ...workflowLeaf })
        await fails(`${line} --certificate ${scene.write('certificate', other.pem)}`, 'SIGNATURE_INVALID', /./, { exit })
        const beside = /^--certificate does not go with a Sigstore bundle, which holds its own$/
        await fails(`${await signed(command)} ${strict} --certificate ${scene.write('certificate', certificate.pem)}`, 'USAGE', beside)
        await fails(`${line.replace(who, '--key team.pub')} --certificate our-roots.pem`, 'USAGE', /^--certificate goes with an identity/)
      },
    },
    {
      flag: 'certificate',
      commands: ['verify-blob', 'verify-blob-attestation'],
      what: 'is who signed, beside a signature on its own',
      check: async command => {
        const { line: target } = await detached(command, { logs: [] })
        const line = `${target} ${strict} --insecure-ignore-tlog --as-of ${duringTheCertificate}`
        await passes(line)
        await fails(line.replace(/--certificate \S+ /, ''), 'MATERIAL_UNSUPPORTED', /no certificate found on signature$/)
        const path = target.match(/--certificate (\S+)/)![1]!
        disk.set('certificate.b64', btoa(text(path)))
        await passes(line.replace(path, 'certificate.b64'))
        await fails(line.replace(path, 'our-roots.pem'), 'SIGNATURE_INVALID', /./)
      },
    },
    {
      flag: 'rfc3161-timestamp',
      commands: ['verify-blob', 'verify-blob-attestation'],
      what: 'is when the signature was made',
      check: async command => {
        const { line: target, parts } = await detached(command, { logs: [], stamped: true })
        const other = await detached(command, { logs: [], stamped: true })
        const line = `${target} ${strict} --insecure-ignore-tlog`
        await fails(line, 'CERTIFICATE_EXPIRED', /expired before observed time/)
        const [der] = parts.timestamps
        for (const content of [der!, JSON.stringify({ SignedRFC3161Timestamp: Buffer.from(der!).toString('base64') })])
          await passes(`${line} --rfc3161-timestamp ${scene.write('timestamp', content)}`)
        const ofOther = scene.write('timestamp', other.parts.timestamps[0]!)
        await fails(`${line} --rfc3161-timestamp ${ofOther}`, 'TIMESTAMP_INVALID', /imprint/)
        await fails(`${line} --rfc3161-timestamp our-trusted_root.json`, 'TIMESTAMP_MALFORMED', /timestamp our-trusted_root\.json/)
        const beside = /^--rfc3161-timestamp does not go with a Sigstore bundle, which holds its own$/
        await fails(`${await signed(command)} ${strict} --rfc3161-timestamp ${ofOther}`, 'USAGE', beside)
      },
    },
  ]
}

/** Requests to anybody but the registry. */
function foreignRequests({ requests }: { readonly requests: readonly string[] }): readonly string[] {
  return requests.filter(request => !request.includes('https://registry.test/'))
}

function withoutCertificate(annotations: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const { [materialAnnotations.certificate]: _, [materialAnnotations.chain]: __, ...rest } = Object.fromEntries(annotations)
  return rest
}

/** A signature in a file of its own, its certificate beside it. */
async function detached(command: string, options?: SigningOptions) {
  if (command === 'verify-blob') {
    const { line, parts } = await scene.detachedBlob(options)
    return { line: `${command} ${line}`, parts }
  }
  const { json, parts } = await signEnvelope(sigstore, reviewOfFile, withWorkflow(options))
  const certificate = scene.write('certificate', parts.certificate!.pem)
  const [envelope, file] = [scene.write('envelope', json), scene.write('file', 'countersign\n')]
  return { line: `${command} --signature ${envelope} --certificate ${certificate} ${file}`, parts }
}

/** Something signed without its log entry, and the entry that the log has of it. */
async function searched(command: string) {
  if (isOfFile(command)) {
    const { line, parts } = await detached(command)
    return { line, entry: parts.logEntries[0]! }
  }
  let entry: Awaited<ReturnType<typeof sigstore.sign>>['logEntries'][number] | undefined
  const line = await signedBefore(command, {}, (annotations, parts) => {
    entry = parts.logEntries[0]
    const { [materialAnnotations.logBundle]: _, ...rest } = Object.fromEntries(annotations)
    return rest
  })
  return { line, entry: entry! }
}

/** A bundle of version 0.3 whose certificate comes with those of its issuers. */
async function withChain(command: string, by = scene): Promise<string> {
  const chained = (bundle: Uint8Array) => {
    const json = JSON.parse(new TextDecoder().decode(bundle))
    const { certificate, ...material } = json.verificationMaterial
    const { authority, root } = by.sigstore
    const issuers = [authority, root].map(({ der }) => ({ rawBytes: Buffer.from(der).toString('base64') }))
    const x509CertificateChain = { certificates: [certificate, ...issuers] }
    return encodeUtf8(JSON.stringify({ ...json, verificationMaterial: { ...material, x509CertificateChain } }))
  }
  const leaf = workflowLeaf
  if (command === 'verify-blob') {
    const bytes = encodeUtf8('countersign\n')
    return `verify-blob --bundle ${scene.write('chained', chained(await by.sigstore.signBlob(bytes, { leaf })))} ${scene.write('file', bytes)}`
  }
  if (command === 'verify-blob-attestation')
    return `${command} --bundle ${scene.write('chained', chained(await attestedFile(by)))} ${scene.write('file', 'countersign\n')}`
  const name = await by.bareImage()
  const statement = command === 'verify-attestation' ? { statement: review } : {}
  const bundle = chained(await by.sigstore.signImage(anImage.digest, { leaf, ...statement }))
  await createHand(rig.registry).attachBundle(name.slice('registry.test/'.length).replace(/@.*/, ''), anImage, bundle)
  return onImage(command, name)
}
