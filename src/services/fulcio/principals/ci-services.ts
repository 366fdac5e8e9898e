import type { VerifiedIdToken } from '../../../identity/id-token.ts'
import { claimOf, claimOrEmpty, type Principal, principalOf, tokenInvalid, uriName } from './principal.ts'

// The services that Fulcio knew before their rules became configuration. services.md §1.3 says which claims, §1.4 what becomes of them.

/** A run of a workflow of GitHub Actions. @throws CountersignError `TOKEN_INVALID` where one of its 16 claims is missing */
export function githubWorkflow(token: VerifiedIdToken): Principal {
  const claim = (name: string) => claimOf(token, name)
  const at = (path: string) => `https://github.com/${path}`
  const [workflow, repository, trigger, sha, ref] = [
    claim('job_workflow_ref'),
    claim('repository'),
    claim('event_name'),
    claim('sha'),
    claim('ref'),
  ]
  return principalOf(token, uriName(at(workflow)), {
    'github-workflow-trigger': trigger,
    'github-workflow-sha': sha,
    'github-workflow-name': claim('workflow'),
    'github-workflow-repository': repository,
    'github-workflow-ref': ref,
    'build-signer-uri': at(workflow),
    'build-signer-digest': claim('job_workflow_sha'),
    'runner-environment': claim('runner_environment'),
    'source-repository-uri': at(repository),
    'source-repository-digest': sha,
    'source-repository-ref': ref,
    'source-repository-identifier': claim('repository_id'),
    'source-repository-owner-uri': at(claim('repository_owner')),
    'source-repository-owner-identifier': claim('repository_owner_id'),
    'build-config-uri': at(claim('workflow_ref')),
    'build-config-digest': claim('workflow_sha'),
    'build-trigger': trigger,
    'run-invocation-uri': at(`${repository}/actions/runs/${claim('run_id')}/attempts/${claim('run_attempt')}`),
    'source-repository-visibility-at-signing': claim('repository_visibility'),
  })
}

/** A job of a pipeline of gitlab.com. @throws CountersignError `TOKEN_INVALID` */
export function gitlabPipeline(token: VerifiedIdToken): Principal {
  const claim = (name: string) => claimOf(token, name)
  const at = (path: string) => `https://gitlab.com/${path}`
  const [project, config] = [claim('project_path'), `https://${claim('ci_config_ref_uri')}`]
  const runner = token.claims.get('runner_id')
  if (typeof runner !== 'number' || runner === 0) throw tokenInvalid('missing runner_id claim in ID token')
  claim('pipeline_id')
  return principalOf(token, uriName(config), {
    'build-signer-uri': config,
    'build-signer-digest': claimOrEmpty(token, 'ci_config_sha'),
    'runner-environment': claim('runner_environment'),
    'source-repository-uri': at(project),
    'source-repository-digest': claim('sha'),
    'source-repository-ref': `refs/${folderOf(claim('ref_type'))}/${claim('ref')}`,
    'source-repository-identifier': claim('project_id'),
    'source-repository-owner-uri': at(claim('namespace_path')),
    'source-repository-owner-identifier': claim('namespace_id'),
    'build-config-uri': config,
    'build-config-digest': claimOrEmpty(token, 'ci_config_sha'),
    'build-trigger': claim('pipeline_source'),
    'run-invocation-uri': at(`${project}/-/jobs/${claim('job_id')}`),
    'source-repository-visibility-at-signing': claimOrEmpty(token, 'project_visibility'),
  })
}

function folderOf(refType: string): string {
  if (refType === 'branch') return 'heads'
  if (refType === 'tag') return 'tags'
  throw tokenInvalid(`unexpected ref_type in ID token: want branch or tag`)
}

/** A job of Buildkite. @throws CountersignError `TOKEN_INVALID` */
export function buildkiteJob(token: VerifiedIdToken): Principal {
  return principalOf(token, uriName(`https://buildkite.com/${claimOf(token, 'organization_slug')}/${claimOf(token, 'pipeline_slug')}`))
}

/** A workflow of Codefresh. Accounts and pipelines may be renamed, so its subject holds their ids too. @throws CountersignError `TOKEN_INVALID` */
export function codefreshWorkflow(token: VerifiedIdToken): Principal {
  const claim = (name: string) => claimOf(token, name)
  const platform = (claimOrEmpty(token, 'platform_url') || 'https://g.codefresh.io').replace(/\/$/, '')
  const [account, pipeline, workflow] = [claim('account_id'), claim('pipeline_id'), claim('workflow_id')]
  const names = `${claimOrEmpty(token, 'account_name')}/${claimOrEmpty(token, 'pipeline_name')}`
  return principalOf(token, uriName(`${platform}/${names}:${account}/${pipeline}`), {
    'build-signer-uri': `${platform}/build/${workflow}`,
    'runner-environment': claimOrEmpty(token, 'runner_environment'),
    'source-repository-uri': claimOrEmpty(token, 'scm_repo_url'),
    'source-repository-ref': claimOrEmpty(token, 'scm_ref'),
    'build-config-uri': `${platform}/api/pipelines/${pipeline}`,
    'run-invocation-uri': `${platform}/build/${workflow}`,
  })
}
