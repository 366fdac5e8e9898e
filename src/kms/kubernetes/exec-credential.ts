import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readArray, readAs, readObjectOf, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { KubeconfigEntry } from './kubeconfig-file.ts'
import { parseSecretJson } from './secret-json.ts'

/** Whom a cluster takes us for. */
export type ClusterCredential = { readonly token?: string; readonly clientCertificate?: ClientCertificate }

export type ClientCertificate = { readonly cert: string; readonly key: string } // PEM

/** What a program that asks to know is told about the cluster: `spec.cluster` of an ExecCredential. */
export type ExecCluster = Readonly<Record<string, unknown>>

const limits = { timeoutMs: 60_000, limitBytes: 1 << 20 } // a person may have to log in with a browser
const members = ['apiVersion', 'command', 'args', 'env', 'installHint', 'provideClusterInfo', 'interactiveMode']
const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']
const wordsLimit = 1000

/**
 * Runs the program that a user of a kubeconfig names for its credentials, without a shell and without standard input, and reads what it says.
 * It has 60 s.
 *
 * @param user - whose `exec` it is
 * @throws CountersignError `CONFIGURATION_MALFORMED`, `CAPABILITY_MISSING` for one that must ask somebody, `CREDENTIALS_UNAVAILABLE` when it
 *   fails, `CREDENTIALS_MALFORMED` for what it says
 * @see KEP-541, k8s.io/client-go/pkg/apis/clientauthentication
 */
export async function runExecCredential(
  user: KubeconfigEntry,
  cluster: ExecCluster,
  { runProgram }: Pick<ProviderEffects, 'runProgram'>,
): Promise<ClusterCredential> {
  const { at } = user
  const { command, args, env, apiVersion, wantsCluster } = readAs('CONFIGURATION_MALFORMED', at, () =>
    readExec(user.fields['exec'], `${at}.exec`),
  )
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false, ...(wantsCluster && { cluster }) } }
  const environment = { ...Object.fromEntries(env), KUBERNETES_EXEC_INFO: JSON.stringify(info) }
  const program = /[/\\]/.test(command) ? user.pathOf(command) : command // a bare name is looked for on the PATH
  const { exitCode, output } = await runProgram(program, args, new Uint8Array(), { ...limits, environment })
  const what = `${at}: program ${quote(command)}`
  if (exitCode !== 0) throw new CountersignError('CREDENTIALS_UNAVAILABLE', `${what}: want exit status 0, got ${exitCode ?? 'a signal'}`)
  return readAs('CREDENTIALS_MALFORMED', what, () => {
    const said = parseSecretJson(output, what, limits.limitBytes, 'CREDENTIALS_MALFORMED')
    if (said['kind'] !== 'ExecCredential' || said['apiVersion'] !== apiVersion)
      throw new CountersignError('CREDENTIALS_MALFORMED', `${what}: want an ExecCredential of ${apiVersion}, got something else`)
    return readStatus(said['status'], `${what}: status`)
  })
}

function readExec(value: unknown, at: string) {
  const exec = readObjectOf(value, at, members)
  const apiVersion = readString(exec['apiVersion'], `${at}.apiVersion`)
  if (!versions.includes(apiVersion))
    throw new CountersignError('CONFIGURATION_MALFORMED', `${at}.apiVersion: want ${versions.join(' or ')}, got ${quote(apiVersion)}`)
  const mode = exec['interactiveMode'] ?? 'IfAvailable' // v1 has to say it; none of its values lets us do more
  if (mode === 'Always')
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${at}: programs that must ask on the terminal are not run: log in by it before, or give a token`,
    )
  if (mode !== 'Never' && mode !== 'IfAvailable')
    throw new CountersignError(
      'CONFIGURATION_MALFORMED',
      `${at}.interactiveMode: want Never, IfAvailable or Always, got ${quote(String(mode))}`,
    )
  const provide = exec['provideClusterInfo'] ?? false
  if (typeof provide !== 'boolean') throw new CountersignError('CONFIGURATION_MALFORMED', `${at}.provideClusterInfo: want true or false`)
  const command = readString(exec['command'], `${at}.command`)
  if (command === '') throw new CountersignError('CONFIGURATION_MALFORMED', `${at}.command: want a program, got nothing`)
  return {
    apiVersion,
    command,
    wantsCluster: provide,
    args: exec['args'] == null ? [] : readArray(exec['args'], `${at}.args`, wordsLimit, readString),
    env: exec['env'] == null ? [] : readArray(exec['env'], `${at}.env`, wordsLimit, readVariable),
  }
}

function readVariable(value: unknown, at: string): [name: string, value: string] {
  const variable = readObjectOf(value, at, ['name', 'value'])
  return [readString(variable['name'], `${at}.name`), readString(variable['value'], `${at}.value`)]
}

/** The time at which it expires says when to run it again: each command runs it anew. What it says may be a secret: it is not repeated. */
function readStatus(value: unknown, at: string): ClusterCredential {
  const status: JsonObject = readObjectOf(value, at, ['token', 'clientCertificateData', 'clientKeyData', 'expirationTimestamp'])
  const text = (name: string) => {
    const member = status[name] ?? ''
    if (typeof member !== 'string') throw new CountersignError('CREDENTIALS_MALFORMED', `${at}.${name}: want text`)
    return member
  }
  const [token, cert, key] = [text('token'), text('clientCertificateData'), text('clientKeyData')]
  if ((cert === '') !== (key === ''))
    throw new CountersignError('CREDENTIALS_MALFORMED', `${at}: want clientCertificateData and clientKeyData, got one alone`)
  if (token === '' && cert === '')
    throw new CountersignError('CREDENTIALS_MALFORMED', `${at}: want a token or a client certificate, got none`)
  return { ...(token !== '' && { token }), ...(cert !== '' && { clientCertificate: { cert, key } }) }
}
