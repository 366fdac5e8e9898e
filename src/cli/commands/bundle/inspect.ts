import { bundleLimitBytes } from '../../../formats/bundle.ts'
import { parseSignatureDocuments } from '../../../formats/signature-document.ts'
import type { CommandFunction } from '../../command.ts'
import type { bundleInspectFlags } from '../../flags/bundles.ts'
import { readBlob } from '../../inputs/artifacts.ts'
import { jsonText } from '../../output/json-document.ts'
import { describeDocument } from '../../output/signature-description.ts'
import { renderDescription } from '../../output/signature-text.ts'

/** `bundle inspect`: what a signature file says, in any format, without checking any of it. */
export const inspectBundle: CommandFunction<typeof bundleInspectFlags> = async (context, { output }, [path]) => {
  const bytes = await readBlob(context, path!, bundleLimitBytes)
  const documents = parseSignatureDocuments(bytes, `bundle ${path}`).map(describeDocument)
  if (output === 'json') context.stdout(`${jsonText({ verified: false, documents })}\n`)
  else context.stdout(`Nothing was verified: this is what ${path} says of itself.\n${documents.map(renderDescription).join('')}`)
  return 0
}
