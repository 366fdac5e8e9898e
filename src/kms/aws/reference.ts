import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** A key of AWS KMS as a reference names it. */
export type AwsReference = {
  readonly endpoint: string | undefined // `https://localhost:4566`; where the SDK finds it when there is none
  readonly keyId: string // as KMS takes it: key id, alias name, or the ARN of either
  readonly alias: string | undefined // `alias/release`: what alone can be given to a new key
  readonly region: string | undefined // what an ARN says
}

const scheme = 'awskms://'
const uuid = /^(?:mrk-)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const aliasName = /^alias\/[A-Za-z0-9/_-]{1,250}$/
const arn = /^arn:aws(?:-[a-z]+){0,3}:kms:([a-z0-9-]{1,40}):[0-9]{12}:(?:key\/(.+)|(alias\/.+))$/s
const host = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?$/

/**
 * Reads `awskms://[HOST]/KEY`: KEY is a key id (also of a multi-region key, `mrk-…`), an alias name `alias/NAME`, or the ARN of either. A host is
 * reached by https.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 * @see formats-and-flows §1.3 awskms; AWS KMS API reference, CreateAlias, for what an alias may be called
 */
export function parseAwsReference(text: string): AwsReference {
  const [, authority, keyId] = /^awskms:\/\/([^/]*)\/(.*)$/s.exec(text) ?? []
  if (authority === undefined || keyId === undefined) throw malformed(text)
  const [, region, keyOfArn, aliasOfArn] = arn.exec(keyId) ?? []
  const alias = aliasOfArn ?? (keyId.startsWith('alias/') ? keyId : undefined)
  if (alias === undefined ? !uuid.test(keyOfArn ?? keyId) : !aliasName.test(alias)) throw malformed(text)
  return { endpoint: readHost(authority, text), keyId, alias, region }
}

function readHost(authority: string, text: string): string | undefined {
  if (authority === '') return undefined
  const url = host.test(authority) ? URL.parse(`https://${authority}`) : null
  if (!url) throw malformed(text)
  return url.origin
}

function malformed(text: string): CountersignError {
  return new CountersignError(
    'REFERENCE_MALFORMED',
    `key reference ${quote(
      scheme +
        text
          .slice(scheme.length)
          .replace(/\?.*/s, '')
          .replace(/^[^/]*@/, ''),
    )}: want awskms:///KEYID, awskms:///alias/NAME or the ARN of either, or awskms://HOST/ before it`,
  )
}
