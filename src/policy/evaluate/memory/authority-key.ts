import type { Trust } from '../../../verify/policy.ts'
import type { Authority } from '../../model.ts'
import { contentKey } from './content-key.ts'

const ofTrust = new WeakMap<Trust, string>() // the roots of a public Sigstore take longer to write out than to compare

/** What decides whether evidence verifies: whom is trusted, what is demanded, where evidence is looked for. The same for the same content, whatever it is called. */
export function authorityKey({ trust, demands, places, formats, legacyReferrers, askedLog }: Authority): string {
  const known = ofTrust.get(trust) ?? contentKey(trust)
  ofTrust.set(trust, known)
  return contentKey({ trust: known, demands, places, formats, legacyReferrers, askedLog })
}

/**
 * Who an authority is, for counting: the same for the same keys, or the same identities vouched for by the same certificate authorities, that
 * prove the same. Where evidence is kept, and by which logs it is proven, makes nobody another. Conditions are programs, of which
 * only the very same are equal.
 */
export function whoIs(authority: Authority): unknown {
  const { trust, demands, proves } = authority
  const { keys = [], certificateAuthorities = [] } = trust
  const signer = { keys: new Set(keys.map(({ spki }) => spki)), authorities: new Set(certificateAuthorities.map(({ chain }) => chain)) }
  const asked = { identities: demands.identities, annotations: demands.annotations }
  if (proves.kind === 'signature') return contentKey({ signer, asked })
  const attested = proves.of.map(({ predicateType, quantifier }) => ({ predicateType, quantifier }))
  return proves.of.every(({ conditions }) => conditions.length === 0) ? contentKey({ signer, asked, attested }) : authority
}
