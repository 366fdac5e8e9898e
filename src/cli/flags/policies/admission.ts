import type { FlagTable } from '../../command.ts'
import { ownRegistryFlags } from '../registry.ts'

const { 'registry-cacert': registryCacert } = ownRegistryFlags

/** Flags of `admission`. */
export const admissionFlags = {
  policies: {
    type: 'string',
    default: '',
    placeholder: 'FOLDER',
    own: true,
    decidesTrust: true,
    help: 'YAML files of ClusterImagePolicy and TrustRoot, and of the Secrets and ConfigMaps that they name',
  },
  cluster: {
    type: 'boolean',
    default: false,
    own: true,
    decidesTrust: true,
    help: 'instead of --policies: take them, TrustRoots, settings and pull secrets from the cluster of the kubeconfig or of this pod',
  },
  'policy-resync-period': {
    type: 'duration',
    default: '10h',
    placeholder: 'TIME',
    own: true,
    help: 'with --cluster: how long until keys in a KMS are asked for anew',
  },
  'trustroot-resync-period': {
    type: 'duration',
    default: '24h',
    placeholder: 'TIME',
    own: true,
    help: 'with --cluster: how long until mirrors of TrustRoots are asked anew',
  },
  listen: {
    type: 'string',
    default: '127.0.0.1:8443',
    placeholder: 'HOST:PORT',
    own: true,
    help: 'address to serve on; port 0 takes a free one, [::] is every address',
  },
  namespace: {
    type: 'string',
    default: 'cosign-system',
    placeholder: 'NAME',
    own: true,
    help: "the webhook's own namespace, whose objects are admitted unseen and whose secrets policies may name",
  },
  'exempt-namespace': {
    type: 'strings',
    default: [],
    placeholder: 'NAME',
    own: true,
    help: 'another namespace whose objects are admitted unseen; may be repeated',
  },
  mutate: {
    type: 'string',
    default: 'all',
    choices: ['all', 'pods-only', 'never'],
    placeholder: 'WHICH',
    own: true,
    help: 'whose images the mutating webhook pins to the digests that were judged: all, pods-only, never',
  },
  'tls-cert': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    help: 'PEM certificate to serve by, its chain behind it; read again when it changes',
  },
  'tls-key': { type: 'string', default: '', placeholder: 'FILE', own: true, help: 'PEM private key of --tls-cert' },
  'tls-folder': {
    type: 'string',
    default: '',
    placeholder: 'FOLDER',
    own: true,
    help: 'instead of --tls-cert: make certificates and keep them there; ca.crt in it is what the API server is to trust',
  },
  'dns-name': {
    type: 'strings',
    default: [],
    placeholder: 'NAME',
    own: true,
    help: 'with --tls-folder: a name that the API server calls the webhook by; may be repeated',
  },
  'client-ca': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    help: 'PEM certificates of the authority whose clients alone are answered',
  },
  'shutdown-delay': {
    type: 'duration',
    default: '10s',
    placeholder: 'TIME',
    own: true,
    help: 'how long reviews are taken after it was told to end, so that nobody sends any more',
  },
  'trusted-root': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    own: true,
    decidesTrust: true,
    help: 'trusted root for policies that name no TrustRoot, instead of that of the TUF repository',
  },
  'registry-cacert': registryCacert,
} as const satisfies FlagTable
