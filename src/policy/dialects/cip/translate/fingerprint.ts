import { encodeBase64 } from '../../../../codec/base64.ts'
import { serializeCanonicalJson } from '../../../../codec/canonical-json.ts'
import { encodeHex } from '../../../../codec/hex.ts'
import type { Json } from '../../../../codec/json.ts'
import { encodeUtf8 } from '../../../../codec/text.ts'
import { sha256 } from '../../../../crypto/digest.ts'
import type { PublicKey } from '../../../../crypto/public-key.ts'
import type { TransparencyLog } from '../../../../trust/transparency-log.ts'
import type { CertificateAuthority } from '../../../../trust/trusted-root.ts'
import type { Trust } from '../../../../verify/policy.ts'

/** SHA-256 in hex over canonical JSON of everything in a value: texts, numbers, lists, maps, bytes, times and URLs. What is a function is left out. */
export function fingerprintOf(value: unknown): string {
  return encodeHex(sha256(encodeUtf8(serializeCanonicalJson(plain(value)))))
}

/** Everything of a trust that decides. A certificate is its bytes, a key its SPKI: all else in them follows from those. */
export function describeTrust(trust: Trust): unknown {
  const described: Readonly<Record<keyof Trust, unknown>> = {
    keys: trust.keys?.map(key => ({ ...describeKey(key), validFor: key.validFor })),
    certificateAuthorities: trust.certificateAuthorities?.map(describeAuthority),
    takesCarriedIntermediates: trust.takesCarriedIntermediates === true,
    transparencyLogs: trust.transparencyLogs?.map(describeLog),
    ctLogs: trust.ctLogs?.map(describeLog),
    timestampAuthorities: trust.timestampAuthorities?.map(describeAuthority),
  }
  return described
}

/** What makes a key this key. */
export function describeKey({ spki }: PublicKey): { readonly spki: Uint8Array } {
  return { spki }
}

function describeAuthority({ uri, chain, validFor }: CertificateAuthority): unknown {
  return { uri, chain: chain.map(({ der }) => der), validFor }
}

function describeLog({ key, scheme, logId, baseUrl, validFor }: TransparencyLog): unknown {
  return { ...describeKey(key), scheme, logId, baseUrl, validFor }
}

/** Names tell kinds apart that JSON writes alike: no bytes are ever some text. */
function plain(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
  if (value === undefined) return { nothing: true }
  if (typeof value === 'bigint') return { integer: String(value) }
  if (value instanceof Uint8Array) return { bytes: encodeBase64(value) }
  if (value instanceof Date) return { time: value.toISOString() }
  if (value instanceof URL) return { url: value.href }
  if (value instanceof Map) return { map: [...value].map(([key, member]) => [String(key), plain(member)]).toSorted(byText) }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) =>
        member === undefined || typeof member === 'function' ? [] : [[name, plain(member)]],
      ),
    )
  throw new TypeError(`fingerprint: want data, got ${typeof value}`)
}

function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
