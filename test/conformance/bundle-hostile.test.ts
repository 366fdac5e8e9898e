import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostileBundles } from '../mutations/hostile.ts'
import { countersignJudge } from '../mutations/judges/countersign.ts'
import { readBundleCases } from './bundle-cases.ts'

// Bundles made to cost: too many, too large, too deep, too like another. Each is refused for what it is, before it costs much.

const one = readBundleCases().find(({ name }) => name === 'rekor2-happy-path') ?? assert.fail('the suite has no rekor2-happy-path')
const judge = countersignJudge()
const limitMs = 3_000 // of this process; a bundle of 14 MB takes a tenth of it

describe('hostile bundles', () => {
  for (const { name, bytes, code, message } of hostileBundles(one))
    test(name, async () => {
      const began = process.cpuUsage()
      const judgement = await judge.judge(one, bytes, 'file')
      const { user, system } = process.cpuUsage(began)
      const ms = (user + system) / 1000
      assert.equal(judgement.outcome, 'refused')
      assert.match(judgement.reason, new RegExp(`^${code} `))
      assert.match(judgement.reason, message)
      assert.ok(judgement.reason.length < 1000, `${judgement.reason.length} letters of reason`)
      assert.ok(ms < limitMs, `${ms} ms`)
    })
})
