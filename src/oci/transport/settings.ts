import type { ProcessEnvironment } from '../../codec/world.ts'

/** What both implementations are given: every option decided, TLS material made once and only when first needed. */
export type TransportSettings = {
  readonly connectTimeoutMs: number
  readonly environment: ProcessEnvironment
  readonly tls: () => Promise<TlsSettings>
}

/** What a TLS connection takes, for any server. */
export type TlsSettings = {
  readonly ca: string | undefined // PEM of all authorities; the runtime's own when not set
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
  readonly rejectUnauthorized: boolean
}
