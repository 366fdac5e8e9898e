import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { frozenLineOf } from '../../../formats/log/checkpoint.ts'
import type { CommandFunction } from '../../command.ts'
import type { logInfoFlags } from '../../flags/log.ts'
import { jsonText } from '../../output/json-document.ts'
import { type Head, openLog } from './open-log.ts'
import { headJson } from './proven-entry.ts'

/** `log info`: the head of a log, verified, and going on from what was seen before. */
export const logInfo: CommandFunction<typeof logInfoFlags> = async (context, flags) => {
  const log = await openLog(context, flags)
  const { url, version, head, earlierHeads } = log
  if (flags.output === 'json') {
    const document = { url: url.href, version, ...headJson(head), earlierTrees: earlierHeads.map(headJson) }
    context.stdout(`${jsonText(document)}\n`)
  } else {
    context.stdout(`Rekor ${version} at ${url.href}, its head verified:\n${headLines(head)}`)
    for (const earlier of earlierHeads) context.stdout(`a tree before it, which has ended:\n${headLines(earlier)}`)
  }
  return 0
}

function headLines({ checkpoint, log }: Head): string {
  const end = frozenLineOf(checkpoint)
  return `  origin     ${quote(checkpoint.origin)}
  tree size  ${checkpoint.size}
  root hash  ${encodeHex(checkpoint.root)}
  log id     ${encodeHex(log.logId)}
${end === undefined ? '' : `  frozen     ${quote(end)}\n`}`
}
