import { escapeControls } from '../../codec/text.ts'
import type { Derivation } from '../../verify/derivation.ts'
import { derivationJson, renderDerivation } from '../../verify/render.ts'
import type { CommandContext } from '../context.ts'
import { jsonText } from './json-document.ts'

/** Shows why something was accepted, `--explain`: the steps as lines on standard error, or as one JSON document on standard output. */
export function explain(context: CommandContext, derivation: Derivation, trust: readonly string[], output: string): void {
  if (output === 'json') context.stdout(`${jsonText({ trust, derivation: derivationJson(derivation) })}\n`)
  else context.stderr(explanation(derivation, trust))
}

/** The steps as lines, under where trust came from. */
export function explanation(derivation: Derivation, trust: readonly string[]): string {
  return `Trusted: ${trust.map(escapeControls).join('; ')}\n${renderDerivation(derivation)}`
}
