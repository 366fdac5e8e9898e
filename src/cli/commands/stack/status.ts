import { readIdentity, readStackConfig } from '../../../services/stack/folder.ts'
import type { CommandFunction } from '../../command.ts'
import type { stackStatusFlags } from '../../flags/sigstore/stack.ts'
import { examineServices, reportFindings } from './findings.ts'

/** `stack status`: whether the services of a stack answer, how large its logs are, what expires when. */
export const showStatus: CommandFunction<typeof stackStatusFlags> = async (context, { data, output }) => {
  const { url } = await readStackConfig(data)
  reportFindings(context, url, await examineServices(context, url, await readIdentity(data)), output)
  return 0
}
