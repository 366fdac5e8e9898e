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
  const isHeld = glob.matches(formatReference(reference)) || glob.matches(formatReference(usualName(reference)))
  return isHeld || (original !== undefined && glob.matches(original))
}

/**
 * Whether it takes the digest of an image to tell if a glob holds of it: the one that its tag leads to takes the tag's place in its name, and the
 * glob may hold of that name and not of this one, or of some digests alone.
 */
export function digestDecides(glob: ImageGlob, reference: ImageReference): boolean {
  if (reference.digest !== undefined) return false
  return [reference, usualName(reference)].some(image => {
    const name = `${repositoryName(image)}@sha256:`
    const always = glob.matches(name + digestOfNone.repeat(64))
    return always !== glob.matches(formatReference(image)) || always !== glob.matches(name + digestOfAny.repeat(64))
  })
}

/** In place of a digest's characters: one that no glob has, and one that stands for each. No name of an image holds either. */
const [digestOfNone, digestOfAny] = ['\u0000', '\u0001'] as const

/** Hosts that serve what is on Docker Hub. */
const hubHosts: readonly string[] = ['docker.io', 'registry-1.docker.io', dockerHub]

/** The same image with its host as URLs have it: in lower case, without the port of https, IPv6 in its short form. */
function usualName(reference: ImageReference): ImageReference {
  const host = URL.parse(`https://${reference.registry}`)?.host ?? reference.registry
  return { ...reference, registry: hubHosts.includes(host) ? dockerHub : host }
}

/** What one piece of a glob stands for: itself, a run without slashes, or any run. */
type Piece = { readonly kind: 'character'; readonly character: string } | { readonly kind: 'segment' } | { readonly kind: 'any' }

function inFull(source: string): string {
  if (source === '*/*') return 'index.docker.io/*/*'
  return source === '*' ? 'index.docker.io/library/*' : source
}

function piecesOf(glob: string): readonly Piece[] {
  return (glob.match(/\*\*|[\s\S]/g) ?? []).map(piece => {
    if (piece === '**') return { kind: 'any' }
    return piece === '*' ? { kind: 'segment' } : { kind: 'character', character: piece }
  })
}

/** Follows all ways through the glob at once: a way is how many of its pieces are behind it, so that there are never more than pieces. */
function matchesPieces(pieces: readonly Piece[], text: string): boolean {
  let here = closure(pieces, new Uint8Array(pieces.length + 1).fill(1, 0, 1))
  for (const character of text) {
    const next = new Uint8Array(pieces.length + 1)
    let isAlive = false
    for (const [at, piece] of pieces.entries()) {
      if (!here[at]) continue
      if (piece.kind === 'character') {
        if (piece.character !== character && character !== digestOfAny) continue
        next[at + 1] = 1
      } else if (piece.kind === 'any' || character !== '/') next[at] = 1
      else continue
      isAlive = true
    }
    if (!isAlive) return false
    here = closure(pieces, next)
  }
  return here[pieces.length] === 1
}

/** Runs may be empty: whoever stands before one stands behind it, too. */
function closure(pieces: readonly Piece[], ways: Uint8Array): Uint8Array {
  for (const [at, piece] of pieces.entries()) if (ways[at] && piece.kind !== 'character') ways[at + 1] = 1
  return ways
}
