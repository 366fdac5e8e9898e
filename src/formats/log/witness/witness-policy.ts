import { CountersignError, readAt } from '../../../codec/error.ts'
import { encodeHex } from '../../../codec/hex.ts'
import { quote } from '../../../codec/text.ts'
import type { Witness } from '../cosignature.ts'
import { parseWitnessKey } from './witness-key.ts'

/** A witness that is asked. Its own name, in notes, is not the one that the policy has for it. */
export type PolicyWitness = { readonly kind: 'witness'; readonly id: string; readonly witness: Witness; readonly url: URL }

/** Some of whom must have cosigned. */
export type PolicyGroup = {
  readonly kind: 'group'
  readonly id: string
  readonly threshold: number
  readonly members: readonly PolicyMember[]
}

/** What a policy can name. */
export type PolicyMember = PolicyWitness | PolicyGroup

/** Whose cosignatures a head needs before it is published; nobody's where there is no quorum. */
export type WitnessPolicy = { readonly quorum: PolicyMember | undefined }

const limitCharacters = 64 << 10
const maxWitnesses = 16 // that count: a note has room for 32 signatures

/**
 * Reads a policy: lines of words, `#` and what follows is a comment. A witness counts once, whatever it is called: each key, each URL and each
 * name is there once, and whoever is a member of one group is a member of no other.
 * ```text
 * log KEY URL                    is passed over: whose heads these are is known
 * witness NAME KEY URL
 * group NAME all|any|N NAME...   of witnesses and groups above
 * quorum NAME|none               once
 * ```
 *
 * @param what - the file, begins every message
 * @throws CountersignError `CONFIGURATION_MALFORMED` with the line; `LIMIT_EXCEEDED`; `KEY_MALFORMED`, `KEY_UNSUPPORTED`
 * @see services §4.5
 */
export function parseWitnessPolicy(text: string, what: string): WitnessPolicy {
  if (text.length > limitCharacters)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want at most ${limitCharacters} characters, got ${text.length}`)
  const reader = new PolicyReader()
  for (const [at, line] of text.split('\n').entries()) {
    const words = line
      .replace(/#.*/, '')
      .split(/[ \t\r]+/)
      .filter(word => word !== '')
    readAt(`${what}: line ${at + 1}`, () => reader.read(words))
  }
  const { quorum } = reader
  if (quorum === undefined) throw malformed(`${what}: want a line that says what quorum is, got none`)
  if (quorum === 'none') return { quorum: undefined }
  const count = witnessesOf(quorum).length
  if (count > maxWitnesses)
    throw new CountersignError('LIMIT_EXCEEDED', `${what}: want a quorum of at most ${maxWitnesses} witnesses, got ${count}`)
  return { quorum }
}

/** Who can count towards a quorum, in the order of the policy. */
export function witnessesOf(member: PolicyMember): readonly PolicyWitness[] {
  return member.kind === 'witness' ? [member] : member.members.flatMap(witnessesOf)
}

/** Whether those who cosigned suffice. */
export function isQuorum(member: PolicyMember, hasCosigned: (witness: PolicyWitness) => boolean): boolean {
  if (member.kind === 'witness') return hasCosigned(member)
  return member.members.filter(one => isQuorum(one, hasCosigned)).length >= member.threshold
}

class PolicyReader {
  readonly #members = new Map<string, PolicyMember>()
  readonly #urls = new Map<string, string>()
  readonly #keys = new Map<string, string>()
  readonly #groupOf = new Map<string, string>()
  quorum: PolicyMember | 'none' | undefined

  read([word, ...rest]: readonly string[]): void {
    if (word === undefined || word === 'log') return
    if (word === 'witness') this.#witness(rest)
    else if (word === 'group') this.#group(rest)
    else if (word === 'quorum') this.#quorum(rest)
    else throw malformed(`want log, witness, group or quorum, got ${quote(word)}`)
  }

  #witness([id, key, url, ...more]: readonly string[]): void {
    if (id === undefined || key === undefined || url === undefined || more.length > 0) throw malformed('want witness NAME KEY URL')
    const parsed = URL.parse(url)
    if (
      !parsed ||
      !/^https?:$/.test(parsed.protocol) ||
      parsed.username !== '' ||
      parsed.password !== '' ||
      parsed.search !== '' ||
      parsed.hash !== ''
    )
      throw malformed(`want an http or https URL without credentials, query and fragment, got ${quote(url)}`)
    const witness = parseWitnessKey(key, `witness ${quote(id)}`)
    const address = parsed.href.replace(/\/+$/, '')
    const keyId = encodeHex(witness.key.id)
    const [sameUrl, sameKey] = [this.#urls.get(address), this.#keys.get(keyId)]
    if (sameUrl !== undefined) throw malformed(`witness ${quote(id)}: want a URL of its own, got that of ${quote(sameUrl)}`)
    if (sameKey !== undefined) throw malformed(`witness ${quote(id)}: want a key of its own, got that of ${quote(sameKey)}`)
    this.#urls.set(address, id)
    this.#keys.set(keyId, id)
    this.#add({ kind: 'witness', id, witness, url: new URL(address) })
  }

  #group([id, size, ...ids]: readonly string[]): void {
    if (id === undefined || size === undefined || ids.length === 0) throw malformed('want group NAME all|any|N NAME...')
    if (new Set(ids).size !== ids.length) throw malformed(`group ${quote(id)}: want each member once`)
    const members = ids.map(name => {
      const other = this.#groupOf.get(name)
      if (other !== undefined) throw malformed(`group ${quote(id)}: ${quote(name)} is a member of ${quote(other)} already`)
      return this.#known(name)
    })
    const threshold = size === 'all' ? members.length : size === 'any' ? 1 : Number(/^[1-9][0-9]{0,3}$/.exec(size)?.[0])
    if (!(threshold <= members.length)) throw malformed(`group ${quote(id)}: want all, any or 1 to ${members.length}, got ${quote(size)}`)
    for (const name of ids) this.#groupOf.set(name, id)
    this.#add({ kind: 'group', id, threshold, members })
  }

  #quorum([id, ...more]: readonly string[]): void {
    if (id === undefined || more.length > 0) throw malformed('want quorum NAME or quorum none')
    if (this.quorum !== undefined) throw malformed('want one quorum, got a second')
    this.quorum = id === 'none' ? 'none' : this.#known(id)
  }

  #known(id: string): PolicyMember {
    const member = this.#members.get(id)
    if (!member) throw malformed(`want a witness or group above, got ${quote(id)}`)
    return member
  }

  #add(member: PolicyMember): void {
    if (member.id === 'none') throw malformed(`want another name than ${quote(member.id)}`)
    if (this.#members.has(member.id)) throw malformed(`want each name once, got ${quote(member.id)} again`)
    this.#members.set(member.id, member)
  }
}

function malformed(problem: string): CountersignError {
  return new CountersignError('CONFIGURATION_MALFORMED', problem)
}
