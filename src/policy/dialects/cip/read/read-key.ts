import { CountersignError } from '../../../../codec/error.ts'
import type { HashName } from '../../../../crypto/digest.ts'
import type { KeySigner, KeySource } from '../cluster-image-policy.ts'
import { parseKeysPem } from '../keys-pem.ts'
import { disallowedFields, invalidValue, missingFields, wantExactlyOne } from './field-error.ts'
import type { ObjectReader } from './object-reader.ts'
import { problemOfKms } from './problem-of-kms.ts'

const places = ['data', 'kms', 'secretref'] // as upstream's messages spell them
const hashes: readonly HashName[] = ['sha224', 'sha256', 'sha384', 'sha512']

/** Reads the `key` of an authority: where it is kept, and the hash function of its signatures. */
export function readKeySigner(authority: ObjectReader, systemNamespace: string): KeySigner | undefined {
  return authority.object('key', reader => {
    const hash = readHash(reader)
    const key = readKeySource(reader, systemNamespace, pem => parseKeysPem(pem, 'key'))
    return key && { kind: 'key', key, ...(hash && { hash }) }
  })
}

/**
 * Reads a KeyRef: PEM in place, a secret or a KMS, exactly one.
 *
 * @param parse - throws for PEM in place that is none
 */
export function readKeySource(reader: ObjectReader, systemNamespace: string, parse: (pem: string) => unknown): KeySource | undefined {
  const { problems, path } = reader
  const [data, kms] = [reader.text('data'), reader.text('kms')]
  const secret = reader.object('secretRef', reference => readSecretRef(reference, systemNamespace))
  const given = [data !== '', kms !== '', reader.has('secretRef')].filter(Boolean).length
  if (given !== 1)
    problems.add(
      wantExactlyOne(
        given === 0 ? 'neither' : 'both',
        places.map(place => reader.at(place)),
      ),
    )
  if (data !== '' && !canParse(data, parse)) problems.add(invalidValue(data, reader.at('data')))
  const problem = kms === '' ? undefined : problemOfKms(kms)
  if (problem !== undefined) problems.add(invalidValue(kms, reader.at('kms'), problem))
  if (data !== '') return { kind: 'data', path, pem: data }
  if (kms !== '') return { kind: 'kms', path, reference: kms }
  return secret === undefined ? undefined : { kind: 'secret', path, name: secret }
}

/** Refuses a hash function beside certificates: they say themselves what they were signed with. */
export function refuseHash(reader: ObjectReader): void {
  if (reader.has('hashAlgorithm')) reader.problems.add(disallowedFields(reader.at('hashAlgorithm')))
  reader.passOver('hashAlgorithm')
}

function readHash(reader: ObjectReader): HashName | undefined {
  const text = reader.text('hashAlgorithm')
  const name = text.trim().toLowerCase()
  const hash = hashes.find(one => one === name)
  if (text !== '' && !hash) reader.problems.add(invalidValue(text, reader.at('hashAlgorithm'), `want one of ${hashes.join(', ')}`))
  return hash
}

function readSecretRef(reference: ObjectReader, systemNamespace: string): string {
  const [name, namespace] = [reference.text('name'), reference.text('namespace')]
  if (name === '') reference.problems.add(missingFields(reference.at('name')))
  if (namespace !== '' && namespace !== systemNamespace)
    reference.problems.add(invalidValue(namespace, reference.at('namespace'), `secretref.namespace must be ${systemNamespace}`))
  return name
}

function canParse(pem: string, parse: (pem: string) => unknown): boolean {
  try {
    parse(pem)
    return true
  } catch (cause) {
    if (!(cause instanceof CountersignError)) throw cause
    return false
  }
}
