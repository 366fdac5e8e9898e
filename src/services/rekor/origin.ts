import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'

const hostName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/**
 * Demands an origin that verifiers accept. They compare it with the host name of the address they know the log by, and some monitors with the
 * whole address less its scheme: both hold only for a host name without port and path.
 *
 * @param allowPort - for development on a loopback address
 * @throws CountersignError `CONFIGURATION_MALFORMED`
 * @see services §4.3
 */
export function checkOrigin(origin: string, allowPort: boolean): void {
  const host = origin.replace(/:[1-9][0-9]{0,4}$/, '')
  if (!hostName.test(host)) throw malformed(`want a host name in lower case, got ${quote(origin)}`)
  if (host !== origin && !allowPort) throw malformed(`want a host name without a port, which verifiers leave out, got ${quote(origin)}`)
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', `origin of a Rekor v2 log: ${problem}`)
}
