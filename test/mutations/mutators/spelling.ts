import type { Change } from '../change.ts'

/** Other spellings of base64: the bytes may be the same, so who accepts one has two texts for one value. RFC 4648 §3. */
export function spellingsOfBase64(text: string): readonly Change<string>[] {
  const half = text.length >> 1
  const padding = /=*$/.exec(text)![0].length
  return [
    { kind: 'URL alphabet', value: text.replaceAll('+', '-').replaceAll('/', '_') },
    { kind: 'unpadded', value: text.replace(/=+$/, '') },
    { kind: 'URL alphabet, unpadded', value: text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') },
    { kind: 'padded twice', value: `${text}==` },
    { kind: 'padded too far', value: `${text}====` },
    { kind: 'newline inside', value: `${text.slice(0, half)}\n${text.slice(half)}` },
    { kind: 'CRLF inside', value: `${text.slice(0, half)}\r\n${text.slice(half)}` },
    { kind: 'space inside', value: `${text.slice(0, half)} ${text.slice(half)}` },
    { kind: 'newline at the end', value: `${text}\n` },
    { kind: 'space at the start', value: ` ${text}` },
    { kind: 'foreign character inside', value: `${text.slice(0, half)}!${text.slice(half)}` },
    { kind: 'data after the padding', value: `${text}AAAA` },
    { kind: 'spare bits set', value: padding === 0 ? `${text}AB==` : withSpareBits(text, padding) },
    { kind: 'base64 of base64', value: btoa(text) },
    { kind: 'hex', value: Buffer.from(text, 'base64').toString('hex') },
    { kind: 'data URL', value: `data:application/octet-stream;base64,${text}` },
  ]
}

/** The last character before the padding with a bit that no byte holds. */
function withSpareBits(text: string, padding: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const at = text.length - padding - 1
  return `${text.slice(0, at)}${alphabet[alphabet.indexOf(text[at]!) | 1]}${'='.repeat(padding)}`
}

/** Other spellings of a JSON string token, all of the same string: what follows must not notice. RFC 8259 §7. */
export function spellingsOfString(token: string): readonly Change<string>[] {
  if (token.length < 3) return []
  const [first, rest] = [token.codePointAt(1)!, token.slice(2)]
  const slashes = token.replaceAll('/', '\\/')
  return [
    ...(first === 0x5c ? [] : [{ kind: 'escaped first character', value: `"\\u${first.toString(16).padStart(4, '0')}${rest}` }]),
    ...(slashes === token ? [] : [{ kind: 'escaped slashes', value: slashes }]),
  ]
}

/** What is done to text whatever it says. */
export function changesOfText(text: string): readonly Change<string>[] {
  return [
    { kind: 'emptied', value: '' },
    { kind: 'truncated at the end', value: text.slice(0, -1) },
    { kind: 'truncated at the start', value: text.slice(1) },
    { kind: 'extended at the end', value: `${text}x` },
    { kind: 'extended at the start', value: `x${text}` },
    { kind: 'space at the end', value: `${text} ` },
    { kind: 'space at the start', value: ` ${text}` },
    { kind: 'NUL at the end', value: `${text}\0` },
    { kind: 'newline at the end', value: `${text}\n` },
    { kind: 'upper case', value: text.toUpperCase() },
    { kind: 'lower case', value: text.toLowerCase() },
    { kind: 'doubled', value: `${text}${text}` },
    { kind: 'lookalike letter', value: text.replace(/[aeo]/, letter => ({ a: 'а', e: 'е', o: 'о' })[letter]!) },
    { kind: 'zero-width space inside', value: `${text.slice(0, 1)}\u200b${text.slice(1)}` },
  ]
}

/** Other media types of bundles, and things that only look like one. */
export function changesOfMediaType(): readonly Change<string>[] {
  return [
    'application/vnd.dev.sigstore.bundle+json;version=0.1',
    'application/vnd.dev.sigstore.bundle+json;version=0.2',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
    'application/vnd.dev.sigstore.bundle.v0.1+json',
    'application/vnd.dev.sigstore.bundle.v0.2+json',
    'application/vnd.dev.sigstore.bundle.v0.3+json',
    'application/vnd.dev.sigstore.bundle.v0.3.1+json',
    'application/vnd.dev.sigstore.bundle.v0.4+json',
    'application/vnd.dev.sigstore.bundle.v1+json',
    'application/vnd.dev.sigstore.bundle+json; version=0.3',
    'application/vnd.dev.sigstore.bundle+json;version=0.3;x=y',
    'application/vnd.dev.sigstore.bundle+json;version="0.3"',
    'application/vnd.dev.sigstore.bundle+json',
    'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    'application/json',
  ].map(value => ({ kind: `becomes ${value}`, value }))
}
