import { createRegistryClient } from '../../oci/registry-client.ts'
import { createRegistryFetch } from '../../oci/registry-fetch.ts'
import type { Access } from '../../policy/evaluate/access.ts'
import type { AdmittedObject } from '../../policy/model.ts'
import type { ServiceEvents } from '../../services/service.ts'
import { createClusterConnection } from '../../webhook/cluster/cluster-connection.ts'
import { type ClusterPolicies, createClusterPolicies } from '../../webhook/cluster/cluster-policies.ts'
import { createPullSecrets } from '../../webhook/credentials/pull-secrets.ts'
import { createWorkloadAccess, type WorkloadAccess } from '../../webhook/credentials/workload-access.ts'
import type { OutsideReferences } from '../../webhook/policies/open-policies.ts'
import type { FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { admissionFlags } from '../flags/policies/admission.ts'
import { keySources } from '../inputs/keys.ts'
import type { RegistryAccess } from '../inputs/registry.ts'

/** The policies of the cluster that the kubeconfig names, or in which this pod is. */
export function clusterPolicies(
  context: CommandContext,
  { namespace, policyResyncPeriod, trustrootResyncPeriod }: FlagsOf<typeof admissionFlags>,
  outside: OutsideReferences,
  events: ServiceEvents,
): ClusterPolicies {
  return createClusterPolicies({
    connect: () => createClusterConnection(keySources(context)),
    systemNamespace: namespace,
    outside,
    policyResyncMs: policyResyncPeriod,
    trustRootResyncMs: trustrootResyncPeriod,
    events,
  })
}

/** Registries as the workloads of that cluster have them, and as the webhook itself has them where they have nothing. */
export function clusterAccess(
  context: CommandContext,
  { world, options }: RegistryAccess,
  base: Pick<Access, 'now' | 'searchLog'>,
): (object: AdmittedObject) => WorkloadAccess {
  return createWorkloadAccess({
    ...base,
    pullSecrets: createPullSecrets(createClusterConnection(keySources(context)), context.world, context.signal),
    own: options.credentials,
    openClient: credentials => createRegistryClient(createRegistryFetch(world, { ...options, credentials })),
  })
}
