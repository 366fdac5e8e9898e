import { isDeepStrictEqual } from 'node:util'
import { CountersignError } from '../../../codec/error.ts'
import type { Json } from '../../../codec/json.ts'
import { quote } from '../../../codec/text.ts'
import {
  jsonOfYaml,
  type PlacedDocument,
  parsePlacedDocuments,
  type TextSpot,
  type WrittenText,
  type YamlPlace,
} from '../../../formats/kubernetes-manifest/placed-documents.ts'
import { pointerOf } from '../../../policy/images/field-place.ts'
import { replaceTexts } from '../policy/pinned-object.ts'

/** One text of a document and what takes its place. */
export type TextEdit = { readonly documentIndex: number; readonly place: YamlPlace; readonly from: string; readonly to: string }

/** The same, and where it is written. */
export type PlacedEdit = TextEdit & { readonly spot: TextSpot }

/**
 * Replaces texts of a file where they are written: comments, quotes and all else stay as they are. What comes of it is read again, and must say
 * the same as before but for these texts.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for a text that is no scalar on one line, and for one that an alias has in another place too
 */
export function editTexts(
  { name, text }: { readonly name: string; readonly text: string },
  documents: readonly PlacedDocument[],
  edits: readonly TextEdit[],
): { readonly text: string; readonly edits: readonly PlacedEdit[] } {
  const placed = edits.map(edit => ({ ...edit, spot: spotOf(name, text, documents, edit) }))
  const bySpot = new Map(placed.map(edit => [edit.spot.start, edit] as const))
  let [edited, end] = ['', 0]
  for (const { spot, to } of [...bySpot.values()].toSorted((a, b) => a.spot.start - b.spot.start)) {
    const mark = spot.style === 'single' ? "'" : spot.style === 'double' ? '"' : ''
    edited += `${text.slice(end, spot.start)}${mark}${to}${mark}`
    end = spot.end
  }
  edited += text.slice(end)
  const wanted = documents.map(({ value }, index) =>
    replaceTexts(
      jsonOfYaml(value),
      new Map(edits.filter(({ documentIndex }) => documentIndex === index).map(({ place, to }) => [pointerOf(place), to])),
    ),
  )
  const found: readonly Json[] = parsePlacedDocuments(edited).map(({ value }) => jsonOfYaml(value))
  if (!isDeepStrictEqual(found, wanted))
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${name}: the name of an image stands for something else as well, by an alias; write it out`,
    )
  return { text: edited, edits: placed }
}

function spotOf(name: string, text: string, documents: readonly PlacedDocument[], { documentIndex, place, from }: TextEdit): WrittenText {
  const document = documents[documentIndex]!
  const written = document.textAt(place)
  if (!written || written.style === 'block' || text.slice(written.start, written.end).includes('\n'))
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${name}:${document.spotAt(place).line}: image ${quote(from)}: want it written on one line, to be rewritten`,
    )
  return written
}
