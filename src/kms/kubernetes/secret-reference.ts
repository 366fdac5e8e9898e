import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** A Secret of a cluster. */
export type SecretReference = { readonly namespace: string; readonly name: string }

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const [labelLimit, nameLimit] = [63, 253]

/**
 * Reads what stands behind `k8s://`: a namespace, which is a DNS label, and the name of a Secret, which is a DNS subdomain, as Kubernetes
 * has them ("Object Names and IDs"). Formats-and-flows §1.3.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 */
export function parseSecretReference(text: string): SecretReference {
  const [namespace = '', name = '', ...others] = text.split('/')
  const isNamed = name.length <= nameLimit && name.split('.').every(part => label.test(part))
  if (others.length > 0 || namespace.length > labelLimit || !label.test(namespace) || !isNamed)
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `kubernetes specification should be in the format k8s://<namespace>/<secret>, got ${quote(text.replace(/\?.*/s, '').replace(/^.*@/s, ''))}`,
    )
  return { namespace, name }
}
