import { once } from 'node:events'
import { basename, dirname } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import { fetchFile } from '../../kms/fetch-file.ts'
import { createRegistryClient } from '../../oci/registry-client.ts'
import { createRegistryFetch } from '../../oci/registry-fetch.ts'
import type { Access } from '../../policy/evaluate/access.ts'
import { createVerdictCache } from '../../policy/evaluate/memory/verdict-cache.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { createOperatedEvents } from '../../services/stack/events.ts'
import { searchLog } from '../../sign/rekor/ask-log.ts'
import type { ClusterPolicies } from '../../webhook/cluster/cluster-policies.ts'
import { decideByPolicies, type Judging, updatesImages } from '../../webhook/policies/decide-by-policies.ts'
import { type FollowedPolicies, followPolicies } from '../../webhook/policies/followed-policies.ts'
import { type OutsideReferences, refusePullSecrets } from '../../webhook/policies/open-policies.ts'
import { readPolicyFolder } from '../../webhook/policies/policy-folder.ts'
import { serveAdmission } from '../../webhook/serve-admission.ts'
import type { CommandFunction, FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { admissionFlags } from '../flags/policies/admission.ts'
import { publicKeysFromFlag } from '../inputs/keys.ts'
import { registryAccess } from '../inputs/registry.ts'
import { trustFromFlags } from '../inputs/trusted-root.ts'
import { parseListenAddress } from '../parsing/listen-address.ts'
import { servingOf } from './admission-certificate.ts'
import { clusterAccess, clusterPolicies } from './admission-cluster.ts'

type Flags = FlagsOf<typeof admissionFlags>

const limits = { pem: 64 << 10, program: 1 << 20 } as const
const leastResyncMs = 1000

/** `admission`: serves the webhook until it is interrupted; its URL is the first line of standard output. */
export const serveWebhook: CommandFunction<typeof admissionFlags> = async (context, flags) => {
  const { world, files } = context
  checkSource(flags)
  const operated = createOperatedEvents(line => context.stderr(line), world.now)
  const serving = servingOf(context, flags, operated.events)
  const clientCa = flags.clientCa === '' ? undefined : decodeUtf8(await files.read(flags.clientCa, limits.pem), flags.clientCa)
  const { host, port } = parseListenAddress(flags.listen)
  const policies = await policiesOf(context, flags, operated.events)
  const judging = { policies: policies.sets, access: await accessOf(context, flags), cache: createVerdictCache() }
  const rules = { exemptNamespaces: new Set([flags.namespace, ...flags.exemptNamespace]), imagesChanged: updatesImages(policies.sets) }
  const served = await serveAdmission(
    { host, port, loadTls: serving.load, ...(clientCa !== undefined && { clientCa }), retireMs: flags.shutdownDelay },
    { decide: decideByPolicies(judging), rules, mutation: flags.mutate, problems: () => [...policies.problems(), ...serving.problems()] },
    operated,
    world,
  )
  const following = Promise.all([policies.follow(world, context.signal), serving.follow()])
  operated.events.log('info', 'serving', { url: served.url.origin })
  context.stdout(`${served.url.origin}\n`)
  if (!context.signal.aborted) await once(context.signal, 'abort')
  operated.events.log('info', 'stopping')
  await served.close()
  await following
  return 0
}

/** @throws CountersignError `USAGE` unless policies come from one place */
function checkSource({ policies, cluster, policyResyncPeriod, trustrootResyncPeriod }: Flags): void {
  if (cluster && policies !== '') throw new CountersignError('USAGE', 'want either --policies or --cluster, got both')
  if (!cluster && policies === '')
    throw new CountersignError('USAGE', 'want the folder of the policies; name it by --policies, or --cluster')
  if (policyResyncPeriod < leastResyncMs || trustrootResyncPeriod < leastResyncMs)
    throw new CountersignError('USAGE', '--policy-resync-period and --trustroot-resync-period: want a second at least')
}

function policiesOf(context: CommandContext, flags: Flags, events: ServiceEvents): Promise<FollowedPolicies> | ClusterPolicies {
  const outside = outsideOf(context, flags)
  if (flags.cluster) return clusterPolicies(context, flags, outside, events)
  const folder = context.files.folder(dirname(flags.policies))
  const read = () => readPolicyFolder(folder, basename(flags.policies))
  return followPolicies({ read, systemNamespace: flags.namespace, outside }, events, context.signal)
}

function outsideOf(context: CommandContext, { trustedRoot }: Flags): OutsideReferences {
  const { world, warn } = context
  return {
    world,
    warn,
    remoteText: (url, signal) => fetchFile(url, { fetch: world.fetch, signal }, limits.program),
    kmsKeys: reference => publicKeysFromFlag(context, reference, false),
    publicGood: async () => (await trustFromFlags(context, { trustedRoot, offline: false })).root,
  }
}

async function accessOf(context: CommandContext, { registryCacert, cluster }: Flags): Promise<Judging['access']> {
  const access = {
    allowHttpRegistry: false,
    allowInsecureRegistry: false,
    registryCacert,
    ...{ registryClientCert: '', registryClientKey: '', registryServerName: '' },
    ...{ registryUsername: '', registryPassword: '', registryToken: '' }, // of the docker config alone: flags are for the registry of one image
  }
  const registries = await registryAccess(context, access, [])
  const { world, options } = registries
  const base: Pick<Access, 'now' | 'searchLog'> = {
    now: world.now,
    searchLog: (url, signature, signal) => searchLog({ fetch: world.fetch, url, signal }, signature),
  }
  if (cluster) return clusterAccess(context, registries, base)
  const client = createRegistryClient(createRegistryFetch(world, options))
  return {
    ...base,
    workload: '', // all have the credentials of the webhook
    clientFor: async (_, pullSecrets) => {
      refusePullSecrets(pullSecrets)
      return client
    },
  }
}
