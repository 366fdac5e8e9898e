import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import { fallbackTag } from '../attached/attached-tag.ts'
import { listReferrersByApi, listReferrersByTag } from '../attached/referrers.ts'
import { isReferrersIndex, readIndex } from '../attached/referrers-index.ts'
import { nameOfTag, readTag } from '../attached/tag.ts'
import { absentDigest } from '../collect/remove-attached.ts'
import { mediaTypes } from '../manifest.ts'
import { repositoryName } from '../reference.ts'
import { contentTypeOf, refusalOf, repositoryUrl } from '../registry-exchange.ts'
import { lacksReferrersApi } from '../requests/listings.ts'
import { discard } from '../transport/read-body.ts'
import type { Examination } from './examination.ts'
import { type Finding, probe } from './finding.ts'

const withoutApi = 'bundles are listed at the fallback tag `sha256-HEX`, which many writers share'

/** Whether the registry has the referrers API: what it answers, not what it says of itself. */
export async function examineReferrersApi({ send, world, repository, resolved, signal }: Examination): Promise<Finding> {
  return await probe('referrers API', 'bad', signal, async () => {
    const target = repositoryUrl(repository, `referrers/${resolved?.digest ?? absentDigest(world)}`)
    const answer = await send('GET', repository, target, { headers: { accept: mediaTypes.ociIndex } }, signal)
    const isThere = !lacksReferrersApi(answer)
    if (isThere && answer.status !== 200) throw await refusalOf(answer, `referrers in ${repositoryName(repository)}`)
    await discard(answer)
    if (isThere) return { state: 'good', seen: 'answers 200 with an index' }
    const seen = answer.ok
      ? `pretended: answers ${answer.status} with ${quote(contentTypeOf(answer))}, which is no index`
      : `not there, or not for this image: answers ${answer.status}`
    return { state: 'limited', seen, advice: withoutApi }
  })
}

/** What the fallback tag of the image holds. */
export async function examineFallbackTag({ client, repository, resolved, signal }: Examination): Promise<Finding> {
  const name = 'fallback tag'
  if (!resolved) return withoutImage(name)
  return await probe(name, 'bad', signal, async () => {
    const tag = fallbackTag(resolved.digest)
    const what = nameOfTag(repository, tag)
    const current = await readTag(client, repository, tag, signal)
    if (!current) return { state: 'good', seen: 'absent' }
    if (isReferrersIndex(current, resolved.digest)) return { state: 'good', seen: `an index that lists ${readIndex(current, what).length}` }
    const holds = current.digest === resolved.digest ? 'the image itself, as `cosign copy` puts it there' : quote(current.mediaType)
    const seen = `taken: it holds ${holds}`
    const advice = `delete the tag ${tag} if another tag keeps what it holds, or keep signatures elsewhere with COSIGN_REPOSITORY`
    if (await listReferrersByApi(client, repository, resolved.digest, signal)) return { state: 'limited', seen, advice }
    return { state: 'bad', seen, advice, error: new CountersignError('REFERRERS_TAG_TAKEN', `${what}: ${seen}`) }
  })
}

/** Whether all referrers of the image are found, whichever way they are looked for. */
export async function examineListing({ client, repository, resolved, signal }: Examination): Promise<Finding> {
  const name = 'listing'
  if (!resolved) return withoutImage(name)
  return await probe(name, 'bad', signal, async () => {
    const byApi = await listReferrersByApi(client, repository, resolved.digest, signal)
    const byTag = await listReferrersByTag(client, repository, resolved.digest, signal)
    if (!byApi) return { state: 'good', seen: `${byTag.length} by the fallback tag` }
    const known = new Set(byApi.map(({ digest }) => digest))
    const overlooked = byTag.filter(({ digest }) => !known.has(digest)).length
    const seen = `${byApi.length} by the API, ${byTag.length} by the fallback tag`
    if (overlooked === 0) return { state: 'good', seen }
    if (byApi.length === 0) return { state: 'limited', seen: `${seen}: written before the registry had the API, and still found` }
    const advice = 'attach them again: where the API lists any, the fallback tag is not read'
    return { state: 'limited', seen: `${seen}: ${overlooked} of the tag are not listed by the API, and so are overlooked`, advice }
  })
}

function withoutImage(name: string): Finding {
  return { name, state: 'unknown', seen: 'the image could not be pulled' }
}
