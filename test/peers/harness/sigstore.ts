import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { encodePem } from '../../../src/codec/pem.ts'
import type { Certificate } from '../../../src/formats/x509/certificate.ts'
import { listen } from '../../../src/services/listen.ts'
import { type ServedSigstore, serveTestSigstore } from '../../../src/testing/sigstore/http.ts'
import { encodeSigningConfig, type SigningService } from '../../../src/trust/signing-config.ts'
import { encodeTrustedRoot, type TrustedRoot } from '../../../src/trust/trusted-root.ts'
import { openValidity } from '../../../src/trust/validity.ts'
import type { Place } from './place.ts'

/** A Sigstore on a loopback port, and what clients are told of it, as files in the place. */
export type SigstoreServer = ServedSigstore & {
  readonly url: string
  /** A token of its issuer, as a literal. */
  readonly token: (claims: Readonly<Record<string, unknown>>) => string
  readonly trustedRootFile: string
  /** A signing config of these logs, with the time-stamping authority or without. */
  readonly signingConfig: (log: 'v1' | 'v2' | 'none', stamps: boolean) => string
  readonly files: Readonly<Record<'root' | 'intermediate' | 'chain' | 'ctLog' | 'rekor' | 'rekorV2' | 'timestamps', string>>
  /** cosign's variables of a private Sigstore, for what is not in bundles. */
  readonly variables: Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

/**
 * Starts one. Its clock is the machine's, for so is that of the clients, unless it is behind: then its certificates have expired when they
 * are looked at.
 *
 * @param serve - makes the services; doubles of all of them unless told
 */
export async function startSigstore(place: Place, { behindMs = 0, serve = serveTestSigstore } = {}): Promise<SigstoreServer> {
  const served = await serve('127.0.0.1', () => new Date(Date.now() - behindMs))
  const failures: unknown[] = []
  const { url, close } = await listen(served.handler, { graceMs: 100, report: error => failures.push(error) })
  const origin = url.origin
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(place.path(name), content)
    return place.path(name)
  }
  const certificates = (...chain: readonly Certificate[]) => chain.map(({ der }) => encodePem('CERTIFICATE', der)).join('')
  const { authority, ctLog, logs, timestampAuthority, trustedRoot } = served
  const files = {
    root: write('ca-root.pem', certificates(...authority.chain)),
    intermediate: write('ca-intermediate.pem', certificates(authority.certificate)),
    chain: write('ca.pem', certificates(...authority.trusted)),
    ctLog: write('ct.pub', encodePem('PUBLIC KEY', ctLog.key.spki)),
    rekor: write('rekor.pub', encodePem('PUBLIC KEY', logs.v1.logKey.key.spki)),
    rekorV2: write('rekor-v2.pub', encodePem('PUBLIC KEY', logs.v2.logKey.key.spki)),
    timestamps: write('timestamps.pem', certificates(...timestampAuthority.chain)),
  }
  return {
    ...served,
    url: origin,
    token: tokenMaker(origin),
    trustedRootFile: write('trusted-root.json', encodeTrustedRoot(withoutOperators(trustedRoot))),
    signingConfig: (log, stamps) => write(`signing-config-${log}-${stamps}.json`, signingConfigOf(origin, log, stamps)),
    files,
    variables: {
      SIGSTORE_ROOT_FILE: files.chain,
      SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: files.ctLog,
      SIGSTORE_REKOR_PUBLIC_KEY: files.rekor,
    },
    close: async () => {
      await close()
      if (failures.length > 0) throw new AggregateError(failures, 'the test Sigstore failed')
    },
  }
}

/** cosign 2.5 refuses a trusted root that names operators: its protobuf is older than that member. */
export function withoutOperators(root: TrustedRoot): TrustedRoot {
  const nameless = <Listed>(some: readonly Listed[]) => some.map(one => ({ ...one, operator: '' }))
  return {
    ...root,
    certificateAuthorities: nameless(root.certificateAuthorities),
    timestampAuthorities: nameless(root.timestampAuthorities),
    transparencyLogs: nameless(root.transparencyLogs),
    ctLogs: nameless(root.ctLogs),
  }
}

/** Tokens are signed, by RS256 as clients want it, but the authority of the tests believes any. services.md §6. */
function tokenMaker(issuer: string): SigstoreServer['token'] {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return claims => {
    const now = Math.floor(Date.now() / 1000)
    const payload = { iss: issuer, aud: 'sigstore', iat: now, exp: now + 600, ...claims }
    const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: '1' })}.${part(payload)}`
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
  }
}

function signingConfigOf(origin: string, log: 'v1' | 'v2' | 'none', stamps: boolean): Uint8Array {
  const service = (url: string, majorApiVersion: number): SigningService => ({
    url,
    majorApiVersion,
    validFor: { ...openValidity, start: new Date('2020-01-01T00:00:00Z') },
    operator: 'example.com',
  })
  return encodeSigningConfig({
    certificateAuthorities: [service(origin, 1)],
    oidcProviders: [service(origin, 1)],
    transparencyLogs: log === 'none' ? [] : [service(origin, log === 'v1' ? 1 : 2)],
    transparencyLogSelector: { selector: 'ANY' },
    timestampAuthorities: stamps ? [service(`${origin}/api/v1/timestamp`, 1)] : [],
    timestampSelector: { selector: 'ANY' },
  })
}
