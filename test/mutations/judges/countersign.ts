import { readFileSync } from 'node:fs'
import { CountersignError } from '../../../src/codec/error.ts'
import { type Message, messageOfBytes, messageOfDigests } from '../../../src/crypto/message.ts'
import { parsePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { parseTrustedRoot } from '../../../src/trust/trusted-root.ts'
import { bundleCandidate } from '../../../src/verify/evidence.ts'
import type { Policy, Trust } from '../../../src/verify/policy.ts'
import { verify } from '../../../src/verify/verify.ts'
import type { BundleCase } from '../../conformance/bundle-cases.ts'
import { type ArtifactForm, accepted, digestOf, type Judge, type Judgement } from '../judge.ts'

/** Our engine, in this process. A refusal begins with its code; an error that is not ours is a defect, and fails whoever asked. */
export function countersignJudge(): Judge {
  const asked = new Map<string, { readonly trust: Trust; readonly policy: Policy }>()
  return {
    name: 'countersign',
    judge: async (one, bundle, artifact): Promise<Judgement> => {
      try {
        const question = asked.get(`${one.name} ${artifact}`) ?? questionOf(one, artifact)
        asked.set(`${one.name} ${artifact}`, question)
        await verify([bundleCandidate('bundle', bundle)], question.trust, question.policy)
        return accepted
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
        return { outcome: 'refused', reason: `${error.code} ${error.message}` }
      }
    },
  }
}

/** Years after the last of the cases was made: what must not depend on the day does not. */
const now = new Date('2029-01-01T00:00:00Z')

function questionOf(one: BundleCase, form: ArtifactForm): { readonly trust: Trust; readonly policy: Policy } {
  const root = parseTrustedRoot(readFileSync(one.trustedRoot))
  const common = {
    artifact: { kind: 'blob', name: 'artifact', message: messageOf(one, form) },
    annotations: new Map<string, string>(),
    predicateTypes: 'any',
    now,
    unsafeSkipClaims: false,
  } as const
  const { signer } = one
  if ('key' in signer) return { trust: { ...root, keys: [parsePublicKeyPem(readFileSync(signer.key), 'key.pub')] }, policy: common }
  const identity = { subject: { exact: signer.identity }, issuer: { exact: signer.issuer } }
  return { trust: root, policy: { ...common, identities: [identity] } }
}

function messageOf(one: BundleCase, form: ArtifactForm): Message {
  if (form === 'file') return messageOfBytes(readFileSync(one.artifact))
  return messageOfDigests(new Map([['sha256', new Uint8Array(Buffer.from(digestOf(one), 'hex'))]]))
}
