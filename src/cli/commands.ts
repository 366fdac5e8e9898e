import type { Command } from './command.ts'
import { hardwareTokens } from './flags/keys.ts'
import { admissionCommands } from './table/admission.ts'
import { attachedCommands } from './table/attached.ts'
import { attestingCommands } from './table/attesting.ts'
import { bundleCommands } from './table/bundles.ts'
import { cleaningCommands } from './table/cleaning.ts'
import { documentCommands } from './table/documents.ts'
import { keyCommands } from './table/keys.ts'
import { logCommands } from './table/log.ts'
import { movingCommands } from './table/moving.ts'
import { otherCommands } from './table/other.ts'
import { policyCommands } from './table/policy.ts'
import { registryCommands } from './table/registries.ts'
import { signingCommands } from './table/signing.ts'
import { stackCommands } from './table/stack.ts'
import { tokenCommands } from './table/tokens.ts'
import { trustCommands } from './table/trust.ts'
import { uploadCommands } from './table/uploads.ts'

/**
 * Every command there is. Parsing, help, the environment, `docs/commands.md` and the comparison with cosign's flags are all
 * made from this table.
 */
export const commands: readonly Command[] = [
  ...signingCommands,
  ...attestingCommands,
  ...documentCommands,
  ...bundleCommands,
  ...keyCommands,
  ...tokenCommands,
  ...attachedCommands,
  ...cleaningCommands,
  ...movingCommands,
  ...uploadCommands,
  ...registryCommands,
  ...trustCommands,
  ...logCommands,
  ...stackCommands,
  ...admissionCommands,
  ...policyCommands,
  ...otherCommands(() => commands),
]

/** Commands of cosign's that are to come; until then they are refused by name. */
export const laterCommands: ReadonlySet<string> = new Set()

/** Commands of cosign's that are not to come, each with why and what works instead. */
export const refusedCommands: ReadonlyMap<string, string> = new Map(
  [
    'piv-tool attestation',
    'piv-tool generate-key',
    'piv-tool reset',
    'piv-tool set-management-key',
    'piv-tool set-pin',
    'piv-tool set-puk',
    'piv-tool unblock',
  ].map(name => [name, `tokens are set up by their maker's own tool (ykman, yubico-piv-tool); ${hardwareTokens}`]),
)
