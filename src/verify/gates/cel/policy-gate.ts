import { CountersignError } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import type { Attested, Gate } from '../gate.ts'
import { type CelVariables, parseCel } from './cel-program.ts'

/** What a policy can see, with the types of CEL. docs/gates.md tells users. */
const variables = {
  statement: 'map',
  predicate: 'dyn',
  predicateType: 'string',
  subject: 'list',
  signer: 'map',
  now: 'google.protobuf.Timestamp',
}

/**
 * Step `policy`: an expression in CEL is true of the attestation. False, something else, an error and no answer in time each refuse it.
 *
 * `check` throws CountersignError `POLICY_REFUSED` (false), `POLICY_INCONCLUSIVE` (neither true nor false), `POLICY_FAILED` (an error),
 * `POLICY_EXHAUSTED` (more than 10,000,000 steps).
 *
 * @param name - what the policy is called: its file
 * @throws CountersignError `POLICY_MALFORMED` with line and column, also for names that do not exist; `POLICY_EMPTY`, `LIMIT_EXCEEDED`
 */
export function policyGate(name: string, source: string): Gate {
  const what = `policy ${quote(name)}`
  const program = parseCel(source, what, variables)
  return {
    step: 'policy',
    wanted: `${what} to be true`,
    check: attested => {
      const result = program.run(seenBy(attested))
      if (result === true) return 'true'
      if (result === false) throw new CountersignError('POLICY_REFUSED', `${what} is false`)
      throw new CountersignError('POLICY_INCONCLUSIVE', `${what}: want true or false, got ${describe(result)}`)
    },
  }
}

function seenBy({ statement: { document, predicateType }, signer, signedAt, now }: Attested): CelVariables {
  const { key, identity } = signer
  const identities = identity?.subjects.map(({ value }) => value) ?? []
  return {
    statement: document,
    predicate: document['predicate'] ?? null,
    predicateType,
    subject: document['subject'],
    signer: {
      key: encodeHex(key.id),
      identities,
      ...(identities.length === 1 && { identity: identities[0] }),
      ...(identity?.issuer !== undefined && { issuer: identity.issuer }),
      extensions: Object.fromEntries(identity?.extensions ?? []),
      ...(signedAt && { signedAt }),
    },
    now,
  }
}

function describe(result: unknown): string {
  if (typeof result === 'string') return `the text ${quote(result)}`
  if (typeof result === 'number' || typeof result === 'bigint') return `the number ${result}`
  if (result === null) return 'null'
  return Array.isArray(result) ? 'a list' : 'something else'
}
