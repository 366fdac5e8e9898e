/** The code of an error that the system or a runtime made (`ENOENT`), `''` for anything without one. */
export function systemErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
