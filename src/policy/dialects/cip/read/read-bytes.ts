import { decodeBase64 } from '../../../../codec/base64.ts'
import { invalidValue, missingFields } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'

/**
 * Bytes as Kubernetes writes them, base64, in which lines may end as Go lets them; nothing where there are none or where that is wrong.
 *
 * @param limitBytes - of the bytes
 */
export function readBytes(reader: ObjectReader, name: string, limitBytes: number): Uint8Array | undefined {
  const text = reader.text(name).replaceAll(/[\r\n]/g, '')
  if (text === '') {
    if (!reader.has(name)) reader.problems.add(missingFields(reader.at(name)))
    else reader.problems.add(invalidValue('', reader.at(name), 'want base64'))
    return undefined
  }
  const bytes = reader.parsed(name, text, () => decodeBase64(text, name))
  if (!bytes || bytes.length <= limitBytes) return bytes
  reader.problems.add(invalidValue(`${bytes.length} bytes`, reader.at(name), `want at most ${limitBytes}`))
  return undefined
}
