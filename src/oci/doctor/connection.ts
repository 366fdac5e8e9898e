import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { parseChallenges } from '../access/challenge.ts'
import { decideScheme, type Ping, ping } from '../access/decide-scheme.ts'
import { checkRealm } from '../access/realm.ts'
import { describeFailure } from '../transport/failure.ts'
import type { Examination } from './examination.ts'
import { type Finding, probe } from './finding.ts'

/** How the registry is reached, by what it is recognised, and how it wants to be asked. One bad finding first means that it is not reached. */
export async function examineConnection(examination: Examination): Promise<readonly Finding[]> {
  const { signal } = examination
  let origin: URL | undefined
  let answer: Ping | undefined
  const address = await probe('address', 'bad', signal, async () => {
    const found = await reach(examination)
    origin = found.origin
    answer = found.answer
    const seen = `${found.origin.origin}/v2/ answers ${found.answer.status}`
    if (found.answer.status === 200 || found.answer.status === 401) return { state: 'good', seen }
    return { state: 'limited', seen, advice: 'OCI registries answer 200 or 401 there: check that it is one, and for a proxy in between' }
  })
  if (!origin || !answer) return [address]
  return [
    address,
    tlsFinding(examination, origin),
    await authentication(examination, origin, answer),
    await credentials(examination, answer),
  ]
}

async function reach({ world, host, access, signal }: Examination): Promise<{ readonly origin: URL; readonly answer: Ping }> {
  const decision = await decideScheme(world, host, access.allowHttp ?? (() => false), signal)
  const origin = new URL(`${decision.scheme}://${host}`)
  try {
    return { origin, answer: decision.ping ?? (await ping(world, origin.origin, signal)) }
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    throw new CountersignError('REGISTRY_UNAVAILABLE', `registry ${host}: ${describeFailure(cause).words}`, { cause })
  }
}

function tlsFinding({ verifiesTls }: Examination, origin: URL): Finding {
  const name = 'tls'
  if (origin.protocol === 'http:')
    return {
      name,
      state: 'limited',
      seen: 'none: plain http',
      advice: 'whoever is in between reads and alters everything; fit for tests on one machine',
    }
  if (verifiesTls) return { name, state: 'good', seen: 'its certificate was verified' }
  return { name, state: 'limited', seen: 'its certificate was not verified', advice: 'name its authority by --registry-cacert instead' }
}

async function authentication({ host, signal }: Examination, origin: URL, { status, challenge }: Ping): Promise<Finding> {
  return await probe('authentication', 'bad', signal, async () => {
    const challenges = challenge === undefined ? [] : parseChallenges(challenge, `registry ${host}`)
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer) {
      const { url, mayHaveCredentials } = checkRealm(bearer.parameters.get('realm'), origin)
      const service = bearer.parameters.get('service')
      const seen = `Bearer: tokens from ${quote(url.host)}${service === undefined ? '' : ` for service ${quote(service)}`}`
      if (mayHaveCredentials) return { state: 'good', seen }
      const advice = 'that host is of another domain: it is asked for anonymous tokens only, and never sees credentials'
      return { state: 'limited', seen, advice }
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) return { state: 'good', seen: 'Basic: user name and password' }
    if (challenges.length > 0)
      return { state: 'limited', seen: `of kinds not known here: ${challenges.map(({ scheme }) => quote(scheme)).join(', ')}` }
    return status === 401
      ? { state: 'limited', seen: 'wanted, but it does not say how' }
      : { state: 'good', seen: 'none asked for at /v2/' }
  })
}

async function credentials({ locateCredentials, host, signal }: Examination, { status }: Ping): Promise<Finding> {
  return await probe('credentials', 'bad', signal, async () => {
    const source = await locateCredentials(host)
    if (source !== undefined) return { state: 'good', seen: source }
    if (status !== 401) return { state: 'good', seen: `none for ${host}, and none asked for` }
    return {
      state: 'limited',
      seen: `none for ${host}: it is asked as nobody`,
      advice: 'store some by `countersign login`, if it needs them',
    }
  })
}
