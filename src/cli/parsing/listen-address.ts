import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

/** The address of `--listen`; this machine alone where no host is named. @throws CountersignError `USAGE` */
export function parseListenAddress(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[0-9A-Fa-f:]+\]|[^:[\]]*):([0-9]{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) throw new CountersignError('USAGE', `--listen: want HOST:PORT, got ${quote(text)}`)
  return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(port) }
}
