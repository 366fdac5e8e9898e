import type { GoJson } from '../../../codec/go-json.ts'
import { derivationJson } from '../../../verify/render.ts'
import type { CommandContext } from '../../context.ts'
import { explanation } from '../../output/explanation.ts'
import type { Findings } from '../../output/findings.ts'
import { jsonText } from '../../output/json-document.ts'
import { failureDocument } from '../../report-error.ts'
import type { Named } from './subject.ts'
import type { Verified } from './verify-image.ts'

/** Where it is written what came of several images, one after the other. */
export type VerificationOutput = {
  readonly verified: (image: Named, verified: Verified) => void
  readonly failed: (image: Named, failure: unknown) => void
  /** Everything was handed on. Called however it went. */
  readonly end: (counts: { readonly verified: number; readonly failed: number }) => void
  /** It says of the failures what there is to say, so that no document about them may follow. */
  readonly isReport: boolean
}

/**
 * As cosign writes: a block and an array for each image that was verified, nothing on standard output for others.
 *
 * @param explainedBy - where trust comes from, when the steps are to be shown too
 */
export function plainOutput(
  context: CommandContext,
  findings: Findings,
  format: string,
  explainedBy: readonly string[] | undefined,
): VerificationOutput {
  return {
    verified: ({ name }, { digest, verdict }) => {
      findings.write(context, { name, digest, verdict }, format)
      if (explainedBy) context.stderr(explanation(verdict.derivation, explainedBy))
    },
    failed: () => {},
    end: () => {},
    isReport: false,
  }
}

/** A line for each image: its name as it was typed, and the digest that was verified or why none was. */
export function textReport({ stdout }: CommandContext): VerificationOutput {
  const explain = (failure: unknown) => {
    const { code, message } = failureDocument(failure).error
    return `${code}: ${message}`
  }
  return {
    verified: ({ typed }, { digest }) => stdout(`${typed}: verified ${digest}\n`),
    failed: ({ typed }, failure) => stdout(`${typed}: not verified: ${explain(failure)}\n`),
    end: () => {},
    isReport: true,
  }
}

/**
 * One JSON document, written as it grows, a line for each image:
 * `{"images":[{"image","digest","verified":true,"signatures","derivation"},{"image","verified":false,"error"}],"verified":1,"failed":1}`.
 * `signatures`, or `attestations`, is what cosign prints for one image, `error` is that of a failure document. Its shape is API.
 */
export function jsonReport({ stdout }: CommandContext, findings: Findings): VerificationOutput {
  let separator = '{"images":[\n'
  const write = (entry: GoJson) => {
    stdout(`${separator}${jsonText(entry)}`)
    separator = ',\n'
  }
  return {
    verified: ({ typed, name }, { digest, verdict }) =>
      write({
        image: typed,
        digest,
        verified: true,
        ...findings.json({ name, digest, verdict }),
        derivation: derivationJson(verdict.derivation),
      }),
    failed: ({ typed }, failure) => write({ image: typed, verified: false, error: failureDocument(failure).error as GoJson }),
    end: ({ verified, failed }) => stdout(`\n],"verified":${verified},"failed":${failed}}\n`),
    isReport: true,
  }
}
