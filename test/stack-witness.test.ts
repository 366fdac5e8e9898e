import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parsePublicKeyPem } from '../src/crypto/public-key.ts'
import { verifyCheckpoint } from '../src/formats/log/checkpoint.ts'
import { verifyCosignature } from '../src/formats/log/cosignature.ts'
import { parseSignedNote } from '../src/formats/log/signed-note.ts'
import { stackFiles } from '../src/services/stack/folder.ts'
import { rekorV2KeyOf } from '../src/services/stack/trust.ts'
import { createRig } from '../src/testing/command-rig.ts'
import { createTestWitness, type TestWitness, witnessNetwork } from '../src/testing/log/test-witness.ts'
import { hashedRekord } from '../src/testing/rekor/proposals.ts'
import { clientKey, signContent } from '../src/testing/rekor/rekor-rig.ts'
import { entriesPathV2, hashedRekord as hashedRekordV2 } from '../src/testing/rekor/requests.ts'
import { testLogSigners } from '../src/testing/sigstore/transparency-log.ts'
import { createStackRig, type StackRig } from '../src/testing/stack/stack-rig.ts'

// Scenario 39 for a whole stack: what stack.yaml and the policy beside it say of witnesses is what its log of version 2 does.

const ids = ['w1', 'w2', 'w3'] as const
const signers = { w1: testLogSigners.ed25519(11), w2: testLogSigners.ed25519(12), w3: testLogSigners.ed25519(13) }
const down = new Set<string>()
const faults = new Map(
  ids.map(id => [
    id,
    async (request: Request, answer: TestWitness['answer']) => {
      if (down.has(id)) throw new TypeError('connection refused')
      return await answer(request)
    },
  ]),
)
let witnesses: Record<(typeof ids)[number], TestWitness>
let rig: StackRig
before(async () => {
  rig = await createStackRig({ fetch: (input, init) => witnessNetwork(witnesses, new Map(faults))(input, init) })
  const logs = new Map([['127.0.0.1', logKey()]])
  const create = (id: (typeof ids)[number]) => createTestWitness(id, signers[id], logs, rig.world.now)
  witnesses = { w1: create('w1'), w2: create('w2'), w3: create('w3') }
})
after(() => rig.remove())

function logKey() {
  const path = join(rig.folder, stackFiles.logKeys['rekor-v2'])
  const key = parsePublicKeyPem(readFileSync(path), path)
  return rekorV2KeyOf({ url: new URL('http://127.0.0.1:7070') }, { logKeys: { 'ct-log': key, 'rekor-v1': key, 'rekor-v2': key } })
}

/** Opens the stack again with these lines in stack.yaml. */
async function reopen(witness: string): Promise<void> {
  const path = join(rig.folder, stackFiles.config)
  const text = readFileSync(path, 'utf8').replace(/^witness:.*\n/m, '')
  writeFileSync(path, `${text}${witness}`)
  await rig.reopen()
}

const policy = () => `${ids.map(id => witnesses[id].policyLine).join('\n')}\ngroup two 2 w1 w2 w3\nquorum two\n`

/** Logs something new. */
const post = () => {
  const key = clientKey('P-256')
  return rig.ask(entriesPathV2, {
    method: 'POST',
    body: JSON.stringify(hashedRekordV2(key, 'PKIX_ECDSA_P256_SHA_256', signContent(key, new Uint8Array(9)))),
  })
}

async function cosignersOf(note: string): Promise<readonly string[]> {
  await verifyCheckpoint(note, logKey())
  const parsed = parseSignedNote(note)
  const found: string[] = []
  for (const id of ids) {
    const name = `${id}.example`
    if (!parsed.signatures.some(line => line.name === name)) continue
    await verifyCosignature(parsed, { name, key: signers[id].publicKey })
    found.push(id)
  }
  return found
}

const status = async () => {
  const { cs, hosts } = createRig()
  hosts.set('127.0.0.1:7070', rig.stack.handler)
  const { code, stdout } = await cs(`stack status --data ${rig.folder}`, { now: rig.world.now })
  return [code, /^(\w+ +witnesses .*)$/m.exec(stdout)?.[1]]
}

