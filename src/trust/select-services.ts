import { CountersignError } from '../codec/error.ts'
import type { World } from '../codec/world.ts'
import { formatTime } from '../formats/rfc3339.ts'
import type { ServiceSelector, SigningService } from './signing-config.ts'
import { isWithin } from './validity.ts'

/** Kinds of services by their names in messages, with the major API versions of each that this project speaks, the preferred first. */
const supportedVersions = {
  'certificate authorities': [1],
  'OIDC providers': [1],
  'transparency logs': [2, 1],
  'timestamp authorities': [1],
} as const satisfies Record<string, readonly number[]>

/** Of what kind services are. */
export type ServiceKind = keyof typeof supportedVersions

/**
 * The services to use now: of the most preferred API version that any service valid now speaks, the one of each operator that started
 * last, and of those as many as the selector says. A list that names no service at all asks for none.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE` where none, or fewer than EXACT asks for, are valid now; `SIGNING_CONFIG_MALFORMED` where
 *   services are named and the selector is not
 * @see formats-and-flows §8 "Selection"
 */
export function selectServices(
  kind: ServiceKind,
  services: readonly SigningService[],
  choice: ServiceSelector,
  { now, randomBytes }: Pick<World, 'now' | 'randomBytes'>,
): readonly SigningService[] {
  if (services.length === 0) return []
  const usable = usableServices(kind, services, now())
  switch (choice.selector) {
    case 'ALL':
      return usable
    case 'ANY':
      return shuffle(usable, randomBytes).slice(0, 1)
    case 'EXACT':
      if (usable.length < choice.count)
        throw unavailable(`${kind}: want ${choice.count} of different operators, got ${usable.length} valid at ${formatTime(now())}`)
      return shuffle(usable, randomBytes).slice(0, choice.count)
    case 'undefined':
      throw new CountersignError(
        'SIGNING_CONFIG_MALFORMED',
        `signing config: ${kind}: invalid service selector: want ANY, ALL or EXACT, got none`,
      )
    default:
      throw new TypeError(`unhandled selector ${choice satisfies never}`)
  }
}

/**
 * The one service to use now, where a signer needs exactly one: a certificate authority, an OIDC provider.
 *
 * @throws CountersignError `SERVICE_UNAVAILABLE` where none is named or none is valid now
 */
export function selectService(kind: ServiceKind, services: readonly SigningService[], { now }: Pick<World, 'now'>): SigningService {
  if (services.length === 0) throw unavailable(`${kind}: the signing config names none`)
  return usableServices(kind, services, now())[0]
}

function usableServices(kind: ServiceKind, services: readonly SigningService[], now: Date): readonly [SigningService, ...SigningService[]] {
  const versions = supportedVersions[kind]
  const valid = services
    .filter(({ validFor }) => isWithin(validFor, now))
    .toSorted((a, b) => b.validFor.start.getTime() - a.validFor.start.getTime()) // stable: the order of the file decides between equals
  for (const version of versions) {
    const speaking = valid.filter(({ majorApiVersion }) => majorApiVersion === version)
    const [first, ...others] = speaking.filter((service, at) => speaking.findIndex(({ operator }) => operator === service.operator) === at)
    if (first) return [first, ...others]
  }
  throw unavailable(
    `${kind}: none of ${services.length} speaks API version ${versions.join(' or ')} and is valid at ${formatTime(now)}: ` +
      services.map(({ url, majorApiVersion }) => `${url} (version ${majorApiVersion})`).join(', '),
  )
}

function unavailable(message: string): CountersignError {
  return new CountersignError('SERVICE_UNAVAILABLE', message)
}

/** In a random order, each as likely as the others. Fisher and Yates. */
function shuffle<T>(items: readonly T[], randomBytes: World['randomBytes']): readonly T[] {
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = randomBelow(last + 1, randomBytes)
    ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
  }
  return shuffled
}

/** Bytes at or above the largest multiple of `limit` (at most 256) would make small numbers likelier, and are drawn again. */
function randomBelow(limit: number, randomBytes: World['randomBytes']): number {
  for (;;) {
    const [byte] = randomBytes(1)
    if (byte! < 256 - (256 % limit)) return byte! % limit
  }
}
