import type { Flag, FlagTable } from '../command.ts'

/** How to reach and talk to a registry: image commands share these. */
export const registryFlags = {
  'allow-http-registry': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    help: 'allow plain HTTP to the registry; loopback addresses need no permission',
  },
  'allow-insecure-registry': {
    type: 'boolean',
    default: false,
    weakensAs: true,
    help: 'allow plain HTTP and TLS certificates that do not verify; for tests only',
  },
  'attachment-tag-prefix': {
    type: 'string',
    default: '',
    placeholder: 'TEXT',
    hidden: true,
    deprecated: 'please use OCI referrers',
    help: 'text in front of the sha256-HEX.sig tags',
  },
  'k8s-keychain': {
    type: 'boolean',
    default: false,
    refused:
      "the cluster's and the cloud's own keychains are not read yet; use `countersign login`, a credential helper in the docker config, or --registry-username",
    help: "also use the cluster's and the cloud's registry credentials",
  },
  'registry-cacert': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    decidesTrust: true,
    help: 'PEM file of the CA that the registry is to be verified by',
  },
  'registry-client-cert': { type: 'string', default: '', placeholder: 'FILE', help: 'PEM client certificate to show the registry' },
  'registry-client-key': { type: 'string', default: '', placeholder: 'FILE', help: 'PEM private key of --registry-client-cert' },
  'registry-password': { type: 'string', default: '', placeholder: 'PASSWORD', help: 'password for basic authentication' },
  'registry-server-name': {
    type: 'string',
    default: '',
    placeholder: 'NAME',
    decidesTrust: true,
    help: "host name the registry's TLS certificate must bear",
  },
  'registry-token': { type: 'string', default: '', placeholder: 'TOKEN', help: 'bearer token for the registry' },
  'registry-username': { type: 'string', default: '', placeholder: 'USER', help: 'user for basic authentication' },
} as const satisfies FlagTable

const { 'attachment-tag-prefix': _, ...connectionFlags } = registryFlags

/** How to reach and talk to a registry, for commands that cosign does not have. */
export const ownRegistryFlags = marked(connectionFlags)

/** Whether what is attached to an image is kept under tags or as referrers. */
export const referrersModeFlags = {
  'registry-referrers-mode': {
    type: 'string',
    default: '',
    choices: ['legacy', 'oci-1-1'],
    placeholder: 'MODE',
    help: 'how what is attached is kept: legacy under tags, oci-1-1 as referrers',
  },
} as const satisfies FlagTable

/** Kept from cosign 2, where it turned referrers on. */
export const experimentalReferrersFlags = {
  'experimental-oci11': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'OCI referrers will be the default behavior in future versions',
    help: 'also look for signatures in the layout of cosign 2 among the referrers',
  },
} as const satisfies FlagTable

/** The same flags, marked as our own: for a command that cosign does not have. */
export function marked<F extends { readonly [name: string]: Flag }>(
  flags: F,
): { readonly [Name in keyof F]: F[Name] & { readonly own: true } } {
  const entries = Object.entries(flags).map(([name, flag]) => [name, { ...flag, own: true }])
  return Object.fromEntries(entries) as { [Name in keyof F]: F[Name] & { readonly own: true } }
}
