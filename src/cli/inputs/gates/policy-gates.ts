import { extname } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { decodeUtf8, quote } from '../../../codec/text.ts'
import type { Gate } from '../../../verify/gates/gate.ts'
import type { CommandContext } from '../../context.ts'

const limitBytes = 256 << 10 // of UTF-8; the language counts characters

const laterLanguages = new Map([
  ['.cue', 'CUE'],
  ['.rego', 'Rego'],
])

/**
 * A gate for each file of `--policy`, in their order: each must be true.
 *
 * @throws CountersignError `CAPABILITY_MISSING` for languages that come later, `USAGE` for what is none; `POLICY_MALFORMED`,
 *   `POLICY_EMPTY`, `LIMIT_EXCEEDED`, and what reading a file throws
 */
export async function policyGates(context: CommandContext, paths: readonly string[]): Promise<readonly Gate[]> {
  if (paths.length === 0) return []
  for (const path of paths) checkLanguage(path)
  const { policyGate } = await import('../../../verify/gates/cel/policy-gate.ts') // and with it the language
  const gates: Gate[] = []
  for (const path of new Set(paths)) {
    const bytes = await context.files.read(path, limitBytes)
    gates.push(policyGate(path, decodeUtf8(bytes, `policy ${quote(path)}`, 'POLICY_MALFORMED')))
  }
  return gates
}

function checkLanguage(path: string): void {
  const suffix = extname(path)
  if (suffix === '.cel') return
  const later = laterLanguages.get(suffix)
  if (later !== undefined)
    throw new CountersignError(
      'CAPABILITY_MISSING',
      `--policy: ${quote(path)}: ${later} comes later; write it in CEL, in a file named *.cel`,
    )
  throw new CountersignError(
    'USAGE',
    `--policy: invalid policy format, expected .cue or .rego, which come later, or .cel, got ${quote(path)}`,
  )
}
