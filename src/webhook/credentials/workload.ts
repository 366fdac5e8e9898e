import { CountersignError } from '../../codec/error.ts'
import { itemsOf, memberOf, wrongAt } from '../../policy/images/field-place.ts'
import { workloadKindOf } from '../../policy/images/workload-kinds.ts'
import type { AdmittedObject } from '../../policy/model.ts'

/** As whom the images of an object are pulled. */
export type Workload = {
  readonly namespace: string
  readonly pullSecrets: readonly string[] // of the pod itself
  readonly serviceAccount: string
}

/** Pull secrets of one pod, or of one service account. */
export const maxPullSecrets = 50

/**
 * As whom the pods of an object will pull. Of a kind that others defined nothing is known: their pods come by themselves, and this object has
 * what the namespace has.
 *
 * @throws CountersignError `DOCUMENT_MALFORMED` with the place, `LIMIT_EXCEEDED` past 50 pull secrets
 * @see Kubernetes API: PodSpec v1 core `imagePullSecrets`, `serviceAccountName`
 */
export function workloadOf(object: AdmittedObject): Workload {
  const place = workloadKindOf(object)?.podSpec
  const spec = place?.reduce<unknown>((value, name, depth) => memberOf(value, name, place.slice(0, depth)), object.json)
  const at = place ?? []
  const named = memberOf(spec, 'serviceAccountName', at) ?? memberOf(spec, 'serviceAccount', at) ?? ''
  if (typeof named !== 'string') throw wrongAt([...at, 'serviceAccountName'], 'want a text, got something else')
  return {
    namespace: object.namespace,
    pullSecrets: readPullSecrets(memberOf(spec, 'imagePullSecrets', at), [...at, 'imagePullSecrets']),
    serviceAccount: named === '' ? 'default' : named,
  }
}

/** Names of secrets as pods and service accounts have them. One without a name is passed over, as the kubelet does. */
export function readPullSecrets(list: unknown, place: readonly string[]): readonly string[] {
  const names = itemsOf(list, place).flatMap((item, index) => {
    const name = memberOf(item, 'name', [...place, index]) ?? ''
    if (typeof name !== 'string') throw wrongAt([...place, index, 'name'], 'want a text, got something else')
    return name === '' ? [] : [name]
  })
  if (names.length > maxPullSecrets)
    throw new CountersignError('LIMIT_EXCEEDED', `${place.join('.')}: want at most ${maxPullSecrets} pull secrets, got ${names.length}`)
  return [...new Set(names)]
}
