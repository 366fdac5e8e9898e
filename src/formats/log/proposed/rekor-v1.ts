import { readString } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import { checkDsse } from './dsse.ts'
import { malformed, readFields } from './fields.ts'
import { checkHashedRekord } from './hashedrekord.ts'
import { checkIntotoV1, checkIntotoV2 } from './intoto.ts'
import { type CheckedEntry, hashEntry, type ProvenEntry } from './proven-entry.ts'
import { checkRekord } from './rekord.ts'
import { checkRfc3161 } from './rfc3161.ts'

/** What a log of Rekor v1 takes. */
export type RekorV1Accepted = {
  readonly kinds: ReadonlySet<string> // of `rekorV1Kinds`
  readonly algorithms: ReadonlySet<string> // of keys of hashedrekord entries, by their names in protobuf-specs
}

/** The kinds of entries that we make. Rekor's others (alpine, cose, helm, jar, rpm, tuf) are refused by name. */
export const rekorV1Kinds: readonly string[] = ['hashedrekord', 'dsse', 'intoto', 'rekord', 'rfc3161']

/** The kinds of keys that sign artifacts, unless told. Other kinds of entries take every key that we verify with. */
export const rekorV1Algorithms: readonly string[] = [
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_ECDSA_P256_SHA_256',
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_ED25519_PH',
]

type Check = (spec: unknown, accepted: RekorV1Accepted) => Promise<CheckedEntry>

const checks: ReadonlyMap<string, ReadonlyMap<string, Check>> = new Map([
  ['hashedrekord', new Map<string, Check>([['0.0.1', (spec, { algorithms }) => checkHashedRekord(spec, algorithms)]])],
  ['dsse', new Map<string, Check>([['0.0.1', checkDsse]])],
  [
    'intoto',
    new Map<string, Check>([
      ['0.0.1', checkIntotoV1],
      ['0.0.2', checkIntotoV2],
    ]),
  ],
  ['rekord', new Map<string, Check>([['0.0.1', checkRekord]])],
  ['rfc3161', new Map<string, Check>([['0.0.1', checkRfc3161]])],
])

/**
 * Checks all that a proposed entry of Rekor v1 claims, and every signature, and makes the entry to be logged of it.
 *
 * @param value - `{"apiVersion","kind","spec"}`, as JSON has it
 * @throws CountersignError `LOG_ENTRY_MALFORMED`, `JSON_MALFORMED`, `BASE64_MALFORMED`, `PEM_MALFORMED`, `UTF8_MALFORMED`, `LIMIT_EXCEEDED`, `KEY_*`,
 *   `CERTIFICATE_*`, `SIGNATURE_*`, `TIMESTAMP_*`
 * @see services §3.3
 */
export async function proveProposedEntry(value: unknown, accepted: RekorV1Accepted): Promise<ProvenEntry> {
  const { kind: kindName, apiVersion, spec } = readFields(value, 'entry', ['kind', 'apiVersion', 'spec'])
  const [kind, version] = [readString(kindName, 'entry.kind'), readString(apiVersion, 'entry.apiVersion')]
  const versions = accepted.kinds.has(kind) ? checks.get(kind) : undefined
  if (!versions) throw malformed(`entry kind ${quote(kind)} is not enabled`)
  const check = versions.get(version)
  if (!check)
    throw malformed(`entry kind ${quote(kind)} of version ${quote(version)} is not enabled, want ${[...versions.keys()].join(' or ')}`)
  return hashEntry({ kind, version }, await check(spec, accepted)) as ProvenEntry
}
