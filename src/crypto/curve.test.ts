import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as nist from '@noble/curves/nist.js'
import fc from 'fast-check'
import { addPoints, decodePoint, encodePoint, invert, isOnCurve, mod, p256, p384, p521 } from './curve.ts'
import { multiplyBase } from './native/multiply-base.ts'

for (const { name, curve, oracle } of [
  { name: 'P-256', curve: p256, oracle: nist.p256.Point },
  { name: 'P-384', curve: p384, oracle: nist.p384.Point },
  { name: 'P-521', curve: p521, oracle: nist.p521.Point },
]) {
  const scalar = fc.bigInt({ min: 1n, max: curve.n - 1n })
  const pointOf = (value: bigint) => decodePoint(curve, multiplyBase(curve, value))!

  test(`${name}: constants are noble's`, () => {
    const { p, b, n } = oracle.CURVE()
    assert.deepEqual({ p: curve.p, b: curve.b, n: curve.n }, { p, b, n })
  })

  test(`${name}: multiples of G and their sums are noble's, and lie on the curve`, () => {
    fc.assert(
      fc.property(scalar, scalar, (first, second) => {
        const [a, b] = [pointOf(first), pointOf(second)]
        fc.pre(a.x !== b.x)
        const wanted = oracle.BASE.multiply(first).add(oracle.BASE.multiply(second)).toAffine()
        assert.deepEqual(addPoints(curve, a, b), { x: wanted.x, y: wanted.y })
        assert.ok(isOnCurve(curve, a) && isOnCurve(curve, addPoints(curve, a, b)))
        assert.ok(!isOnCurve(curve, { x: a.x, y: mod(a.y + 1n, curve.p) }))
        assert.ok(!isOnCurve(curve, { x: a.x + curve.p, y: a.y }) && !isOnCurve(curve, { x: a.x, y: a.y + curve.p }))
        assert.deepEqual(decodePoint(curve, encodePoint(curve, a)), a)
      }),
      { numRuns: 10 },
    )
  })

  test(`${name}: inverses`, () => {
    fc.assert(fc.property(scalar, value => assert.equal(mod(value * invert(value, curve.n), curve.n), 1n)))
    for (const value of [1n, 2n, curve.n - 1n]) assert.equal(mod(value * invert(value, curve.n), curve.n), 1n)
    for (
      let part = 2n;
      part < 500n;
      part++ // first quotients long and short, and what leading bits alone do not tell
    )
      for (const value of [part, curve.p / part, curve.p / part + 1n, curve.p - part, 2n ** (part / 2n) - 1n])
        assert.equal(mod(value * invert(value, curve.p), curve.p), 1n, `${value}`)
  })
}

test('inverses modulo small primes, where leading bits are all there are', () => {
  for (const modulus of [2n, 3n, 5n, 101n, 65_537n, 2n ** 61n - 1n])
    for (let value = 1n; value < modulus && value < 500n; value++) assert.equal(mod(value * invert(value, modulus), modulus), 1n % modulus)
})

test('inverses modulo large primes, past what a number can hold', () => {
  for (const modulus of [2n ** 607n - 1n, 2n ** 1279n - 1n, 2n ** 2203n - 1n])
    for (const value of [2n, 65_537n, modulus / 3n, modulus - 1n, 2n ** 600n + 1n])
      assert.equal(mod(value * invert(value, modulus), modulus), 1n)
})
