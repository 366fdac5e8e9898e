import { CountersignError } from '../../codec/error.ts'
import { encodeHex } from '../../codec/hex.ts'
import { decodeUtf8, encodeUtf8, quote, quoteUpTo } from '../../codec/text.ts'

/**
 * A key pair on a token, as a URI of RFC 7512 names it. Every attribute that is given must fit.
 */
export type Pkcs11Reference = {
  readonly slotId?: bigint
  readonly token?: string // its label
  readonly manufacturer?: string // of the token
  readonly model?: string // of the token
  readonly serial?: string // of the token
  readonly id?: Uint8Array // CKA_ID, 1 to 255 bytes
  readonly object?: string // CKA_LABEL
  readonly modulePath?: string // absolute
  readonly pin?: { readonly value: string } | { readonly path: string } // itself, or the file that holds it
}

const limitCharacters = 4096
const idLimitBytes = 255
const queryNames: readonly string[] = ['module-path', 'pin-value', 'pin-source']

/** Attributes of the path, and what each value of a token must be no longer than: fields of CK_TOKEN_INFO are of fixed length. */
const tokenAttributes = new Map([
  ['token', 32],
  ['manufacturer', 32],
  ['model', 16],
  ['serial', 16],
])

/**
 * Parses a `pkcs11:` URI. A token must be named by label, serial number or slot, and a key by id or label. Attributes of the path are divided by `;`, or by `&` as
 * cosign lets one; those of the query by `&`, or by `;`. Values are percent-encoded, and `+` is a plus sign, which cosign reads as a space.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`; no message shows the query, which may hold the PIN
 * @see RFC 7512 §2.3, formats-and-flows §1.3
 */
export function parsePkcs11Reference(text: string): Pkcs11Reference {
  if (text.length > limitCharacters) throw malformed(`want at most ${limitCharacters} characters, got ${text.length}`)
  if (!text.startsWith('pkcs11:')) throw malformed(`want it to begin with pkcs11:, got ${quote(text.replace(/\?.*/s, ''))}`)
  const [path = '', query, ...rest] = text.slice('pkcs11:'.length).split(/\?(.*)/s)
  if (query === undefined ? rest.length > 0 : rest.join('') !== '') throw malformed('want one question mark before the query')
  const inPath = readAttributes(path, 'path')
  const inQuery = query === undefined ? new Map<string, Uint8Array>() : readAttributes(query, 'query')
  checkNames(inPath.keys(), [...tokenAttributes.keys(), 'slot-id', 'id', 'object', 'type'])
  checkQueryNames(inQuery)
  checkType(textOf(inPath, 'type'))
  const reference = {
    ...present('slotId', readSlotId(textOf(inPath, 'slot-id'))),
    ...present('token', readTokenText(inPath, 'token')),
    ...present('manufacturer', readTokenText(inPath, 'manufacturer')),
    ...present('model', readTokenText(inPath, 'model')),
    ...present('serial', readTokenText(inPath, 'serial')),
    ...present('id', readId(inPath.get('id'))),
    ...present('object', textOf(inPath, 'object')),
    ...present('modulePath', readModulePath(textOf(inQuery, 'module-path'))),
    ...present('pin', readPin(textOf(inQuery, 'pin-value'), textOf(inQuery, 'pin-source'))),
  }
  if (reference.token === undefined && reference.slotId === undefined && reference.serial === undefined)
    throw malformed('want one of token, serial and slot-id, which say where the key is')
  if (reference.id === undefined && reference.object === undefined) throw malformed('want one of id and object, which say which key it is')
  return reference
}

/**
 * The URI of a key pair, attributes in the order that cosign prints them in. Parsing it gives the same reference.
 *
 * @see RFC 7512 §2.3: an id is percent-encoded whole
 */
export function encodePkcs11Uri(reference: Pkcs11Reference): string {
  const { slotId, id, object, modulePath, pin } = reference
  const path = [
    ...['token', 'manufacturer', 'model', 'serial'].flatMap(name => {
      const value = reference[name as 'token' | 'manufacturer' | 'model' | 'serial']
      return value === undefined ? [] : [`${name}=${percentEncode(value, /[A-Za-z0-9\-._~:[\]@!$'()*+,=]/)}`]
    }),
    ...(slotId === undefined ? [] : [`slot-id=${slotId}`]),
    ...(id ? [`id=${encodeHex(id).replace(/../g, '%$&')}`] : []),
    ...(object === undefined ? [] : [`object=${percentEncode(object, /[A-Za-z0-9\-._~:[\]@!$'()*+,=]/)}`]),
  ]
  const inQuery = /[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]/
  const query = [
    ...(modulePath === undefined ? [] : [`module-path=${percentEncode(modulePath, inQuery)}`]),
    ...(pin === undefined
      ? []
      : 'value' in pin
        ? [`pin-value=${percentEncode(pin.value, inQuery)}`]
        : [`pin-source=${percentEncode(`file:${pin.path}`, inQuery)}`]),
  ]
  return `pkcs11:${path.join(';')}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

/** The path alone, short and without secrets: begins messages. */
export function describePkcs11(reference: Pkcs11Reference): string {
  const { modulePath: _, pin: __, ...shown } = reference
  return `PKCS #11 key ${quoteUpTo(encodePkcs11Uri(shown), 200)}`
}

function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: Value })
}

