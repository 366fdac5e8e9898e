import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, escapeControls } from '../../codec/text.ts'
import { formatReference, parseImageReference } from '../../oci/reference.ts'
import type { CommandContext } from '../context.ts'
import { readBlob } from './artifacts.ts'
import { isLocalRegistry } from './local-name.ts'

type DocumentName = 'manifest' | 'Dockerfile'

/**
 * Text of a document that names images; `-` is standard input.
 *
 * @throws CountersignError `FILE_UNREADABLE`, `LIMIT_EXCEEDED`, `DOCUMENT_MALFORMED` for what is not UTF-8
 */
export async function readDocument(context: CommandContext, name: DocumentName, path: string, limitBytes: number): Promise<string> {
  return decodeUtf8(await readBlob(context, path, limitBytes), name, 'DOCUMENT_MALFORMED')
}

/**
 * Tells which images are about to be verified, and returns them so that each is looked for in a registry: what a document
 * names is fetched from there, and `oci:v1` in it is an image of Docker Hub, not a folder here.
 *
 * @throws CountersignError `DOCUMENT_WITHOUT_IMAGES`, for nothing would prove nothing; `REFERENCE_MALFORMED`
 */
export function tellImages(context: CommandContext, name: DocumentName, images: readonly string[]): readonly string[] {
  if (images.length === 0) throw new CountersignError('DOCUMENT_WITHOUT_IMAGES', `no images found in ${name}`)
  context.stderr(`Extracted image(s): ${escapeControls(images.join(', '))}\n`)
  return images.map(image => (isLocalRegistry(image) ? formatReference(parseImageReference(image)) : image))
}
