import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from '../../peers/harness/command.ts'

const bin = join(import.meta.dirname, '../../../.cache/cluster/bin')

/** A program that scripts/cluster.sh brings, as a command. A missing one is a failure, never a skip. */
export function clusterTool(name: 'etcd' | 'kube-apiserver' | 'kubectl'): Command {
  const path = join(bin, name)
  if (!existsSync(path)) throw new Error(`${name} is missing: run scripts/cluster.sh`)
  return [path]
}
