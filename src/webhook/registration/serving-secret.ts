import { decodeBase64, encodeBase64 } from '../../codec/base64.ts'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readObject, readString, readStringMap } from '../../codec/json.ts'
import { decodeUtf8, encodeUtf8, quote } from '../../codec/text.ts'
import type { TlsPair } from '../../services/tls-certificate.ts'
import type { Ceremony } from '../certificates/issue-certificate.ts'
import { loadServing } from '../certificates/kept-serving.ts'
import type { ClusterConnection } from '../cluster/cluster-connection.ts'

/** A Secret in which all replicas keep the certificates that they make. */
export type ServingSecret = { readonly namespace: string; readonly name: string }

/** The certificate to serve now, and what clients are to trust: certificates in PEM. */
export type TrustedServing = { readonly pair: TlsPair; readonly authorities: string }

const limitBytes = 256 << 10
const members = { state: 'serving.json', authorities: 'ca.crt' } as const

/**
 * The certificate to serve now, as `loadServing` has it, out of a Secret. What is made is written in one request, and only where the Secret is
 * still the one that was read: of two replicas that make certificates at once one is refused, and has those of the other when it asks again.
 *
 * @throws CountersignError `SERVICE_REFUSED` where there is no such Secret, `CONFIGURATION_MALFORMED` for what is not of our making;
 *   as `connection`
 */
export async function loadServingSecret(
  connection: ClusterConnection,
  { namespace, name }: ServingSecret,
  dnsNames: readonly string[],
  ceremony: Ceremony,
  signal: AbortSignal,
): Promise<TrustedServing> {
  const [path, what] = [`/api/v1/namespaces/${namespace}/secrets/${name}`, `Secret ${quote(name)} in namespace ${quote(namespace)}`]
  const secret = await connection.get(path, signal)
  if (!secret) throw new CountersignError('SERVICE_REFUSED', `${what}: want the one of the manifests, got none`)
  const { data, resourceVersion } = readAs('CONFIGURATION_MALFORMED', what, () => ({
    data: new Map(readStringMap(secret['data'] ?? {}, `${what}: data`)),
    resourceVersion: readString(readObject(secret['metadata'], `${what}: metadata`)['resourceVersion'], `${what}: resourceVersion`),
  }))
  const read = (member: string) => readMember(data, member, what)
  const files = {
    exists: async (member: string) => data.has(member),
    read: async (member: string) => read(member),
    folder: () => ({
      write: async (_: string, bundle: Uint8Array | AsyncIterable<Uint8Array>) => {
        if (!(bundle instanceof Uint8Array)) throw new TypeError('want the bundle whole')
        data.set(members.authorities, encodeBase64(bundle)) // written with what it vouches for
      },
    }),
    write: async (member: string, text: string) => {
      data.set(member, encodeBase64(encodeUtf8(text)))
      const changes = { metadata: { resourceVersion }, data: Object.fromEntries(data) }
      if (!(await connection.merge(path, changes, signal))) throw new CountersignError('SERVICE_REFUSED', `${what}: it is gone`)
    },
  }
  const pair = await loadServing(files, '', dnsNames, ceremony)
  return { pair, authorities: decodeUtf8(read(members.authorities), `${what}: ${members.authorities}`) }
}

function readMember(data: ReadonlyMap<string, string>, member: string, what: string): Uint8Array {
  return readAs('CONFIGURATION_MALFORMED', what, () => {
    const bytes = decodeBase64(readString(data.get(member), `${what}: data[${quote(member)}]`), `${what}: data[${quote(member)}]`)
    if (bytes.length > limitBytes)
      throw new CountersignError('LIMIT_EXCEEDED', `${what}: ${member}: want at most ${limitBytes} bytes, got ${bytes.length}`)
    return bytes
  })
}
