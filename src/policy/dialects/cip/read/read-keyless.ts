import { CountersignError } from '../../../../codec/error.ts'
import { encodeUtf8 } from '../../../../codec/text.ts'
import { parseCertificatesPem } from '../../../../trust/pem-trust.ts'
import type { IdentityMatcher, TextMatcher } from '../../../../verify/identity.ts'
import { parsePattern } from '../../../../verify/pattern.ts'
import type { KeylessSigner } from '../cluster-image-policy.ts'
import { invalidValue, missingFields, wantExactlyOne } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'
import { readKeySource, refuseHash } from './read-key.ts'
import { readOptionalUrl } from './read-place.ts'

const maxIdentities = 100

/**
 * Reads the `keyless` of an authority: who may have signed, and who vouches for them. `url` is the authority's address and is never asked.
 *
 * @see spec admission §1.1 `.keyless`, §0.1 D5
 */
export function readKeylessSigner(authority: ObjectReader, systemNamespace: string): KeylessSigner | undefined {
  return authority.object('keyless', reader => {
    const { problems } = reader
    readOptionalUrl(reader, 'url')
    const authorities = reader.object('ca-cert', certificates => {
      refuseHash(certificates)
      return readKeySource(certificates, systemNamespace, pem => parseCertificatesPem(encodeUtf8(pem), 'ca-cert'))
    })
    if (reader.has('url') && reader.has('ca-cert')) problems.add(wantExactlyOne('both', [reader.at('ca-cert'), reader.at('url')]))
    const identities = reader.objects('identities', maxIdentities, readIdentity)
    const [first, ...others] = identities
    if (identities.length === 0)
      // as the schema of the API server says it, before any webhook does
      problems.add({ message: `${reader.at('identities')}: Invalid value`, paths: ['want at least one identity, got none'] })
    const [trustRootRef, ignoresSct] = [reader.text('trustRootRef'), reader.flag('insecureIgnoreSCT')]
    if (!first) return undefined
    return {
      kind: 'keyless',
      identities: [first, ...others],
      ignoresSct,
      ...(authorities && { authorities }),
      ...(trustRootRef !== '' && { trustRootRef }),
    }
  })
}

function readIdentity(identity: ObjectReader): IdentityMatcher | undefined {
  const [issuer, subject] = [readMatcher(identity, 'issuer'), readMatcher(identity, 'subject')]
  return issuer && subject && { issuer, subject }
}

/** One of a text and a pattern. */
function readMatcher(identity: ObjectReader, name: 'issuer' | 'subject'): TextMatcher | undefined {
  const { problems } = identity
  const [exact, source] = [identity.text(name), identity.text(`${name}RegExp`)]
  const both = [identity.at(name), identity.at(`${name}RegExp`)]
  if (exact === '' && source === '') problems.add(missingFields(...both))
  if (exact !== '' && source !== '') problems.add(wantExactlyOne('both', both))
  if (source === '') return exact === '' ? undefined : { exact }
  try {
    const pattern = parsePattern(source, `${name}RegExp`)
    return exact === '' ? { pattern } : undefined
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    problems.add(invalidValue(source, identity.at(`${name}RegExp`), `regex is invalid: ${cause.message}`))
    return undefined
  }
}
