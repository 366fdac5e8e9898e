import { type GoJson, serializeGoJson } from '../../codec/go-json.ts'

/** A value as JSON on one line that is safe to show, without a line end. */
export function jsonText(value: GoJson): string {
  return spellControls(serializeGoJson(value))
}

/** JSON on one line with what would drive a terminal spelled as JSON escapes: the same values to whoever parses it. */
export function spellControls(json: string): string {
  const spell = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu, character => character.split('').map(spell).join(''))
}
