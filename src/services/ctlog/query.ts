import { quote } from '../../codec/text.ts'
import { ServiceRefusal } from '../service.ts'

/**
 * A whole number of a query, in plain decimal.
 *
 * @throws ServiceRefusal 400 where it is missing, stands twice, or is no such number below 2^53
 */
export function readIndex(url: URL, name: string): bigint {
  const value = readParameter(url, name)
  if (!/^(0|[1-9][0-9]{0,15})$/.test(value) || BigInt(value) > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ServiceRefusal(400, `${name}: want a plain decimal number below 2^53, got ${quote(value)}`)
  return BigInt(value)
}

/** The one value of a query's parameter. @throws ServiceRefusal 400 where it is missing or stands twice */
export function readParameter(url: URL, name: string): string {
  const [value, ...others] = url.searchParams.getAll(name)
  if (value === undefined) throw new ServiceRefusal(400, `${name}: want this parameter, got none`)
  if (others.length > 0) throw new ServiceRefusal(400, `${name}: want one value, got ${1 + others.length}`)
  return value
}
