import { type AmbientProvider, audience } from './provider.ts'

/** CircleCI: the tokens in its variables are for other audiences; its command line makes one for ours. */
export const circleCi: AmbientProvider = {
  name: 'circleci',
  isHere: ({ environment }) => environment.get('CIRCLECI') === 'true',
  token: async ({ run }) => (await run('circleci', ['run', 'oidc', 'get', '--claims', JSON.stringify({ aud: audience })])).trim(),
}
