import assert from 'node:assert/strict'
import { decodeBase64 } from '../../../src/codec/base64.ts'
import { parseBundle } from '../../../src/formats/bundle.ts'
import { parseCertificate } from '../../../src/formats/x509/certificate.ts'
import type { Refusal } from '../../../src/testing/command-rig.ts'
import { createTestIssuer, type IssuerOptions } from '../../../src/testing/sigstore/test-issuer.ts'
import { addSigstore, origin, tokenOf, who as whoPlain } from '../../keyless-sign/scene.ts'
import { type Case, cs, disk, good, refuses, rig, signerLine, signers, text, unreadable, usage } from '../setup.ts'

const scene = await addSigstore(rig, 'ks-')
const who = whoPlain.replace('root.json', 'ks-root.json')
const token = '--identity-token ks-token'
const trusted = '--trusted-root ks-root.json'
const config = '--signing-config ks-v1.json'

/** A line of the command that signs without a key, but for what `flags` say. */
async function lineOf(name: string, flags: string): Promise<string> {
  return await signerLine(name, `${flags} --bundle ks-out.json`)
}

/** What the last such line signed by. */
function signedBundle() {
  return parseBundle(new TextEncoder().encode(text('ks-out.json')))
}

function signingKey(): string {
  const { material } = signedBundle()
  assert.equal(material.kind, 'certificate')
  return material.kind === 'certificate' ? parseCertificate(material.chain[0], 'certificate').publicKey.algorithm : ''
}

const refused = (code: Refusal['code'], message: RegExp): Refusal => ({ exit: 1, code, message })
const byFlags = `--fulcio-url ${origin} --rekor-url ${origin}`
const stamps = `--timestamp-server-url ${origin}/api/v1/timestamp`

/** Flags of signing without a key, and of the services that witness a signature. */
export function keylessSigningCases(): readonly Case[] {
  return [...tokenCases(), ...loginCases(), ...serviceCases(), ...outputCases()]
}

/** Somebody logs in at an issuer of the rig; its tokens are of now, so now is when the command runs. */
async function login(name: string, flags: string, options: Partial<IssuerOptions> = {}, host = 'login.test') {
  const issuer = createTestIssuer({ url: `https://${host}`, now: () => new Date(), ...options })
  rig.hosts.set(host, issuer.handler)
  const outcome = await cs(await lineOf(name, `--yes ${trusted} ${byFlags} --oidc-disable-ambient-providers ${flags}`), {
    now: () => new Date(),
  })
  return { issuer, outcome }
}

