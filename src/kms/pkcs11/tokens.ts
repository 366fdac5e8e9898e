import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type Cryptoki, ck, type Handle, numberOf } from './module-shapes.ts'
import type { Pkcs11Reference } from './reference.ts'

/** A token that is in a slot. */
export type Token = {
  readonly slot: Handle
  readonly slotId: bigint
  readonly label: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
  readonly flags: number // CKF_ of CK_TOKEN_INFO
}

/** Every token that is there, in the order of the module. A slot that does not tell what it holds is left out. @throws what the module does */
export function listTokens(cryptoki: Cryptoki): readonly Token[] {
  return cryptoki.C_GetSlotList(true).flatMap(slot => {
    try {
      return [readToken(cryptoki, slot)]
    } catch {
      return [] // pulled out meanwhile, or of a kind that the module does not read
    }
  })
}

/** What a token says of itself now. @throws what the module does */
export function readToken(cryptoki: Cryptoki, slot: Handle): Token {
  const { label, manufacturerID, model, serialNumber, flags } = cryptoki.C_GetTokenInfo(slot)
  return {
    slot,
    slotId: numberOf(slot),
    label: unpad(label),
    manufacturer: unpad(manufacturerID),
    model: unpad(model),
    serial: unpad(serialNumber),
    flags,
  }
}

/**
 * The one token that a reference names.
 *
 * @param what - begins messages
 * @throws CountersignError `KEY_NOT_FOUND` when there is none or several, with those that are there; what the module does
 */
export function findToken(cryptoki: Cryptoki, reference: Omit<Pkcs11Reference, 'id' | 'object'>, what: string): Token {
  const tokens = listTokens(cryptoki)
  const fitting = tokens.filter(token => isNamed(token, reference))
  const [only, ...others] = fitting
  if (!only)
    throw new CountersignError(
      'KEY_NOT_FOUND',
      `${what}: want a token that fits, got ${tokens.length === 0 ? 'none at all: is it plugged in, and is this its module?' : tokens.map(describe).join(', ')}`,
    )
  if (others.length > 0)
    throw new CountersignError(
      'KEY_NOT_FOUND',
      `${what}: want one token, got ${fitting.map(describe).join(', ')}; name one by serial or slot-id`,
    )
  if (!(only.flags & ck.tokenInitialized))
    throw new CountersignError('KEY_NOT_FOUND', `${what}: want a token that has been initialized, got ${describe(only)}`)
  return only
}

/** An empty token fits no name but its slot: SoftHSM always shows one. */
function isNamed(token: Token, { slotId, token: label, manufacturer, model, serial }: Omit<Pkcs11Reference, 'id' | 'object'>): boolean {
  return (
    (slotId === undefined || slotId === token.slotId) &&
    (label === undefined || label === token.label) &&
    (manufacturer === undefined || manufacturer === token.manufacturer) &&
    (model === undefined || model === token.model) &&
    (serial === undefined || serial === token.serial)
  )
}

function describe({ label, serial, slotId, flags }: Token): string {
  const name = flags & ck.tokenInitialized ? `${quote(label)} (serial ${quote(serial)}, slot ${slotId})` : `an empty one (slot ${slotId})`
  return name
}

/** Fields of tokens are of fixed length, filled up with spaces, by some modules with NUL. */
function unpad(text: string): string {
  return text.replace(/[ \0]+$/, '')
}
