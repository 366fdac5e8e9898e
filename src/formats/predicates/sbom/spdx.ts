import { type Json, parseJson, readAs, readObject } from '../../../codec/json.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { predicateLimits } from '../../statement.ts'
import { malformed } from '../fields.ts'
import type { Sbom } from './sbom.ts'
import { readSpdx2 } from './spdx-2.ts'
import { readSpdx3 } from './spdx-3.ts'
import { readSpdxTagValue } from './spdx-tag-value.ts'

const what = 'SPDX document'

/** Members of an SPDX document of version 2 that `readSpdx` does not look at, and that most of its bytes are. */
const leftAsideOfSpdx2: ReadonlySet<string> = new Set([
  'annotations',
  'checksums',
  'comment',
  'copyrightText',
  'description',
  'files',
  'hasExtractedLicensingInfos',
  'hasFiles',
  'packageVerificationCode',
  'relationships',
  'snippets',
  'summary',
])

/** The same of whatever version, by the document's own members: of version 3 all is a graph, whose nodes may be anywhere. */
export function leftAsideOfSpdx(members: ReadonlySet<string>): ReadonlySet<string> {
  return members.has('spdxVersion') && !members.has('@context') ? leftAsideOfSpdx2 : new Set()
}

/**
 * Reads an SPDX document: 2.2 or 2.3 in JSON or as tags and values, 3.0 in JSON-LD. `--type spdx` has the text of the document as
 * one string, `--type spdxjson` the document itself; under either the text or the JSON of any version may be.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`; `LIMIT_EXCEEDED` past 1,000,000 packages
 */
export function readSpdx(predicate: Json | undefined): Sbom {
  return readAs('PREDICATE_MALFORMED', what, () => {
    if (typeof predicate !== 'string') return readDocument(predicate)
    return /^\s*\{/.test(predicate) ? readDocument(parseJson(encodeUtf8(predicate), what, predicateLimits)) : readSpdxTagValue(predicate)
  })
}

function readDocument(value: Json | undefined): Sbom {
  const document = readObject(value, what)
  const [is2, is3] = [Object.hasOwn(document, 'spdxVersion'), Object.hasOwn(document, '@context')]
  if (is2 === is3) throw malformed(`want spdxVersion (SPDX 2) or @context (SPDX 3), got ${is2 ? 'both' : 'neither'}`)
  return is2 ? readSpdx2(document) : readSpdx3(document)
}
