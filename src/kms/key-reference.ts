import { CountersignError } from '../codec/error.ts'
import { quote } from '../codec/text.ts'
import { describeKeyReference } from './describe-key-reference.ts'
import { type GitlabProject, parseGitlabProject } from './forge/gitlab.ts'
import { parseSecretReference, type SecretReference } from './kubernetes/secret-reference.ts'
import { remoteSchemes } from './remote/open-remote-key.ts'

export { describeKeyReference }

/** Where a key is kept, as the value of `--key` says it. Source: formats-and-flows §1.3. */
export type KeyReference =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'gitlab'; readonly project: GitlabProject }
  | { readonly kind: 'kubernetes'; readonly secret: SecretReference }
  | RemoteKeyReference

/** A key in a KMS or an HSM; its provider reads the text. Of a scheme that is none of `remoteSchemes` that is a plugin. */
export type RemoteKeyReference = { readonly kind: 'remote'; readonly scheme: string; readonly text: string }

const knownReferences = `want a file, ${['env://VARIABLE', 'gitlab://PROJECT', 'k8s://NAMESPACE/NAME', ...remoteSchemes.map(scheme => (scheme === 'pkcs11' ? 'pkcs11:…' : `${scheme}://…`))].join(', ')} or an https:// URL`

/**
 * Parses a key reference. Only `scheme://` makes one other than a file (and `pkcs11:`): a file may be called `gitlab.key`,
 * which cosign takes for a project on GitLab. A scheme that is not ours is a plugin's; whether there is one shows when it is asked.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 */
export function parseKeyReference(text: string): KeyReference {
  if (text === '') throw new CountersignError('REFERENCE_MALFORMED', `key reference: ${knownReferences}, got nothing`)
  const remote = remoteSchemes.find(scheme => text.startsWith(scheme === 'pkcs11' ? 'pkcs11:' : `${scheme}://`))
  if (remote !== undefined) return { kind: 'remote', scheme: remote, text }
  if (/^pkcs11:/i.test(text))
    // or it would be a file's name, which messages show whole
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference: want pkcs11: in lower case, got ${quote(text.slice(0, 'pkcs11:'.length))}`,
    )
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? []
  if (scheme === undefined || rest === undefined) return { kind: 'file', path: text }
  if (scheme === 'env') return { kind: 'environment', name: rest }
  if (scheme === 'gitlab') return { kind: 'gitlab', project: parseGitlabProject(rest) }
  if (scheme === 'https' || scheme === 'http') return { kind: 'url', url: parseUrl(text) }
  if (scheme === 'k8s') return { kind: 'kubernetes', secret: parseSecretReference(rest) }
  if (scheme === 'github')
    throw new CountersignError(
      'REFERENCE_MALFORMED', // its secrets are written and never read
      `key reference ${describeKeyReference(text)}: unrecognized scheme: ${quote(`${scheme}://`)}; ${knownReferences}`,
    )
  return { kind: 'remote', scheme, text }
}

/** Trust that arrives over a network must arrive unaltered: plain http is for this machine alone. */
function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new CountersignError('REFERENCE_MALFORMED', `key reference ${describeKeyReference(text)}: want a URL`)
  const url = new URL(text)
  if (url.username || url.password)
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference ${quote(url.origin + url.pathname)}: want a URL without a user name or password`,
    )
  if (url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference ${quote(url.origin + url.pathname)}: want https, for anybody could alter a key sent over http`,
    )
  return url
}
