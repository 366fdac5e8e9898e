import { CountersignError } from '../../../codec/error.ts'
import { type JsonObject, parseJson, readArray, readAs, readObject, readString, readStringMap } from '../../../codec/json.ts'
import { decodePem } from '../../../codec/pem.ts'
import { encodeUtf8, quote } from '../../../codec/text.ts'
import { type AmbientEffects, unavailable } from '../provider.ts'

/** What a key file of Google's says: whom a program may speak for, and by what. All of it is secret. */
export type GoogleCredential =
  | {
      readonly kind: 'service_account'
      readonly email: string
      readonly keyId: string | undefined
      readonly pkcs8: Uint8Array
      readonly tokenUrl: URL
    }
  | { readonly kind: 'authorized_user'; readonly clientId: string; readonly clientSecret: string; readonly refreshToken: string }
  | {
      readonly kind: 'impersonated_service_account'
      readonly account: string // email address
      readonly delegates: readonly string[] // resource names, in the order in which each may speak for the next
      readonly source: GoogleCredential
    }
  | {
      readonly kind: 'external_account'
      readonly audience: string // of the workload identity pool
      readonly tokenUrl: URL
      readonly subjectTokenType: string
      readonly subject: SubjectTokenSource
      readonly account: string | undefined // that the workload may speak for
    }

/** Where a workload elsewhere has its own token. */
export type SubjectTokenSource = (
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: URL; readonly headers: ReadonlyMap<string, string> }
) & { readonly member: string | undefined } // of a JSON object; nothing where it is plain text

const variable = 'GOOGLE_APPLICATION_CREDENTIALS'
const limitBytes = 64 << 10

/**
 * The key file that Google's own tools use, application default credentials: of the variable, else the one that `gcloud` keeps.
 *
 * @returns nothing where there is none
 * @throws CountersignError `CREDENTIALS_MALFORMED`; `TOKEN_UNAVAILABLE` for a file that the variable names and that is not there, and for one of a
 *   kind that is not supported
 * @see https://google.aip.dev/auth/4110
 */
export async function findGoogleKeyFile(effects: AmbientEffects): Promise<GoogleCredential | undefined> {
  const named = effects.environment.get(variable)
  const path = named || defaultPath(effects)
  const text = path && (await effects.readText(path))
  if (!text) {
    if (named) throw unavailable(`${variable} names ${quote(named)}, which is not there or empty`)
    return undefined
  }
  const what = `key file ${quote(path)}`
  return readAs('CREDENTIALS_MALFORMED', what, () => readCredential(parseJson(encodeUtf8(text), what, { bytes: limitBytes }), what, true))
}

/** Whether there is one, whatever it says. */
export async function hasGoogleKeyFile(effects: AmbientEffects): Promise<boolean> {
  if (effects.environment.get(variable)) return true
  const path = defaultPath(effects)
  return path !== undefined && (await effects.exists(path))
}

function defaultPath({ environment }: AmbientEffects): string | undefined {
  const [home, roaming] = [environment.get('HOME'), environment.get('APPDATA')]
  const folder = roaming ? `${roaming}/gcloud` : home ? `${home}/.config/gcloud` : undefined
  return folder && `${folder}/application_default_credentials.json`
}

/** @param isOutermost - others stand in a file that speaks for somebody else, and speak for themselves */
function readCredential(value: unknown, what: string, isOutermost: boolean): GoogleCredential {
  const json = readObject(value, what)
  const text = (name: string): string => nonEmpty(readString(json[name], `${what}.${name}`), `${what}.${name}`)
  const type = text('type')
  if (json['universe_domain'] !== undefined && json['universe_domain'] !== 'googleapis.com')
    throw unavailable(`${what}: only the universe googleapis.com is supported`)
  switch (type) {
    case 'service_account':
      return {
        kind: type,
        email: text('client_email'),
        keyId: json['private_key_id'] === undefined ? undefined : text('private_key_id'),
        pkcs8: privateKey(text('private_key'), `${what}.private_key`),
        tokenUrl: googleUrl(text('token_uri'), `${what}.token_uri`),
      }
    case 'authorized_user':
      return { kind: type, clientId: text('client_id'), clientSecret: text('client_secret'), refreshToken: text('refresh_token') }
    case 'impersonated_service_account':
      if (!isOutermost) throw unavailable(`${what}: a key file that speaks for one that speaks for another is not supported`)
      return {
        kind: type,
        account: accountOf(text('service_account_impersonation_url'), `${what}.service_account_impersonation_url`),
        delegates:
          json['delegates'] === undefined ? [] : readArray(json['delegates'], `${what}.delegates`, 20, readString).map(resourceName),
        source: readCredential(json['source_credentials'], `${what}.source_credentials`, false),
      }
    case 'external_account':
      return readExternal(json, what, text)
    default:
      throw unavailable(
        `${what}: want one of service_account, authorized_user, impersonated_service_account, external_account, got ${quote(type)}`,
      )
  }
}

