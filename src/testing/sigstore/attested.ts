import type { Json } from '../../codec/json.ts'
import { encodeUtf8 } from '../../codec/text.ts'
import { parseStatement } from '../../formats/statement.ts'
import type { Attested, Gate } from '../../verify/gates/gate.ts'
import { freshSigner, signingTime } from './certificate-authority.ts'
import { after } from './keyless-verification.ts'

const key = freshSigner().publicKey

/** An attestation as gates are shown it: by a key, logged at `signingTime`, looked at an hour later, unless told. */
export function attestedOf(predicateType: string, predicate: Json | undefined, changes: Partial<Attested> = {}): Attested {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app', digest: { sha256: 'ab'.repeat(32) } }],
    predicateType,
    ...(predicate !== undefined && { predicate }),
  }
  return {
    statement: parseStatement(encodeUtf8(JSON.stringify(statement))),
    signer: { key, identity: undefined },
    signedAt: signingTime,
    now: after(3600),
    ...changes,
  }
}

/** What a gate says of an attestation, whether it has to wait for it or not; it rejects where the gate refuses. */
export async function answerOf({ check }: Gate, attested: Attested): Promise<string> {
  return await check(attested)
}
