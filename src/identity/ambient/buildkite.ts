import { type AmbientProvider, askForMember, audience, unavailable, urlOf } from './provider.ts'

const defaultEndpoint = 'https://agent.buildkite.com/v3'

/** Buildkite: the agent's own API gives its job tokens. */
export const buildkiteAgent: AmbientProvider = {
  name: 'buildkite-agent',
  isHere: ({ environment }) => Boolean(environment.get('BUILDKITE_AGENT_ACCESS_TOKEN')),
  token: async effects => {
    const { environment } = effects
    const job = environment.get('BUILDKITE_JOB_ID')
    if (!job) throw unavailable('Buildkite: BUILDKITE_JOB_ID is not set, so there is no job to ask a token for')
    const endpoint = urlOf('BUILDKITE_AGENT_ENDPOINT', environment.get('BUILDKITE_AGENT_ENDPOINT') || defaultEndpoint)
    const url = new URL(`${endpoint.href.replace(/\/$/, '')}/jobs/${encodeURIComponent(job)}/oidc/tokens`)
    const headers = { authorization: `Token ${environment.get('BUILDKITE_AGENT_ACCESS_TOKEN')}` }
    return await askForMember(effects, { url, method: 'POST', headers, json: { audience } }, 'token')
  },
}
