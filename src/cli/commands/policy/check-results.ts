import type { YamlPlace } from '../../../formats/kubernetes-manifest/placed-documents.ts'
import { decisiveOf } from '../../../policy/explanation/decisive.ts'
import { type ExplainedRequirement, explain } from '../../../policy/explanation/explanation.ts'
import type { Checked } from './check.ts'
import type { SarifResult } from './sarif.ts'

/** What code scanning is told of a verdict: each image that is not admitted, by its reason, and each that a policy warns of, at its line. */
export function checkResults({ what, workload, verdict }: Checked): readonly SarifResult[] {
  const at = (pointer: string) =>
    workload
      ? { file: workload.file.name, spot: workload.document.spotAt([...workload.at, ...placeOf(pointer)]), logical: what }
      : { logical: what }
  const { failure, images } = explain(verdict)
  const whole: readonly SarifResult[] = failure ? [{ rule: failure.reasonCode, level: 'error', message: failure.message, ...at('') }] : []
  const refused = verdict.images.flatMap((image): readonly SarifResult[] => {
    if (image.outcome === 'passed') return []
    const decisive = decisiveOf({ object: verdict.object, outcome: image.outcome, images: [image] })
    const named = decisive?.policy === undefined ? '' : ` (policy ${decisive.policy})`
    const message = `${image.image.original}: ${decisive?.message ?? 'no verdict'}${named}`
    return [{ rule: decisive?.reasonCode ?? 'INTERNAL', level: 'error', message, ...at(image.image.pointer) }]
  })
  const warned = images.flatMap(({ original, pointer, policies, unmatched }): readonly SarifResult[] => [
    ...policies
      .filter(({ action, verdict }) => action !== 'enforce' && verdict !== 'passed')
      .map(({ name, requirement }) => {
        const { reasonCode = 'INTERNAL', message } = leafOf(requirement)
        return { rule: reasonCode, level: 'warning' as const, message: `${original}: ${message} (policy ${name})`, ...at(pointer) }
      }),
    ...unmatched
      .filter(({ whenNone }) => whenNone === 'warn')
      .map(({ reasonCode }) => ({
        rule: reasonCode,
        level: 'warning' as const,
        message: `${original}: no policy applies`,
        ...at(pointer),
      })),
  ])
  return [...whole, ...refused, ...warned]
}

function leafOf(requirement: ExplainedRequirement): ExplainedRequirement {
  const below = requirement.of?.find(({ verdict }) => verdict === requirement.verdict)
  return below && requirement.kind !== 'judged' ? leafOf(below) : requirement
}

/** The place that a JSON pointer leads to. RFC 6901 §4 */
export function placeOf(pointer: string): YamlPlace {
  const parts = pointer === '' ? [] : pointer.slice(1).split('/')
  return parts.map(part => (/^(0|[1-9][0-9]{0,8})$/.test(part) ? Number(part) : part.replaceAll('~1', '/').replaceAll('~0', '~')))
}
