import { CountersignError } from '../../codec/error.ts'
import { parseJson, readObject, readString } from '../../codec/json.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import type { CredentialEffects } from './credential-effects.ts'
import type { Credentials } from './credentials.ts'

const limits = { timeoutMs: 30_000, limitBytes: 64 << 10 }
/** What helpers say, as their whole output, when they know nothing; text of docker-credential-helpers. */
const notFound = new Set(['credentials not found in native keychain', 'no credentials server URL', 'no credentials username'])
/** The user name that marks a secret as an identity token; Docker's documentation of `login`, "Credential helper protocol". */
const identityTokenUser = '<token>'

type Effects = Pick<CredentialEffects, 'run' | 'platform'>

/**
 * Asks `docker-credential-NAME get` for what it keeps for a server. The name comes from a file, so it must be a plain one,
 * and no shell is involved. The helper has 30 s and 64 KiB.
 *
 * @param server - as Docker names it: the host, or `https://index.docker.io/v1/`
 * @returns nothing when the helper knows no credentials for the server
 * @throws CountersignError `CREDENTIALS_UNAVAILABLE` when it is missing or fails, `CREDENTIALS_MALFORMED` for a bad name or answer
 */
export async function getFromHelper(effects: Effects, name: string, server: string): Promise<Credentials | undefined> {
  const program = programOf(name, effects.platform)
  const { exitCode, output } = await effects.run(program, ['get'], encodeUtf8(server), limits)
  if (exitCode !== 0) {
    const said = firstLine(output)
    if (notFound.has(said)) return undefined
    throw new CountersignError(
      'CREDENTIALS_UNAVAILABLE',
      `${program}: get for ${quote(server)}: failed with status ${exitCode}: ${quote(said)}`,
    )
  }
  const { username, secret } = readAnswer(output, program)
  if (username === '' && secret === '') return undefined
  return username === identityTokenUser ? { kind: 'identity-token', token: secret } : { kind: 'basic', username, password: secret }
}

/**
 * Hands credentials for a server to `docker-credential-NAME store`.
 *
 * @throws CountersignError `CREDENTIALS_UNAVAILABLE`; what the helper says is shown unless it repeats the password
 */
export async function storeInHelper(effects: Effects, name: string, server: string, username: string, password: string): Promise<void> {
  const program = programOf(name, effects.platform)
  const input = encodeUtf8(JSON.stringify({ ServerURL: server, Username: username, Secret: password }))
  const { exitCode, output } = await effects.run(program, ['store'], input, limits)
  if (exitCode === 0) return
  const said = firstLine(output)
  const shown = password !== '' && said.includes(password) ? '' : `: ${quote(said)}`
  throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: store for ${quote(server)}: failed with status ${exitCode}${shown}`)
}

function programOf(name: string, platform: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
    throw new CountersignError(
      'CREDENTIALS_MALFORMED',
      `credential helper: want a name of letters, digits, dots, dashes and underscores, got ${quote(name)}`,
    )
  return `docker-credential-${name}${platform === 'win32' ? '.exe' : ''}`
}

/** Reads `{"ServerURL", "Username", "Secret"}`. Parser messages could show the secret: none is passed on. */
function readAnswer(output: Uint8Array, program: string): { username: string; secret: string } {
  try {
    const answer = readObject(parseJson(output, program, { bytes: limits.limitBytes }), program)
    return { username: readString(answer['Username'], 'Username'), secret: readString(answer['Secret'], 'Secret') }
  } catch {
    throw new CountersignError(
      'CREDENTIALS_MALFORMED',
      `${program}: want JSON with Username and Secret, got ${output.length} bytes without`,
    )
  }
}

function firstLine(output: Uint8Array): string {
  try {
    return decodeUtf8(output, '').trim().split('\n')[0]!.trim()
  } catch {
    return ''
  }
}
