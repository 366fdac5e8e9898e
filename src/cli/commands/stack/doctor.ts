import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8 } from '../../../codec/text.ts'
import { type IdentityToken, looksLikeToken, parseIdentityToken } from '../../../identity/token-claims.ts'
import type { StackConfig } from '../../../services/stack/config.ts'
import { readIdentity, readStackConfig } from '../../../services/stack/folder.ts'
import { probeLog, probeToken } from '../../../services/stack/probe.ts'
import type { CommandFunction, FlagsOf } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { stackDoctorFlags } from '../../flags/sigstore/stack.ts'
import { findingOf } from './finding.ts'
import { examineServices, reportFindings } from './findings.ts'
import { examineWitnesses } from './witnesses.ts'

/** `stack doctor`: everything that `status` shows, and a signature made and verified with each of the logs that take entries. */
export const examineStack: CommandFunction<typeof stackDoctorFlags> = async (context, flags) => {
  const [config, identity] = [await readStackConfig(flags.data), await readIdentity(flags.data)]
  const token = await tokenOf(context, flags, config)
  const findings = [...(await examineServices(context, config.url, identity)), ...(await examineWitnesses(context, flags.data, config))]
  const isFrozen = findings.some(({ what, seen }) => what === 'transparency log v2' && seen.endsWith(', frozen'))
  for (const version of isFrozen ? ([1] as const) : ([1, 2] as const))
    findings.push(
      await findingOf(context, `probe with log v${version}`, () =>
        probeLog(version, { config, identity, token }, context.world, context.signal),
      ),
    )
  reportFindings(context, config.url, findings, flags.output)
  return 0
}

const tokenLimitBytes = 64 << 10

/** The one that was given, a literal or a file; else one by the stack's own issuer, whose keys the passphrase opens. */
async function tokenOf(
  context: CommandContext,
  { data, identityToken }: FlagsOf<typeof stackDoctorFlags>,
  config: StackConfig,
): Promise<IdentityToken> {
  if (identityToken !== '') {
    if (looksLikeToken(identityToken)) return parseIdentityToken(identityToken)
    return parseIdentityToken(decodeUtf8(await context.files.read(identityToken, tokenLimitBytes), identityToken))
  }
  if (!config.issuer)
    throw new CountersignError('TOKEN_UNAVAILABLE', `${data}: its configuration has no issuer of its own: want --identity-token`)
  const passphrase = await context.prompts.passphrase({ confirm: false })
  try {
    return await probeToken(data, config, passphrase, context.world)
  } finally {
    passphrase.fill(0)
  }
}
