import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { type FlaggedArguments, splitFlags } from './flags.ts'
import { type Instruction, malformed, parseDockerfile, readInstruction } from './instructions.ts'
import { type Expansion, expandWord, splitWords } from './words.ts'

/** The images that a Dockerfile names. Names are as written, variables replaced: they are not references yet. */
export type NamedImages = {
  readonly images: readonly string[] // each once, in order of appearance
  readonly base: string | undefined // what the last stage is built on in the end; undefined for `scratch`
  readonly scratch: number // how often `scratch` stands where an image could
  readonly syntax?: string // image of the builder's frontend; it is not among `images`
  readonly fromEnvironment: readonly string[] // variables that the environment decided, each once
}

/** A Dockerfile larger than this was not written by hand. */
export const dockerfileLimitBytes = 1 << 20

const maxImages = 1000
const maxStages = 500

/** What a word may be made of. A stage sees what the stage below it sets, which is not copied: there may be many of both. */
type Scope = {
  readonly variables: Map<string, string | undefined> // undefined: set, to what cannot be told
  readonly lasting?: Set<string> // of a stage: what ENV has set, which no ARG changes
  readonly below?: Scope | undefined
}
type Stage = Scope & { readonly base: string | undefined; readonly lasting: Set<string>; readonly below?: Stage | undefined }

/**
 * Finds every image that building a Dockerfile would fetch: `FROM`, `COPY --from`, `RUN --mount=from=`, also as `ONBUILD`
 * triggers. Names of stages are none. Variables have the value of the file, else that of the environment, as in cosign.
 *
 * @param environment - variables of the process
 * @throws CountersignError `DOCUMENT_MALFORMED` with the line; `VARIABLE_UNSET` for a variable that nobody sets;
 *   `LIMIT_EXCEEDED` past 1,000 images or 500 stages
 */
export function findImages(text: string, environment: ReadonlyMap<string, string>): NamedImages {
  const { escapeMark, syntax, instructions } = parseDockerfile(text)
  const finder = new ImageFinder(escapeMark, environment, instructions)
  for (const instruction of instructions) finder.take(instruction)
  return { ...finder.found(), ...(syntax !== undefined && { syntax }) }
}

/** Goes through the instructions in order and keeps what is known so far. */
class ImageFinder {
  readonly #escapeMark: string
  readonly #environment: ReadonlyMap<string, string>
  readonly #lines: ReadonlyMap<string, number> // where stages begin, by name
  readonly #images = new Set<string>()
  readonly #fromEnvironment = new Set<string>()
  readonly #global: Scope = { variables: new Map() } // of what stands ahead of the first FROM
  readonly #stages: Stage[] = []
  readonly #named = new Map<string, Stage>()
  #scratch = 0

  constructor(escapeMark: string, environment: ReadonlyMap<string, string>, instructions: readonly Instruction[]) {
    this.#escapeMark = escapeMark
    this.#environment = environment
    const named = instructions.map(({ line, keyword, rest }) => ({ line, name: keyword === 'FROM' ? stageName(rest, line) : undefined }))
    this.#lines = new Map(named.flatMap(({ line, name }) => (name === undefined ? [] : [[name.toLowerCase(), line]])))
  }

