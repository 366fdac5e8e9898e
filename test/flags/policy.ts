import assert from 'node:assert/strict'
import { teamKey } from '../../src/testing/test-keys.ts'
import { bundled, type Case, cs, definePlain, disk, fresh, good, signing, text } from './setup.ts'

// Manifests name no host of a registry of their own: what is judged stands on the command line, or in a file for each host.

const byKey = `{key: {data: ${JSON.stringify(teamKey.publicPem)}}, signatureFormat: bundle}`
const policyOf = (glob: string, authority: string, more = '') =>
  `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: p}\nspec: {images: [{glob: '${glob}'}], authorities: [${authority}]${more}}\n`
const pod = (image: string) => `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: '${image}'}]}\n`
const rollout = (image: string) => `apiVersion: x.test/v1\nkind: Roll\nmetadata: {name: r}\nspec: {image: '${image}'}\n`
const path = 'Roll.x.test=spec.image'
const tagged = bundled.replace(/@.*/, ':v1')
const inNamespace = `${policyOf('**', '{key: {secretRef: {name: k, namespace: guard}}, signatureFormat: bundle}')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: guard}\nstringData: {k: ${JSON.stringify(teamKey.publicPem)}}\n`
const keyless = policyOf('**', "{keyless: {identities: [{issuer: 'https://i.test', subject: s}]}, signatureFormat: bundle}")

disk.set('policy/by-key.yaml', policyOf('**', byKey))
disk.set('policy/static.yaml', policyOf('**', '{static: {action: fail}}'))
disk.set('policy/keyless.yaml', keyless)
disk.set('policy/guard.yaml', inNamespace)
disk.set('policy/warn.yaml', policyOf('**', byKey, ', mode: warn'))
disk.set('policy/root.yaml', 'apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: t}\nspec: {}\n')
disk.set('manifests/pod.yaml', pod(tagged))
disk.set('manifests/roll.yaml', rollout(tagged))
for (const host of ['registry.test', 'plain.test', 'basic.test', 'bearer.test'])
  disk.set(`${host}/pod.yaml`, pod(tagged.replace('registry.test', host)))

definePlain('policy check', {
  line: async () => `policy check -f policy/by-key.yaml ${bundled}`,
  failing: line => line.replace('policy/by-key.yaml', 'manifests/pod.yaml'),
  prints: true,
})
definePlain('policy lint', {
  line: async () => 'policy lint -f policy/warn.yaml',
  failing: line => line.replace('policy/warn.yaml', 'manifests/pod.yaml'),
  prints: true,
})
definePlain('pin', {
  line: async () => 'pin --key team.pub --dry-run -f registry.test/pod.yaml',
  failing: line => line.replace('--key team.pub', ''),
  prints: true,
})

