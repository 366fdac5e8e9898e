import { CountersignError } from '../../codec/error.ts'
import { readAs, readObjectOf } from '../../codec/json.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { checkCertificates } from '../../oci/transport/certificates.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { checkBearerToken } from './bearer-token.ts'
import { type ClusterCredential, runExecCredential } from './exec-credential.ts'
import { decodeData, describeForExec, type KubeconfigCluster, optionalText } from './kubeconfig-cluster.ts'
import type { KubeconfigEntry } from './kubeconfig-file.ts'

const members = [
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
  'tokenFile',
  'exec',
  'extensions',
]

/** What kubectl knows and we do not follow: with it left out we would be somebody else. */
const refused = new Map([
  ...['as', 'as-uid', 'as-groups', 'as-user-extra'].map(name => [name, 'name a user of those rights'] as const),
  ...['username', 'password'].map(name => [name, 'clusters take no passwords since 1.19'] as const),
  ['auth-provider', 'clients have none since 1.26: name a program in exec'] as const,
])
const fileLimitBytes = 1 << 20

/**
 * Reads a user of a kubeconfig: a client certificate, a token, both, or the program that gives them.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for impersonation, passwords and auth providers, which are not followed;
 *   `CONFIGURATION_MALFORMED`, `CREDENTIALS_MALFORMED`, `PEM_MALFORMED`; what `readFile` and `runExecCredential` throw
 */
export async function readKubeconfigUser(
  entry: KubeconfigEntry,
  cluster: KubeconfigCluster,
  effects: Pick<ProviderEffects, 'readFile' | 'runProgram'>,
): Promise<ClusterCredential> {
  const { fields, at, pathOf } = entry
  for (const [name, instead] of refused)
    if (fields[name] != null) throw new CountersignError('CAPABILITY_MISSING', `${at}: ${name} is not followed: ${instead}`)
  const user = readAs('CONFIGURATION_MALFORMED', at, () => readObjectOf(fields, at, members))
  const text = (name: string) => optionalText(user, name, at)
  const read = async (name: string, path: string) =>
    decodeUtf8(await effects.readFile(pathOf(path), fileLimitBytes), `${at}.${name}`, 'CONFIGURATION_MALFORMED')
  const pem = async (name: string) => {
    const [data, path] = [text(`${name}-data`), text(name)]
    return data !== undefined ? decodeData(data, `${at}.${name}-data`) : path === undefined ? undefined : await read(name, path)
  }
  if (user['exec'] != null) {
    const other = members.find(name => name !== 'exec' && name !== 'extensions' && text(name) !== undefined)
    if (other !== undefined) throw new CountersignError('CONFIGURATION_MALFORMED', `${at}: want exec or ${other}, got both`)
    return checked(await runExecCredential(entry, describeForExec(cluster), effects), at)
  }
  const [cert, key] = [await pem('client-certificate'), await pem('client-key')]
  if ((cert === undefined) !== (key === undefined))
    throw new CountersignError('CONFIGURATION_MALFORMED', `${at}: want client-certificate and client-key, got one alone`)
  const tokenFile = text('tokenFile')
  const token = tokenFile === undefined ? text('token') : (await read('tokenFile', tokenFile)).trim() // as kubectl has it, the file goes before
  return checked(
    { ...(token !== undefined && { token }), ...(cert !== undefined && key !== undefined && { clientCertificate: { cert, key } }) },
    at,
  )
}

function checked(credential: ClusterCredential, at: string): ClusterCredential {
  if (credential.token !== undefined) checkBearerToken(credential.token, `${at}: token`)
  if (credential.clientCertificate) checkCertificates(credential.clientCertificate.cert, `${at}: client certificate`)
  return credential
}
