import { settingsName } from '../policies/policy-documents.ts'
import type { ClusterResource } from './cluster-object.ts'

const group = 'policy.sigstore.dev/v1alpha1'

/** All ClusterImagePolicies, in the version that they are stored in. */
export const policyResource: ClusterResource = {
  path: `/apis/${group}/clusterimagepolicies`,
  apiVersion: group,
  kind: 'ClusterImagePolicy',
  pageSize: 250,
  limit: 20_000,
}

/** All TrustRoots, each of which may be as large as an object can be. */
export const trustRootResource: ClusterResource = {
  path: `/apis/${group}/trustroots`,
  apiVersion: group,
  kind: 'TrustRoot',
  pageSize: 10,
  limit: 1000,
}

/** Secrets of a namespace, to be followed by name. */
export function secretResource(namespace: string): ClusterResource {
  return { path: `/api/v1/namespaces/${namespace}/secrets`, apiVersion: 'v1', kind: 'Secret', pageSize: 1, limit: 1 }
}

/** ConfigMaps of a namespace, to be followed by name. */
export function textResource(namespace: string): ClusterResource {
  return { path: `/api/v1/namespaces/${namespace}/configmaps`, apiVersion: 'v1', kind: 'ConfigMap', pageSize: 1, limit: 1 }
}

/** The ConfigMap of settings. */
export function settingsResource(namespace: string): ClusterResource {
  return { ...textResource(namespace), name: settingsName }
}
