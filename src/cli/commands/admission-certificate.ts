import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8, quote } from '../../codec/text.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { loadServing } from '../../webhook/certificates/kept-serving.ts'
import { createClusterConnection } from '../../webhook/cluster/cluster-connection.ts'
import { type RegisteredServing, registerServing } from '../../webhook/registration/registered-serving.ts'
import type { FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { admissionFlags } from '../flags/policies/admission.ts'
import { keySources } from '../inputs/keys.ts'

type Flags = FlagsOf<typeof admissionFlags>

const pemLimitBytes = 64 << 10
const namePattern = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/**
 * By which certificate the webhook is served: of files, made and kept in a folder, or made and kept in a Secret and told to the API server.
 *
 * @throws CountersignError `USAGE` unless one way to a certificate is named, whole
 */
export function servingOf(context: CommandContext, flags: Flags, events: ServiceEvents): RegisteredServing {
  checkFlags(flags)
  const { files, world, signal } = context
  const { tlsCert, tlsKey, tlsFolder, tlsSecret, dnsName: dnsNames, webhookName, namespace } = flags
  if (tlsSecret !== '') {
    const connection = createClusterConnection(keySources(context))
    const secret = { namespace, name: tlsSecret }
    return registerServing({ connection, secret, configuration: webhookName, dnsNames, events, signal }, world)
  }
  const pem = async (path: string) => decodeUtf8(await files.read(path, pemLimitBytes), path)
  const load =
    tlsFolder === ''
      ? async () => ({ cert: await pem(tlsCert), key: await pem(tlsKey) })
      : () => loadServing(files, tlsFolder, dnsNames, world)
  return { load, problems: () => [], follow: async () => {} } // whom to trust is told by whoever brought the files
}

function checkFlags({ tlsCert, tlsKey, tlsFolder, tlsSecret, dnsName, webhookName, namespace }: Flags): void {
  const want = (isSo: boolean, message: string): void => {
    if (!isSo) throw new CountersignError('USAGE', message)
  }
  want((tlsCert === '') === (tlsKey === ''), '--tls-cert and --tls-key go together')
  const ways = [tlsCert, tlsFolder, tlsSecret].filter(way => way !== '').length
  want(ways === 1, 'want either --tls-cert and --tls-key, or --tls-folder, or --tls-secret')
  want(
    (tlsCert !== '') === (dnsName.length === 0),
    `--tls-${tlsSecret === '' ? 'folder' : 'secret'} and --dns-name go together: certificates are made for those names`,
  )
  want(
    (tlsSecret === '') === (webhookName === ''),
    '--tls-secret and --webhook-name go together: those configurations are told whom to trust',
  )
  for (const name of dnsName) want(namePattern.test(name), `--dns-name: want a name in lower case, got ${quote(name)}`)
  if (tlsSecret === '') return
  for (const [flag, name] of Object.entries({ '--tls-secret': tlsSecret, '--webhook-name': webhookName, '--namespace': namespace }))
    want(namePattern.test(name), `${flag}: want the name of an object, got ${quote(name)}`)
}
