import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type PasswordHash, parsePasswordHash } from './sign-in/passwords.ts'

/** Somebody who may sign in. */
export type IssuerUser = {
  readonly email: string
  readonly passwordHash: string // PHC string: argon2id or scrypt, as `hashPassword` makes it
  readonly id?: string // `sub` of tokens; the email address unless told
  readonly name?: string
  readonly connector?: string // what `federated_claims.connector_id` says; `local` unless told
}

/** A program that gets tokens for itself, by the grant `client_credentials`. */
export type IssuerClient = {
  readonly id: string
  readonly secret: string // of 16 to 256 printable ASCII characters
  readonly email?: string // of tokens; without it they have `sub` alone
}

/** Another issuer, whose tokens are exchanged for ours. */
export type IssuerConnector = {
  readonly id: string // `connector_id` of requests, and of `federated_claims`
  readonly issuer: string // `iss` of its tokens, exactly; asked for its keys
  readonly audience: string // one of `aud` of its tokens
  readonly emailDomains: readonly string[] // lower case; of the addresses that it may vouch for
}

/** What anybody may cost an issuer, and how often guess. */
export type IssuerLimits = {
  readonly bodyBytes: number
  readonly queryBytes: number // of the address of an authorization request
  readonly signIns: number // codes, sessions and grants kept at once
  readonly signInBytes: number
  readonly wrongPasswords: number // of one name, within `guessWindowMs`
  readonly wrongCodes: number // of devices, by anybody, within `guessWindowMs`
  readonly guessWindowMs: number
  readonly passwordsAtOnce: number // being hashed
}

/** @see services.md §11 */
export const defaultIssuerLimits: IssuerLimits = {
  bodyBytes: 64 << 10,
  queryBytes: 8 << 10,
  signIns: 20_000,
  signInBytes: 32 << 20,
  wrongPasswords: 10,
  wrongCodes: 50,
  guessWindowMs: 300_000,
  passwordsAtOnce: 4,
}

/** What an issuer is told; `checkIssuerOptions` says whether it makes sense. */
export type IssuerOptions = {
  /** The issuer, byte for byte as tokens and discovery state it. https, or http on loopback; no slash at its end. */
  readonly url: string
  readonly users: readonly IssuerUser[]
  readonly clients?: readonly IssuerClient[]
  readonly connectors?: readonly IssuerConnector[]
  readonly tokenSeconds?: number // that an ID token is good for, 60 to 3600; 600 unless told
  readonly deviceIntervalSeconds?: number // between two questions of a device, 1 to 60; 5 unless told
  readonly keyDays?: number // that a key signs before the next does, 1 to 365; 30 unless told
  /**
   * Imitates the token endpoint of GitHub's CI for whoever knows this secret, under the issuer `URL/actions`. For trying things out: the
   * issuer's URL must be on loopback. @see IssuerOptions.url
   */
  readonly dev?: { readonly ciSecret: string }
  readonly limits?: Partial<IssuerLimits>
}

/** A user with an id, and the password's hash taken apart. */
export type KnownUser = Omit<IssuerUser, 'passwordHash'> & { readonly id: string; readonly password: PasswordHash }

/** Options that make sense. Only `checkIssuerOptions` makes them. */
export type IssuerSettings = {
  readonly url: URL
  readonly issuer: string
  readonly prefix: string // path of the issuer: '' or '/some/path'
  readonly usersByEmail: ReadonlyMap<string, KnownUser> // lower case
  readonly usersById: ReadonlyMap<string, KnownUser>
  readonly clients: readonly IssuerClient[]
  readonly connectors: readonly IssuerConnector[]
  readonly tokenSeconds: number
  readonly deviceIntervalSeconds: number
  readonly keyDays: number
  readonly ciSecret: string | undefined
  readonly limits: IssuerLimits
}

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether a host name, as `URL.hostname` has it, is this machine. */
export function isLoopback(hostname: string): boolean {
  return loopbackHosts.has(hostname)
}