  found(): Omit<NamedImages, 'syntax'> {
    const base = this.#stages.at(-1)?.base
    return { images: [...this.#images], base, scratch: this.#scratch, fromEnvironment: [...this.#fromEnvironment] }
  }

  take(instruction: Instruction): void {
    const { line, keyword } = instruction
    if (this.#stages.length === 0 && keyword !== 'ARG' && keyword !== 'FROM')
      throw malformed(line, `want nothing but ARG ahead of the first FROM, got ${keyword}`)
    switch (keyword) {
      case 'FROM':
        this.#takeFrom(instruction)
        break
      case 'ARG':
        this.#takeArguments(instruction)
        break
      case 'ENV':
        this.#takeEnvironment(instruction)
        break
      case 'ADD':
      case 'COPY':
        for (const value of this.#flagValues(instruction, 'from')) this.#takeSource(value, instruction)
        break
      case 'RUN':
        for (const mount of this.#flagValues(instruction, 'mount'))
          for (const value of mountSources(mount, line)) this.#takeSource(value, instruction)
        break
      case 'ONBUILD': {
        const trigger = readTrigger(instruction)
        if (trigger.keyword !== 'ARG' && trigger.keyword !== 'ENV') this.take(trigger) // those two are set in other builds
      }
    }
  }

  /** `FROM [--platform=…] IMAGE [AS NAME]`. An earlier stage's name leads to what that stage is built on. */
  #takeFrom({ line, rest }: Instruction): void {
    const [word = '', as, name, more] = argumentsOf(rest, line)
    if (word === '' || more !== undefined || (as !== undefined && (as.toUpperCase() !== 'AS' || name === undefined)))
      throw malformed(line, `FROM: want IMAGE or IMAGE AS NAME, got ${quote(rest)}`)
    const image = this.#expand(word, line, this.#global)
    const parent = this.#named.get(image.toLowerCase())
    const base = parent ? parent.base : this.#addImage(image, line)
    const stage: Stage = { base, variables: new Map(), lasting: new Set(parent?.lasting), below: parent }
    this.#stages.push(stage)
    if (this.#stages.length > maxStages)
      throw new CountersignError('LIMIT_EXCEEDED', `Dockerfile: line ${line}: want at most ${maxStages} stages, got more`)
    if (name === undefined) return
    if (!/^[a-z][a-z0-9_.-]*$/i.test(name) || /^(scratch|context)$/i.test(name))
      throw malformed(line, `FROM: want a name for the stage that is no number and not reserved, got ${quote(name)}`)
    this.#named.set(name.toLowerCase(), stage)
  }

  /** A source of files: an earlier stage by name or number, else an image. */
  #takeSource(word: string, { line, keyword }: Instruction): void {
    const source = this.#expand(word, line, this.#stages.at(-1) ?? this.#global)
    const name = source.toLowerCase()
    if (/^[+-]?[0-9]+$/.test(source)) {
      if (Number(source) >= 0 && Number(source) < this.#stages.length) return
      throw malformed(line, `${keyword}: want the number of an earlier stage, got ${quote(source)}`)
    }
    if (this.#named.has(name)) return
    const begins = this.#lines.get(name)
    if (begins !== undefined)
      // some builders take a stage further down, others fetch an image of that name
      throw malformed(line, `${keyword}: want an image or an earlier stage, got ${quote(source)}, a stage that begins in line ${begins}`)
    this.#addImage(source, line)
  }

  #addImage(image: string, line: number): string | undefined {
    if (image === '') throw malformed(line, 'want the name of an image, got nothing')
    if (image === 'scratch') {
      this.#scratch++
      return undefined
    }
    this.#images.add(image)
    if (this.#images.size > maxImages)
      throw new CountersignError('LIMIT_EXCEEDED', `Dockerfile: line ${line}: want at most ${maxImages} images, got more`)
    return image
  }

  /** `ARG NAME[=VALUE]...`: without a value it lets a stage see what stands ahead of all stages. ENV counts for more. */
  #takeArguments({ line, rest, keyword }: Instruction): void {
    const scope = this.#stages.at(-1) ?? this.#global
    for (const word of splitWords(rest, this.#escapeMark).words) {
      const equals = word.indexOf('=')
      const name = checkedName(equals < 0 ? word : word.slice(0, equals), keyword, line)
      if (scope.lasting?.has(name)) continue
      if (equals > 0) scope.variables.set(name, this.#valueOf(word.slice(equals + 1), line, scope))
      else if (this.#global.variables.has(name)) scope.variables.set(name, this.#global.variables.get(name))
    }
  }

  /** `ENV NAME=VALUE...`, or of old `ENV NAME VALUE`. */
  #takeEnvironment({ line, rest, keyword }: Instruction): void {
    const scope = this.#stages.at(-1) ?? this.#global
    const { words } = splitWords(rest, this.#escapeMark)
    const [first = '', second = ''] = words
    const pairs = first.includes('=') ? words.map(pairOf) : [[first, second] as const]
    const values = pairs.map(([name, word]) => [checkedName(name, keyword, line), this.#valueOf(word, line, scope)] as const)
    for (const [name, value] of values) {
      scope.variables.set(name, value) // each sees what was set before this line
      scope.lasting?.add(name)
    }
  }

  /** The value of a variable, undefined where it cannot be told; that matters only if the name of an image is made of it. */
  #valueOf(word: string, line: number, scope: Scope): string | undefined {
    try {
      return this.#expand(word, line, scope)
    } catch (error) {
      if (error instanceof CountersignError) return undefined
      throw error
    }
  }

  #expand(word: string, line: number, scope: Scope): string {
    return expandWord(word, {
      escapeMark: this.#escapeMark,
      lookup: name => {
        for (let from: Scope | undefined = scope; from; from = from.below) if (from.variables.has(name)) return from.variables.get(name)
        const value = this.#environment.get(name)
        if (value !== undefined) this.#fromEnvironment.add(name)
        return value
      },
      missing: (name, hint) => new CountersignError('VARIABLE_UNSET', missingVariable(name, line, hint)),
      malformed: problem => malformed(line, problem),
    } satisfies Expansion)
  }

  /** Values of `--NAME=VALUE` among the flags that stand first. */
  #flagValues({ line, keyword, rest }: Instruction, name: string): readonly string[] {
    return flagged(rest, line).flags.flatMap(flag => {
      const equals = flag.indexOf('=')
      if ((equals < 0 ? flag : flag.slice(0, equals)).toLowerCase() !== `--${name}`) return []
      const value = equals < 0 ? '' : flag.slice(equals + 1)
      if (value === '') throw malformed(line, `${keyword}: --${name}: want a value, got none`)
      return [value]
    })
  }
}

function missingVariable(name: string, line: number, hint = ''): string {
  const reason = hint === '' ? '' : `: ${quote(hint)}`
  return `Dockerfile: line ${line}: variable ${name}: want a value that ARG, ENV or the environment tells, got none${reason}`
}

function readTrigger({ line, rest }: Instruction): Instruction {
  const trigger = readInstruction(rest, line)
  if (trigger.keyword === 'FROM' || trigger.keyword === 'ONBUILD')
    throw malformed(line, `ONBUILD: want another instruction, got ${trigger.keyword}`)
  return trigger
}

/** The name that `… AS NAME` gives. */
function stageName(rest: string, line: number): string | undefined {
  const [, as, name] = argumentsOf(rest, line)
  return as?.toUpperCase() === 'AS' ? name : undefined
}

/** The words behind the flags. */
function argumentsOf(rest: string, line: number): readonly string[] {
  return splitWords(flagged(rest, line).rest, '').words
}

function flagged(rest: string, line: number): FlaggedArguments {
  const split = splitFlags(rest)
  if (!split) throw malformed(line, `want flags of ASCII characters, got ${quote(rest)}`)
  return split
}

function pairOf(word: string): readonly [name: string, value: string] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)]
}

/** Builders take quotes and escapes out of names too, and put variables in. */
function checkedName(name: string, keyword: string, line: number): string {
  if (/["'\\`$]/.test(name)) throw malformed(line, `${keyword}: want the name of a variable, got ${quote(name)}`)
  return name
}

/** Values of `from=` in `type=bind,from=IMAGE,target=/x`. */
function mountSources(mount: string, line: number): readonly string[] {
  if (mount.includes('"')) throw malformed(line, `RUN: --mount: want fields without quotes, got ${quote(mount)}`)
  return mount.split(',').flatMap(field => {
    if (!field.toLowerCase().startsWith('from=')) return []
    const source = field.slice('from='.length)
    if (source === '') throw malformed(line, 'RUN: --mount: from: want an image or a stage, got nothing')
    return [source]
  })
}
