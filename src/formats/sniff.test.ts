import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sniffMediaType } from './sniff.ts'

/** What cosign 3.1.1 (Go's http.DetectContentType) put into manifests for files with these first bytes. */
const seen: readonly (readonly [string, string, string])[] = [
  ['text', 'hello\n', 'text/plain'],
  ['nothing', '', 'text/plain'],
  ['JSON', '{"a":1}', 'text/plain'],
  ['a script', '#!/bin/sh\n', 'text/plain'],
  ['UTF-8', 'caf\xc3\xa9', 'text/plain'],
  ['Latin-1', '\xe9t\xe9', 'text/plain'],
  ['an escape', '\x1b[0m', 'text/plain'],
  ['a byte order mark', '\xef\xbb\xbfabc', 'text/plain'],
  ['a byte order mark too short to be one', '\xfe\xff\x00', 'application/octet-stream'],
  ['HTML', '<!DOCTYPE html><p>', 'text/html'],
  ['HTML behind spaces', '  \n<p>x', 'text/html'],
  ['HTML in capitals', '<H1 >', 'text/html'],
  ['a tag that goes on', '<pre>', 'text/plain'],
  ['XML', '<?xml version="1.0"?>', 'text/xml'],
  ['gzip', '\x1f\x8b\x08\x00', 'application/x-gzip'],
  ['two bytes of gzip', '\x1f\x8b', 'application/octet-stream'],
  ['zip', 'PK\x03\x04xxxx', 'application/zip'],
  ['PDF', '%PDF-1.4', 'application/pdf'],
  ['PostScript', '%!PS-Adobe-', 'application/postscript'],
  ['PNG', '\x89PNG\r\n\x1a\n', 'image/png'],
  ['JPEG', '\xff\xd8\xff', 'image/jpeg'],
  ['GIF', 'GIF89a', 'image/gif'],
  ['WebP', 'RIFFxxxxWEBPVP', 'image/webp'],
  ['MP3', 'ID3', 'audio/mpeg'],
  ['MP4', '\x00\x00\x00\x14ftypisom\x00\x00\x00\x00mp42', 'video/mp4'],
  ['OpenType', 'OTTO', 'font/otf'],
  ['WebAssembly', '\x00asm\x01\x00\x00\x00', 'application/wasm'],
  ['ELF', '\x7fELF\x02\x01\x01\x00', 'application/octet-stream'],
  ['bzip2', 'BZh91AY', 'text/plain'],
  ['xz', '\xfd7zXZ\x00', 'application/octet-stream'],
  ['a zero among text', 'a\x00b', 'application/octet-stream'],
  ['a zero after 600 letters', `${'a'.repeat(600)}\x00`, 'text/plain'],
]
for (const [name, text, type] of seen)
  test(`sniffMediaType: ${name}`, () => assert.equal(sniffMediaType(Uint8Array.from(text, letter => letter.charCodeAt(0))), type))

test('sniffMediaType: each prefix of a file has a type, and none of them throws', () => {
  const bytes = Uint8Array.from('\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp41\x00\x00', letter => letter.charCodeAt(0))
  for (let length = 0; length <= bytes.length; length++) assert.match(sniffMediaType(bytes.subarray(0, length)), /^[a-z]+\/[a-z0-9.-]+$/)
})
