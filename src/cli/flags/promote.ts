import type { FlagTable } from '../command.ts'
import { failureFormatFlags } from './global.ts'
import { marked, ownRegistryFlags } from './registry.ts'
import { signerFlags } from './sign.ts'

const {
  key,
  yes,
  'identity-token': identityToken,
  'oidc-disable-ambient-providers': oidcDisableAmbientProviders,
  'oidc-provider': oidcProvider,
  'signing-config': signingConfig,
  'trusted-root': trustedRoot,
} = signerFlags

/** Flags of `promote`. Services are named by a signing config alone. */
export const promoteFlags = {
  ...ownRegistryFlags,
  ...marked({
    key,
    yes,
    'identity-token': identityToken,
    'oidc-disable-ambient-providers': oidcDisableAmbientProviders,
    'oidc-provider': oidcProvider,
    'signing-config': signingConfig,
    'trusted-root': trustedRoot,
  }),
  output: { ...failureFormatFlags.output, help: 'json: print what was promoted, or a failure, as one JSON document on standard output' },
} as const satisfies FlagTable
