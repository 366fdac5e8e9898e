/** Bytes from the start of a file that sniffing looks at. */
export const sniffedBytes = 512

/**
 * The media type that the first bytes of a file suggest, without parameters: `application/octet-stream` where nothing else
 * fits. It is what Go's `http.DetectContentType` says, because cosign puts that word into manifests.
 *
 * @param bytes - the first 512 bytes of the file, fewer where it has fewer
 * @see WHATWG MIME Sniffing §7, as of Go's net/http/sniff.go
 */
export function sniffMediaType(bytes: Uint8Array): string {
  const begin = bytes.subarray(0, sniffedBytes)
  const first = begin.findIndex(byte => !spaces.has(byte))
  const text = first < 0 ? new Uint8Array() : begin.subarray(first)
  if (htmlTags.some(tag => beginsWithTag(text, tag))) return 'text/html'
  if (startsWith(text, '<?xml')) return 'text/xml'
  for (const { mark, at = 0, also, least = 0, type } of marks)
    if (begin.length >= least && startsWith(begin, mark, at) && (!also || startsWith(begin, also.mark, also.at))) return type
  if (isMp4(begin)) return 'video/mp4'
  return text.some(isBinary) ? 'application/octet-stream' : 'text/plain'
}

type Mark = {
  readonly mark: string // Latin-1
  readonly at?: number
  readonly also?: { readonly mark: string; readonly at: number }
  readonly least?: number // bytes that there must be at least
  readonly type: string
}

const riff = (kind: string, type: string): Mark => ({ mark: 'RIFF', also: { mark: kind, at: 8 }, type })

/** In Go's order, which decides where two fit. */
const marks: readonly Mark[] = [
  { mark: '%PDF-', type: 'application/pdf' },
  { mark: '%!PS-Adobe-', type: 'application/postscript' },
  { mark: '\xfe\xff', least: 4, type: 'text/plain' },
  { mark: '\xff\xfe', least: 4, type: 'text/plain' },
  { mark: '\xef\xbb\xbf', least: 4, type: 'text/plain' },
  { mark: '\x00\x00\x01\x00', type: 'image/x-icon' },
  { mark: '\x00\x00\x02\x00', type: 'image/x-icon' },
  { mark: 'BM', type: 'image/bmp' },
  { mark: 'GIF87a', type: 'image/gif' },
  { mark: 'GIF89a', type: 'image/gif' },
  riff('WEBPVP', 'image/webp'),
  { mark: '\x89PNG\r\n\x1a\n', type: 'image/png' },
  { mark: '\xff\xd8\xff', type: 'image/jpeg' },
  { mark: 'FORM', also: { mark: 'AIFF', at: 8 }, type: 'audio/aiff' },
  { mark: 'ID3', type: 'audio/mpeg' },
  { mark: 'OggS\x00', type: 'application/ogg' },
  { mark: 'MThd\x00\x00\x00\x06', type: 'audio/midi' },
  riff('AVI ', 'video/avi'),
  riff('WAVE', 'audio/wave'),
  { mark: '\x1aE\xdf\xa3', type: 'video/webm' },
  { mark: 'LP', at: 34, type: 'application/vnd.ms-fontobject' },
  { mark: '\x00\x01\x00\x00', type: 'font/ttf' },
  { mark: 'OTTO', type: 'font/otf' },
  { mark: 'ttcf', type: 'font/collection' },
  { mark: 'wOFF', type: 'font/woff' },
  { mark: 'wOF2', type: 'font/woff2' },
  { mark: '\x1f\x8b\x08', type: 'application/x-gzip' },
  { mark: 'PK\x03\x04', type: 'application/zip' },
  { mark: 'Rar!\x1a\x07\x00', type: 'application/x-rar-compressed' },
  { mark: 'Rar!\x1a\x07\x01\x00', type: 'application/x-rar-compressed' },
  { mark: '\x00asm', type: 'application/wasm' },
]

const htmlTags = [
  '<!DOCTYPE HTML',
  '<HTML',
  '<HEAD',
  '<SCRIPT',
  '<IFRAME',
  '<H1',
  '<DIV',
  '<FONT',
  '<TABLE',
  '<A',
  '<STYLE',
  '<TITLE',
  '<B',
  '<BODY',
  '<BR',
  '<P',
  '<!--',
]

const spaces: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x20])

function startsWith(bytes: Uint8Array, mark: string, at = 0): boolean {
  for (let index = 0; index < mark.length; index++) if (bytes[at + index] !== mark.charCodeAt(index)) return false
  return true
}

/** A tag in letters of either case, ended by a space or `>`. */
function beginsWithTag(bytes: Uint8Array, tag: string): boolean {
  for (let index = 0; index < tag.length; index++) {
    const byte = bytes[index] ?? 0
    const upper = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte
    if (upper !== tag.charCodeAt(index)) return false
  }
  return bytes[tag.length] === 0x20 || bytes[tag.length] === 0x3e
}

/** An ISO media file: a first box `ftyp` whose brands name MP4. WHATWG §6.2.1. */
function isMp4(bytes: Uint8Array): boolean {
  if (bytes.length < 12 || !startsWith(bytes, 'ftyp', 4)) return false
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (bytes.length < size || size % 4 !== 0) return false
  for (let at = 8; at < size; at += 4) if (at !== 12 && startsWith(bytes, 'mp4', at)) return true // 12: the version of the major brand
  return false
}

/** Control characters that no text has. */
function isBinary(byte: number): boolean {
  return byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f)
}
