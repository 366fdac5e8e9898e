import type { MirrorReport } from '../../oci/mirror/report.ts'
import type { CommandContext } from '../context.ts'
import { jsonText } from './json-document.ts'

/** A finished copy: what was copied where, and what came along. */
export type FinishedCopy = { readonly source: string; readonly destination: string; readonly report: MirrorReport }

/** Tells people the counts of a copy on standard error, and programs on standard output. What stayed behind draws a warning. */
export function writeMirrorReport(context: CommandContext, { source, destination, report }: FinishedCopy, format: 'text' | 'json'): void {
  const { manifests, blobs, bytesSent, attached, tags, leftBehind } = report
  for (const { what, of, reason } of leftBehind) context.warn(`${what}, listed as attached to ${of}, stays behind: ${reason}`)
  context.stderr(
    [
      `Copied ${source} to ${destination}`,
      `  ${report.digest}: ${count(report.images, 'manifest')} of the image, ${count(report.referrers, 'referrer')}`,
      `  ${count(attached.sig, 'signature')}, ${count(attached.att, 'attestation')}, ${count(attached.sbom, 'SBOM')}, ${count(attached.other, 'other artifact')}`,
      `  manifests: ${manifests.sent} sent, ${manifests.present} there already; tags: ${tags.sent} written, ${tags.present} there already`,
      `  blobs: ${blobs.sent} sent, ${blobs.mounted} mounted, ${blobs.present} there already; ${count(bytesSent, 'byte')} sent`,
      ...(leftBehind.length === 0 ? [] : [`  ${count(leftBehind.length, 'thing')} missing or broken at the source`]),
      '',
    ].join('\n'),
  )
  if (format === 'json') context.stdout(`${jsonText({ source, destination, ...report })}\n`)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
