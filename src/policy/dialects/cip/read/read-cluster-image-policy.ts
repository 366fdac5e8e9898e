import { CountersignError } from '../../../../codec/error.ts'
import { quote } from '../../../../codec/text.ts'
import type { ClusterImagePolicy } from '../cluster-image-policy.ts'
import { type ImageGlob, parseImageGlob } from '../match/image-glob.ts'
import { type LabelExpression, type LabelSelector, labelOperators, type ObjectMatch } from '../match/object-match.ts'
import { type FieldError, invalidValue, missingFields, renderFieldErrors } from './field-error.ts'
import { FieldProblems, type ObjectReader, readWhole } from './object-reader.ts'
import { readAuthority } from './read-authority.ts'
import { readKind, readName } from './read-metadata.ts'
import { isOtherLanguage, readProgram } from './read-program.ts'

/** Where a policy is read, as far as it decides what is one. */
export type CipReading = {
  /** The namespace of the controller: secrets of no other are read. */
  readonly systemNamespace: string
  /** `fail-on-empty-authorities`: refuse a policy that names nobody. True unless told. */
  readonly failsOnEmptyAuthorities?: boolean
}

const versions = ['policy.sigstore.dev/v1alpha1', 'policy.sigstore.dev/v1beta1']
const resources = ['replicasets', 'deployments', 'pods', 'cronjobs', 'jobs', 'statefulsets', 'daemonsets']
const limits = { images: 1000, match: 100, authorities: 100, labels: 100, values: 100 }

/**
 * Reads a ClusterImagePolicy of either version out of a value of JSON or of `parseYamlDocuments`. All that is wrong with it is told at
 * once, in policy-controller's words, and unknown fields are refused. Whoever meets an error must not pass over the policy: images that
 * it was for would be judged without it.
 *
 * @throws CountersignError `POLICY_MALFORMED`; `CAPABILITY_MISSING` where all that is wrong is that it is written in CUE or Rego;
 *   `LIMIT_EXCEEDED`
 * @see spec admission §1.1, §1.8
 */
export function readClusterImagePolicy(value: unknown, reading: CipReading): ClusterImagePolicy {
  const problems = new FieldProblems()
  const policy = readWhole(value, '', problems, object => readPolicy(object, reading))
  if (problems.errors.length === 0 && policy) return { ...policy, warnings: problems.warnings.map(warning => renderFieldErrors([warning])) }
  throw refusal(problems.errors, policy?.name ?? '')
}

function refusal(errors: readonly FieldError[], name: string): CountersignError {
  const code = errors.length > 0 && errors.every(isOtherLanguage) ? 'CAPABILITY_MISSING' : 'POLICY_MALFORMED'
  return new CountersignError(code, `ClusterImagePolicy ${quote(name)}: validation failed: ${renderFieldErrors(errors)}`)
}

function readPolicy(object: ObjectReader, reading: CipReading): Omit<ClusterImagePolicy, 'warnings'> | undefined {
  const { problems } = object
  readKind(object, 'ClusterImagePolicy', versions)
  const name = readName(object)
  object.passOver('status')
  const spec = object.object('spec', reader => readSpec(reader, reading))
  if (!object.has('spec')) problems.add(missingFields('spec'))
  return spec && { name, ...spec }
}

function readSpec(spec: ObjectReader, reading: CipReading): Omit<ClusterImagePolicy, 'warnings' | 'name'> | undefined {
  const { problems } = spec
  const globs = spec.objects('images', limits.images, readImage)
  if (spec.length('images') === 0) problems.add(missingFields(spec.at('images')))
  const match = spec.objects('match', limits.match, readMatch)
  const authorities = spec.objects('authorities', limits.authorities, (reader, index) => readAuthority(reader, index, reading))
  if (spec.length('authorities') === 0 && reading.failsOnEmptyAuthorities !== false) problems.add(missingFields(spec.at('authorities')))
  const mode = readMode(spec)
  const policy = spec.object('policy', reader => readProgram(reader, { isWholeVerdict: true }))
  const names = authorities.map(authority => authority.name)
  for (const [index, name] of names.entries())
    if (names.indexOf(name) !== index)
      problems.add(invalidValue(name, `${authorities[index]!.path}.name`, 'want another name for each authority'))
  const [first, ...others] = globs
  if (!first) return undefined
  return {
    mode,
    images: [first, ...others],
    match,
    authorities,
    ...(policy && { policy }),
  }
}

function readImage(image: ObjectReader): ImageGlob | undefined {
  const glob = image.text('glob')
  if (glob === '') {
    image.problems.add(missingFields(image.at('glob')))
    return undefined
  }
  const problem = problemOfGlob(glob)
  if (problem !== undefined) image.problems.warn({ message: `glob ${glob}`, paths: [image.at('glob')], details: problem })
  return image.parsed('glob', glob, () => parseImageGlob(glob))
}

/** Why a glob that is one holds of other images than its writer thinks. Names are compared in full, and after tags gave way to digests. */
export function problemOfGlob(glob: string): string | undefined {
  if (glob.startsWith('docker.io/'))
    return `it holds of no image: names of Docker Hub begin with index.docker.io, as in index.${glob.slice(0, 200)}`
  const [, before, tag] = /^(.*\/.*):([^/@]*)$/.exec(glob) ?? []
  if (before === undefined || before.includes('@') || (before.endsWith('*') && tag?.endsWith('*'))) return undefined
  return 'it holds of no image that was pinned to its digest, which takes the place of the tag'
}

function readMode(spec: ObjectReader): 'enforce' | 'warn' {
  const mode = spec.text('mode')
  if (mode === 'warn') return 'warn'
  if (mode !== '' && mode !== 'enforce') spec.problems.add(invalidValue(mode, spec.at('mode'), 'unsupported mode'))
  return 'enforce'
}

function readMatch(entry: ObjectReader): ObjectMatch {
  const { problems } = entry
  const [group, version, resource] = [entry.text('group'), entry.text('version'), entry.text('resource')]
  if (resource !== '' && !resources.includes(resource))
    problems.add(invalidValue(resource, entry.at('resource'), 'unsupported resource name'))
  const selector = entry.object('selector', readSelector)
  if (selector && group === '' && version === '' && resource === '')
    problems.add(invalidValue('', entry.at('selector'), 'selector requires a resource type to match the labels'))
  else for (const name of ['resource', 'version']) if (entry.text(name) === '') problems.add(missingFields(entry.at(name))) // no object lacks them
  return { group, version, resource, ...(selector && { selector }) }
}

function readSelector(selector: ObjectReader): LabelSelector {
  return {
    labels: selector.textMap('matchLabels', limits.labels),
    expressions: selector.objects('matchExpressions', limits.labels, readExpression),
  }
}

function readExpression(expression: ObjectReader): LabelExpression | undefined {
  const { problems } = expression
  const [key, named, values] = [expression.text('key'), expression.text('operator'), expression.texts('values', limits.values)]
  const operator = labelOperators.find(one => one === named)
  if (key === '') problems.add(missingFields(expression.at('key')))
  if (!operator) {
    problems.add(invalidValue(named, expression.at('operator'), `want one of ${labelOperators.join(', ')}`))
    return undefined
  }
  const takesValues = operator === 'In' || operator === 'NotIn'
  if (takesValues === (values.length === 0))
    problems.add(
      invalidValue(`${values.length} values`, expression.at('values'), `${operator} wants ${takesValues ? 'at least one' : 'none'}`),
    )
  return { key, operator, values }
}
