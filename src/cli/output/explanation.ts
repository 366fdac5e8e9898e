import type { Derivation } from '../../verify/derivation.ts'
import { derivationJson, renderDerivation } from '../../verify/render.ts'
import type { CommandContext } from '../context.ts'
import { jsonText } from './json-document.ts'

/** Shows why something was accepted, `--explain`: the steps as lines on standard error, or as one JSON document on standard output. */
export function explain(context: CommandContext, derivation: Derivation, output: string): void {
  if (output === 'json') context.stdout(jsonText({ derivation: derivationJson(derivation) }))
  else context.stderr(renderDerivation(derivation))
}
