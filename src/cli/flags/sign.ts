import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { securityKeyFlags } from './keys.ts'
import { referrersModeFlags, registryFlags } from './registry.ts'
import { signingServiceFlags } from './services.ts'

/** What signing images, blobs and attestations share. */
export const signerFlags = {
  ...signingServiceFlags,
  ...securityKeyFlags,
  bundle: { type: 'string', default: '', placeholder: 'FILE', help: 'write to FILE all that verification needs' },
  key: {
    type: 'string',
    default: '',
    placeholder: 'KEY',
    help: 'private key: a file, env://NAME, https://…, gitlab://PROJECT or k8s://NAMESPACE/NAME; without one, sign by an identity token',
  },
  'new-bundle-format': {
    type: 'boolean',
    default: true,
    hidden: true,
    deprecated: 'this will be the only supported format in future versions',
    help: 'write a Sigstore bundle (cosign 3) rather than the layout of cosign 2',
  },
  'output-certificate': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the certificate',
    help: 'write the certificate to FILE',
  },
  'output-signature': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the signature',
    help: 'write the signature to FILE',
  },
  yes: { type: 'boolean', shorthand: 'y', default: false, help: 'answer every question with yes' },
} as const satisfies FlagTable

/** Flags of `sign`. */
export const signFlags = {
  ...failureFormatFlags,
  ...registryFlags,
  ...referrersModeFlags,
  ...signerFlags,
  annotations: { type: 'list', shorthand: 'a', default: [], placeholder: 'NAME=VALUE', help: 'claim to sign with the image' },
  attachment: {
    type: 'string',
    default: '',
    placeholder: 'sbom',
    hidden: true,
    deprecated: 'please use OCI referrers for attachments; see `cosign attach sbom --registry-referrers-mode=oci-1-1 --help`',
    forGood: true,
    refused: 'signing the attached SBOM of an image is not supported; sign the SBOM itself with sign-blob',
    help: 'sign the attached SBOM instead of the image',
  },
  format: {
    type: 'string',
    default: 'bundle',
    choices: ['legacy', 'bundle', 'both'],
    placeholder: 'FORMAT',
    own: true,
    help: 'bundle: what cosign 3 verifies; legacy: what cosign 2 does; both: one of each, in one run',
  },
  'output-payload': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the payload',
    help: 'write the signed payload to FILE',
  },
  payload: { type: 'string', default: '', placeholder: 'FILE', help: 'sign the payload in FILE instead of making one' },
  'record-creation-timestamp': {
    type: 'boolean',
    default: false,
    hidden: true,
    deprecated: 'not used with the new bundle format',
    help: 'record the time of signing in the layout of cosign 2',
  },
  recursive: { type: 'boolean', shorthand: 'r', default: false, help: 'sign an image index and every image in it' },
  'sign-container-identity': {
    type: 'list',
    default: [],
    placeholder: 'REFERENCE',
    hidden: true,
    deprecated: 'not possible when OCI referrers become the default behavior',
    help: 'the docker-reference to sign, where images are pulled under another name',
  },
  upload: { type: 'boolean', default: true, help: 'push the signature to the registry' },
} as const satisfies FlagTable

/** Flags of `sign-blob`. */
export const signBlobFlags = {
  ...signerFlags,
  b64: {
    type: 'boolean',
    default: true,
    hidden: true,
    deprecated: 'please use --bundle, which already base64 encodes content as appropriate',
    help: 'write the signature in base64',
  },
  output: {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the signature',
    help: 'older name of --output-signature',
  },
  'rfc3161-timestamp': {
    type: 'string',
    default: '',
    placeholder: 'FILE',
    hidden: true,
    deprecated: 'please use --bundle to provide the output bundle location, which will include the signed timestamp',
    help: 'write the timestamp to FILE',
  },
  'signing-algorithm': {
    type: 'string',
    default: 'ecdsa-sha2-256-nistp256',
    placeholder: 'ALGORITHM',
    choices: [
      'ecdsa-sha2-256-nistp256',
      'ecdsa-sha2-384-nistp384',
      'ecdsa-sha2-512-nistp521',
      'rsa-sign-pkcs1-2048-sha256',
      'rsa-sign-pkcs1-3072-sha256',
      'rsa-sign-pkcs1-4096-sha256',
    ],
    help: 'algorithm of the key made for keyless signing',
  },
} as const satisfies FlagTable
