import { CountersignError } from '../../codec/error.ts'
import { type AmbientProvider, askForMember, audience, unavailable, urlOf } from './provider.ts'

const attempts = 3
const pauseMs = 1000

/**
 * GitHub Actions: the runner gives jobs that may ask for tokens an address and a secret to ask with.
 *
 * @see formats-and-flows §7
 */
export const githubActions: AmbientProvider = {
  name: 'github-actions',
  isHere: ({ environment }) => environment.get('GITHUB_ACTIONS') === 'true' || Boolean(environment.get('ACTIONS_ID_TOKEN_REQUEST_URL')),
  token: async effects => {
    const { environment, world, signal } = effects
    const [secret, address] = [environment.get('ACTIONS_ID_TOKEN_REQUEST_TOKEN'), environment.get('ACTIONS_ID_TOKEN_REQUEST_URL')]
    if (!secret || !address)
      throw unavailable(
        'GitHub Actions gives this job no identity token: it lacks the permission `id-token: write` (in the workflow or the job, ' +
          '`permissions:` with `id-token: write` and whatever else it needs; a pull request from a fork never has it)',
      )
    const url = urlOf('ACTIONS_ID_TOKEN_REQUEST_URL', address)
    url.searchParams.set('audience', audience)
    for (let attempt = 1; ; attempt++)
      try {
        return await askForMember(effects, { url, headers: { authorization: `bearer ${secret}`, accept: 'application/json' } }, 'value')
      } catch (error) {
        const isPassing = error instanceof CountersignError && error.code === 'SERVICE_UNAVAILABLE'
        if (!isPassing || attempt === attempts) throw error
        await world.sleep(pauseMs, signal)
      }
  },
}
