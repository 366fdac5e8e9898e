import { type AmbientProvider, unavailable } from './provider.ts'

const variable = 'SIGSTORE_ID_TOKEN'

/** GitLab CI: a job declares the tokens it wants as variables of its own. Without one nothing can be asked for any more. */
export const gitlabCi: AmbientProvider = {
  name: 'gitlab-ci',
  isHere: ({ environment }) => environment.get('GITLAB_CI') === 'true',
  token: async ({ environment }) => {
    const token = environment.get(variable)
    if (token) return token
    throw unavailable(
      `GitLab CI gives this job no identity token: add to the job \`id_tokens:\` with \`${variable}:\` and under it \`aud: sigstore\``,
    )
  },
}

/** A token that whoever started the process put in its environment. */
export const environmentVariable: AmbientProvider = {
  name: 'envvar',
  isHere: ({ environment }) => Boolean(environment.get(variable)),
  token: async ({ environment }) => environment.get(variable) ?? '',
}

const path = '/var/run/sigstore/cosign/oidc-token'

/** A token that Kubernetes projects into the pod: a service account's, for the audience `sigstore`. */
export const filesystem: AmbientProvider = {
  name: 'filesystem',
  isHere: ({ exists }) => exists(path),
  token: async ({ readText }) => (await readText(path)) ?? '',
}
