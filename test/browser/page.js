// Verifies a bundle in the page, with nothing but the door that a bundler picks for browsers. No byte leaves the machine.

import {
  bundleCandidate,
  CountersignError,
  messageOfBytes,
  messageOfDigests,
  parsePublicKeyPem,
  parseTrustedRoot,
  renderDerivation,
  VerificationError,
  verify,
} from 'countersign/verify'

const form = document.querySelector('form')
const [verdict, reason, steps] = ['output', '#reason', 'pre'].map(selector => document.querySelector(selector))

form.addEventListener('submit', async event => {
  event.preventDefault()
  verdict.textContent = '…'
  const told = await examine(new FormData(form))
  reason.textContent = told.reason
  steps.textContent = told.steps
  verdict.textContent = told.verdict
})

/** What the page says of what its form holds. */
export async function examine(fields) {
  try {
    const { derivation } = await verifyFields(fields)
    return { verdict: 'Verified', reason: '', steps: renderDerivation(derivation) }
  } catch (error) {
    if (!(error instanceof CountersignError)) return { verdict: 'Broken', reason: String(error), steps: '' }
    const told = { verdict: 'Refused', reason: `${error.code}: ${error.message}` }
    return { ...told, steps: error instanceof VerificationError ? renderDerivation(error.derivation) : '' }
  }
}

async function verifyFields(fields) {
  const bytesOf = async name => new Uint8Array(await fields.get(name).arrayBuffer())
  const textOf = name => fields.get(name).trim()
  const root = parseTrustedRoot(await bytesOf('trustedRoot'))
  const isKeyed = fields.get('key').size > 0
  const trust = isKeyed ? { ...root, keys: [parsePublicKeyPem(await bytesOf('key'), 'key')] } : root
  const identity = { subject: { exact: textOf('identity') }, issuer: { exact: textOf('issuer') } }
  const message = textOf('digest') === '' ? messageOfBytes(await bytesOf('artifact')) : messageOfDigests(digestsOf(textOf('digest')))
  const policy = {
    artifact: { kind: 'blob', name: 'the artifact', message },
    annotations: new Map(),
    predicateTypes: 'any',
    unsafeSkipClaims: false,
    now: new Date(),
    ...(isKeyed ? {} : { identities: [identity] }),
  }
  return verify([bundleCandidate(fields.get('bundle').name, await bytesOf('bundle'))], trust, policy)
}

function digestsOf(text) {
  const [, hex] = text.match(/^sha256:([0-9a-f]{64})$/) ?? []
  if (!hex) throw new RangeError(`want sha256: and 64 digits, got ${text}`)
  return new Map([['sha256', Uint8Array.from(hex.match(/../g), octet => Number.parseInt(octet, 16))]])
}
