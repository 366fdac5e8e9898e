import { CountersignError } from '../../../../codec/error.ts'
import { quote } from '../../../../codec/text.ts'
import { dockerHub, formatReference, type ImageReference, repositoryName } from '../../../../oci/reference.ts'

/** A pattern of image names as a ClusterImagePolicy has it. */
export type ImageGlob = {
  readonly source: string
  readonly matches: (text: string) => boolean
}

const limitCharacters = 1024
const allowed = /^[A-Za-z0-9\-_:/*.@]+$/

/**
 * Compiles a glob: `**` is any run of characters, `*` a run without `/`, all else stands for itself; it holds for the whole name. `*` alone
 * means the official images of Docker Hub, and `*` twice with a slash between them its other repositories.
 *
 * Time is at most that of the glob's length times the text's.
 *
 * @throws CountersignError `PATTERN_MALFORMED`
 * @see spec admission §1.2
 */
export function parseImageGlob(source: string): ImageGlob {
  if (source.length > limitCharacters)
    throw new CountersignError('PATTERN_MALFORMED', `glob is invalid: want at most ${limitCharacters} characters, got ${source.length}`)
  if (!allowed.test(source))
    throw new CountersignError('PATTERN_MALFORMED', `glob is invalid: want letters, digits and any of - _ : / * . @, got ${quote(source)}`)
  const pieces = piecesOf(inFull(source))
  return { source, matches: text => matchesPieces(pieces, text) }
}

/**
 * Whether a glob holds of an image: of its name in full, `index.docker.io/library/x:latest`, or `…@sha256:…` without its tag where a digest
 * is known. Where its host is spelled in another way than is usual, the glob may hold of either: a host in capitals, or with the port that it
 * has anyway, is that host to whoever pulls.
 *
 * @param original - the name as somebody wrote it, tried as well where it is given: only library and tester do, the webhook never
 */
export function matchesImage(glob: ImageGlob, reference: ImageReference, original?: string): boolean {
  const isHeld = spellingsOf(reference).some(image => glob.matches(formatReference(image)))
  return isHeld || (original !== undefined && glob.matches(original))
}

/**
 * Whether it takes the digest of an image to tell if a glob holds of it: the one that its tag leads to takes the tag's place in its name, and the
 * glob may hold of that name and not of this one, or of some digests alone.
 */
export function digestDecides(glob: ImageGlob, reference: ImageReference): boolean {
  if (reference.digest !== undefined) return false
  return spellingsOf(reference).some(image => {
    const name = `${repositoryName(image)}@sha256:`
    const always = glob.matches(name + digestOfNone.repeat(64))
    return always !== glob.matches(formatReference(image)) || always !== glob.matches(name + digestOfAny.repeat(64))
  })
}

/** In place of a digest's characters: one that no glob has, and one that stands for each. No name of an image holds either. */
const [digestOfNone, digestOfAny] = ['\u0000', '\u0001'] as const

/** Hosts that serve what is on Docker Hub. */
const hubHosts: readonly string[] = ['docker.io', 'registry-1.docker.io']

/** An image as it is named, and where its host has a port, capitals or another name, as it usually is: as URLs have it, without the port of https. */
function spellingsOf(reference: ImageReference): readonly ImageReference[] {
  const { registry } = reference
  if (/^[a-z0-9.-]+$/.test(registry) && !hubHosts.includes(registry)) return [reference]
  const host = URL.parse(`https://${registry}`)?.host ?? registry
  return [reference, { ...reference, registry: hubHosts.includes(host) ? dockerHub : host }]
}

/** What one piece of a glob stands for: the code of a character, or one of these runs. */
const runs = { segment: -1, any: -2 } as const

function inFull(source: string): string {
  if (source === '*/*') return 'index.docker.io/*/*'
  return source === '*' ? 'index.docker.io/library/*' : source
}

function piecesOf(glob: string): Int16Array {
  return Int16Array.from(glob.match(/\*\*|[\s\S]/g) ?? [], piece => {
    if (piece === '**') return runs.any
    return piece === '*' ? runs.segment : piece.charCodeAt(0)
  })
}

/** Follows all ways through the glob at once: a way is how many of its pieces are behind it, so that there are never more than pieces. */
function matchesPieces(pieces: Int16Array, text: string): boolean {
  const last = pieces.length - 1
  let [here, next] = [new Uint8Array(pieces.length + 1), new Uint8Array(pieces.length + 1)]
  here[0] = 1
  skipEmptyRuns(pieces, here)
  for (let index = 0; index < text.length; index++) {
    if (here[last] === 1 && pieces[last] === runs.any) return true
    const code = text.charCodeAt(index)
    next.fill(0)
    let isAlive = false
    for (let at = 0; at <= last; at++) {
      if (here[at] === 0) continue
      const piece = pieces[at]!
      if (piece >= 0 ? piece !== code && code !== anyCode : piece === runs.segment && code === slash) continue
      next[piece >= 0 ? at + 1 : at] = 1
      isAlive = true
    }
    if (!isAlive) return false
    ;[here, next] = [next, here]
    skipEmptyRuns(pieces, here)
  }
  return here[pieces.length] === 1
}

const [slash, anyCode] = ['/'.charCodeAt(0), digestOfAny.charCodeAt(0)]

/** Runs may be empty: whoever stands before one stands behind it, too. */
function skipEmptyRuns(pieces: Int16Array, ways: Uint8Array): void {
  for (let at = 0; at < pieces.length; at++) if (ways[at] === 1 && pieces[at]! < 0) ways[at + 1] = 1
}
