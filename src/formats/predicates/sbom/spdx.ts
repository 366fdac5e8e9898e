import { type Json, parseJson, readAs, readObject } from '../../../codec/json.ts'
import { encodeUtf8 } from '../../../codec/text.ts'
import { predicateLimits } from '../../statement.ts'
import { malformed } from '../fields.ts'
import { type ComponentVisitor, collectComponents, type ListedItems, type Sbom, type SbomHead, type SbomOutline } from './sbom.ts'
import { visitSpdx2 } from './spdx-2.ts'
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

/** What of a document decides nothing and where its packages are listed, by the document's own members: of version 3 all is a graph, whose nodes may be anywhere. */
export function outlineOfSpdx(members: ReadonlySet<string>): SbomOutline {
  return members.has('spdxVersion') && !members.has('@context')
    ? { list: 'packages', leftAside: leftAsideOfSpdx2 }
    : { list: undefined, leftAside: new Set() }
}

/**
 * Reads an SPDX document: 2.2 or 2.3 in JSON or as tags and values, 3.0 in JSON-LD. `--type spdx` has the text of the document as
 * one string, `--type spdxjson` the document itself; under either the text or the JSON of any version may be.
 *
 * @throws CountersignError `PREDICATE_MALFORMED`; `LIMIT_EXCEEDED` past 1,000,000 packages
 */
export function readSpdx(predicate: Json | undefined): Sbom {
  return collectComponents(visit => visitSpdx(predicate, undefined, visit))
}

/**
 * The same, each package handed on; of version 2 in JSON none is kept.
 *
 * @param items - of `packages`, where the document is without them
 */
export function visitSpdx(predicate: Json | undefined, items: ListedItems, visit: ComponentVisitor): SbomHead {
  return readAs('PREDICATE_MALFORMED', what, () => {
    if (typeof predicate !== 'string') return visitDocument(predicate, items, visit)
    const isJson = /^\s*\{/.test(predicate)
    if (isJson) return visitDocument(parseJson(encodeUtf8(predicate), what, predicateLimits), undefined, visit)
    return visitAll(readSpdxTagValue(predicate), visit)
  })
}

function visitDocument(value: Json | undefined, items: ListedItems, visit: ComponentVisitor): SbomHead {
  const document = readObject(value, what)
  const [is2, is3] = [Object.hasOwn(document, 'spdxVersion'), Object.hasOwn(document, '@context')]
  if (is2 === is3) throw malformed(`want spdxVersion (SPDX 2) or @context (SPDX 3), got ${is2 ? 'both' : 'neither'}`)
  return is2 ? visitSpdx2(document, items, visit) : visitAll(readSpdx3(document), visit)
}

function visitAll({ components, ...head }: Sbom, visit: ComponentVisitor): SbomHead {
  for (const component of components) visit(component)
  return head
}
