import assert from 'node:assert/strict'
import { encodeBase64 } from '../../../src/codec/base64.ts'
import { encodeUtf8 } from '../../../src/codec/text.ts'
import { parseBundle } from '../../../src/formats/bundle.ts'
import type { Refusal } from '../../../src/testing/command-rig.ts'
import { createRoot } from '../../../src/testing/sigstore/certificate-authority.ts'
import { teamKey } from '../../../src/testing/test-keys.ts'
import { type Case, cs, disk, good, noLog, refuses, signerLine, signers, text, unreadable, usage } from '../setup.ts'

const root = await createRoot()
const authority = await root.issueIntermediate()
const valid = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') }
const leaf = await authority.issueLeaf({ key: teamKey.signer(), ...valid })
disk.set('br-leaf.pem', leaf.pem)
disk.set('br-leaf.base64', encodeBase64(encodeUtf8(leaf.pem)))
disk.set('br-chain.pem', `${authority.pem}${root.pem}`)
disk.set('br-root.pem', root.pem)
disk.set('br-stranger.pem', (await authority.issueLeaf(valid)).pem)

const logKey = { SIGSTORE_REKOR_PUBLIC_KEY: 'ks-rekor.pub' } // of the log that ./signing.ts serves
const key = `--key team.key ${noLog}`
const who = '--certificate-identity signer@example.com --certificate-oidc-issuer https://issuer.example'
const trusting = `${who} --ca-roots br-root.pem --insecure-ignore-tlog --insecure-ignore-sct`
const refused = (code: Refusal['code'], message: RegExp): Refusal => ({ exit: 1, code, message })

/** A line of the command that signs, and what it signs. */
async function lineOf(name: string, flags: string) {
  const line = await signerLine(name, `${flags} --bundle br-out.json`)
  const isOfBlob = name.endsWith('-blob')
  const image = line.slice(line.lastIndexOf(' ') + 1)
  const verifiers = { sign: 'verify', attest: 'verify-attestation --type cyclonedx' }
  return {
    line,
    older: line.replace('--bundle br-out.json', isOfBlob ? '--new-bundle-format=false --bundle br-out.json' : '--new-bundle-format=false'),
    verifying: isOfBlob
      ? `verify-blob --any-predicate ${trusting} --bundle br-out.json blob`
      : `${verifiers[name as keyof typeof verifiers]} ${trusting} ${image}`,
  }
}

/** Certificates that somebody brings along for their key. */
export function broughtCases(): readonly Case[] {
  return [
    {
      flag: 'certificate',
      commands: signers,
      what: 'goes with the signature, and must be of the key that signs',
      check: async name => {
        for (const file of ['br-leaf.pem', 'br-leaf.base64']) {
          const { line } = await lineOf(name, `${key} --certificate ${file}`)
          const { stderr } = await good(cs(line))
          assert.match(stderr, /^WARNING: neither a log nor a timestamp authority takes part: .* expired, at 2027-01-01T00:00:00\.000Z$/m)
          const { material } = parseBundle(encodeUtf8(text('br-out.json')))
          assert.deepEqual(material, { kind: 'certificate', chain: [leaf.der] })
        }
        const { line } = await lineOf(name, `${key} --certificate br-stranger.pem`)
        await refuses(name, line, refused('KEY_MISMATCH', /is of another key than the one that signs$/))
        await refuses(name, line.replace('br-stranger', 'nowhere'), unreadable)
        await refuses(name, line.replace('br-stranger.pem', 'br-chain.pem'), refused('MATERIAL_MALFORMED', /want one certificate, got 2/))
        const keyless = line.replace('--key team.key', '')
        await refuses(name, keyless, usage(/--certificate is about the certificate of a key, .*; want --key$/))
        await refuses(name, `${line} --issue-certificate`, usage(/want one of --certificate and --issue-certificate, got both$/))
        const expired = await cs(line.replace('br-stranger', 'br-leaf'), { now: () => new Date('2027-01-01T00:00:01Z') })
        assert.match(expired.stderr, /is valid from 2026-01-01T00:00:00\.000Z to 2027-01-01T00:00:00\.000Z, and it is 2027-01-01T00:00:01/)
      },
    },
    {
      flag: 'certificate-chain',
      commands: signers,
      what: 'must lead from the certificate to its root, and goes with a signature in the older layout',
      check: async name => {
        const { line, verifying } = await lineOf(name, `${key} --certificate br-leaf.pem --certificate-chain br-chain.pem`)
        await good(cs(line))
        await good(cs(`${verifying} --ca-intermediates br-chain.pem`))
        const older = await lineOf(name, `${key} --certificate br-leaf.pem --certificate-chain br-chain.pem`)
        await good(cs(older.older))
        const { code, stderr } = await cs(older.verifying)
        assert.equal(code, name.endsWith('-blob') ? 1 : 0, stderr) // the older bundle of a file has no place for it
        const witnessed = line.replace(noLog, '--signing-config ks-v1.json --trusted-root ks-root.json')
        await good(cs(witnessed))
        await good(cs(`${verifying} --ca-intermediates br-chain.pem`.replace('--insecure-ignore-tlog', ''), { environment: logKey }))
        const withoutChain = witnessed.replace('--certificate-chain br-chain.pem', '') // then the trusted root must know who issued it
        await refuses(name, withoutChain, refused('CERTIFICATE_UNTRUSTED', /the new signature does not verify, and was not published/))
        await refuses(
          name,
          line.replace('br-chain', 'br-root'),
          refused('CERTIFICATE_UNTRUSTED', /its issuer "CN=intermediate 1.* is not known/),
        )
        await refuses(name, line.replace('--certificate br-leaf.pem', ''), usage(/--certificate-chain goes with --certificate$/))
        await refuses(name, line.replace('br-chain', 'nowhere'), unreadable)
      },
    },
  ]
}
