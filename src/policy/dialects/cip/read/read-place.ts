import { parseRepository, type Repository } from '../../../../oci/reference.ts'
import { invalidValue } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'

/** An http(s) URL, nothing where there is none or where it is wrong. */
export function readOptionalUrl(reader: ObjectReader, name: string): URL | undefined {
  const text = reader.text(name)
  if (text === '') return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isUsable = (url?.protocol === 'https:' || url?.protocol === 'http:') && url.username === '' && url.password === ''
  if (!isUsable) reader.problems.add(invalidValue(text, reader.at(name), 'want an http(s) URL without user name or password'))
  return isUsable ? url : undefined
}

/**
 * A repository, nothing where there is none or where it is wrong. A host alone is refused: go-containerregistry takes it for a
 * repository of Docker Hub, which nobody means.
 */
export function readOptionalRepository(reader: ObjectReader, name: string): Repository | undefined {
  const text = reader.text(name)
  if (text === '') return undefined
  const path = reader.at(name)
  if (!text.includes('/')) {
    reader.problems.add(invalidValue(text, path, 'want a repository: HOST/PATH'))
    return undefined
  }
  return reader.parsed(name, text, () => parseRepository(text))
}
