import type { CipProgram, Included } from '../cluster-image-policy.ts'
import { disallowedFields, type FieldError, invalidValue, missingFields, wantExactlyOne } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'

const otherLanguages = ['cue', 'rego']
const notRun = 'policies in CUE and Rego are not run here: write it in CEL, with type: cel'
const sources = ['configMapRef', 'data', 'remote']
/** What the fields of a program over the whole verdict add to what it sees. */
const inclusions: readonly (readonly [field: string, Included])[] = [
  ['fetchConfigFile', 'config'],
  ['includeSpec', 'spec'],
  ['includeObjectMeta', 'metadata'],
  ['includeTypeMeta', 'typemeta'],
]
const limitCharacters = 64 << 10

/** Whether all that is wrong with a field is that it names a language which other controllers run. */
export function isOtherLanguage({ details }: FieldError): boolean {
  return details === notRun
}

/**
 * Reads a `policy`: its language and where its text is kept. CUE and Rego are refused by name, and so is what only a program over the
 * whole verdict can see, where it stands in that of an attestation.
 *
 * @see spec admission §1.1 `policy`, §1.5
 */
export function readProgram(
  policy: ObjectReader,
  { isWholeVerdict }: { readonly isWholeVerdict: boolean },
): (CipProgram & { readonly includes: readonly Included[] }) | undefined {
  const { problems } = policy
  const type = policy.text('type')
  if (type !== 'cel') problems.add(invalidValue(type, policy.at('type'), otherLanguages.includes(type) ? notRun : 'want cel, cue or rego'))
  const includes = inclusions.flatMap(([field, included]) => (policy.flag(field) ? [included] : []))
  if (!isWholeVerdict) for (const [field] of inclusions) if (policy.has(field)) problems.add(disallowedFields(policy.at(field)))
  const path = policy.path
  const data = policy.text('data')
  const configMap = policy.object('configMapRef', readConfigMapRef)
  const remote = policy.object('remote', readRemote)
  const given = sources.filter(name => (name === 'data' ? data !== '' : policy.has(name)))
  if (given.length !== 1) {
    problems.add(
      wantExactlyOne(
        given.length === 0 ? 'neither' : 'both',
        sources.map(name => policy.at(name)),
      ),
    )
    return undefined
  }
  if (data !== '') {
    if (data.length > limitCharacters) problems.add(invalidValue(data, policy.at('data'), `want at most ${limitCharacters} characters`))
    return { path, includes, kind: 'data', text: data }
  }
  if (configMap) return { path, includes, kind: 'configMap', ...configMap }
  return remote && { path, includes, kind: 'remote', ...remote }
}

/** The namespace is the controller's own, whatever is written there: upstream reads no other either. It must not seem to be one. */
function readConfigMapRef(reference: ObjectReader): { readonly name: string; readonly key: string } {
  const [name, key] = [reference.text('name'), reference.text('key')]
  reference.passOver('namespace')
  for (const field of [name === '' ? 'name' : undefined, key === '' ? 'key' : undefined])
    if (field !== undefined) reference.problems.add(missingFields(reference.at(field)))
  return { name, key }
}

function readRemote(remote: ObjectReader): { readonly url: URL; readonly sha256: string } | undefined {
  const { problems } = remote
  const [text, sha256] = [remote.text('url'), remote.text('sha256sum')]
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isUsable = url?.protocol === 'https:' && url.hostname !== '' && url.username === '' && url.password === ''
  if (text === '') problems.add(missingFields(remote.at('url')))
  else if (!isUsable) problems.add(invalidValue(text, remote.at('url'), 'want an https URL with a host, without user name or password'))
  if (sha256 === '') problems.add(missingFields(remote.at('sha256sum')))
  else if (!/^[0-9a-f]{64}$/.test(sha256)) problems.add(invalidValue(sha256, remote.at('sha256sum'), 'want 64 lower-case hex digits'))
  return isUsable && url ? { url, sha256 } : undefined
}
