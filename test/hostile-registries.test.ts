import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorCode } from '../src/codec/error.ts'
import { assertRefused, createRig, type Outcome, rigHost } from '../src/testing/command-rig.ts'
import { createWitness, hostileRegistry } from '../src/testing/hostile-registry.ts'
import { buildImage, pushBuilt } from '../src/testing/image-builder.ts'
import { type FaultName, faults } from '../src/testing/registry-faults.ts'

/** What a command comes to: success, or exit status, code and reason. Only commands that meet the fault stand in a case. */
type Expected = 'succeeds' | readonly [1 | 10 | 11 | 12, ErrorCode, RegExp]
type Subject = 'verify' | 'verify legacy' | 'sign' | 'sign legacy' | 'tree'
type Case = { readonly [command in Subject]?: Expected } & { readonly requests?: number }

const image = buildImage()
const account = '--registry-username u --registry-password registry-passw0rd'
const wants = Response.json(
  { errors: [{ code: 'UNAUTHORIZED', message: 'log in' }] },
  { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
)
/** The registry behind every fault is honest and wants to know who asks, so there are credentials that could leak. */
const rig = createRig({ authorize: request => (request.headers.has('authorization') ? undefined : wants.clone()) })
const authorized = (request: Request) => {
  const headers = new Headers(request.headers)
  headers.set('authorization', 'Basic dTpyZWdpc3RyeS1wYXNzdzByZA==')
  return rig.registry(new Request(request, { headers }))
}

const signing = `--key team.key --tlog-upload=false -o json ${account}`
const trusting = `--key team.pub --insecure-ignore-tlog -o json ${account}`
const byDigest = (name: string) => `${rigHost}/${name}@${image.digest}`
const subjects: Readonly<Record<Subject, string>> = {
  verify: `verify ${trusting} ${rigHost}/bundled:v1`,
  'verify legacy': `verify ${trusting} ${byDigest('classic')}`,
  sign: `sign ${signing} ${byDigest('bundled')}`,
  'sign legacy': `sign ${signing} --new-bundle-format=false -a run=RUN ${byDigest('classic')}`,
  tree: `tree -o json ${account} ${byDigest('bundled')}`,
}
for (const name of ['bundled', 'classic']) await pushAuthorized(name)
for (const [name, flags] of [
  ['bundled', ''],
  ['classic', '--new-bundle-format=false'],
]) {
  const { code, stderr } = await rig.cs(`sign ${signing} ${flags} ${byDigest(name!)}`)
  assert.equal(code, 0, stderr)
}

/** Signing in the older layout reads and writes as signing a bundle does; it has cases of its own where the tag matters. */
const every = (expected: Expected): Case => ({ verify: expected, 'verify legacy': expected, sign: expected, tree: expected })
const reading = (expected: Expected): Case => ({ verify: expected, 'verify legacy': expected, tree: expected })
const writing = (expected: Expected): Case => ({ sign: expected, 'sign legacy': expected })

const cases: Readonly<Record<FaultName, Case>> = {
  'endless-body': every([1, 'LIMIT_EXCEEDED', /want at most 4194304 bytes, the registry sends more/]),
  'endless-error': every([1, 'REGISTRY_UNAVAILABLE', /registry registry\.test: GET \w+: status 500$/]),
  'truncated-body': every([1, 'REGISTRY_UNAVAILABLE', /: no usable answer$/]),
  'wrong-content-length': {
    verify: [1, 'SIZE_MISMATCH', /its descriptor says \d+ bytes, the registry sends more/],
    'verify legacy': [12, 'SIZE_MISMATCH', /its descriptor says \d+ bytes, the registry sends more/],
  },
  'short-content-length': reading('succeeds'), // the bytes have their digest, whatever was announced
  'slow-drip': reading('succeeds'),
  'never-answers': every([1, 'TIMED_OUT', /the command did not end within 3m0s \(--timeout\)/]),
  'digest-mismatch': {
    verify: [1, 'DIGEST_MISMATCH', /^no matching signatures: referrer sha256:.*: the registry serves bytes with digest sha256:/],
    'verify legacy': [12, 'DIGEST_MISMATCH', /\.sig layer sha256:.*: the registry serves bytes with digest sha256:/],
    sign: [1, 'DIGEST_MISMATCH', /^manifest registry\.test\/bundled@sha256:.*: the registry serves bytes with digest/],
    tree: [1, 'DIGEST_MISMATCH', /^manifest registry\.test\/bundled@sha256:/],
  },
  'wrong-digest-header': {
    verify: [1, 'DIGEST_MISMATCH', /^manifest registry\.test\/bundled:v1: the registry says digest "sha256:.*its bytes have sha256:/],
    'verify legacy': [1, 'DIGEST_MISMATCH', /\.sig: the registry says digest/],
    'sign legacy': [1, 'DIGEST_MISMATCH', /\.sig: the registry says digest/],
  },
  'tag-flips': {
    verify: [10, 'SIGNATURES_NOT_FOUND', /^no signatures found$/], // the 401 was the first answer; what the second says is what is verified
    tree: 'succeeds',
  },
  'lying-size': {
    'verify legacy': [12, 'SIZE_MISMATCH', /its descriptor says \d+ bytes, the registry sends \d+$/],
    'sign legacy': [1, 'REGISTRY_REFUSED', /the registry answers 400 MANIFEST_INVALID/],
  },
  'huge-size': {
    'verify legacy': [12, 'LIMIT_EXCEEDED', /want at most 134217728 bytes, its descriptor says 1125899906842624/],
    'sign legacy': [1, 'REGISTRY_REFUSED', /the registry answers 400 MANIFEST_INVALID/],
  },
  'duplicate-keys': {
    ...every([1, 'MANIFEST_MALFORMED', /member "manifests" appears twice/]),
    verify: [1, 'MANIFEST_MALFORMED', /manifest registry\.test\/bundled:v1: member "layers" appears twice/],
    'sign legacy': [1, 'MANIFEST_MALFORMED', /member "layers" appears twice/],
  },
  'deep-json': every([1, 'LIMIT_EXCEEDED', /want JSON at most 64 levels deep/]),
  'oversized-document': every([1, 'LIMIT_EXCEEDED', /want at most 4194304 bytes, the registry sends more/]),
  'wrong-content-type': every([
    1,
    'MANIFEST_MALFORMED',
    /the registry serves it as "text\/html", but it calls itself "application\/vnd\.oci/,
  ]),
  'html-page': {
    verify: [1, 'MANIFEST_MALFORMED', /./],
    sign: [1, 'DIGEST_MISMATCH', /./],
    tree: [1, 'DIGEST_MISMATCH', /./],
  },
  'ten-thousand-signatures': {
    verify: [1, 'LIMIT_EXCEEDED', /manifests: want at most 1000 items, got 10000/],
    'verify legacy': [1, 'LIMIT_EXCEEDED', /layers: want at most 1000 items, got 10000/],
    'sign legacy': [1, 'LIMIT_EXCEEDED', /layers: want at most 1000 items, got 10000/],
    tree: [1, 'LIMIT_EXCEEDED', /manifests: want at most 1000 items, got 10000/],
  },
  'cyclic-pages': reading([1, 'REGISTRY_RESPONSE_MALFORMED', /its pages go in a circle/]),
  'endless-pages': { ...reading([1, 'LIMIT_EXCEEDED', /want at most 100 pages, the registry has more/]), requests: 110 },
  'next-page-elsewhere': reading([
    1,
    'REGISTRY_RESPONSE_MALFORMED',
    /next page: want a URL on registry\.test, got one on "elsewhere\.test"/,
  ]),
  'redirect-loop': every([1, 'REGISTRY_RESPONSE_MALFORMED', /registry registry\.test: want at most 10 redirects/]),
  'redirect-elsewhere': every('succeeds'), // as registries with content networks do; credentials stay behind
  'redirect-to-file': every([1, 'REGISTRY_RESPONSE_MALFORMED', /want an http\(s\) URL without user name to be redirected to/]),
  'upload-elsewhere': writing([
    1,
    'REGISTRY_RESPONSE_MALFORMED',
    /blob upload location: want a URL on registry\.test, got one on "elsewhere/,
  ]),
  'token-realm-elsewhere': every([
    1,
    'CREDENTIALS_WITHHELD',
    /registry registry\.test: asks to have its credentials sent to "elsewhere\.test"/,
  ]),
  unauthorized: every([
    1,
    'REGISTRY_UNAUTHORIZED',
    /want permission to pull (and push )?registry\.test\/\w+, asked as user "u", got status 401/,
  ]),
  'pull-denied': every([1, 'REGISTRY_DENIED', /want permission to pull (and push )?registry\.test\/\w+, asked .*, got status 403 DENIED/]),
  'read-only': writing([1, 'REGISTRY_DENIED', /want permission to push registry\.test\/\w+, asked as user "u", got status 403 DENIED/]),
  'forgets-pushes': { ...writing([1, 'REFERRERS_CONTENDED', /other writers kept replacing what was added, \d+ times/]), requests: 1000 },
  'too-many-requests': every('succeeds'),
  'server-error-once': every('succeeds'),
  unavailable: every([1, 'REGISTRY_UNAVAILABLE', /status 503 UNAVAILABLE "overloaded"/]),
  'hostile-error-text': every([
    1,
    'REGISTRY_REFUSED',
    /NAME_INVALID "\\u\{001b\}\[2J\\u\{001b\}\[31mVerified OK\\u\{202e\}\\u\{000d\}\\u\{000a\}"/,
  ]),
}

const most = { requests: 40, bytes: 5 << 20 }

for (const [name, { requests, ...commands }] of Object.entries(cases) as [FaultName, Case][])
  for (const [subject, expected] of Object.entries(commands) as [Subject, Expected][])
    test(`${name} (${faults[name].does}): ${subject}`, async () => {
      const { outcome, met, witness } = await meet(name, subject)
      assert.ok(met > 0, 'the command never met the fault')
      if (expected === 'succeeds') assert.equal(outcome.code, 0, outcome.stderr)
      else assertRefused(outcome, { exit: expected[0], code: expected[1], message: expected[2] })
      assert.ok(outcome.requests.length <= (requests ?? most.requests), `${outcome.requests.length} requests`)
      assert.ok(outcome.servedBytes <= most.bytes, `${outcome.servedBytes} bytes`)
      assert.deepEqual(
        witness.seen.filter(({ authorization, cookie, url }) => authorization ?? cookie ?? /passw0rd/.test(url)),
        [],
      )
      assert.doesNotMatch(outcome.stderr + outcome.stdout, /passw0rd|\u001b|\u202e/)
    })

test('every fault is met by some command', () => {
  for (const name of Object.keys(faults)) assert.ok(Object.keys(cases[name as FaultName]).length > 0, name)
})

async function meet(name: FaultName, subject: Subject) {
  const witness = createWitness(authorized)
  const reached = Promise.withResolvers<void>()
  let met = 0
  const on = (request: Request) => {
    const isBad = faults[name].on(request)
    if (isBad) {
      met++
      reached.resolve()
    }
    return isBad
  }
  const elsewhere = new URL('https://elsewhere.test')
  const hostile = hostileRegistry(rig.registry, name, { on, elsewhere, sleep: async () => {} })
  rig.hosts.set(elsewhere.host, witness.handle)
  rig.hosts.set(rigHost, hostile.handle)
  const line = subjects[subject].replace('RUN', name) // a signature like one that is there would not be pushed
  const outcome: Outcome = await rig.cs(line, name === 'never-answers' ? { timeUp: reached.promise } : {})
  return { outcome, met, witness }
}

async function pushAuthorized(name: string): Promise<void> {
  await pushBuilt(async (input, init) => authorized(new Request(input, init)), new URL(`https://${rigHost}`), name, 'v1', image)
}
