import { CountersignError } from '../../codec/error.ts'
import { pkcs11Setting } from '../../kms/pkcs11/pin.ts'
import { checkModulePath } from '../../kms/pkcs11/reference.ts'
import type { CommandContext } from '../context.ts'

/**
 * The PKCS #11 module of `--module-path`, else of the environment.
 *
 * @throws CountersignError `USAGE` when neither names one, `REFERENCE_MALFORMED` for a relative path
 */
export function modulePathFromFlag({ environment }: Pick<CommandContext, 'environment'>, flag: string): string {
  if (flag !== '') return checkModulePath(flag, '--module-path')
  const path = pkcs11Setting(environment, 'MODULE_PATH')
  if (path === undefined) throw new CountersignError('USAGE', 'want a PKCS #11 module, by --module-path or COUNTERSIGN_PKCS11_MODULE_PATH')
  return checkModulePath(path, 'COUNTERSIGN_PKCS11_MODULE_PATH')
}
