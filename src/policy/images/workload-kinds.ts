import type { AdmittedObject } from '../model.ts'

/** A kind of Kubernetes' own that runs pods, and where in it the pod's specification stands. */
export type WorkloadKind = {
  readonly group: string
  readonly versions: readonly string[]
  readonly kind: string
  readonly resource: string
  readonly podSpec: readonly string[]
}

const ofTemplate = ['spec', 'template', 'spec']

/** All of them. Source: Kubernetes API reference 1.34 "Workloads", and the groups that older clusters serve them in. */
export const workloadKinds: readonly WorkloadKind[] = [
  { group: '', versions: ['v1'], kind: 'Pod', resource: 'pods', podSpec: ['spec'] },
  { group: '', versions: ['v1'], kind: 'ReplicationController', resource: 'replicationcontrollers', podSpec: ofTemplate },
  { group: 'apps', versions: ['v1', 'v1beta2'], kind: 'ReplicaSet', resource: 'replicasets', podSpec: ofTemplate },
  { group: 'apps', versions: ['v1', 'v1beta1', 'v1beta2'], kind: 'Deployment', resource: 'deployments', podSpec: ofTemplate },
  { group: 'apps', versions: ['v1', 'v1beta1', 'v1beta2'], kind: 'StatefulSet', resource: 'statefulsets', podSpec: ofTemplate },
  { group: 'apps', versions: ['v1', 'v1beta2'], kind: 'DaemonSet', resource: 'daemonsets', podSpec: ofTemplate },
  { group: 'extensions', versions: ['v1beta1'], kind: 'ReplicaSet', resource: 'replicasets', podSpec: ofTemplate },
  { group: 'extensions', versions: ['v1beta1'], kind: 'Deployment', resource: 'deployments', podSpec: ofTemplate },
  { group: 'extensions', versions: ['v1beta1'], kind: 'DaemonSet', resource: 'daemonsets', podSpec: ofTemplate },
  { group: 'batch', versions: ['v1'], kind: 'Job', resource: 'jobs', podSpec: ofTemplate },
  { group: 'batch', versions: ['v1', 'v1beta1'], kind: 'CronJob', resource: 'cronjobs', podSpec: ['spec', 'jobTemplate', ...ofTemplate] },
]

/** The kind of Kubernetes' own that an object is of; nothing for one that others defined, and for a version that is not known here. */
export function workloadKindOf({ group, version, kind }: Pick<AdmittedObject, 'group' | 'version' | 'kind'>): WorkloadKind | undefined {
  return workloadKinds.find(known => known.group === group && known.kind === kind && known.versions.includes(version))
}