function loginCases(): readonly Case[] {
  const at = '--oidc-issuer https://login.test'
  return [
    {
      flag: 'oidc-issuer',
      commands: signers,
      what: 'is where somebody logs in',
      check: async name => {
        const { outcome } = await login(name, at, { refusals: ['authorization_pending'] })
        assert.equal(outcome.code, 0, outcome.stderr)
        assert.match(
          outcome.stderr,
          /^Enter the verification code ABCD-EFGH in your browser at: https:\/\/login\.test\/enter\?code=ABCD-EFGH$/m,
        )
        assert.equal(signingKey(), 'ecdsa-p256')
        const elsewhere = await login(name, '--oidc-issuer http://login.test')
        assert.match(elsewhere.outcome.stderr, /^Error: issuer "http:\/\/login\.test\/": want https, or http on this machine$/m)
        const asked = await cs(await lineOf(name, `${trusted} ${byFlags} --oidc-disable-ambient-providers ${at}`))
        assert.match(asked.stderr, /^Error: whoever logs in is asked whether their name may be recorded, .*; --yes answers yes$/m)
      },
    },
    {
      flag: 'oidc-client-id',
      commands: signers,
      what: 'is the client that somebody logs in to',
      check: async name => {
        const { issuer, outcome } = await login(name, `${at} --oidc-client-id ours`, { claims: { aud: 'ours' } })
        assert.equal(outcome.code, 0, outcome.stderr)
        assert.equal(issuer.asked[0]?.get('client_id'), 'ours')
        const plain = await login(name, at)
        assert.equal(plain.issuer.asked[0]?.get('client_id'), 'sigstore')
      },
    },
    {
      flag: 'oidc-client-secret-file',
      commands: signers,
      what: "holds the client's secret, which is never shown",
      check: async name => {
        disk.set('ks-secret', 's3cret\n')
        const { issuer, outcome } = await login(name, `${at} --fulcio-auth-flow client_credentials --oidc-client-secret-file ks-secret`)
        assert.equal(outcome.code, 0, outcome.stderr)
        assert.deepEqual(
          ['grant_type', 'client_secret'].map(member => issuer.asked[0]?.get(member)),
          ['client_credentials', 's3cret'],
        )
        assert.ok(!outcome.stderr.includes('s3cret'))
        const missing = await login(name, `${at} --oidc-client-secret-file nowhere`)
        assert.match(missing.outcome.stderr, /^Error: file "nowhere"/m)
      },
    },
    {
      flag: 'oidc-redirect-url',
      commands: signers,
      what: 'is where the browser comes back to, on this machine',
      check: async name => {
        for (const url of ['https://localhost:7/x', 'http://elsewhere.test/x', 'x']) {
          const { outcome } = await login(name, `${at} --fulcio-auth-flow normal --oidc-redirect-url ${url}`)
          assert.match(outcome.stderr, /^Error: --oidc-redirect-url: want http on this machine, got "/m)
        }
      },
    },
  ]
}

function tokenCases(): readonly Case[] {
  return [
    {
      flag: 'identity-token',
      commands: signers,
      what: 'is whom the certificate is asked for, literally or in a file',
      check: async name => {
        await good(cs(await lineOf(name, `--yes ${token} ${trusted} ${config}`)))
        await good(cs(`verify-blob ${who} --bundle ${await blobBundle()} blob`))
        await good(cs(await lineOf(name, `--yes --identity-token ${tokenOf()} ${trusted} ${config}`)))
        await refuses(name, await lineOf(name, `--yes --identity-token nowhere ${trusted} ${config}`), unreadable)
        const expired = tokenOf({ exp: 1 })
        const line = await lineOf(name, `--yes --identity-token ${expired} ${trusted} ${config}`)
        await refuses(name, line, refused('TOKEN_INVALID', /it has expired at 1970-01-01T00:00:01/))
      },
    },
    {
      flag: 'yes',
      commands: signers,
      what: 'agrees to what signing without a key makes known',
      check: async name => {
        const line = await lineOf(name, `${token} ${trusted} ${config}`)
        await refuses(name, line, usage(/no terminal: WARNING: this identity .*; --yes answers yes/))
        const { stderr } = await good(cs(`${line} --yes`))
        assert.match(
          stderr,
          /^Signing without a key makes this known .*\n {2}identity: dev@example\.com\n {2}vouched for by: https:\/\/issuer\.test$/m,
        )
        await good(cs(line, { keys: ['y\n'] }))
        assert.equal((await cs(line, { keys: ['n\n'] })).code, 1)
      },
    },
    {
      flag: 'oidc-provider',
      commands: signers,
      what: 'takes the token from one place alone',
      check: async name => {
        const line = await lineOf(name, `--yes ${trusted} ${config} --oidc-provider envvar`)
        await good(cs(line, { environment: { SIGSTORE_ID_TOKEN: tokenOf() } }))
        await refuses(name, line, refused('TOKEN_UNAVAILABLE', /envvar: this process does not run there/))
        const unknown = await lineOf(name, `--yes ${trusted} ${config} --oidc-provider nobody`)
        await refuses(name, unknown, usage(/--oidc-provider: want one of github-actions, envvar, .*, got "nobody"/))
      },
    },
    {
      flag: 'oidc-disable-ambient-providers',
      commands: signers,
      what: 'leaves alone what the place where this runs would give',
      check: async name => {
        const line = await lineOf(name, `--yes ${trusted} ${config}`)
        const environment = { SIGSTORE_ID_TOKEN: tokenOf() }
        await good(cs(line, { environment }))
        const { code, stderr } = await cs(`${line} --oidc-disable-ambient-providers`, { environment })
        assert.equal(code, 1)
        assert.match(stderr, /^Error: GET https:\/\/issuer\.test\/\.well-known\/openid-configuration: no such host name$/m) // where somebody would have to log in
      },
    },
    {
      flag: 'fulcio-auth-flow',
      commands: signers,
      what: 'says how a token is had',
      check: async name => {
        await good(cs(await lineOf(name, `--yes ${token} --fulcio-auth-flow token ${trusted} ${config}`)))
        const without = await lineOf(name, `--yes --fulcio-auth-flow token ${trusted} ${config}`)
        await refuses(name, without, usage(/--fulcio-auth-flow token takes the token of --identity-token/))
        const two = await lineOf(name, `--yes ${token} --fulcio-auth-flow device ${trusted} ${config}`)
        await refuses(name, two, usage(/--fulcio-auth-flow device logs somebody in, and --identity-token is given/))
      },
    },
    {
      flag: 'issue-certificate',
      commands: signers,
      what: "has the signer's own key certified",
      check: async name => {
        const key = await lineOf(name, `--yes --key team.key ${trusted} ${config}`)
        await good(cs(key))
        assert.equal(signedBundle().material.kind, 'public-key')
        await good(cs(`${key} --issue-certificate ${token}`))
        assert.equal(signingKey(), 'ecdsa-p256')
        await refuses(name, `${key} ${token}`, usage(/--identity-token is about signing without a key, and --key is given/))
      },
    },
    {
      flag: 'signing-algorithm',
      commands: ['sign-blob'],
      what: 'is that of the key that is made',
      check: async name => {
        const line = await lineOf(name, `--yes ${token} ${trusted} ${config}`)
        await good(cs(line))
        assert.equal(signingKey(), 'ecdsa-p256')
        await good(cs(`${line} --signing-algorithm ecdsa-sha2-384-nistp384`))
        assert.equal(signingKey(), 'ecdsa-p384')
        await refuses(name, `${line} --signing-algorithm none`, usage(/want one of "ecdsa-sha2-256-nistp256", /))
      },
    },
  ]
}

/** A blob that is signed, whatever the command: its bundle is at hand for `verify-blob`. */
async function blobBundle(): Promise<string> {
  await good(cs(`sign-blob --yes ${token} ${trusted} ${config} --bundle ks-blob.json blob`))
  return 'ks-blob.json'
}

function serviceCases(): readonly Case[] {
  const asked = async (line: string, url: string) => (await good(cs(line))).requests.filter(request => request.endsWith(url)).length
  return [
    {
      flag: 'fulcio-url',
      commands: signers,
      what: 'is who certifies, in place of a signing config',
      check: async name => {
        assert.equal(await asked(await lineOf(name, `--yes ${token} ${trusted} ${byFlags}`), `${origin}/api/v2/signingCert`), 1)
        const elsewhere = await lineOf(name, `--yes ${token} ${trusted} ${byFlags.replace('sigstore', 'elsewhere')}`)
        await refuses(
          name,
          elsewhere,
          refused('SERVICE_UNAVAILABLE', /POST https:\/\/elsewhere\.test\/api\/v2\/signingCert: no such host name/),
        )
        await refuses(name, await lineOf(name, `--yes ${token} --fulcio-url x`), usage(/--fulcio-url: want an http\(s\) URL, got "x"/))
        const two = await lineOf(name, `--yes ${token} ${config} --fulcio-url ${origin}`)
        await refuses(name, two, usage(/cannot specify service URLs and use signing config/))
      },
    },
    {
      flag: 'rekor-url',
      commands: signers,
      what: 'is the log, of keys too',
      check: async name => {
        const line = await lineOf(name, `--key team.key ${trusted} --rekor-url ${origin}`)
        assert.equal(await asked(line, `${origin}/api/v1/log/entries`), 1)
        assert.equal(signedBundle().logEntries.length, 1)
        const two = await lineOf(name, `--key team.key --use-signing-config --rekor-url ${origin}`)
        await refuses(name, two, usage(/cannot specify service URLs and use signing config/))
      },
    },
    {
      flag: 'tlog-upload',
      commands: signers,
      what: 'off, no log is asked',
      check: async name => {
        const line = await lineOf(name, `--yes ${token} ${trusted} --fulcio-url ${origin} ${stamps} --tlog-upload=false`)
        await good(cs(line))
        assert.deepEqual(signedBundle().logEntries, [])
      },
    },
    {
      flag: 'timestamp-server-url',
      commands: signers,
      what: 'is who stamps the signature',
      check: async name => {
        await good(cs(await lineOf(name, `--key team.key ${trusted} --tlog-upload=false`)))
        assert.equal(signedBundle().timestamps.length, 0)
        await good(cs(await lineOf(name, `--key team.key ${trusted} --tlog-upload=false ${stamps}`)))
        assert.equal(signedBundle().timestamps.length, 1)
      },
    },
    ...connectionCases(),
    {
      flag: 'trusted-root',
      commands: signers,
      what: 'is what the new signature must verify by',
      check: async name => {
        disk.set('ks-others.json', text('trusted_root.json'))
        await good(cs(await lineOf(name, `--yes ${token} ${trusted} ${config}`)))
        const line = await lineOf(name, `--yes ${token} --trusted-root ks-others.json ${config}`)
        await refuses(
          name,
          line,
          refused('TLOG_UNKNOWN', /the new signature does not verify, and was not published: step transparency-log/),
        )
      },
    },
    {
      flag: 'insecure-skip-verify',
      commands: signers,
      what: 'signs though no certificate log has seen the certificate',
      check: async name => {
        scene.intercept(async request => (request.url.endsWith('/signingCert') ? await detached(request) : undefined))
        try {
          const line = await lineOf(name, `--yes ${token} ${trusted} ${config}`)
          await refuses(name, line, refused('SCT_INVALID', /gives the certificate log's timestamp apart/))
          await good(cs(`${line} --insecure-skip-verify`))
        } finally {
          scene.intercept(undefined)
        }
      },
    },
  ]
}

/** The same certificate, with word of a log beside it. */
async function detached(request: Request): Promise<Response> {
  const { signedCertificateEmbeddedSct } = (await (await scene.sigstore.handler(request)).json()) as {
    signedCertificateEmbeddedSct: object
  }
  return Response.json({ signedCertificateDetachedSct: { ...signedCertificateEmbeddedSct, signedCertificateTimestamp: 'AAAA' } })
}

/** How the timestamp authority is reached. */
function connectionCases(): readonly Case[] {
  const line = async (name: string, flags: string) => await lineOf(name, `--key team.key ${trusted} --tlog-upload=false ${stamps} ${flags}`)
  const settings = async (name: string, flags: string) => {
    await good(cs(await line(name, flags)))
    return rig.connections.at(-1)
  }
  const pem = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'
  const pair: Case['check'] = async name => {
    disk.set('ks-client.pem', pem)
    disk.set('ks-client.key', 'key')
    const found = await settings(name, '--timestamp-client-cert ks-client.pem --timestamp-client-key ks-client.key')
    assert.deepEqual(found?.clientCertificate, { cert: pem, key: 'key' })
    for (const half of ['--timestamp-client-cert ks-client.pem', '--timestamp-client-key ks-client.key'])
      await refuses(name, await line(name, half), usage(/--timestamp-client-cert and --timestamp-client-key go together/))
  }
  return [
    {
      flag: 'timestamp-client-cacert',
      commands: signers,
      what: 'is an authority that the TSA is verified by',
      check: async name => {
        disk.set('ks-cacert.pem', pem)
        assert.equal((await settings(name, '--timestamp-client-cacert ks-cacert.pem'))?.ca, pem)
        await refuses(name, await line(name, '--timestamp-client-cacert nowhere'), unreadable)
        const none = await lineOf(name, `--key team.key ${trusted} --rekor-url ${origin} --timestamp-client-cacert ks-cacert.pem`)
        await refuses(name, none, usage(/are about a timestamp authority, and none takes part/))
      },
    },
    { flag: 'timestamp-client-cert', commands: signers, what: 'is shown to the TSA', check: pair },
    { flag: 'timestamp-client-key', commands: signers, what: 'is the key of what is shown', check: pair },
    {
      flag: 'timestamp-server-name',
      commands: signers,
      what: "is the name that the TSA's certificate must be for",
      check: async name => assert.equal((await settings(name, '--timestamp-server-name tsa.internal'))?.serverName, 'tsa.internal'),
    },
  ]
}

function outputCases(): readonly Case[] {
  return [
    {
      flag: 'output-certificate',
      commands: signers.filter(name => name !== 'attest'),
      what: 'writes the certificate, readable by its owner only',
      check: async name => {
        await good(cs(await lineOf(name, `--yes ${token} ${trusted} ${config} --output-certificate ks-cert.pem`)))
        const written = text('ks-cert.pem')
        const pem = name !== 'sign-blob' ? written : new TextDecoder().decode(decodeBase64(written, 'certificate'))
        assert.match(pem, /^-----BEGIN CERTIFICATE-----\n/)
        assert.equal(rig.modes.get('ks-cert.pem'), 0o600)
        const keyed = await lineOf(name, `--key team.key --tlog-upload=false --output-certificate ks-none.pem`)
        await refuses(name, keyed, usage(/--output-certificate: a key signs, so there is no certificate to write/))
      },
    },
    {
      flag: 'rfc3161-timestamp',
      commands: ['sign-blob'],
      what: 'writes the timestamp as cosign does',
      check: async name => {
        const flags = `--yes ${token} ${trusted} --signing-config ks-v1-stamped.json --new-bundle-format=false`
        await good(cs(`sign-blob ${flags} --bundle ks-old.json --rfc3161-timestamp ks-stamp.json blob`))
        await good(cs(`verify-blob ${who} --use-signed-timestamps --bundle ks-old.json --rfc3161-timestamp ks-stamp.json blob`))
        const none = await lineOf(name, `--yes ${token} ${trusted} ${config} --rfc3161-timestamp ks-none.json`)
        await refuses(name, none, usage(/no timestamp authority takes part/))
      },
    },
  ]
}
