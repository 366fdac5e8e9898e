import { CountersignError } from '../../../../codec/error.ts'
import {
  authorityOfChain,
  isAuthority,
  logOfKey,
  type PemFacts,
  parseCertificatesPem,
  pemFileLimitBytes,
  timestampAuthorityOfChain,
} from '../../../../trust/pem-trust.ts'
import type { TransparencyLog } from '../../../../trust/transparency-log.ts'
import type { CertificateAuthority } from '../../../../trust/trusted-root.ts'
import { invalidValue, missingFields, wantExactlyOne } from '../read/field-error.ts'
import type { ObjectReader } from '../read/object-reader.ts'
import { readBytes } from '../read/read-bytes.ts'
import { readOptionalUrl } from '../read/read-place.ts'
import type { TrustRootSource } from './trust-root.ts'

const maxEach = 64
const hashes = ['sha-256', 'sha256', 'SHA2_256']

/**
 * Reads `sigstoreKeys`: authorities by their chains, the root last, and logs by their keys. They are trusted without limit of time, for
 * there is nowhere to say one.
 *
 * @see spec admission §1.9
 */
export function readSigstoreKeys(keys: ObjectReader): TrustRootSource {
  const [authorities, stampers] = ['certificateAuthorities', 'timestampAuthorities'] as const
  if (keys.length(authorities) === 0 && keys.length(stampers) === 0)
    keys.problems.add(wantExactlyOne('neither', [keys.at(authorities), keys.at(stampers)]))
  return {
    kind: 'keys',
    trust: {
      certificateAuthorities: keys.objects(authorities, maxEach, reader => readAuthority(reader, 'signers')),
      timestampAuthorities: keys.objects(stampers, maxEach, reader => readAuthority(reader, 'timestamps')),
      transparencyLogs: keys.objects('tLogs', maxEach, readLog).flatMap(withOriginId),
      ctLogs: keys.objects('ctLogs', maxEach, readLog).map(({ log }) => log),
    },
  }
}

function readAuthority(reader: ObjectReader, of: 'signers' | 'timestamps'): CertificateAuthority | undefined {
  const { problems } = reader
  const subject = reader.object('subject', readSubject)
  if (!reader.has('subject')) problems.add(missingFields(reader.at('subject.commonName'), reader.at('subject.organization')))
  const uri = readUrl(reader, 'uri')
  const pem = readBytes(reader, 'certChain', pemFileLimitBytes)
  const facts: PemFacts = { url: uri?.href ?? '' }
  const authority = pem && reader.parsed('certChain', 'certificates', () => authorityOf(pem, of, facts))
  return authority && subject && { ...authority, subject }
}

function authorityOf(pem: Uint8Array, of: 'signers' | 'timestamps', facts: PemFacts): CertificateAuthority {
  const chain = parseCertificatesPem(pem, 'certChain')
  if (of === 'timestamps') return timestampAuthorityOfChain(chain, 'certChain', facts)
  const signer = chain.findIndex(certificate => !isAuthority(certificate))
  if (signer >= 0)
    throw new CountersignError('MATERIAL_MALFORMED', `certChain: certificate ${signer + 1} is no authority's: want authorities alone`)
  return authorityOfChain(chain, facts)
}

function readSubject(subject: ObjectReader): CertificateAuthority['subject'] {
  const [organization, commonName] = [subject.text('organization'), subject.text('commonName')]
  if (organization === '') subject.problems.add(missingFields(subject.at('organization')))
  if (commonName === '') subject.problems.add(missingFields(subject.at('commonName')))
  return { organization, commonName }
}

type ReadLog = { readonly log: TransparencyLog; readonly pem: Uint8Array }

function readLog(reader: ObjectReader): ReadLog | undefined {
  const { problems } = reader
  const url = readUrl(reader, 'baseURL')
  const hash = reader.text('hashAlgorithm')
  if (hash === '') problems.add(missingFields(reader.at('hashAlgorithm')))
  else if (!hashes.includes(hash)) problems.add(invalidValue(hash, reader.at('hashAlgorithm'), 'want sha-256'))
  const pem = readBytes(reader, 'publicKey', pemFileLimitBytes)
  const log = pem && reader.parsed('publicKey', 'key', () => logOfKey(pem, 'publicKey', { url: url?.href ?? '' }))
  return log && { log, pem }
}

/** A Rekor v2 goes by the key id of its checkpoints, a Rekor v1 by that of its key, and nothing says which this is: it counts once. */
function withOriginId({ log, pem }: ReadLog): readonly TransparencyLog[] {
  const url = URL.parse(log.baseUrl)
  if (log.key.algorithm !== 'ed25519' || !url) return [log]
  return [log, logOfKey(pem, 'publicKey', { url: log.baseUrl, origin: url.host })]
}

function readUrl(reader: ObjectReader, name: string): URL | undefined {
  const url = readOptionalUrl(reader, name)
  if (reader.text(name) === '') reader.problems.add(missingFields(reader.at(name)))
  return url
}
