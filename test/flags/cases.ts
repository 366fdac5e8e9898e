import { attachedCases } from './attached.ts'
import { attachingCases } from './attaching.ts'
import { attestationCases } from './attestations.ts'
import { attestingCases } from './attesting.ts'
import { blobCases } from './blob.ts'
import { bundleCases } from './bundles.ts'
import { cleaningCases } from './cleaning.ts'
import { documentCases } from './documents.ts'
import { gateCases } from './gates.ts'
import { globalCases } from './global.ts'
import { keyRotationCases } from './key-rotation.ts'
import { authorityCases } from './keyless/authorities.ts'
import { broughtCases } from './keyless/brought.ts'
import { evidenceCases } from './keyless/evidence.ts'
import { identityCases } from './keyless/identities.ts'
import { keylessSigningCases } from './keyless/signing.ts'
import { suggestCases } from './keyless/suggest.ts'
import { logCases } from './log.ts'
import { movingCases } from './moving.ts'
import { otherCases } from './other.ts'
import { policyCases } from './policy.ts'
import { promoteCases } from './promote.ts'
import { registryCommandCases } from './registries.ts'
import { registryCases } from './registry.ts'
import type { Case } from './setup.ts'
import { signCases } from './sign.ts'
import { signingConfigCases } from './signing-configs.ts'
import { stackCases } from './stack.ts'
import { tokenCases } from './tokens.ts'
import { trustCases } from './trust.ts'
import { trustedRootCases } from './trusted-roots.ts'
import { uploadCases } from './uploads.ts'
import { verifyCases } from './verify.ts'

/** Every case there is. */
export const cases: readonly Case[] = [
  ...globalCases(),
  ...registryCases(),
  ...signCases(),
  ...attestingCases(),
  ...attachingCases(),
  ...keylessSigningCases(),
  ...broughtCases(),
  ...verifyCases(),
  ...attestationCases(),
  ...gateCases(),
  ...identityCases(),
  ...authorityCases(),
  ...evidenceCases(),
  ...suggestCases(),
  ...blobCases(),
  ...otherCases(),
  ...documentCases(),
  ...bundleCases(),
  ...attachedCases(),
  ...policyCases(),
  ...promoteCases(),
  ...keyRotationCases(),
  ...cleaningCases(),
  ...movingCases(),
  ...uploadCases(),
  ...registryCommandCases(),
  ...tokenCases(),
  ...trustCases(),
  ...trustedRootCases(),
  ...signingConfigCases(),
  ...logCases(),
  ...stackCases(),
]

/** Flags that answer questions where none is asked. */
export const nothingToAnswer: ReadonlySet<string> = new Set()
/** Flags of the commands that serve, which test/registry-command.test.ts, test/stack.test.ts and test/admission-command.test.ts run on sockets. */
export const ofTheServer = new Set([
  ...['deletes', 'dir', 'listen', 'no-referrers', 'output-file'].map(flag => `registry --${flag}`),
  ...['data', 'dev', 'output-file'].map(flag => `stack up --${flag}`),
  ...['policies', 'listen', 'namespace', 'exempt-namespace', 'mutate', 'shutdown-delay'].map(flag => `admission --${flag}`),
  ...['tls-cert', 'tls-key', 'tls-folder', 'tls-secret', 'webhook-name', 'dns-name', 'client-ca'].map(flag => `admission --${flag}`),
  ...['trusted-root', 'registry-cacert', 'output-file'].map(flag => `admission --${flag}`),
  ...['cluster', 'policy-resync-period', 'trustroot-resync-period'].map(flag => `admission --${flag}`),
])
