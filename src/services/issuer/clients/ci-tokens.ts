import { createHash, timingSafeEqual } from 'node:crypto'
import { encodeUtf8 } from '../../../codec/text.ts'
import { ServiceRefusal } from '../../service.ts'
import { isLoopback } from '../configuration.ts'

/** Path, below the issuer's, of the issuer whose tokens look like those of GitHub's CI. */
export const ciPath = '/actions'

/** Claims of a workflow's run, as GitHub makes them. Parameters of the address say which run; `audience` is the caller's. */
export type CiClaims = { readonly aud: string; readonly sub: string } & { readonly [name: string]: string }

const parameters = ['api-version', 'audience', 'repository', 'ref', 'workflow', 'event', 'sha', 'run'] as const

/**
 * What a workflow gets by `ACTIONS_ID_TOKEN_REQUEST_URL` with `ACTIONS_ID_TOKEN_REQUEST_TOKEN`: the claims of the token that answers it.
 * The run is made up: `repository`, `ref`, `workflow` (a file), `event`, `sha` and `run` in the address choose another.
 *
 * @throws ServiceRefusal 401 without the secret, 400 for parameters that make no sense, 404 where the request was not sent to loopback: a
 *   page in a browser may have had its name point here
 */
export function readCiRequest(request: Request, secret: string): CiClaims {
  const url = new URL(request.url)
  if (!isLoopback(url.hostname)) throw new ServiceRefusal(404, 'not found')
  const given = /^bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? ''
  if (!timingSafeEqual(digest(given), digest(secret))) throw new ServiceRefusal(401, 'want the request token as a bearer token')
  for (const name of url.searchParams.keys())
    if (!(parameters as readonly string[]).includes(name)) throw new ServiceRefusal(400, `want parameters of ${parameters.join(', ')}`)
  const read = (name: (typeof parameters)[number], otherwise: string, pattern: RegExp): string => {
    const [value = otherwise, ...others] = url.searchParams.getAll(name)
    if (others.length > 0 || !pattern.test(value)) throw new ServiceRefusal(400, `${name}: want one value that GitHub could send`)
    return value
  }
  const repository = read('repository', 'example/app', /^[\w.-]{1,64}\/[\w.-]{1,100}$/)
  return claimsOf({
    audience: read('audience', `https://github.com/${ownerOf(repository)}`, /^[\x21-\x7e]{1,256}$/),
    repository,
    ref: read('ref', 'refs/heads/main', /^refs\/(heads|tags|pull)\/[\w./-]{1,200}$/),
    workflow: read('workflow', 'build.yml', /^[\w.-]{1,100}\.ya?ml$/),
    event: read('event', 'push', /^[a-z_]{1,40}$/),
    sha: read('sha', createHash('sha1').update(repository).digest('hex'), /^[0-9a-f]{40}$/),
    run: read('run', '1', /^[1-9][0-9]{0,15}$/),
  })
}

type Run = Readonly<Record<'audience' | 'repository' | 'ref' | 'workflow' | 'event' | 'sha' | 'run', string>>

function claimsOf({ audience, repository, ref, workflow, event, sha, run }: Run): CiClaims {
  const owner = ownerOf(repository)
  const workflowRef = `${repository}/.github/workflows/${workflow}@${ref}`
  return {
    aud: audience,
    sub: event === 'pull_request' ? `repo:${repository}:pull_request` : `repo:${repository}:ref:${ref}`,
    actor: 'octocat',
    actor_id: idOf('octocat'),
    base_ref: '',
    event_name: event,
    head_ref: '',
    job_workflow_ref: workflowRef,
    job_workflow_sha: sha,
    ref,
    ref_protected: 'false',
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    repository,
    repository_id: idOf(repository),
    repository_owner: owner,
    repository_owner_id: idOf(owner),
    repository_visibility: 'private',
    run_attempt: '1',
    run_id: run,
    run_number: run,
    runner_environment: 'github-hosted',
    sha,
    workflow: workflow.replace(/\.ya?ml$/, ''),
    workflow_ref: workflowRef,
    workflow_sha: sha,
  }
}

function ownerOf(repository: string): string {
  return repository.split('/')[0]!
}

/** A number of GitHub's kind, always the same for a name. */
function idOf(name: string): string {
  return String(createHash('sha256').update(name).digest().readUInt32BE(0))
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(encodeUtf8(text)).digest()
}
