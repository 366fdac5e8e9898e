import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { type JsonObject, readArray, readAs, readObject, readObjectOf, readString } from '../../codec/json.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import { checkCertificates } from '../../oci/transport/certificates.ts'
import { reachOf } from '../../oci/transport/host.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import type { KubeconfigEntry } from './kubeconfig-file.ts'

/** Where an API server is, and what its certificate must be. */
export type ClusterAddress = {
  readonly address: URL
  readonly ca?: string // PEM of its authorities; without them the system's count
  readonly serverName?: string
}

/** The same, and what a kubeconfig has for programs that give credentials. */
export type KubeconfigCluster = ClusterAddress & { readonly execConfig?: unknown }

const members = [
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'tls-server-name',
  'disable-compression', // we ask for none
  'extensions',
  'insecure-skip-tls-verify',
  'proxy-url',
]
const [fileLimitBytes, extensionsLimit] = [1 << 20, 1000]

/**
 * Reads a cluster of a kubeconfig.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for `insecure-skip-tls-verify` and `proxy-url`, which are not followed;
 *   `CONFIGURATION_MALFORMED` for what we do not know or cannot use; `PEM_MALFORMED`; what `readFile` throws
 */
export async function readKubeconfigCluster(
  { fields, at, pathOf }: KubeconfigEntry,
  { readFile }: Pick<ProviderEffects, 'readFile'>,
): Promise<KubeconfigCluster> {
  const cluster = readAs('CONFIGURATION_MALFORMED', at, () => readObjectOf(fields, at, members))
  const text = (name: string) => optionalText(cluster, name, at)
  if ((cluster['insecure-skip-tls-verify'] ?? false) !== false)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `${at}: insecure-skip-tls-verify is not followed, for anybody could answer: name the authority in certificate-authority`,
    )
  if (text('proxy-url') !== undefined)
    throw new CountersignError('CAPABILITY_MISSING', `${at}: proxy-url is not followed: name the proxy in HTTPS_PROXY`)
  const address = readServer(text('server'), `${at}.server`)
  const [data, path, serverName] = [text('certificate-authority-data'), text('certificate-authority'), text('tls-server-name')]
  const ca =
    data !== undefined // as kubectl has it, data goes before a path
      ? decodeData(data, `${at}.certificate-authority-data`)
      : path === undefined
        ? undefined
        : decodeUtf8(await readFile(pathOf(path), fileLimitBytes), `${at}.certificate-authority`, 'CONFIGURATION_MALFORMED')
  if (ca !== undefined) checkCertificates(ca, `${at}: authority`)
  const execConfig = readAs('CONFIGURATION_MALFORMED', at, () => readExecConfig(cluster, at))
  return {
    address,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { serverName }),
    ...(execConfig !== undefined && { execConfig }),
  }
}

/** What a cluster says of itself to a program that gives credentials. @see k8s.io/client-go/pkg/apis/clientauthentication Cluster */
export function describeForExec({ address, ca, serverName, execConfig }: KubeconfigCluster): Readonly<Record<string, unknown>> {
  return {
    server: address.href.replace(/\/$/, ''),
    ...(serverName !== undefined && { 'tls-server-name': serverName }),
    ...(ca !== undefined && { 'certificate-authority-data': encodeBase64(encodeUtf8(ca)) }),
    config: execConfig ?? null,
  }
}

/** A member that is text, if it is there. What it is instead is not repeated: it may be a password. */
export function optionalText(fields: JsonObject, name: string, at: string): string | undefined {
  const value = fields[name] ?? ''
  if (typeof value !== 'string') throw new CountersignError('CONFIGURATION_MALFORMED', `${at}.${name}: want text, got something else`)
  return value === '' ? undefined : value
}

/** PEM that stands in a kubeconfig as base64. @throws CountersignError `CONFIGURATION_MALFORMED` */
export function decodeData(base64: string, at: string): string {
  return decodeUtf8(decodeBase64(base64, at, 'CONFIGURATION_MALFORMED'), at, 'CONFIGURATION_MALFORMED')
}

function readServer(text: string | undefined, at: string): URL {
  const url = text === undefined ? null : URL.parse(text)
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new CountersignError(
      'CONFIGURATION_MALFORMED',
      `${at}: want an https:// URL without user name, query or fragment, got ${quote(url ? `${url.protocol}//${url.host}` : 'no URL')}`,
    )
  if (url.protocol === 'http:' && reachOf(url.hostname) !== 'loopback')
    throw new CountersignError(
      'CONFIGURATION_MALFORMED',
      `${at}: want https, for the key would be sent in the clear, got ${quote(url.origin)}`,
    )
  return url
}

function readExecConfig(cluster: JsonObject, at: string): unknown {
  if (cluster['extensions'] == null) return undefined
  const found = readArray(cluster['extensions'], `${at}.extensions`, extensionsLimit, (item, place) => {
    const { name, extension } = readObject(item, place)
    return { name: readString(name, `${place}.name`), extension }
  })
  return found.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension
}
