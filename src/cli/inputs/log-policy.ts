import { CountersignError } from '../../codec/error.ts'
import { parseSigningConfig, servicesForKeySigning, signingConfigLimitBytes } from '../../trust/signing-config.ts'
import type { FlagSource } from '../command.ts'
import type { CommandContext } from '../context.ts'

type SigningFlags = {
  readonly tlogUpload: boolean
  readonly useSigningConfig: boolean
  readonly signingConfig: string
  readonly given: ReadonlyMap<string, FlagSource>
}

/**
 * Refuses to sign unless the flags say to do without a transparency log: a log is cosign's default, and a signature that
 * was not logged must not be taken for one that was. `--tlog-upload=false` alone is enough, as it was in cosign 2.
 *
 * @throws CountersignError `CAPABILITY_MISSING`, `USAGE`, `SIGNING_CONFIG_MALFORMED`
 */
export async function requireNoSigningServices(context: CommandContext, flags: SigningFlags): Promise<void> {
  const { signingConfig, tlogUpload, given } = flags
  if (signingConfig !== '') {
    if (given.has('use-signing-config'))
      throw new CountersignError('USAGE', 'want one of --signing-config and --use-signing-config, got both')
    const [service] = servicesForKeySigning(parseSigningConfig(await context.files.read(signingConfig, signingConfigLimitBytes)))
    if (service)
      throw new CountersignError(
        'CAPABILITY_MISSING',
        `--signing-config ${signingConfig} names ${service.url}: logs and timestamp authorities are not supported yet; ` +
          'use a signing config that names none, or --use-signing-config=false --tlog-upload=false',
      )
    return
  }
  if (tlogUpload)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      'recording signatures in a transparency log is not supported yet; sign without one by --use-signing-config=false --tlog-upload=false, ' +
        'or by a --signing-config that names no log',
    )
  if (given.has('use-signing-config') && flags.useSigningConfig)
    throw new CountersignError(
      'USAGE',
      '--tlog-upload=false goes with --use-signing-config=false, or with a --signing-config that names no log',
    )
}
