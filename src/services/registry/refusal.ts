/** Error codes on the wire with their status. Those of the distribution spec, then those docker's registry adds, then our own. */
const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  PRECONDITION_FAILED: 412,
} as const

export type RefusalCode = keyof typeof statuses

/** A request the registry says no to. The registry's outermost function turns it into an answer; nobody else catches it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** @param more - a status other than the code's own (413 for what is too large), and headers of the answer */
  constructor(code: RefusalCode, message: string, more: { status?: number; headers?: Readonly<Record<string, string>> } = {}) {
    super(message)
    this.code = code
    this.status = more.status ?? statuses[code]
    this.headers = more.headers ?? {}
  }
}

/** The answer to a refused request. @see OCI distribution spec 1.1, "Error Codes" */
export function refusalResponse({ code, message, status, headers }: Refusal): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers })
}
