import type { ServiceEvents } from '../../services/service.ts'
import { createClusterConnection } from '../../webhook/cluster/cluster-connection.ts'
import { type ClusterPolicies, createClusterPolicies } from '../../webhook/cluster/cluster-policies.ts'
import type { OutsideReferences } from '../../webhook/policies/open-policies.ts'
import type { FlagsOf } from '../command.ts'
import type { CommandContext } from '../context.ts'
import type { admissionFlags } from '../flags/policies/admission.ts'
import { keySources } from '../inputs/keys.ts'

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
