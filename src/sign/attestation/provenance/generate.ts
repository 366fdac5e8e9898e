import { CountersignError } from '../../../codec/error.ts'
import type { JsonObject } from '../../../codec/json.ts'
import { githubProvenance } from './github.ts'
import { gitlabProvenance } from './gitlab.ts'
import type { JobWords } from './job-facts.ts'

/** A CI system that provenance can be made of, and the provider of its jobs' identity tokens. */
export type ProvenanceSource = {
  readonly name: string
  readonly provider: 'github-actions' | 'gitlab-ci'
  readonly generate: (words: JobWords) => { readonly predicate: JsonObject; readonly doubts: readonly string[] }
}

/**
 * The CI system that this process runs in.
 *
 * @throws CountersignError `CAPABILITY_MISSING` where it is none that provenance can be made of
 */
export function provenanceSource(environment: ReadonlyMap<string, string>): ProvenanceSource {
  if (environment.get('GITHUB_ACTIONS') === 'true')
    return { name: 'GitHub Actions', provider: 'github-actions', generate: githubProvenance }
  if (environment.get('GITLAB_CI') === 'true') return { name: 'GitLab CI', provider: 'gitlab-ci', generate: gitlabProvenance }
  throw new CountersignError(
    'CAPABILITY_MISSING',
    '--generate knows jobs of GitHub Actions and GitLab CI, and this process runs in neither; write the provenance and name it with --predicate',
  )
}