/** @throws CountersignError `CONFIGURATION_MALFORMED` */
export function checkIssuerOptions(options: IssuerOptions): IssuerSettings {
  const url = checkUrl(options.url)
  const users = options.users.map(checkUser)
  const usersByEmail = new Map(users.map(user => [user.email.toLowerCase(), user]))
  const usersById = new Map(users.map(user => [user.id, user]))
  if (usersByEmail.size < users.length) throw malformed('users: want every email address once')
  if (usersById.size < users.length) throw malformed('users: want every id once')
  const clients = options.clients ?? []
  for (const [index, client] of clients.entries()) checkClient(client, `clients[${index}]`)
  if (new Set([publicClient, ...clients.map(({ id }) => id)]).size <= clients.length)
    throw malformed(`clients: want every id once, and ${publicClient} not at all`)
  const connectors = options.connectors ?? []
  for (const [index, connector] of connectors.entries()) checkConnector(connector, options.url, `connectors[${index}]`)
  if (new Set(connectors.map(({ id }) => id)).size < connectors.length) throw malformed('connectors: want every id once')
  const ciSecret = options.dev?.ciSecret
  if (ciSecret !== undefined && !isLoopback(url.hostname))
    throw malformed(`dev: want an issuer on localhost, 127.0.0.1 or [::1], got ${quote(options.url)}`)
  if (ciSecret !== undefined && !/^[\x21-\x7e]{16,256}$/.test(ciSecret))
    throw malformed('dev: want a secret of 16 to 256 printable characters')
  return {
    url,
    issuer: options.url,
    prefix: url.pathname === '/' ? '' : url.pathname,
    usersByEmail,
    usersById,
    clients,
    connectors,
    tokenSeconds: within(options.tokenSeconds ?? 600, 60, 3600, 'tokenSeconds'),
    deviceIntervalSeconds: within(options.deviceIntervalSeconds ?? 5, 1, 60, 'deviceIntervalSeconds'),
    keyDays: within(options.keyDays ?? 30, 1, 365, 'keyDays'),
    ciSecret,
    limits: { ...defaultIssuerLimits, ...options.limits },
  }
}

/** The client that all of Sigstore's clients are: public, without a secret. */
export const publicClient = 'sigstore'

function checkUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw malformed(`url: want an http or https URL, got ${quote(text)}`)
  if (text !== url.origin + (url.pathname === '/' ? '' : url.pathname) || text.endsWith('/'))
    throw malformed(`url: want scheme, host and path in lower case, with no slash at the end and nothing after it, got ${quote(text)}`)
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(url.pathname === '/' ? '' : url.pathname))
    throw malformed(`url: want a path of letters, digits, dots, dashes and slashes, got ${quote(url.pathname)}`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw malformed(`url: want https, or http on localhost, 127.0.0.1 or [::1], got ${quote(text)}`)
  return url
}

function checkUser(user: IssuerUser, index: number): KnownUser {
  const at = `users[${index}]`
  if (!/^[^\s@]{1,128}@[^\s@]{1,253}$/.test(user.email)) throw malformed(`${at}.email: want an email address, got ${quote(user.email)}`)
  const { passwordHash, ...rest } = user
  const id = user.id ?? user.email
  if (!/^[\x21-\x7e]{1,255}$/.test(id)) throw malformed(`${at}.id: want 1 to 255 printable ASCII characters, got ${quote(id)}`)
  return { ...rest, id, password: parsePasswordHash(passwordHash, `${at}.passwordHash`) }
}

function checkClient({ id, secret, email }: IssuerClient, at: string): void {
  if (!/^[A-Za-z0-9._~-]{1,128}$/.test(id)) throw malformed(`${at}.id: want 1 to 128 letters, digits, dots and dashes, got ${quote(id)}`)
  if (!/^[\x21-\x7e]{16,256}$/.test(secret)) throw malformed(`${at}.secret: want 16 to 256 printable ASCII characters`)
  if (email !== undefined && !/^[^\s@]{1,128}@[^\s@]{1,253}$/.test(email))
    throw malformed(`${at}.email: want an email address, got ${quote(email)}`)
}

function checkConnector({ id, issuer, audience, emailDomains }: IssuerConnector, own: string, at: string): void {
  if (!/^[\x21-\x7e]{1,255}$/.test(id)) throw malformed(`${at}.id: want 1 to 255 printable ASCII characters, got ${quote(id)}`)
  const url = URL.parse(issuer)
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback(url.hostname)))
    throw malformed(`${at}.issuer: want an https URL, or http on this machine, got ${quote(issuer)}`)
  if (issuer === own || issuer.startsWith(`${own}/`)) throw malformed(`${at}.issuer: want another issuer than this one`)
  if (audience === '' || audience.length > 255) throw malformed(`${at}.audience: want 1 to 255 characters`)
  for (const domain of emailDomains)
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain)) throw malformed(`${at}.emailDomains: want domains in lower case, got ${quote(domain)}`)
}

function within(value: number, least: number, most: number, at: string): number {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw malformed(`${at}: want a whole number from ${least} to ${most}, got ${value}`)
  return value
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `issuer: ${problem}`)
}
