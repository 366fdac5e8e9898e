import { type Command, defineCommand } from '../command.ts'
import { admissionFlags } from '../flags/policies/admission.ts'

/** The admission webhook of a cluster. */
export const admissionCommands: readonly Command[] = [
  defineCommand({
    name: 'admission',
    group: 'Other',
    summary: 'Serve the admission webhook of a Kubernetes cluster',
    description:
      'Judges the images of what is to be created or changed by ClusterImagePolicies, whose files are read again when they change.\n' +
      'Serves /mutations and /validations, /healthz, /readyz and /metrics over TLS. Its URL is the first line of standard output;\n' +
      'the log stream is standard error. Serves until it is interrupted.',
    examples: [
      {
        what: 'with certificates of its own',
        line: 'admission --policies ./policies --listen [::]:8443 --tls-folder ./tls --dns-name webhook.cosign-system.svc',
      },
      { what: 'with those of cert-manager', line: 'admission --policies ./policies --tls-cert tls.crt --tls-key tls.key' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: admissionFlags,
    exits: 'own',
    endless: true,
    load: async () => (await import('../commands/admission.ts')).serveWebhook,
  }),
]
