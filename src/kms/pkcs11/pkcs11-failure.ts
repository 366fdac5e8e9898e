import { CountersignError, type ErrorCode, reasonOf } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** What codes of PKCS #11 mean to whoever runs us: ours, and what to do. Source: PKCS #11 v2.40 §5.1. */
const meanings: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['CKR_PIN_INCORRECT', ['PIN_WRONG', 'the PIN is wrong']],
  ['CKR_PIN_INVALID', ['PIN_WRONG', 'the PIN is wrong: it has characters that the token takes for none']],
  ['CKR_PIN_LEN_RANGE', ['PIN_WRONG', 'the PIN is wrong: it is longer or shorter than the token takes']],
  ['CKR_PIN_EXPIRED', ['KMS_UNAUTHORIZED', "the PIN has expired; set a new one with the maker's tool"]],
  ['CKR_PIN_LOCKED', ['PIN_LOCKED', locked()]],
  ['CKR_USER_PIN_NOT_INITIALIZED', ['KMS_UNAUTHORIZED', "the token has no user PIN yet; set one with the maker's tool"]],
  ['CKR_USER_NOT_LOGGED_IN', ['KMS_UNAUTHORIZED', 'the token wants its user to log in']],
  ['CKR_USER_ANOTHER_ALREADY_LOGGED_IN', ['KMS_UNAVAILABLE', 'another user is logged in to the token']],
  ['CKR_USER_TOO_MANY_TYPES', ['KMS_UNAVAILABLE', 'another user is logged in to the token']],
  ['CKR_FUNCTION_CANCELED', ['KMS_UNAUTHORIZED', 'it was cancelled at the token']],
  ['CKR_FUNCTION_REJECTED', ['KMS_UNAUTHORIZED', 'it was refused at the token']],
  ['CKR_KEY_FUNCTION_NOT_PERMITTED', ['KEY_UNSUPPORTED', 'the key may not sign; make one with CKA_SIGN']],
  ['CKR_KEY_TYPE_INCONSISTENT', ['KEY_UNSUPPORTED', 'the token does not sign so with a key of this type']],
  ['CKR_KEY_SIZE_RANGE', ['KEY_UNSUPPORTED', 'the token does not sign with a key of this size']],
  ['CKR_MECHANISM_INVALID', ['KEY_UNSUPPORTED', 'the token does not sign so: it lacks the mechanism']],
  ['CKR_MECHANISM_PARAM_INVALID', ['KEY_UNSUPPORTED', 'the token does not sign so: it wants parameters of the mechanism']],
  ['CKR_CURVE_NOT_SUPPORTED', ['KEY_UNSUPPORTED', 'the token does not have the curve']],
  ['CKR_DOMAIN_PARAMS_INVALID', ['KEY_UNSUPPORTED', 'the token does not have the curve']],
  ['CKR_TEMPLATE_INCONSISTENT', ['KEY_UNSUPPORTED', "the token makes no such key; make it with the maker's tool"]],
  ['CKR_ATTRIBUTE_VALUE_INVALID', ['KEY_UNSUPPORTED', "the token makes no such key; make it with the maker's tool"]],
  ['CKR_FUNCTION_NOT_SUPPORTED', ['KEY_UNSUPPORTED', "the module does not do this; use the maker's tool"]],
  ['CKR_ACTION_PROHIBITED', ['KMS_DENIED', 'the token forbids it']],
  ['CKR_ATTRIBUTE_READ_ONLY', ['KMS_DENIED', 'the token forbids to set an attribute that the key needs']],
  ['CKR_TOKEN_WRITE_PROTECTED', ['KMS_DENIED', 'the token is write-protected']],
  ['CKR_SESSION_READ_ONLY', ['KMS_DENIED', 'the token lets its user only read']],
  ['CKR_TOKEN_NOT_PRESENT', ['KMS_UNAVAILABLE', 'the token is not there any more']],
  ['CKR_TOKEN_NOT_RECOGNIZED', ['KMS_UNAVAILABLE', 'the module does not recognize the token']],
  ['CKR_DEVICE_REMOVED', ['KMS_UNAVAILABLE', 'the token is not there any more']],
  ['CKR_DEVICE_ERROR', ['KMS_UNAVAILABLE', 'the token reports a fault']],
  ['CKR_DEVICE_MEMORY', ['KMS_UNAVAILABLE', 'the token is full']],
  ['CKR_SESSION_COUNT', ['KMS_UNAVAILABLE', 'the token has no session left; others hold them all']],
])

/** What is said where no PIN is taken any more. */
export function locked(): string {
  return "the PIN is locked after too many wrong ones; unlock it with the maker's tool (PUK, or the security officer's PIN)"
}

/** The code that a module gave, `CKR_PIN_INCORRECT`; nothing for what is no error of a module. */
export function ckrOf(cause: unknown): string | undefined {
  return cause instanceof Error ? /\bCKR_[A-Z0-9_]+/.exec(cause.message)?.[0] : undefined
}

/** Codes after which a session is of no use any more. */
export function endsSession(cause: unknown): boolean {
  const code = ckrOf(cause)
  return (
    code !== undefined &&
    [
      'CKR_SESSION_HANDLE_INVALID',
      'CKR_SESSION_CLOSED',
      'CKR_DEVICE_REMOVED',
      'CKR_TOKEN_NOT_PRESENT',
      'CKR_DEVICE_ERROR',
      'CKR_CRYPTOKI_NOT_INITIALIZED',
    ].includes(code)
  )
}

/**
 * What a module's failure is called here. Our own errors pass.
 *
 * @param what - begins the message
 * @param doing - what was tried: `signing`
 */
export function pkcs11Failure(what: string, doing: string, cause: unknown): CountersignError {
  if (cause instanceof CountersignError) return cause
  const code = ckrOf(cause)
  const meaning = code === undefined ? undefined : meanings.get(code)
  if (meaning) return new CountersignError(meaning[0], `${what}: ${doing}: ${meaning[1]} (${code})`, { cause })
  return new CountersignError('KMS_UNAVAILABLE', `${what}: ${doing}: the module failed with ${code ?? quote(reasonOf(cause))}`, { cause })
}
