import { CountersignError } from '../../codec/error.ts'
import { decodeUtf8 } from '../../codec/text.ts'
import type { ProviderEffects } from '../remote/key-effects.ts'
import { ck } from './module-shapes.ts'
import type { Pkcs11Reference } from './reference.ts'
import type { Token } from './tokens.ts'

/** Whether a person may be asked for a PIN that was not given: signing may, verifying does without. */
export type MayAsk = 'ask' | 'never ask'

const pinFileLimitBytes = 1024

/** A setting of cosign's that we also read by our own name, which wins. Empty counts as unset. */
export function pkcs11Setting(
  environment: ReadonlyMap<string, string>,
  name: 'PIN' | 'MODULE_PATH' | 'IGNORE_CERTIFICATE',
): string | undefined {
  return environment.get(`COUNTERSIGN_PKCS11_${name}`) || environment.get(`COSIGN_PKCS11_${name}`) || undefined
}

/**
 * The PIN of a token's user: that of the URI, of the file that it names, of COUNTERSIGN_PKCS11_PIN or COSIGN_PKCS11_PIN, else what a person answers.
 *
 * @param what - begins messages
 * @returns nothing when none was given and nobody may be asked
 * @throws CountersignError `PIN_WRONG` for an empty one, which is not tried; `USAGE` without a terminal; whatever reading the file throws
 */
export async function findPin(
  { pin }: Pick<Pkcs11Reference, 'pin'>,
  token: Token,
  mayAsk: MayAsk,
  effects: Pick<ProviderEffects, 'environment' | 'readFile' | 'askPin'>,
  what: string,
): Promise<string | undefined> {
  if (pin && 'value' in pin) return pin.value
  if (pin) return checkPin(firstLine(await effects.readFile(pin.path, pinFileLimitBytes), what), what)
  const set = pkcs11Setting(effects.environment, 'PIN')
  if (set !== undefined) return set
  if (mayAsk === 'never ask') return undefined
  const last = token.flags & ck.userPinFinalTry ? ' (the last try before it is locked)' : ''
  return checkPin(await ask(`Enter PIN for PKCS11 token '${token.label}'${last}: `, effects, what), what)
}

async function ask(question: string, { askPin }: Pick<ProviderEffects, 'askPin'>, what: string): Promise<string> {
  try {
    return await askPin(question)
  } catch (cause) {
    if (!(cause instanceof CountersignError) || cause.code !== 'USAGE') throw cause
    throw new CountersignError('USAGE', `${what}: want its PIN, by COUNTERSIGN_PKCS11_PIN where nobody can be asked: ${cause.message}`, {
      cause,
    })
  }
}

function checkPin(pin: string, what: string): string {
  if (pin === '') throw new CountersignError('PIN_WRONG', `${what}: want a PIN, got an empty one; it was not tried`)
  return pin
}

/** Editors end a file with a line end, which is no part of the PIN. */
function firstLine(bytes: Uint8Array, what: string): string {
  const text = decodeUtf8(bytes, `${what}: file of its PIN`).replace(/\r?\n$/, '')
  if (/[\r\n]/.test(text))
    throw new CountersignError('PIN_WRONG', `${what}: want one line in the file of its PIN, got more; it was not tried`)
  return text
}
