import { CountersignError } from '../../codec/error.ts'
import { describeKeyReference } from '../describe-key-reference.ts'

/** Which of the two speaks: they share an interface, and differ in whose variables come first. */
export type VaultProduct = 'HashiCorp Vault' | 'OpenBao'

/** A key of a transit secrets engine. */
export type VaultReference = {
  readonly product: VaultProduct
  readonly key: string
  readonly version: number | undefined // the one that is pinned
}

/** The key's name is cosign's grammar, which has no slash: a version behind one can be no name. */
const grammar = /^(hashivault|openbao):\/\/(\w(?:[\w.-]*\w)?)(?:\/versions\/([1-9][0-9]{0,8}))?$/
const nameLimit = 255

/**
 * Reads `hashivault://KEY` or `openbao://KEY`, as cosign has them, and our own `…/versions/N`, which pins a version. Formats-and-flows §1.3.
 *
 * @throws CountersignError `REFERENCE_MALFORMED`
 */
export function parseVaultReference(text: string): VaultReference {
  const [, scheme, key, version] = grammar.exec(text) ?? []
  if (scheme === undefined || key === undefined || key.length > nameLimit) {
    const wanted = text.startsWith('openbao:') ? 'openbao://KEY' : 'hashivault://KEY'
    throw new CountersignError(
      'REFERENCE_MALFORMED',
      `key reference: want ${wanted} or ${wanted}/versions/N, KEY of at most ${nameLimit} letters, digits, "_", "-" and ".", N from 1, got ${describeKeyReference(text)}`,
    )
  }
  return {
    product: scheme === 'openbao' ? 'OpenBao' : 'HashiCorp Vault',
    key,
    version: version === undefined ? undefined : Number(version),
  }
}
