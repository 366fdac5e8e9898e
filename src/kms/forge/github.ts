import { encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readBase64, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import { createForgeApi, type ForgeApi, type ForgeEffects, forgeToken, parseForgeHost } from './forge-api.ts'
import { sealBox } from './sealed-box.ts'
import type { SecretStore } from './secret-store.ts'

/** A repository, or an organization. Source: formats-and-flows §1.3. */
export type GithubPlace = { readonly owner: string; readonly repository: string | undefined }

/** Reads what stands behind `github://`. @throws CountersignError `REFERENCE_MALFORMED` */
export function parseGithubPlace(text: string): GithubPlace {
  const [, owner, repository] = /^([A-Za-z0-9](?:[A-Za-z0-9_-]{0,99}))(?:\/([A-Za-z0-9._-]{1,100}))?$/.exec(text) ?? []
  if (owner === undefined || repository === '.' || repository === '..')
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `github reference: want github://OWNER or github://OWNER/REPO, got ${quote(text.replace(/^.*@/, ''))}`,
    ) // without a user name and password
  return { owner, repository }
}

/**
 * The Actions secrets of a repository or organization, to keep a key pair in. They can be written and never read. An
 * organization's are for its private repositories until somebody widens that; cosign 3.1.1 leaves the visibility out, which GitHub
 * does not take.
 *
 * @param random - of the ephemeral keys that secrets are sealed with
 * @throws CountersignError `KEY_NOT_FOUND` for no such repository or organization; `USAGE` without `GITHUB_TOKEN`; whatever
 *   `createForgeApi` throws
 */
export async function openGithubSecrets(
  { owner, repository }: GithubPlace,
  effects: ForgeEffects,
  random: (length: number) => Uint8Array,
): Promise<SecretStore> {
  const api = createGithubApi(effects)
  const place = repository === undefined ? `/orgs/${owner}` : `/repos/${owner}/${repository}`
  const what = `${repository === undefined ? `organization ${owner}` : `repository ${owner}/${repository}`} on ${api.host}`
  const path = `${place}/actions/secrets`
  const key = await api.get(`${path}/public-key`)
  if (!key) throw new CountersignError('KEY_NOT_FOUND', `no ${what} whose secrets the token in GITHUB_TOKEN may write`)
  const { id, publicKey } = readAs('FORGE_RESPONSE_MALFORMED', `public key of ${what}`, () => ({
    id: readString(key['key_id'], 'key_id'),
    publicKey: readBase64(key['key'], 'key'),
  }))
  return {
    name: what,
    kind: 'github actions secret',
    has: async name => (await api.get(`${path}/${name}`)) !== undefined,
    put: async (name, value) => {
      const sealed = await sealBox(value, publicKey, random)
      const visibility = repository === undefined ? { visibility: 'private' } : {}
      await api.send('PUT', `${path}/${name}`, { key_id: id, encrypted_value: encodeBase64(sealed), ...visibility })
      return {}
    },
  }
}

function createGithubApi(effects: ForgeEffects): ForgeApi {
  const headers = {
    authorization: `Bearer ${forgeToken(effects.environment, 'GITHUB_TOKEN')}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  }
  return createForgeApi({ base: apiBase(effects.environment.get('GITHUB_HOST')), tokenVariable: 'GITHUB_TOKEN', headers }, effects)
}

/** GitHub itself has a host for its API; an enterprise server has a path, unless the host given is one for its API. */
function apiBase(host: string | undefined): URL {
  if (!host) return new URL('https://api.github.com')
  const base = parseForgeHost(host, 'GITHUB_HOST')
  if (base.hostname === 'github.com') return new URL('https://api.github.com')
  const isApi = /(^|\.)api\./.test(base.hostname) || /\/api\/v3\/?$/.test(base.pathname)
  if (!isApi) base.pathname = `${base.pathname.replace(/\/$/, '')}/api/v3`
  return base
}
