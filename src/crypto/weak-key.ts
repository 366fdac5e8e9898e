import { keyUnsupported } from './key-error.ts'
import { type PublicKey, rsaNumbersOf } from './public-key.ts'

/**
 * Demands that nobody but its holder is likely to have a public key's private half. What its parser refuses (small keys, odd curves, points
 * off their curve) needs no second look; of RSA keys this refuses exponents other than 65537, moduli with a factor below 752, those that
 * Infineon's library made (ROCA, CVE-2017-15361), and those whose primes are so close that Fermat's method finds them in 100 steps
 * (CVE-2022-26320).
 *
 * @param what - begins the message
 * @throws CountersignError `KEY_UNSUPPORTED`
 * @see services.md §1.2, weak-key rules
 */
export function checkStrongKey(key: PublicKey, what: string): void {
  if (key.algorithm !== 'rsa' && key.algorithm !== 'rsa-pss') return
  const { modulus, exponent } = rsaNumbersOf(key)
  if (exponent !== 65_537n) throw keyUnsupported(what, `want an RSA exponent of 65537, got ${exponent}`)
  const factor = smallPrimes.find(prime => modulus % BigInt(prime) === 0n)
  if (factor !== undefined) throw keyUnsupported(what, `RSA modulus is divisible by ${factor}`)
  if (isOfInfineon(modulus)) throw keyUnsupported(what, "RSA modulus is one of Infineon's library, which can be factored (ROCA)")
  if (hasClosePrimes(modulus)) throw keyUnsupported(what, 'RSA modulus is made of two primes close to each other')
}

const smallPrimes = primesBelow(752)

function primesBelow(limit: number): readonly number[] {
  const primes: number[] = []
  for (let number = 2; number < limit; number++) if (primes.every(prime => number % prime !== 0)) primes.push(number)
  return primes
}

/**
 * Their primes have the form k·M + (65537^a mod M), where M is the product of the first primes, so modulo each of those the modulus is a
 * power of 65537. Of other moduli, one in 2^27 or fewer is so by chance. Nemec et al., "The Return of Coppersmith's Attack", §3.
 */
function isOfInfineon(modulus: bigint): boolean {
  return powersOf65537.every(({ prime, powers }) => powers.has(Number(modulus % prime)))
}

const powersOf65537 = smallPrimes
  .filter(prime => prime > 2 && prime <= 167)
  .map(prime => {
    const powers = new Set<number>()
    for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power)
    return { prime: BigInt(prime), powers }
  })

const fermatSteps = 100

/** Whether the modulus is a² - b² for one of the first values of a from its root up. */
function hasClosePrimes(modulus: bigint): boolean {
  let a = squareRoot(modulus)
  if (a * a < modulus) a++
  for (let step = 0; step < fermatSteps; step++, a++) if (isSquare(a * a - modulus)) return true
  return false
}

/** Squares end in few ways; most others are told from that alone. */
const endings = new Set(Array.from({ length: 256 }, (_, number) => (number * number) % 256))

function isSquare(value: bigint): boolean {
  if (!endings.has(Number(value & 0xffn))) return false
  const root = squareRoot(value)
  return root * root === value
}

/** The whole part of the square root, by Newton's method from above. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2))
  for (;;) {
    const next = (root + value / root) >> 1n
    if (next >= root) return root
    root = next
  }
}
