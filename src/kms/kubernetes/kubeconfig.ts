import { delimiter, join } from 'node:path'
import { CountersignError } from '../../codec/error.ts'
import { readAs, readObjectOf, readString } from '../../codec/json.ts'
import { quote } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { type KubeconfigEntry, type KubeconfigFile, kubeconfigLimitBytes, parseKubeconfigFile } from './kubeconfig-file.ts'

/** What the current context of the kubeconfig files leads to. */
export type Kubeconfig = {
  readonly context: string
  readonly cluster: KubeconfigEntry
  readonly user: KubeconfigEntry | undefined // a context without one is nobody in particular
}

const filesLimit = 100

/**
 * Reads the kubeconfig files that `KUBECONFIG` lists, else `~/.kube/config`. As kubectl has it, of two entries of one name the one of the
 * earlier file counts, so does the first `current-context`, and files that are not there are passed over.
 *
 * @returns nothing where `KUBECONFIG` is not set and there is no `~/.kube/config`
 * @throws CountersignError `USAGE` for a `KUBECONFIG` that leads to no file, and for a context, cluster or user that is not there; what
 *   `parseKubeconfigFile` throws; `FILE_UNREADABLE`, `LIMIT_EXCEEDED`
 * @see k8s.io/client-go/tools/clientcmd ClientConfigLoadingRules
 */
export async function loadKubeconfig({
  environment,
  readFile,
}: Pick<ProviderEffects, 'environment' | 'readFile'>): Promise<Kubeconfig | undefined> {
  const listed = environment.get('KUBECONFIG') ?? ''
  const home = environment.get('HOME') || environment.get('USERPROFILE')
  const inHome = home ? [join(home, '.kube', 'config')] : []
  const paths = listed === '' ? inHome : [...new Set(listed.split(delimiter).filter(path => path !== ''))]
  if (paths.length > filesLimit)
    throw new CountersignError('LIMIT_EXCEEDED', `KUBECONFIG: want at most ${filesLimit} files, got ${paths.length}`)
  const files: KubeconfigFile[] = []
  for (const path of paths) {
    const bytes = await readUnlessMissing(path, readFile)
    if (bytes) files.push(await parseKubeconfigFile(bytes, path))
  }
  if (files.length > 0) return choose(files, listed === '' ? paths[0]! : listed)
  if (listed === '') return undefined
  throw new CountersignError('USAGE', `KUBECONFIG: want a file that is there, got ${quote(listed)}`)
}

/** One that is there and cannot be read is an error: without it we might be somebody else. */
async function readUnlessMissing(path: string, readFile: ProviderEffects['readFile']): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path, kubeconfigLimitBytes)
  } catch (cause) {
    if (cause instanceof CountersignError && cause.code === 'FILE_UNREADABLE' && cause.message.endsWith(': no such file or folder'))
      return undefined
    throw cause
  }
}

function choose(files: readonly KubeconfigFile[], paths: string): Kubeconfig {
  const what = `kubeconfig ${quote(paths)}`
  const context = files.map(file => file.currentContext).find(name => name !== '')
  if (context === undefined)
    throw new CountersignError('USAGE', `${what}: want a current-context, got none: kubectl config use-context sets it`)
  const find = (list: 'contexts' | 'clusters' | 'users', name: string): KubeconfigEntry => {
    for (const file of files) {
      const entry = file[list].get(name)
      if (entry) return entry
    }
    throw new CountersignError('USAGE', `${what}: ${list}: want ${quote(name)}, got no such entry`)
  }
  const { fields, at } = find('contexts', context)
  const names = readAs('CONFIGURATION_MALFORMED', at, () => {
    const { cluster, user } = readObjectOf(fields, at, ['cluster', 'user', 'namespace', 'extensions'])
    return { cluster: readString(cluster, `${at}.cluster`), user: user == null ? '' : readString(user, `${at}.user`) }
  })
  return { context, cluster: find('clusters', names.cluster), user: names.user === '' ? undefined : find('users', names.user) }
}
