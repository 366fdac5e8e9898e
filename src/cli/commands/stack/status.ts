import { readIdentity, readStackConfig } from '../../../services/stack/folder.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackStatusFlags } from '../../flags/sigstore/stack.ts'
import { examineServices, reportFindings } from './findings.ts'
import { examineWitnesses } from './witnesses.ts'

/** `stack status`: whether the services of a stack answer, how large its logs are, what expires when. */
export const showStatus: CommandFunction<typeof stackStatusFlags> = async (context, { data, output }) => {
  const config = await readStackConfig(data)
  const findings = [
    ...(await examineServices(context, config.url, await readIdentity(data))),
    ...(await examineWitnesses(context, data, config)),
  ]
  reportFindings(context, config.url, findings, output)
  return 0
}
