import type { JsonObject } from '../../codec/json.ts'

/** A kind of workload, as requests name it. */
export type WorkloadResource = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly resource: string
  readonly podPath: readonly string[] // of the pod's specification in the object
}

const ofTemplate = ['spec', 'template', 'spec']

/** All nine. admission.md §5 */
export const workloads: readonly WorkloadResource[] = [
  { group: '', version: 'v1', kind: 'Pod', resource: 'pods', podPath: ['spec'] },
  { group: '', version: 'v1', kind: 'ReplicationController', resource: 'replicationcontrollers', podPath: ofTemplate },
  { group: 'apps', version: 'v1', kind: 'Deployment', resource: 'deployments', podPath: ofTemplate },
  { group: 'apps', version: 'v1', kind: 'ReplicaSet', resource: 'replicasets', podPath: ofTemplate },
  { group: 'apps', version: 'v1', kind: 'StatefulSet', resource: 'statefulsets', podPath: ofTemplate },
  { group: 'apps', version: 'v1', kind: 'DaemonSet', resource: 'daemonsets', podPath: ofTemplate },
  { group: 'batch', version: 'v1', kind: 'Job', resource: 'jobs', podPath: ofTemplate },
  { group: 'batch', version: 'v1', kind: 'CronJob', resource: 'cronjobs', podPath: ['spec', 'jobTemplate', ...ofTemplate] },
  { group: 'batch', version: 'v1beta1', kind: 'CronJob', resource: 'cronjobs', podPath: ['spec', 'jobTemplate', ...ofTemplate] },
]

/** An object that runs these images, one container each. */
export function workloadOf(workload: WorkloadResource, images: readonly string[], metadata: JsonObject = {}): JsonObject {
  const pod: JsonObject = { containers: images.map((image, index) => ({ name: `c${index}`, image })) }
  const { group, version, kind, podPath } = workload
  const body = podPath.reduceRight<JsonObject>((inner, name) => ({ [name]: inner }), pod)
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name: 'app', namespace: 'team', ...metadata },
    ...body,
  }
}

/** A review as an API server sends it: the making of an object, unless `request` says otherwise. */
export function reviewOf(
  { group, version, kind, resource }: WorkloadResource,
  object: JsonObject | null,
  request: JsonObject = {},
): JsonObject {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version, kind },
      resource: { group, version, resource },
      requestKind: { group, version, kind },
      requestResource: { group, version, resource },
      name: 'app',
      namespace: 'team',
      operation: 'CREATE',
      userInfo: { username: 'alice', groups: ['developers', 'system:authenticated'], extra: { scopes: ['x'] } },
      object,
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
      ...request,
    },
  }
}