function readAttributes(text: string, where: 'path' | 'query'): ReadonlyMap<string, Uint8Array> {
  const attributes = new Map<string, Uint8Array>()
  const isSecret = where === 'query' || /(^|[;&])pin/i.test(text) // of a query even the names: what follows a bare "&" in a PIN looks like one
  for (const part of text.split(/[;&]/)) {
    const [, name, value] = /^([A-Za-z0-9-]+)=(.+)$/s.exec(part) ?? []
    if (name === undefined || value === undefined)
      throw malformed(
        !isSecret
          ? `want NAME=VALUE, none empty, got ${quote(part)}; ";" and "&" within a value are written %3b and %26`
          : `want NAME=VALUE, none empty, in the ${where}; ";" and "&" within a value are written %3b and %26`,
      )
    if (attributes.has(name)) throw malformed(`want ${isSecret && !queryNames.includes(name) ? 'each attribute' : name} once`)
    attributes.set(name, percentDecode(value, name, isSecret))
  }
  return attributes
}

/** Octets of a value. What RFC 7512 lets stand for itself does so, and other characters that cosign lets pass too, but no spaces or controls. */
function percentDecode(value: string, name: string, isSecret: boolean): Uint8Array {
  const shown = isSecret ? '' : `, got ${quote(value)}`
  const octets: number[] = []
  for (let at = 0; at < value.length; at++) {
    const character = value[at]!
    if (character === '%') {
      const hex = value.slice(at + 1, at + 3)
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) throw malformed(`${name}: want two hex digits after each %${shown}`)
      octets.push(Number.parseInt(hex, 16))
      at += 2
    } else {
      if (!/^[!-~]$/.test(character) || '#"<>\\^`{}'.includes(character))
        throw malformed(`${name}: want characters that a URI may hold, others percent-encoded${shown}`)
      octets.push(character.charCodeAt(0))
    }
  }
  return Uint8Array.from(octets)
}

function checkNames(names: Iterable<string>, known: readonly string[]): void {
  for (const name of names)
    if (!known.includes(name)) throw malformed(`unknown attribute ${quote(name)}; want ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`)
}

function checkQueryNames(attributes: ReadonlyMap<string, unknown>): void {
  if (attributes.has('module-name')) throw malformed('module-name: want the file itself, by module-path')
  for (const name of attributes.keys())
    if (!queryNames.includes(name))
      throw malformed(
        'unknown attribute in the query; want module-path, pin-value or pin-source, and %26 and %3b for "&" and ";" within a PIN',
      )
}

/** The URIs that p11tool prints tell the half of the pair they were printed for; either leads to both. */
function checkType(type: string | undefined): void {
  if (type !== undefined && type !== 'private' && type !== 'public')
    throw malformed(`type: want private or public, a key pair, got ${quote(type)}`)
}

function textOf(attributes: ReadonlyMap<string, Uint8Array>, name: string): string | undefined {
  const octets = attributes.get(name)
  if (octets === undefined) return undefined
  const text = decodeUtf8(octets, `PKCS #11 URI: ${name}`, 'REFERENCE_MALFORMED')
  if (text.includes('\0')) throw malformed(`${name}: want text without NUL`)
  return text
}

function readTokenText(attributes: ReadonlyMap<string, Uint8Array>, name: string): string | undefined {
  const limit = tokenAttributes.get(name)!
  const length = attributes.get(name)?.length ?? 0
  if (length > limit) throw malformed(`${name}: want at most ${limit} bytes, which is what tokens hold, got ${length}`)
  return textOf(attributes, name)
}

function readSlotId(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text) || BigInt(text) >= 1n << 64n)
    throw malformed(`slot-id: want a plain decimal below 2^64, got ${quote(text)}`)
  return BigInt(text)
}

function readId(octets: Uint8Array | undefined): Uint8Array | undefined {
  if (octets && octets.length > idLimitBytes) throw malformed(`id: want at most ${idLimitBytes} bytes, got ${octets.length}`)
  return octets
}

function readModulePath(path: string | undefined): string | undefined {
  return path === undefined ? undefined : checkModulePath(path, 'module-path')
}

/** @throws CountersignError `REFERENCE_MALFORMED`: a relative path would load whatever lies where a person happens to stand */
export function checkModulePath(path: string, what: string): string {
  if (!/^(\/|[A-Za-z]:[\\/])/.test(path) || path.includes('\0')) throw malformed(`${what}: want an absolute path, got ${quote(path)}`)
  return path
}

function readPin(value: string | undefined, source: string | undefined): Pkcs11Reference['pin'] {
  if (value !== undefined && source !== undefined) throw malformed('want one of pin-value and pin-source, got both')
  if (value !== undefined) return { value }
  if (source === undefined) return undefined
  if (source.startsWith('|')) throw malformed('pin-source: want a file, got a program to run')
  const path = source.startsWith('file://')
    ? source.slice('file://'.length)
    : source.startsWith('file:')
      ? source.slice('file:'.length)
      : source
  if (!path.startsWith('/') || path.startsWith('//')) throw malformed('pin-source: want a file by its absolute path')
  return { path }
}

function percentEncode(text: string, plain: RegExp): string {
  return Array.from(encodeUtf8(text), octet => {
    const character = String.fromCharCode(octet)
    return plain.test(character) ? character : `%${octet.toString(16).padStart(2, '0')}`
  }).join('')
}

function malformed(message: string): CountersignError {
  return new CountersignError('REFERENCE_MALFORMED', `PKCS #11 URI: ${message}`)
}
