import { type JsonObject, parseJson, readObject, readSafeInteger } from '../../../codec/json.ts'
import type { World } from '../../../codec/world.ts'
import { formatTime, readTime } from '../../../formats/rfc3339.ts'
import { defaultTufLifetimes } from '../../../services/tuf/tuf-repository.ts'
import type { CommandContext } from '../../context.ts'
import { answerLimitBytes, type Finding, findingOf, getDocument } from './finding.ts'

const dayMs = 86_400_000

/** Metadata of the roles, each named by the one before; the days left from which on it expires soon. A running stack signs all but the root anew. */
const soonDays = { root: 30, timestamp: soonOf('timestamp'), snapshot: soonOf('snapshot'), targets: soonOf('targets') }

/** A quarter of its life: until then nobody need look at it. services §11 */
function soonOf(role: keyof typeof defaultTufLifetimes): number {
  return defaultTufLifetimes[role] / 4
}

/**
 * When the roles of a stack's TUF repository expire. Where the metadata of one cannot be had, that is found, and nothing of those it names.
 *
 * @see services §7
 */
export async function examineRepository(context: CommandContext, url: URL): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  /** Finds when a role expires, and which version of the next one it names. */
  const examine = async (role: keyof typeof soonDays, name: string, next?: string): Promise<number | undefined> => {
    const what = `TUF ${role}`
    const [address, before] = [`${url.origin}/tuf/${name}`, findings.length]
    let version: number | undefined
    const failed = await findingOf(context, what, async () => {
      const file = readObject(parseJson(await getDocument(context, what, address), what, { bytes: answerLimitBytes }), what)
      const signed = readObject(file['signed'], `${what}: signed`)
      if (next !== undefined) version = versionIn(signed, next)
      findings.push(expiryOf(what, address, readTime(signed['expires'], `${what}: signed.expires`), soonDays[role], context.world))
      return ''
    })
    if (findings.length === before) findings.push(failed)
    return version
  }
  await examine('root', 'root.json')
  const snapshot = await examine('timestamp', 'timestamp.json', 'snapshot.json')
  const targets = snapshot && (await examine('snapshot', `${snapshot}.snapshot.json`, 'targets.json'))
  if (targets) await examine('targets', `${targets}.targets.json`)
  return findings
}

/** The version of a file that metadata names. @throws CountersignError `JSON_MALFORMED` */
function versionIn(signed: JsonObject, name: string): number {
  const at = `signed.meta.${name}`
  return readSafeInteger(readObject(readObject(signed['meta'], 'signed.meta')[name], at)['version'], `${at}.version`)
}

/** Whether something has expired, or will in fewer days than it should have left. */
export function expiryOf(what: string, of: string, expires: Date, soonDays: number, { now }: Pick<World, 'now'>): Finding {
  const leftMs = expires.getTime() - now().getTime()
  const state = leftMs <= 0 ? 'bad' : leftMs < soonDays * dayMs ? 'soon' : 'good'
  return { state, what, seen: `${of}: ${leftMs <= 0 ? 'expired' : 'expires'} ${formatTime(expires)}`, expires: formatTime(expires) }
}
