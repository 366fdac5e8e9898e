/**
 * What a failure means to whoever must act on it.
 * `usage` is a caller's mistake; the other four are answers about evidence, and all of them refuse.
 */
export type ErrorKind = 'malformed' | 'untrusted' | 'denied' | 'unavailable' | 'usage'

/** Every code this project reports, with its kind. Codes are API: added freely, renamed never. */
export const errorKinds = {
  // malformed: the bytes break their format
  BASE64_MALFORMED: 'malformed',
  BUNDLE_MALFORMED: 'malformed',
  CERTIFICATE_MALFORMED: 'malformed', // an X.509 certificate, or what it holds
  CERTIFICATE_REQUEST_MALFORMED: 'malformed', // PKCS #10
  CHECKPOINT_MALFORMED: 'malformed', // a signed note or the tree head in it
  CONFIGURATION_MALFORMED: 'malformed', // of the stack or of its issuers
  CREDENTIALS_MALFORMED: 'malformed', // a docker config.json or the answer of a credential helper or token server
  DER_MALFORMED: 'malformed',
  DOCUMENT_MALFORMED: 'malformed', // a Dockerfile or a Kubernetes manifest
  DSSE_MALFORMED: 'malformed',
  FORGE_RESPONSE_MALFORMED: 'malformed', // of GitLab or GitHub
  HEX_MALFORMED: 'malformed',
  JSON_MALFORMED: 'malformed',
  KEY_MALFORMED: 'malformed',
  KMS_RESPONSE_MALFORMED: 'malformed', // of a KMS, an HSM or a plugin for one
  LAYOUT_MALFORMED: 'malformed', // a folder or archive that is no OCI image layout
  LIMIT_EXCEEDED: 'malformed', // more bytes, items or depth than any honest input has
  LOG_ENTRY_MALFORMED: 'malformed', // an entry of a transparency log, in a file or an annotation
  MANIFEST_MALFORMED: 'malformed',
  MATERIAL_MALFORMED: 'malformed', // what lies beside a signature: certificate, chain, log bundle, timestamp
  PAYLOAD_MALFORMED: 'malformed', // a simple signing payload
  PEM_MALFORMED: 'malformed',
  PREDICATE_MALFORMED: 'malformed', // what an attestation says, of a type that is known here; a scan report
  REFERENCE_MALFORMED: 'malformed', // an image or key reference
  REGISTRY_RESPONSE_MALFORMED: 'malformed',
  SCT_MALFORMED: 'malformed', // a signed certificate timestamp
  SERVICE_RESPONSE_MALFORMED: 'malformed', // of a certificate authority, a log, a timestamp authority, an issuer
  SIGNATURE_MALFORMED: 'malformed',
  SIGNING_CONFIG_MALFORMED: 'malformed',
  STATEMENT_MALFORMED: 'malformed',
  TIMESTAMP_MALFORMED: 'malformed', // an RFC 3161 response or what it holds
  TOKEN_MALFORMED: 'malformed', // an ID token
  TRUSTED_ROOT_MALFORMED: 'malformed',
  TUF_MALFORMED: 'malformed', // metadata of a TUF repository
  UTF8_MALFORMED: 'malformed',

  // untrusted: well formed, but the cryptography says no
  ARTIFACT_MISMATCH: 'untrusted', // the signature is about something else
  CERTIFICATE_EXPIRED: 'untrusted', // not valid at the time that counts, before or after
  CERTIFICATE_UNTRUSTED: 'untrusted', // no path to a trusted authority, or one that RFC 5280 forbids
  CHECKPOINT_INVALID: 'untrusted', // no signature of the log that must have made it
  DIGEST_MISMATCH: 'untrusted', // the bytes received are not those asked for
  SIZE_MISMATCH: 'untrusted', // the bytes received are not as many as their descriptor says
  IMAGES_NOT_VERIFIED: 'untrusted', // several, for different reasons; each is listed with its own
  KEY_EXPIRED: 'untrusted', // the signature was not made while its key was valid, or nothing proves that it was
  KEY_MISMATCH: 'untrusted', // the evidence names another key
  KMS_SIGNATURE_INVALID: 'untrusted', // what a KMS or HSM signed does not verify with the key it says it signed with
  DOCUMENT_WITHOUT_IMAGES: 'untrusted', // nothing to verify: it would prove nothing
  SCT_INVALID: 'untrusted', // no trusted log has seen the certificate
  SIGNATURE_INVALID: 'untrusted',
  ATTESTATIONS_NOT_FOUND: 'untrusted', // nothing attested: what is asked for is not proven
  SIGNATURES_NOT_FOUND: 'untrusted', // nothing to verify: the artifact proves nothing
  TIME_UNPROVEN: 'untrusted', // nobody trusted says when the signature was made
  TIMESTAMP_INVALID: 'untrusted', // an RFC 3161 timestamp of something else, or by nobody trusted
  STORE_CORRUPT: 'untrusted', // a log's own storage contradicts itself or what was published
  TOKEN_INVALID: 'untrusted', // an ID token that its issuer did not make, for somebody else, or out of its time
  TLOG_ENTRY_MISMATCH: 'untrusted', // a log entry about something else
  TLOG_INCLUSION_MISMATCH: 'untrusted', // a proof that does not lead to the root of the tree
  TLOG_PROMISE_INVALID: 'untrusted', // a signed entry timestamp that its log did not make
  TLOG_UNKNOWN: 'untrusted', // a log that is not trusted, or was not at that time
  WITNESS_CONTRADICTED: 'untrusted', // a witness of a log has seen what that log does not have
  TUF_UNTRUSTED: 'untrusted', // metadata or a target that its signers did not make, or an older one

  // denied: genuine, but not what was asked for
  ANNOTATION_MISMATCH: 'denied',
  ATTESTATION_TOO_OLD: 'denied', // signed before the time that `--max-age` counts from
  BUILDER_MISMATCH: 'denied', // another builder than the one asked for, or none
  COMMIT_MISMATCH: 'denied',
  COMPONENT_MISSING: 'denied', // an SBOM does not list what it must
  CONVERSION_IMPOSSIBLE: 'denied', // what was signed, or came along, has no place in the other format
  CREDENTIALS_WITHHELD: 'denied', // another host than the registry asks for its credentials, or would see them on the way
  DELETE_UNSUPPORTED: 'denied', // the registry deletes nothing, or not this
  FORGE_DENIED: 'denied', // GitLab or GitHub knows us and says no
  FORGE_UNAUTHORIZED: 'denied', // GitLab or GitHub does not know us
  IDENTITY_MISMATCH: 'denied', // somebody else signed, or another authority vouches for them
  KEY_DISABLED: 'denied', // a key in a KMS or HSM that does not sign, or not any more
  KEY_EXISTS: 'denied', // a private key is where a new one was to go
  KEY_UNSUPPORTED: 'denied', // a sound key of a kind or strength we refuse
  KMS_DENIED: 'denied', // a KMS knows us and says no: error names the permission
  KMS_UNAUTHORIZED: 'denied', // a KMS does not know us, or not any more
  LICENSE_FORBIDDEN: 'denied',
  LICENSE_UNKNOWN: 'denied', // nobody can tell whether it is one of the forbidden
  LOG_FROZEN: 'denied', // a log that has ended: it is read, and takes no entries
  PATH_ESCAPES: 'denied', // a path or link that leads out of the folder it must stay in
  MANIFEST_SHARED: 'denied', // other tags hold it too, and it can only be deleted with all of them
  MATERIAL_UNSUPPORTED: 'denied', // a certificate where a key was asked for, and the like
  PASSPHRASE_WRONG: 'denied',
  POLICY_EXHAUSTED: 'denied', // a policy of the user's own gave no answer within its steps
  POLICY_FAILED: 'denied', // it met an error
  POLICY_INCONCLUSIVE: 'denied', // it gave neither true nor false
  POLICY_REFUSED: 'denied', // it says no
  PREDICATE_TYPE_MISMATCH: 'denied',
  PIN_LOCKED: 'denied', // a token that takes no PIN any more
  PIN_WRONG: 'denied',
  PLATFORM_NOT_FOUND: 'denied', // the image is there, but not for this platform
  REFERRERS_TAG_TAKEN: 'denied', // something other than a referrers index holds the fallback tag
  REGISTRY_DENIED: 'denied', // the registry knows us and says no: error names repository and missing permission
  REGISTRY_REFUSED: 'denied', // the registry knows us, may let us, and does not take this content
  REGISTRY_UNAUTHORIZED: 'denied', // the registry does not know us
  RIGHTS_TOO_WIDE: 'denied', // others may read what is secret
  SERVICE_REFUSED: 'denied', // a certificate authority, a log or a timestamp authority says no
  SEVERITY_EXCEEDED: 'denied', // a scan found worse than is allowed
  SEVERITY_UNKNOWN: 'denied', // a scan found what nobody has rated
  SOURCE_MISMATCH: 'denied',
  STACK_EXISTS: 'denied', // a private Sigstore, or part of one, is where a new one was to go
  STORE_TOO_NEW: 'denied', // a later version of this program wrote it
  TAG_TAKEN: 'denied', // the tag to be written holds something else
  THRESHOLD_NOT_MET: 'denied', // sound, but by fewer authorities than asked for
  TLOG_ENTRY_MISSING: 'denied',

  // unavailable: we could not find out
  ADDRESS_UNAVAILABLE: 'unavailable', // nothing can be served there
  CREDENTIALS_UNAVAILABLE: 'unavailable', // a credential helper that is missing, fails or takes too long
  FILE_UNREADABLE: 'unavailable',
  FILE_UNWRITABLE: 'unavailable',
  IMAGES_NOT_SIGNED: 'unavailable', // several, for different reasons; each is listed with its own, and the rest are signed
  IMAGE_NOT_FOUND: 'unavailable', // no such tag or repository
  BLOB_NOT_FOUND: 'unavailable',
  KEY_NOT_FOUND: 'unavailable',
  KMS_UNAVAILABLE: 'unavailable', // unreachable, too slow, or throttling to the end
  LAYOUT_NOT_FOUND: 'unavailable', // no image layout in this folder
  MANIFEST_CHANGED: 'unavailable', // the tag no longer holds what we replace
  REFERRERS_CONTENDED: 'unavailable', // others kept overwriting the tag we append to
  REGISTRY_UNAVAILABLE: 'unavailable',
  LOG_OVERLOADED: 'unavailable', // too many entries wait to be logged
  SERVICE_UNAVAILABLE: 'unavailable',
  STACK_MISSING: 'unavailable', // no private Sigstore in this folder
  STORE_LOCKED: 'unavailable', // another process has it open
  STORE_UNAVAILABLE: 'unavailable', // whether the write happened is unknown
  TOKEN_UNAVAILABLE: 'unavailable', // no ID token was given or is to be had here
  TIMED_OUT: 'unavailable',
  TRUST_EXPIRED: 'unavailable', // metadata of a TUF repository is past its date, and no newer was to be had
  TRUST_UNAVAILABLE: 'unavailable', // no trusted root was given, kept or to be had
  TLOG_UNAVAILABLE: 'unavailable',
  WITNESS_UNAVAILABLE: 'unavailable', // too few witnesses of a log cosigned its head

  // usage: the caller asked for something that cannot be
  CAPABILITY_MISSING: 'usage', // named in the message, with the way that works today
  PATTERN_MALFORMED: 'usage', // not RE2
  POLICY_EMPTY: 'usage', // a policy of the user's own that says nothing
  POLICY_MALFORMED: 'usage', // a policy of the user's own that is no program
  USAGE: 'usage',
  VARIABLE_UNSET: 'usage', // what is asked for is made of it
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorKinds

/** The one error this project throws on purpose. Programs match `code`, people read `message`. */
export class CountersignError extends Error {
  override readonly name = 'CountersignError'
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  get kind(): ErrorKind {
    return errorKinds[this.code]
  }
}

/** What a failure says of itself, whatever was thrown. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

/** Runs a reader and begins the messages of its errors with what it reads: `PLACE: …`. Their codes stay. */
export function readAt<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    throw new CountersignError(cause.code, `${place}: ${cause.message}`, { cause })
  }
}

