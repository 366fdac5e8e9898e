import type { Branded } from '../../codec/branded.ts'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readString } from '../../codec/json.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import { createForgeApi, type ForgeApi, type ForgeEffects, forgeToken, parseForgeHost } from './forge-api.ts'
import type { SecretName, SecretStore } from './secret-store.ts'

/** A project or group by its number or its path. Source: formats-and-flows §1.3. */
export type GitlabProject = Branded<string, 'GitlabProject'>

const segment = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?$/
const maxSegments = 21 // a project below twenty groups

/** Reads what stands behind `gitlab://`. @throws CountersignError `REFERENCE_MALFORMED` */
export function parseGitlabProject(text: string): GitlabProject {
  const segments = text.split('/')
  if (segments.length > maxSegments || !segments.every(name => segment.test(name)))
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `gitlab reference: want gitlab://NUMBER or gitlab://GROUP/PROJECT, got ${quote(text.replace(/^.*@/, ''))}`, // without a user name and password
    )
  return text as GitlabProject
}

/**
 * The value of one CI/CD variable of a project, or of a group where there is no such project.
 *
 * @throws CountersignError `KEY_NOT_FOUND`; `USAGE` without `GITLAB_TOKEN`; whatever `createForgeApi` throws
 */
export async function readGitlabVariable(project: GitlabProject, name: SecretName, effects: ForgeEffects): Promise<Uint8Array> {
  const api = createGitlabApi(effects)
  const { path, kind, what } = await findHolder(api, project)
  const variable = await api.get(`${path}/variables/${name}`)
  if (!variable) throw new CountersignError('KEY_NOT_FOUND', `could not retrieve ${quote(name)} ${kind}: ${what} has none`)
  return encodeUtf8(readAs('FORGE_RESPONSE_MALFORMED', `${what}: variable ${name}`, () => readString(variable['value'], 'value')))
}

/**
 * The variables of a project or group, to keep a key pair in. They are unprotected, as cosign's are, so that pipelines of every
 * branch can sign, and raw, so that a `$` in a passphrase stays one; the passphrase is masked in logs where GitLab can mask it.
 *
 * @throws CountersignError `KEY_NOT_FOUND` for neither project nor group; else as `readGitlabVariable`
 */
export async function openGitlabVariables(project: GitlabProject, effects: ForgeEffects): Promise<SecretStore> {
  const api = createGitlabApi(effects)
  const { path, kind, what } = await findHolder(api, project)
  return {
    name: what,
    kind,
    has: async name => (await api.get(`${path}/variables/${name}`)) !== undefined,
    put: async (name, value, exists) => {
      const text = decodeUtf8(value, name)
      const mayMask = name === 'COSIGN_PASSWORD'
      const masked = mayMask && maskable.test(text)
      const variable = { key: name, value: text, variable_type: 'env_var', environment_scope: '*', protected: false, masked, raw: true }
      await api.send(exists ? 'PUT' : 'POST', exists ? `${path}/variables/${name}` : `${path}/variables`, variable)
      if (masked || !mayMask) return {}
      return { note: 'GitLab cannot mask it in the logs of jobs: it masks 8 or more letters, digits and _+=/@:.~-' }
    },
  }
}

/** What every version of GitLab that masks can mask. Source: GitLab documentation "Mask a CI/CD variable". */
const maskable = /^[A-Za-z0-9_+=/@:.~-]{8,}$/

function createGitlabApi(effects: ForgeEffects): ForgeApi {
  const host = effects.environment.get('GITLAB_HOST')
  const base = host ? parseForgeHost(host, 'GITLAB_HOST') : new URL('https://gitlab.com')
  if (!/\/api\/v4\/?$/.test(base.pathname)) base.pathname = `${base.pathname.replace(/\/$/, '')}/api/v4`
  const headers = { 'private-token': forgeToken(effects.environment, 'GITLAB_TOKEN'), accept: 'application/json' }
  return createForgeApi({ base, tokenVariable: 'GITLAB_TOKEN', headers }, effects)
}

type Holder = {
  readonly path: string
  readonly kind: Extract<SecretStore['kind'], 'project variable' | 'group variable'>
  readonly what: string
}

/**
 * A path names one thing, so what is no project may be a group. A number can name a project and, unrelated, a group: taking the
 * other one, as cosign does, would trust whoever owns the group as soon as the token cannot see the project.
 */
async function findHolder(api: ForgeApi, project: GitlabProject): Promise<Holder> {
  const id = encodeURIComponent(project)
  const isNumber = /^[0-9]+$/.test(project)
  if (await api.get(`/projects/${id}`)) return holder(api, 'project', id, project)
  if (!isNumber && (await api.get(`/groups/${id}`))) return holder(api, 'group', id, project)
  throw new CountersignError(
    'KEY_NOT_FOUND',
    `gitlab://${project}: ${isNumber ? 'no project' : 'neither a project nor a group'} of ${api.host} that the token in GITLAB_TOKEN can see`,
  )
}

function holder({ host }: ForgeApi, kind: 'project' | 'group', id: string, project: GitlabProject): Holder {
  return { path: `/${kind}s/${id}`, kind: `${kind} variable`, what: `${kind} ${project} on ${host}` }
}
