import { CountersignError } from '../../codec/error.ts'
import { explainConnection, type PassingFailure } from '../remote/within-deadline.ts'

/** What Cloud KMS may be asked, with what allows it: permissions, and the role of Google's that has them. */
const permissions = {
  read: 'cloudkms.cryptoKeyVersions.viewPublicKey (roles/cloudkms.publicKeyViewer)',
  list: 'cloudkms.cryptoKeyVersions.list (roles/cloudkms.viewer)',
  sign: 'cloudkms.cryptoKeyVersions.useToSign (roles/cloudkms.signer)',
  create: 'cloudkms.keyRings.create and cloudkms.cryptoKeys.create (roles/cloudkms.admin)',
} as const

export type GoogleOperation = keyof typeof permissions

/** Status codes of gRPC that are told apart. */
const grpc = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** Whether something of the name is there already. */
export function alreadyExists(cause: unknown): boolean {
  return (cause as { code?: unknown } | undefined)?.code === grpc.alreadyExists
}

/** A version that is still being made, which passes. */
export class StillPending extends Error {}

const systemCode =
  /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|CERT_HAS_EXPIRED|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|ERR_TLS_CERT_ALTNAME_INVALID)\b/

const certificateWords: readonly (readonly [pattern: RegExp, code: string])[] = [
  [/self-signed certificate in certificate chain/, 'SELF_SIGNED_CERT_IN_CHAIN'],
  [/self-signed certificate/, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/unable to verify the first certificate/, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/unable to get (?:local )?issuer certificate/, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  [/certificate has expired/, 'CERT_HAS_EXPIRED'],
]

/**
 * What an error of Google's SDK means. Of its own text nothing is shown: it holds names of accounts and addresses of tokens.
 *
 * @param what - begins the message: `RemoteKey.what`
 */
export function explainGoogleFailure(what: string, operation: GoogleOperation, cause: unknown): CountersignError | PassingFailure {
  if (cause instanceof CountersignError) return cause
  if (cause instanceof StillPending) return { passing: 'the key is still being made' }
  const { code, message = '' } = (cause instanceof Error ? cause : {}) as { readonly code?: unknown; readonly message?: string }
  const fail = (code: ConstructorParameters<typeof CountersignError>[0], problem: string) =>
    new CountersignError(code, `${what}: ${problem}`, code === 'KMS_UNAUTHORIZED' ? {} : { cause }) // causes are shown too
  // Before a call the SDK gets credentials; what fails there has no code of gRPC, or one that says so in its words.
  if (
    /default credentials|does not exist, or it is not a file|Getting metadata from plugin failed|invalid_grant/i.test(message) ||
    (typeof code !== 'number' && /credential/i.test(message))
  )
    return fail(
      'KMS_UNAUTHORIZED',
      'want a token of Google, got none: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials, or run where there is a service account',
    )
  switch (code) {
    case grpc.unauthenticated:
      return fail('KMS_UNAUTHORIZED', 'want a token that Google takes, got one that it refuses or that has expired: sign in again')
    case grpc.permissionDenied:
      return fail('KMS_DENIED', `want permission to ${operation}, got none, or there is no such key: grant ${permissions[operation]}`)
    case grpc.notFound:
      return fail('KEY_NOT_FOUND', 'there is no such key or version')
    case grpc.alreadyExists:
      return fail('KEY_DISABLED', 'the key is there already, and has no version that signs')
    case grpc.failedPrecondition:
      return fail('KEY_DISABLED', `want an enabled version, got one that is not${stateIn(message)}`)
    case grpc.invalidArgument:
      if (/ASYMMETRIC_SIGN|purpose/.test(message))
        return fail('KEY_UNSUPPORTED', 'want a key of the purpose ASYMMETRIC_SIGN, got one of another')
      return fail('KMS_RESPONSE_MALFORMED', `want an answer, got INVALID_ARGUMENT when asked to ${operation}`)
    case grpc.resourceExhausted:
      if (/larger than max/.test(message)) return fail('KMS_RESPONSE_MALFORMED', 'want an answer of at most 64 KiB, got more')
      return { passing: 'throttled', afterMs: retryDelayMs(cause) }
    case grpc.unavailable: {
      const known = systemCode.exec(message)?.[1] ?? certificateWords.find(([pattern]) => pattern.test(message))?.[1]
      if (known !== undefined) return explainConnection(what, Object.assign(new Error(known), { code: known, cause }))
      return { passing: 'unavailable', afterMs: retryDelayMs(cause) }
    }
    case grpc.deadlineExceeded:
    case grpc.aborted:
    case grpc.internal:
      return { passing: 'an error of its own' }
    default:
      return typeof code === 'number'
        ? fail('KMS_RESPONSE_MALFORMED', `want an answer, got gRPC status ${code}`)
        : explainConnection(what, cause)
  }
}

/** The state that Google names: `current state is: DISABLED`. */
function stateIn(message: string): string {
  const state = /current state is: ([A-Z_]{1,40})/.exec(message)?.[1]
  return state === undefined ? '' : ` (${state})`
}

/** The pause that google.rpc.RetryInfo asks for. */
function retryDelayMs(cause: unknown): number | undefined {
  const { statusDetails } = cause as { readonly statusDetails?: unknown }
  if (!Array.isArray(statusDetails)) return undefined
  for (const detail of statusDetails as readonly { readonly retryDelay?: { readonly seconds?: unknown; readonly nanos?: unknown } }[]) {
    const ms = Number(detail?.retryDelay?.seconds ?? Number.NaN) * 1000 + Number(detail?.retryDelay?.nanos ?? 0) / 1e6
    if (Number.isFinite(ms) && ms >= 0) return Math.round(ms)
  }
  return undefined
}