/** Why none of several alternatives held. */
export type Failures = readonly [CountersignError, ...CountersignError[]]

/**
 * What the first of several alternatives gives that holds; later ones are not tried. What is no error of ours is thrown at once.
 *
 * @param alternatives - at least one
 * @param refuse - makes one error of all failures
 * @throws CountersignError of `refuse`: unless told, the first failure, with all of them as its cause where there are several
 */
export async function firstToHold<T, R>(
  alternatives: readonly T[],
  attempt: (alternative: T) => R | Promise<R>,
  refuse: (failures: Failures) => CountersignError = ([first, ...others]) => withAll(first, [first, ...others]),
): Promise<R> {
  const failures: CountersignError[] = []
  for (const alternative of alternatives)
    try {
      return await attempt(alternative)
    } catch (cause) {
      if (!(cause instanceof CountersignError)) throw cause
      failures.push(cause)
    }
  const [first, ...others] = failures
  if (!first) throw new TypeError('firstToHold: want at least one alternative')
  throw refuse([first, ...others])
}

/** The failure that speaks for all, with all of them as its cause where there are several. */
export function withAll(telling: CountersignError, failures: Failures): CountersignError {
  return failures.length === 1 ? telling : new CountersignError(telling.code, telling.message, { cause: new AggregateError(failures) })
}
