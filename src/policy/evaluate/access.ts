import type { LogEntry } from '../../formats/log/log-entry.ts'
import type { Repository } from '../../oci/reference.ts'
import type { RegistryClient } from '../../oci/registry-client.ts'
import type { SearchedSignature } from '../../sign/rekor/ask-log.ts'

/** Everything outside that an evaluation may ask, on behalf of one workload. */
export type Access = {
  /** Whose credentials are used, in a text of its own: only requests of the same workload share answers of a registry that are under way. */
  readonly workload: string
  readonly now: () => Date
  /**
   * A client for a repository, with the credentials that the workload has.
   *
   * @param pullSecrets - names of secrets in the workload's namespace, tried before all other credentials
   */
  readonly clientFor: (repository: Repository, pullSecrets: readonly string[], signal: AbortSignal) => Promise<RegistryClient>
  /** What a log has of a signature. It is proven as any other evidence is. @throws CountersignError `TLOG_UNAVAILABLE` */
  readonly searchLog: (log: URL, signature: SearchedSignature, signal: AbortSignal) => Promise<readonly LogEntry[]>
}
