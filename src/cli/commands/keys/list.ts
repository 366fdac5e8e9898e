import { encodeBase64 } from '../../../codec/base64.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import { formatTime } from '../../../formats/rfc3339.ts'
import { type ListedKey, listKeys } from '../../../kms/list-keys.ts'
import { describeValidity, encodeValidity, isWithin } from '../../../trust/validity.ts'
import type { CommandFunction } from '../../command.ts'
import type { listKeysFlags } from '../../flags/key-rotation.ts'
import { keySources } from '../../inputs/keys.ts'
import { jsonText } from '../../output/json-document.ts'

/** `keys list`: the keys that references lead to, with their versions, states and times. */
export const listKeysCommand: CommandFunction<typeof listKeysFlags> = async (context, flags, references) => {
  const keys: ListedKey[] = []
  for (const reference of references) keys.push(...(await listKeys(reference, keySources(context))))
  const now = context.world.now()
  if (flags.output === 'json') context.stdout(`${jsonText({ keys: keys.map(key => keyJson(key, now)) })}\n`)
  else context.stdout(tableOf(keys.map(key => rowOf(key, now))))
  return 0
}

/** What a key is good for at a time. */
function useOf({ state, signs, validFor }: ListedKey, now: Date): readonly string[] {
  const isValid = validFor === undefined || isWithin(validFor, now)
  return [
    ...(signs ? ['signs now'] : []),
    ...(state === 'enabled' && isValid ? ['valid now'] : []),
    ...(state === 'enabled' && !isValid ? [validFor.start > now ? 'not yet valid' : 'over'] : []),
  ]
}

function keyJson(listed: ListedKey, now: Date) {
  const { reference, version, state, createdAt, key, signs, name, validFor } = listed
  return {
    reference,
    ...(name !== undefined && { name }),
    ...(version !== '' && { version }),
    state,
    ...(key && { algorithm: key.algorithm, bits: key.bits, sha256: encodeHex(key.id), hint: encodeBase64(key.id) }),
    ...(createdAt && { createdAt: formatTime(createdAt) }),
    ...(signs !== undefined && { signs }),
    ...(validFor && { validFor: encodeValidity(validFor) }),
    validNow: useOf(listed, now).includes('valid now'),
  }
}

const heads = ['KEY', 'VERSION', 'STATE', 'ALGORITHM', 'CREATED', 'SHA-256', 'USE']

function rowOf(listed: ListedKey, now: Date): readonly string[] {
  const { reference, version, state, createdAt, key, name, validFor } = listed
  return [
    name === undefined ? reference : `${reference} ${quote(name)}`,
    version || '-',
    state,
    key ? (key.algorithm.startsWith('rsa') ? `${key.algorithm}-${key.bits}` : key.algorithm) : '-',
    createdAt ? formatTime(createdAt) : '-',
    key ? encodeHex(key.id) : '-',
    [...useOf(listed, now), ...(validFor ? [describeValidity(validFor)] : [])].join(', ') || '-',
  ]
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) => Math.max(...all.map(row => row[column]!.length)))
  return all
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
