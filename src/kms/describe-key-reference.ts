import { quote } from '../codec/text.ts'

/**
 * A key reference as messages show it: without the query, which holds the PIN of a token or the signature of a URL that lets
 * one read, and without a user name and password.
 */
export function describeKeyReference(text: string): string {
  const isPath = !text.includes('://') && !/^pkcs11:/i.test(text)
  if (isPath) return quote(text)
  return quote(text.replace(/\?.*/s, '').replace(/^([^/]*:\/\/)[^/]*@/, '$1'))
}
