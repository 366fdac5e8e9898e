import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '../../../codec/error.ts'
import { createTestContext } from '../../../testing/command-context.ts'
import { CommandFailure, exitCode } from '../../exit-code.ts'
import { signatureFindings } from '../../output/verdict.ts'
import { ImageQueue } from './image-queue.ts'
import type { Subject } from './subject.ts'
import { Tally } from './tally.ts'
import { jsonReport } from './verification-output.ts'
import type { Search } from './verify-image.ts'
import { verifyMany } from './verify-many.ts'

const gone = new CountersignError('IMAGE_NOT_FOUND', 'gone')

/** An image whose lookup fails in this way. */
function failing(name: string, failure: Error): Subject {
  const client = { resolve: () => Promise.reject(failure) } as unknown as Subject['client']
  return { typed: name, name, reference: { registry: 'r.test', repository: name }, client }
}

test('a defect ends the command: all that is left is listed as not verified, and the report is whole', async () => {
  const written: string[] = []
  const context = { ...createTestContext(), stdout: (data: string | Uint8Array) => void written.push(String(data)) }
  const defect = new TypeError('a defect of ours')
  const subjects = [failing('a', gone), failing('b', defect), failing('c', gone), failing('d', gone)]
  const queue = new ImageQueue(subjects, { recursive: false, signal: context.signal })
  const search = { context } as unknown as Search
  await assert.rejects(
    verifyMany(search, queue, jsonReport(context, signatureFindings), 1),
    (failure: CommandFailure) => failure.error === defect,
  )
  const { images, ...counts } = JSON.parse(written.join(''))
  assert.deepEqual(
    images.map(({ image, error }: { image: string; error: { code: string } }) => `${image} ${error.code}`),
    ['a IMAGE_NOT_FOUND', 'b INTERNAL', 'c INTERNAL', 'd INTERNAL'],
  )
  assert.deepEqual(counts, { verified: 0, failed: 4 })
})

test('of thousands of failures a line is kept, and the first thousand in full', () => {
  const tally = new Tally()
  for (let number = 0; number < 3000; number++) tally.addFailed(`image-${number}`, new CommandFailure(gone, { derivation: number }))
  assert.equal(tally.list().split('\n').length, 3 + 3000)
  const failure = tally.failure(false)
  assert.equal(failure.details.images?.length, 1000)
  assert.deepEqual(failure.details.images?.[7], {
    image: 'image-7',
    error: { code: 'IMAGE_NOT_FOUND', kind: 'unavailable', message: 'gone', derivation: 7 },
  })
  assert.equal(exitCode(failure, 'cosign verify'), 11)
})