test('witnesses of a stack: two of three, one of them down', async () => {
  writeFileSync(join(rig.folder, 'policy.txt'), policy())
  assert.deepEqual(await status(), [0, undefined])
  await reopen('witness: { policy: policy.txt, fail-open: false }\n')
  assert.deepEqual(await status(), [0, 'good  witnesses              there is nothing to cosign yet'])
  down.add('w2')
  const response = await post()
  assert.equal(response.status, 201)
  const { inclusionProof } = (await response.json()) as { inclusionProof: { checkpoint: { envelope: string } } }
  assert.deepEqual(await cosignersOf(inclusionProof.checkpoint.envelope), ['w1', 'w3'])
  assert.equal(await (await rig.ask('/checkpoint')).text(), inclusionProof.checkpoint.envelope)
  assert.deepEqual(await status(), [0, 'good  witnesses              cosigned by w1, w3'])
})

test('witnesses of a stack: failing closed, entries are 503 while they are down, and the other logs go on', async () => {
  for (const id of ids) down.add(id)
  const before = await (await rig.ask('/checkpoint')).text()
  const response = await post()
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '5')
  assert.deepEqual(await response.json(), { code: 14, message: 'failed to integrate entry', details: [] })
  assert.equal(await (await rig.ask('/checkpoint')).text(), before)
  assert.match(rig.lines.at(-1)!, /^error: the log has no quorum of witnesses: no quorum of witnesses: witness "w1": no usable answer/)
  const v1 = await rig.ask('/api/v1/log/entries', { method: 'POST', body: JSON.stringify(hashedRekord(clientKey('P-256'))) })
  assert.equal(v1.status, 201)
  await reopen('witness: { policy: policy.txt, fail-open: false }\n') // and what was shown is shown after a start without them
  assert.equal(await (await rig.ask('/checkpoint')).text(), before)
})

test('witnesses of a stack: failing open, heads go without them, and with them when they are back', async () => {
  await reopen('witness: { policy: policy.txt, fail-open: true }\n')
  assert.equal((await post()).status, 201)
  assert.deepEqual(await cosignersOf(await (await rig.ask('/checkpoint')).text()), [])
  assert.deepEqual(await status(), [6, 'bad   witnesses              no quorum: the published head is cosigned by nobody'])
  down.clear()
  assert.equal((await post()).status, 201)
  assert.ok((await cosignersOf(await (await rig.ask('/checkpoint')).text())).length >= 2) // of the third it may be too late
})

test('witnesses of a stack: one that hangs is waited for as long as is told', async () => {
  writeFileSync(join(rig.folder, 'policy.txt'), `${witnesses.w1.policyLine}\nquorum w1\n`)
  await reopen('witness: { policy: policy.txt, timeout-ms: 200 }\n')
  const reached = Promise.withResolvers<void>()
  const answering = faults.get('w1')!
  faults.set('w1', request => {
    reached.resolve()
    return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
  })
  const response = post()
  await reached.promise
  await rig.pass(199)
  assert.equal(await Promise.race([response, 'waiting']), 'waiting')
  await rig.pass(1)
  assert.equal((await response).status, 201)
  faults.set('w1', answering)
})

for (const { name, write, code, message } of [
  { name: 'no file', write: undefined, code: 'FILE_UNREADABLE', message: /nowhere\.txt" cannot be read/ },
  {
    name: 'a broken one',
    write: 'quorum all\n',
    code: 'CONFIGURATION_MALFORMED',
    message: /nowhere\.txt: line 1: want a witness or group/,
  },
])
  test(`witnesses of a stack: it does not start with ${name} for a policy`, async () => {
    if (write !== undefined) writeFileSync(join(rig.folder, 'nowhere.txt'), write)
    await assert.rejects(reopen('witness: { policy: nowhere.txt }\n'), { code, message })
    await reopen('')
  })
