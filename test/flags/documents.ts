import assert from 'node:assert/strict'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import {
  attested,
  bundled,
  type Case,
  child,
  classic,
  cs,
  definePlain,
  disk,
  fresh,
  good,
  index,
  rig,
  signing,
  text,
  transplant,
  trusting,
  usage,
  withoutKey,
} from './setup.ts'

const documents = ['manifest verify', 'dockerfile verify']
let written = 0

/** Writes a document that names images, and returns the command line that verifies them. */
function about(command: string, ...images: readonly string[]): string {
  const path = `document-${++written}.yaml`
  disk.set(path, documentOf(command, images))
  return `${command} ${trusting} ${path}`
}

/** A document of the command's kind that names images. */
export function documentOf(command: string, images: readonly string[]): string {
  if (command === 'dockerfile verify') return images.map(image => `FROM ${image}\n`).join('')
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', spec: { containers: images.map(image => ({ image })) } })
}

for (const command of documents) {
  // a document for each host that cases put in the place of the rig's
  for (const host of [rigHost, 'plain.test', 'basic.test', 'bearer.test'])
    disk.set(`${host}/${command}.yaml`.replace(' ', '-'), documentOf(command, [bundled.replace(rigHost, host)]))
  definePlain(command, {
    line: async () => `${command} ${trusting} ${rigHost}/${command.replace(' ', '-')}.yaml`,
    failing: withoutKey,
    prints: true,
  })
}

/** Flags of manifest verify and dockerfile verify. */
export function documentCases(): readonly Case[] {
  const unsigned: Refusal = { exit: 10, code: 'SIGNATURES_NOT_FOUND', message: /^no signatures found/ }
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'annotations',
      what: 'are required of each image',
      check: async command => {
        await good(cs(`${about(command, bundled, classic)} -a commit=1`))
        const lacking: Refusal = { exit: 1, code: 'ANNOTATION_MISMATCH', message: /want "commit=2", got/ }
        assertRefused(await cs(`${about(command, bundled)} -a commit=2 -o json`), lacking)
      },
    },
    {
      flag: 'recursive',
      what: 'looks into each index',
      check: async command => {
        const name = await fresh(index)
        await good(cs(`${signing} ${name}`))
        await good(cs(about(command, name)))
        assert.equal((await cs(`${about(command, name)} --recursive`)).code, 10)
        await good(cs(`${signing} --recursive ${name}`))
        await good(cs(`${about(command, name)} --recursive`))
      },
    },
    {
      flag: 'signature',
      what: 'replaces those in the registry',
      check: async command => {
        const name = await fresh()
        const written = '--new-bundle-format=false --upload=false --output-signature doc.sig --output-payload doc.json'
        await good(cs(`${signing} ${written} ${name}`))
        assertRefused(await cs(`${about(command, name)} -o json`), unsigned)
        await good(cs(`${about(command, name)} --signature doc.sig --payload doc.json`))
        assertRefused(await cs(`${about(command, name)} --signature doc.sig -o json`), usage(/--signature goes with --payload/))
      },
    },
    {
      flag: 'payload',
      what: 'is what the detached signature must be over',
      check: async command => {
        const name = await fresh()
        const written = '--new-bundle-format=false --upload=false --output-signature doc.sig --output-payload doc.json'
        await good(cs(`${signing} ${written} ${name}`))
        disk.set('forged.json', text('doc.json').replace('fresh', 'forge'))
        const forged: Refusal = { exit: 12, code: 'SIGNATURE_INVALID', message: /doc\.sig/ }
        assertRefused(await cs(`${about(command, name)} --signature doc.sig --payload forged.json -o json`), forged)
      },
    },
    {
      flag: 'max-workers',
      what: 'is how many requests are under way at once',
      check: async command => {
        const most = async (workers: number) => {
          let [now, peak] = [0, 0]
          rig.hosts.set('busy.test', async request => {
            peak = Math.max(peak, ++now)
            const response = await rig.registry(request)
            for (let turn = 0; turn < 20; turn++) await Promise.resolve()
            now--
            return response
          })
          const names = ['bundled', 'classic'].map(name => bundled.replace(`${rigHost}/bundled`, `busy.test/${name}`))
          await good(cs(`${about(command, ...names)} --max-workers ${workers}`))
          return peak
        }
        assert.deepEqual([await most(1), await most(2)], [1, 2])
      },
    },
    {
      flag: 'new-bundle-format',
      what: 'off, only the older layout is looked at',
      check: async command => {
        assertRefused(await cs(`${about(command, bundled)} --new-bundle-format=false -o json`), unsigned)
        await good(cs(`${about(command, classic)} --new-bundle-format=false`))
      },
    },
    {
      flag: 'any-predicate',
      what: 'takes an attestation for a signature',
      check: async command => {
        const name = await attested(await fresh())
        assertRefused(await cs(`${about(command, name)} -o json`), { ...unsigned, message: /one attestation is there/ })
        await good(cs(`${about(command, name)} --any-predicate`))
      },
    },
    {
      flag: 'check-claims',
      what: 'off, what was signed may be about another image',
      check: async command => {
        const name = await fresh(child)
        await transplant(classic, name)
        const other: Refusal = { exit: 12, code: 'ARTIFACT_MISMATCH', message: /the signature is about sha256:/ }
        assertRefused(await cs(`${about(command, name)} -o json`), other)
        await good(cs(`${about(command, name)} --check-claims=false`))
      },
    },
    {
      flag: 'output',
      what: 'chooses JSON or text, and JSON for failures when it is asked for',
      check: async command => {
        assert.match((await good(cs(about(command, classic)))).stdout, /^\n\[\{"critical":.*\}\]\n$/)
        assert.match((await good(cs(`${about(command, classic)} -o text`))).stdout, /^\{"critical":.*\}\n$/)
        assert.equal((await cs(`${about(command, classic)} -a x=y -o json`)).failure?.code, 'ANNOTATION_MISMATCH')
      },
    },
    {
      flag: 'attachment-tag-prefix',
      what: 'begins the tags of older signatures',
      check: async command => {
        const name = await fresh()
        await good(cs(`${signing} --new-bundle-format=false --attachment-tag-prefix doc- ${name}`))
        assertRefused(await cs(`${about(command, name)} -o json`), unsigned)
        await good(cs(`${about(command, name)} --attachment-tag-prefix doc-`))
      },
    },
    {
      flag: 'experimental-oci11',
      what: 'looks for older signatures among the referrers',
      check: async command => {
        const name = await fresh()
        const environment = { COSIGN_EXPERIMENTAL: '1' }
        await good(cs(`${signing} --new-bundle-format=false --registry-referrers-mode oci-1-1 ${name}`, { environment }))
        assertRefused(await cs(`${about(command, name)} -o json`), unsigned)
        await good(cs(`${about(command, name)} --experimental-oci11`))
      },
    },
  ]
  return [
    ...cases.map(given => ({ ...given, commands: documents })),
    {
      flag: 'base-image-only',
      commands: ['dockerfile verify'],
      what: 'leaves out what the last stage is not built on',
      check: async command => {
        const line = about(command, await fresh(), bundled)
        assertRefused(await cs(`${line} -o json`), unsigned)
        await good(cs(`${line} --base-image-only`))
      },
    },
  ]
}
