import { quote } from '../../codec/text.ts'
import type { ImageGlob } from '../dialects/cip/match/image-glob.ts'
import { problemOfGlob } from '../dialects/cip/read/read-cluster-image-policy.ts'
import type { FoundAt } from './lint-finding.ts'

/** Globs that hold of nothing, of nothing once tags gave way to digests, and of nothing that an earlier one does not hold of. Source: spec admission §1.2. */
export function globFindings(globs: readonly ImageGlob[]): readonly FoundAt[] {
  return globs.flatMap(({ source }, index): readonly FoundAt[] => {
    const path = `spec.images[${index}].glob`
    const problem = problemOfGlob(source)
    if (problem !== undefined)
      return [
        { code: source.startsWith('docker.io/') ? 'GLOB_NEVER_MATCHES' : 'GLOB_OF_TAG', path, message: `${quote(source)}: ${problem}` },
      ]
    const covering = globs.slice(0, index).find(earlier => covers(earlier.source, source))
    if (!covering) return []
    return [
      {
        code: 'GLOB_COVERED',
        path,
        message: `${quote(source)} changes nothing beside ${quote(covering.source)}, which holds of all of it`,
      },
    ]
  })
}

/** Whether one glob holds of all that another holds of, as far as that can be told for certain from how they begin. */
function covers(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === '**') return true
  const [, begin] = /^([^*]*)\*\*$/.exec(wide) ?? []
  const isAbbreviation = narrow === '*' || narrow === '*/*' // which stand for names of Docker Hub
  return begin !== undefined && !isAbbreviation && (/^[^*]*/.exec(narrow)?.[0] ?? '').startsWith(begin)
}
