import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import type { BundleCase } from '../../conformance/bundle-cases.ts'
import { accepted, type Judge, type Judgement } from '../judge.ts'

/** The verifier that npm uses, in this process. It takes whole artifacts only, and does not ask what a statement is about. */
export function sigstoreJsJudge(): Judge {
  const verifiers = new Map<string, Verifier>()
  return {
    name: 'sigstore-js',
    judge: async (one, bundle): Promise<Judgement> => {
      const verifier = verifiers.get(one.name) ?? verifierOf(one)
      verifiers.set(one.name, verifier)
      try {
        const entity = toSignedEntity(bundleFromJSON(JSON.parse(new TextDecoder().decode(bundle))), readFileSync(one.artifact))
        verifier.verify(entity, policyOf(one))
        return accepted
      } catch (error) {
        // What it meets unprepared it throws as whatever came up: to its users that refuses too.
        return { outcome: 'refused', reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
      }
    },
  }
}

function verifierOf({ trustedRoot, signer }: BundleCase): Verifier {
  const root = TrustedRoot.fromJSON(JSON.parse(readFileSync(trustedRoot, 'utf8')))
  return new Verifier(
    toTrustMaterial(root, () => {
      if (!('key' in signer)) throw new Error('the bundle names a key where an identity was asked for')
      return { publicKey: createPublicKey(readFileSync(signer.key)), validFor: () => true }
    }),
  )
}

/** The library reads a text as a pattern, so the identity is given as one that only itself matches. */
function policyOf({ signer }: BundleCase): Parameters<Verifier['verify']>[1] {
  if ('key' in signer) return undefined
  return {
    subjectAlternativeName: new RegExp(`^${signer.identity.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`),
    extensions: { issuer: signer.issuer },
  }
}
