import { join } from 'node:path'
import type { ApiServer } from './api-server.ts'

/** Folder of the manifests that users apply. */
export const manifests = join(import.meta.dirname, '../../../deploy')

/** Applies all of them as users do: what kubectl printed of each object. */
export async function applyManifests(cluster: ApiServer): Promise<readonly string[]> {
  const { code, stdout, stderr } = await cluster.kubectl(['apply', '-R', '-f', manifests])
  if (code !== 0 || stderr !== '') throw new Error(`kubectl apply: exit status ${code}\n${stdout}${stderr}`) // a warning is a failure too
  return stdout.trim().split('\n')
}