/** Flags of policy check, policy lint and pin. */
export function policyCases(): readonly Case[] {
  const codes = async (...lines: readonly string[]) => {
    const found: number[] = []
    for (const line of lines) found.push((await cs(line)).code)
    return found
  }
  const check = 'policy check -f policy/by-key.yaml'
  const of = (flag: string, what: string, commands: readonly string[], run: Case['check']): Case => ({ flag, what, commands, check: run })
  return [
    of('file', 'names what is judged, or by what', ['policy check'], async () => {
      const codesOf = await codes(`policy check -f policy/static.yaml ${bundled}`, `${check} -f manifests/pod.yaml`)
      assert.deepEqual(codesOf, [5, 0])
    }),
    of('file', 'names what is looked at', ['policy lint'], async () => {
      assert.match((await cs('policy lint -f policy/warn.yaml')).stdout, /MODE_WARN/)
      assert.equal((await good(cs('policy lint -f policy/by-key.yaml'))).stdout, '')
    }),
    of('file', 'names what is rewritten', ['pin'], async () => {
      disk.set('to-pin.yaml', pod(tagged))
      await good(cs('pin --key team.pub -f to-pin.yaml'))
      assert.equal(text('to-pin.yaml'), pod(`${tagged}@${bundled.split('@')[1]}`))
    }),
    of('policy', 'names policies', ['policy check', 'policy lint'], async name => {
      const subject = name === 'policy check' ? ` ${bundled}` : ' --fail-on warning'
      const [strict, loose] = name === 'policy check' ? ['static', 'by-key'] : ['warn', 'by-key']
      assert.deepEqual(
        await codes(`${name} --policy policy/${strict}.yaml${subject}`, `${name} --policy policy/${loose}.yaml${subject}`),
        [5, 0],
      )
    }),
    of('policies', 'names what each image must satisfy', ['pin'], async () => {
      const pin = 'pin --dry-run -f manifests/pod.yaml --policies policy'
      assert.deepEqual(await codes(`${pin}/static.yaml`, `${pin}/by-key.yaml`), [5, 0])
    }),
    of('key', 'must have signed each image', ['pin'], async () => {
      const pin = 'pin --dry-run -f manifests/pod.yaml --key'
      assert.deepEqual(await codes(`${pin} stranger.pub`, `${pin} team.pub`), [4, 0])
    }),
    of('insecure-skip-verification', 'pins what nobody signed, and is warned of', ['pin'], async () => {
      disk.set('bare.yaml', pod((await fresh()).replace(/@.*/, ':v1')))
      assert.deepEqual(await codes('pin --dry-run -f bare.yaml --key team.pub'), [4])
      const { stderr, stdout } = await good(cs('pin --dry-run -f bare.yaml --insecure-skip-verification'))
      assert.match(stderr, /^WARNING: whatever the registry has now is pinned/m)
      assert.match(stdout, /^\+.*@sha256:/m)
    }),
    of('dry-run', 'writes nothing', ['pin'], async () => {
      disk.set('dry.yaml', pod(tagged))
      await good(cs('pin --key team.pub -f dry.yaml --dry-run'))
      assert.equal(text('dry.yaml'), pod(tagged))
      await good(cs('pin --key team.pub -f dry.yaml'))
      assert.notEqual(text('dry.yaml'), pod(tagged))
    }),
    of('namespace', 'is whose secrets policies name', ['policy check', 'policy lint', 'pin'], async name => {
      const line = { 'policy check': `${name} --policy policy/guard.yaml ${bundled}`, 'policy lint': `${name} --policy policy/guard.yaml` }[
        name
      ]
      const whole = line ?? 'pin --dry-run -f manifests/pod.yaml --policies policy/guard.yaml'
      assert.deepEqual(await codes(whole, `${whole} --namespace guard`), [3, 0])
    }),
    of('image-path', 'says where images stand in a kind of others', ['policy check', 'pin'], async name => {
      const line = name === 'pin' ? 'pin --dry-run --key team.pub -f manifests/roll.yaml' : `${check} -f manifests/roll.yaml`
      assert.match((await cs(line)).stderr, /Error: manifests\/roll\.yaml:1: "Roll" of "x\.test" names images/)
      await good(cs(`${line} --image-path ${path}`))
    }),
    of('trusted-root', 'is whom policies trust that name no TrustRoot', ['policy check', 'pin'], async name => {
      const line =
        name === 'pin'
          ? 'pin --dry-run -f manifests/pod.yaml --policies policy/keyless.yaml'
          : `policy check --policy policy/keyless.yaml ${bundled}`
      assert.match((await cs(`${line} --trusted-root nowhere.json`)).stderr, /WARNING: policy p: .*nowhere\.json/)
      assert.doesNotMatch((await cs(line)).stderr, /nowhere/)
    }),
    of('image', 'is judged as an argument is', ['policy check'], async () => {
      assert.deepEqual(await codes(`${check} --image ${bundled}`, `${check} --image ${await fresh()}`), [0, 4])
    }),
    of('resource', 'is judged, or what images are judged as a part of', ['policy check'], async () => {
      const only = policyOf('**', byKey, ', match: [{group: apps, version: v1, resource: deployments}]')
      disk.set('policy/match.yaml', only)
      disk.set(
        'deployment.yaml',
        `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{image: x}]}}}\n`,
      )
      const line = `policy check --policy policy/match.yaml --image ${bundled}`
      assert.deepEqual(await codes(line, `${line} --resource deployment.yaml`), [5, 0])
    }),
    of('trustroot', 'is read', ['policy check'], async () => {
      assert.deepEqual(await codes(`${check} ${bundled}`, `${check} ${bundled} --trustroot policy/root.yaml`), [0, 3])
    }),
    of('enable-oci11', 'looks for the older layout among the referrers', ['policy check'], async () => {
      disk.set('policy/legacy.yaml', policyOf('**', byKey.replace('signatureFormat: bundle', 'signatureFormat: legacy')))
      const name = await fresh()
      const environment = { COSIGN_EXPERIMENTAL: '1' }
      await good(cs(`${signing} --new-bundle-format=false --registry-referrers-mode oci-1-1 ${name}`, { environment }))
      const line = `policy check -f policy/legacy.yaml ${name}`
      assert.deepEqual(await codes(line, `${line} --enable-oci11`), [4, 0])
    }),
    of('explain', 'says why an image is admitted', ['policy check'], async () => {
      assert.doesNotMatch((await good(cs(`${check} ${bundled}`))).stderr, /accepted/)
      assert.match((await good(cs(`${check} ${bundled} --explain`))).stderr, /accepted/)
    }),
    of('within-days', 'is from when on an end is told of', ['policy lint'], async () => {
      assert.match((await cs('policy lint -f policy/warn.yaml --within-days -1')).stderr, /Error: --within-days: want 0 or more, got -1/)
      assert.equal((await cs('policy lint -f policy/warn.yaml --within-days 0')).code, 0) // test/policy-commands.test.ts has what ends
    }),
    of('fail-on', 'is the least severe finding to fail for', ['policy lint'], async () => {
      const line = 'policy lint -f policy/warn.yaml --fail-on'
      assert.deepEqual(await codes(`${line} error`, `${line} warning`, `${line} note`, `${line} never`), [0, 5, 5, 0])
    }),
  ]
}
