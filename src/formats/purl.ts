/** A package URL, taken apart. Source: ECMA-427. */
export type Purl = {
  readonly name: string // type, namespace and name, as they are compared
  readonly version: string | undefined
  readonly qualifiers: ReadonlyMap<string, string>
  readonly subpath: string | undefined
}

/**
 * Takes a package URL apart: percent-encoding undone, the type and the names of qualifiers in small letters. Namespace and name stay as
 * they are written, though some types do without regard to case: what differs by it is asked for as it is listed.
 *
 * @returns nothing for text that is no package URL
 */
export function parsePurl(text: string): Purl | undefined {
  const parts = /^pkg:\/*([A-Za-z][A-Za-z0-9.+-]*)\/([^?#]+)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text)
  if (!parts) return undefined
  const [, type = '', rest = '', query = '', subpath] = parts
  const at = rest.lastIndexOf('@')
  const hasVersion = at > 0 && !rest.includes('/', at)
  try {
    const path = segmentsOf(hasVersion ? rest.slice(0, at) : rest)
    if (path.length === 0) return undefined
    return {
      name: `${type.toLowerCase()}/${path.map(decodeURIComponent).map(encodeURIComponent).join('/')}`,
      version: hasVersion ? decodeURIComponent(rest.slice(at + 1)) || undefined : undefined,
      qualifiers: readQualifiers(query),
      subpath: subpath === undefined ? undefined : segmentsOf(decodeURIComponent(subpath)).join('/') || undefined,
    }
  } catch {
    return undefined // a percent sign that encodes nothing
  }
}

/** What stands between slashes; several of them are as one. */
function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter(segment => segment !== '')
}

function readQualifiers(query: string): ReadonlyMap<string, string> {
  const pairs = query.split('&').flatMap(pair => {
    const [name = '', ...value] = pair.split('=')
    const text = decodeURIComponent(value.join('='))
    return text === '' ? [] : [[name.toLowerCase(), text] as const] // an empty value is as none
  })
  return new Map(pairs)
}

/** Whether one is the package that somebody asked for. What was not asked for (version, qualifiers, path) may be anything. */
export function isPackage(found: Purl, wanted: Purl): boolean {
  return (
    found.name === wanted.name &&
    (wanted.version === undefined || found.version === wanted.version) &&
    (wanted.subpath === undefined || found.subpath === wanted.subpath) &&
    [...wanted.qualifiers].every(([name, value]) => found.qualifiers.get(name) === value)
  )
}
