import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Source } from '../../formats/predicates/predicate.ts'
import type { Statement } from '../../formats/statement.ts'
import { provenanceOf } from './attested-predicate.ts'
import type { Gate } from './gate.ts'
import { listed } from './listed.ts'
import { isRepository, parseRepository } from './repository.ts'

/**
 * Step `source`: SLSA provenance says that what was built is this repository, at this ref where one is asked for. What the build merely
 * used does not count, for anybody's build can use anything: where the provenance does not tell the two apart, it is refused.
 *
 * `check` throws CountersignError `SOURCE_MISMATCH`, and what reading the provenance throws.
 */
export function sourceGate(uri: string): Gate {
  return {
    step: 'source',
    wanted: quote(uri),
    check: ({ statement }) => listed(sourcesAt(statement, uri), nameOf),
  }
}

/**
 * Step `commit`: SLSA provenance says that this commit was built; of the repository that is asked for, where one is.
 *
 * `check` throws CountersignError `COMMIT_MISMATCH`, `SOURCE_MISMATCH`, and what reading the provenance throws.
 *
 * @param commit - in full, 40 or 64 hexadecimal digits in small letters
 */
export function commitGate(commit: string, uri: string | undefined): Gate {
  return {
    step: 'commit',
    wanted: commit,
    check: ({ statement }) => {
      const sources = sourcesAt(statement, uri)
      const found = sources.find(source => commitsOf(source).includes(commit))
      if (found) return `${commit} of ${quote(found.uri)}`
      const commits = sources.flatMap(commitsOf)
      throw new CountersignError(
        'COMMIT_MISMATCH',
        commits.length === 0
          ? `the provenance names no commit of ${listed(sources, nameOf)}`
          : `it was built from ${listed(commits, quote)}`,
      )
    },
  }
}

/** What was built, as far as it is at an address. */
function sourcesAt(statement: Statement, uri: string | undefined): readonly Source[] {
  const sources = provenanceOf(statement).sources.filter(({ role }) => role === 'source')
  if (sources.length === 0) throw new CountersignError('SOURCE_MISMATCH', 'the provenance does not say what was built, only what was used')
  if (uri === undefined) return sources
  const wanted = parseRepository(uri)
  const there = sources.filter(source => isRepository(parseRepository(source.uri), wanted))
  if (there.length > 0) return there
  throw new CountersignError('SOURCE_MISMATCH', `it was built from ${listed(sources, nameOf)}`)
}

function nameOf({ uri }: Source): string {
  return quote(uri)
}

/** Digests as commits, whatever their algorithm is called: GitLab's runner calls that of a Git commit `sha256`. */
function commitsOf({ digests }: Source): readonly string[] {
  return [...digests.values()].map(digest => digest.toLowerCase())
}
