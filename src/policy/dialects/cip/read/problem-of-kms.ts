const schemes = ['awskms://', 'azurekms://', 'hashivault://', 'gcpkms://', 'k8s://']

/**
 * Why a text is no reference to a key in a KMS, nothing where it is one. Of AWS only ARNs of keys and aliases count: all else would need
 * settings that a policy does not have.
 *
 * Beside upstream's, that of key pairs in Secrets of a cluster, as they are signed with.
 *
 * @see spec admission §1.1 `.kms`
 */
export function problemOfKms(reference: string): string | undefined {
  if (!schemes.some(scheme => reference.startsWith(scheme) && reference.length > scheme.length))
    return `want a key of ${schemes.join(', ')}`
  return reference.startsWith('awskms://') ? problemOfAws(reference.slice('awskms://'.length)) : undefined
}

function problemOfAws(rest: string): string | undefined {
  const slash = rest.indexOf('/')
  if (slash < 0) return "malformed AWS KMS format, should be: 'awskms://$ENDPOINT/$KEYID'"
  const [endpoint, keyId] = [rest.slice(0, slash), rest.slice(slash + 1)]
  if (endpoint !== '' && !/^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$/.test(endpoint)) return 'malformed endpoint: want HOST:PORT'
  const isKey = /^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)\/[A-Za-z0-9/_-]+$/.test(keyId)
  return isKey ? undefined : 'failed to parse either key or alias arn'
}
