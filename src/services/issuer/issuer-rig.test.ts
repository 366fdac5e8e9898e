// No tests here: what the tests of this folder share. An issuer without a socket, a browser that keeps cookies, a program that signs in.
import { argon2Sync, createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { EventFacts, ServiceEvents } from '../service.ts'
import type { IssuerOptions } from './configuration.ts'
import { createIssuer, type Issuer } from './issuer.ts'
import { memoryKeyStore, type StoredKey } from './keys/key-store.ts'

export const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
export const password = 'correct horse'
const cheap = { message: password, nonce: Buffer.alloc(16), parallelism: 1, tagLength: 32, memory: 7168, passes: 1 }
const passwordHash = `$argon2id$v=19$m=7168,t=1,p=1$${unpadded(cheap.nonce)}$${unpadded(argon2Sync('argon2id', cheap))}`
export const verifier = 'v'.repeat(43)
export const challenge = createHash('sha256').update(verifier).digest('base64url')
export const secret = 'a secret of a program'.replaceAll(' ', '-')

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}

export function storedKey(times: Omit<StoredKey, 'pkcs8'>): StoredKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { pkcs8: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })), ...times }
}

/** Two keys, made once: they cost a tenth of a second each. */
export const keys: readonly [StoredKey, StoredKey] = [
  storedKey({ publishedMs: 0, activeMs: Date.now(), retiredMs: undefined }),
  storedKey({ publishedMs: Date.now(), activeMs: undefined, retiredMs: undefined }),
]

export const users = [
  { email: 'Alice@example.com', passwordHash, name: 'Alice', connector: 'https://accounts.example.com' },
  { email: 'bob@example.com', passwordHash, id: 'b0b' },
]

export type Rig = {
  readonly issuer: Issuer
  readonly counted: string[]
  readonly logged: string[]
  /** Moves its clock; that of the provider's own checks is the machine's. */
  readonly later: (seconds: number) => void
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  readonly post: (path: string, form: Record<string, string> | string, headers?: Record<string, string>) => Promise<Response>
  readonly browser: () => Browser
}

export const url = 'http://localhost:8080/id'

export async function createRig(options: Partial<IssuerOptions> = {}): Promise<Rig> {
  let aheadMs = 0
  const counted: string[] = []
  const logged: string[] = []
  const note = (facts?: EventFacts) => (facts ? ` ${JSON.stringify(facts)}` : '')
  const events: ServiceEvents = {
    count: (metric, labels) => counted.push(metric + note(labels)),
    observe: () => {},
    log: (level, message, facts) => logged.push(`${level} ${message}${note(facts)}`),
    audit: (action, facts) => logged.push(`${action}${note(facts)}`),
  }
  const world = { now: () => new Date(Date.now() + aheadMs), randomBytes: random }
  const issuer = await createIssuer({ url, users, ...options }, memoryKeyStore(keys), world, events)
  const base = options.url ?? url
  const get: Rig['get'] = (path, headers = {}) => issuer.handler(new Request(new URL(path, `${base}/`), { headers }))
  const post: Rig['post'] = (path, form, headers = {}) => {
    const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return issuer.handler(new Request(new URL(path, `${base}/`), { method: 'POST', body, headers: { ...type, ...headers } }))
  }
  const later = (seconds: number): void => {
    aheadMs += seconds * 1000
  }
  return { issuer, counted, logged, later, get, post, browser: () => createBrowser(get, post) }
}

export type Browser = {
  readonly get: (address: string) => Promise<Response>
  readonly post: (address: string, form: Record<string, string>) => Promise<Response>
  /** Goes on from a redirect, below the issuer, until there is a page or a redirect elsewhere. */
  readonly follow: (response: Response) => Promise<{ readonly response: Response; readonly address: string }>
}

function createBrowser(get: Rig['get'], post: Rig['post']): Browser {
  const cookies: { name: string; value: string; path: string }[] = []
  const keep = (response: Response): Response => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = '', path = ''] = /^([^=]+)=([^;]*);.*?path=([^;]+)/i.exec(line) ?? []
      const at = cookies.findIndex(cookie => cookie.name === name && cookie.path === path)
      if (at !== -1) cookies.splice(at, 1)
      if (value !== '') cookies.push({ name, value, path })
    }
    return response
  }
  const cookieHeader = (address: string): Record<string, string> => {
    const { pathname } = new URL(address, url)
    const sent = cookies.filter(({ path }) => pathname.startsWith(path)).map(({ name, value }) => `${name}=${value}`)
    return sent.length > 0 ? { cookie: sent.join('; ') } : {}
  }
  const browser: Browser = {
    get: async address => keep(await get(address, cookieHeader(address))),
    post: async (address, form) => keep(await post(address, form, cookieHeader(address))),
    follow: async response => {
      let [answer, address] = [response, '']
      for (let steps = 0; steps < 10; steps++) {
        const location = answer.headers.get('location')
        if (location === null || !new URL(location, url).href.startsWith(`${url}/`)) return { response: answer, address }
        address = new URL(location, url).href
        answer = await browser.get(address)
      }
      throw new Error('redirects without end')
    },
  }
  return browser
}

/** Parameters of an authorization request as cosign sends them. services.md §6 */
export const authorization = {
  response_type: 'code',
  client_id: 'sigstore',
  redirect_uri: 'http://localhost:43211/auth/callback',
  scope: 'openid email',
  state: 'a state',
  nonce: 'a nonce',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  access_type: 'online',
}

export function authorizationPath(change: Record<string, string | undefined> = {}): string {
  const parameters = Object.entries({ ...authorization, ...change }).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `${url}/auth?${new URLSearchParams(parameters)}`
}

/** Signs in as a user does: from a request to the answer that carries the code. */
export async function signIn(rig: Rig, change: Record<string, string | undefined> = {}, email = 'alice@example.com'): Promise<Response> {
  const browser = rig.browser()
  const { address } = await browser.follow(await browser.get(authorizationPath(change)))
  const { response } = await browser.follow(await browser.post(address, { email, password, action: 'login' }))
  return response
}

/** The code of a redirect. */
export function codeOf(response: Response): string {
  return new URL(response.headers.get('location')!).searchParams.get('code')!
}

export const exchange = {
  grant_type: 'authorization_code',
  client_id: 'sigstore',
  redirect_uri: authorization.redirect_uri,
  code_verifier: verifier,
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}

/** What the forms of a page hold in hidden fields. */
export function hiddenFields(html: string): Record<string, string> {
  return Object.fromEntries([...html.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]))
}