function readExternal(json: JsonObject, what: string, text: (name: string) => string): GoogleCredential {
  const url = json['service_account_impersonation_url']
  for (const name of ['client_id', 'workforce_pool_user_project'])
    if (json[name] !== undefined) throw unavailable(`${what}: pools of people (${name}) are not supported, those of workloads are`)
  return {
    kind: 'external_account',
    audience: text('audience'),
    tokenUrl: googleUrl(text('token_url'), `${what}.token_url`),
    subjectTokenType: text('subject_token_type'),
    subject: readSubject(json['credential_source'], `${what}.credential_source`),
    account:
      url === undefined ? undefined : accountOf(text('service_account_impersonation_url'), `${what}.service_account_impersonation_url`),
  }
}

function readSubject(value: unknown, at: string): SubjectTokenSource {
  const json = readObject(value, at)
  const format = json['format'] === undefined ? { type: 'text' } : readObject(json['format'], `${at}.format`)
  const type = readString(format['type'], `${at}.format.type`)
  if (type !== 'text' && type !== 'json') throw malformed(`${at}.format.type: want text or json, got ${quote(type)}`)
  const member = type === 'json' ? readString(format['subject_token_field_name'], `${at}.format.subject_token_field_name`) : undefined
  for (const name of ['executable', 'environment_id', 'certificate'])
    if (json[name] !== undefined) throw unavailable(`${at}: ${name} is not supported, file and url are`)
  const isFile = json['file'] !== undefined
  if (isFile === (json['url'] !== undefined)) throw malformed(`${at}: want one of file and url`)
  if (isFile) return { kind: 'file', path: nonEmpty(readString(json['file'], `${at}.file`), `${at}.file`), member }
  const headers = json['headers'] === undefined ? new Map<string, string>() : readStringMap(json['headers'], `${at}.headers`)
  return { kind: 'url', url: subjectUrl(readString(json['url'], `${at}.url`), `${at}.url`), headers, member }
}

/** Google's own services alone are shown what a key file can do. */
function googleUrl(text: string, at: string): URL {
  const url = URL.parse(text)
  const isGoogle = url !== null && (url.hostname === 'accounts.google.com' || url.hostname.endsWith('.googleapis.com'))
  if (url?.protocol !== 'https:' || !isGoogle || url.port !== '') throw malformed(`${at}: want https at googleapis.com, got ${quote(text)}`)
  return url
}

/** By http only where it does not leave the machine, or its host: services that tell a machine who it is are at such addresses. */
function subjectUrl(text: string, at: string): URL {
  const url = URL.parse(text)
  const isNear = url !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.169\.254|metadata\.google\.internal)$/.test(url.hostname)
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isNear)) throw malformed(`${at}: want an https URL`) // it may hold secrets
  return url
}

const impersonation =
  /^https:\/\/iamcredentials\.googleapis\.com\/v1\/projects\/-\/serviceAccounts\/([^/:?#%]+@[^/:?#%]+):generateAccessToken$/

function accountOf(url: string, at: string): string {
  const [, account] = impersonation.exec(url) ?? []
  if (account === undefined) throw malformed(`${at}: want the address by which a service account's tokens are made, got ${quote(url)}`)
  return account
}

/** Delegates are named by either. */
function resourceName(account: string): string {
  return account.includes('/') ? account : `projects/-/serviceAccounts/${account}`
}

function privateKey(pem: string, at: string): Uint8Array {
  const [block, ...others] = decodePem(pem, at)
  if (block?.label !== 'PRIVATE KEY' || others.length > 0) throw malformed(`${at}: want one PEM block of a PRIVATE KEY`)
  return block.bytes
}

function nonEmpty(text: string, at: string): string {
  if (text === '') throw malformed(`${at}: want text, got none`)
  return text
}

function malformed(message: string): CountersignError {
  return new CountersignError('CREDENTIALS_MALFORMED', message)
}
