import assert from 'node:assert/strict'
import { assertRefused, type Refusal, rigHost } from '../../src/testing/command-rig.ts'
import { buildImage } from '../../src/testing/image-builder.ts'
import { buildKitIndex } from '../attestations/buildkit-index.ts'
import { statementAbout } from '../attestations/scene.ts'
import { tokenOf } from '../keyless-sign/scene.ts'
import { type Case, cs, definePlain, good, rig, trusting, usage } from './setup.ts'

const image = buildImage()
let made = 0
/** An index with a statement in it, in a repository of its own. */
const fresh = () => rig.push(`promoted-${++made}`, buildKitIndex([{ image, layers: [{ statement: statementAbout(image.digest) }] }]))
const witnessed = '--trusted-root ks-root.json --signing-config ks-v1.json' // of the Sigstore that keyless/signing.ts serves
const lineOf = async (flags: string) => `promote ${flags} ${await fresh()}`
const refusal = (exit: Refusal['exit'], code: Refusal['code'], message: RegExp): Refusal => ({ exit, code, message })

definePlain('promote', {
  line: () => lineOf('--key team.key --signing-config ks-none.json'),
  failing: line => `${line} --oidc-provider envvar`,
  prints: true,
  varies: true,
})

/** Flags of promote; those about the registry are among all commands'. */
export function promoteCases(): readonly Case[] {
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'key',
      what: 'is the key to sign with',
      check: async () => {
        const name = await fresh()
        await good(cs(`promote --key team.key --signing-config ks-none.json ${name}`))
        const inside = name.replace(/@.*/, `@${image.digest}`)
        await good(cs(`verify-attestation ${trusting} --type cyclonedx ${inside}`))
        assert.equal((await cs(`verify-attestation ${trusting.replace('team', 'stranger')} --type cyclonedx ${inside}`)).code, 1)
      },
    },
    {
      flag: 'signing-config',
      what: 'names the services, or none',
      check: async () => {
        const line = await lineOf('--key team.key --trusted-root ks-root.json')
        assert.doesNotMatch((await good(cs(`${line} --signing-config ks-none.json`))).requests.join(), /sigstore\.test/)
        const logged = await lineOf('--key team.key --trusted-root ks-root.json')
        assert.match((await good(cs(`${logged} --signing-config ks-v1.json`))).requests.join(), /sigstore\.test\/api\/v1\/log\/entries/)
      },
    },
    {
      flag: 'trusted-root',
      what: 'is what the new attestation must verify by',
      check: async () => {
        const line = await lineOf('--key team.key --signing-config ks-v1.json')
        await good(cs(`${line} --trusted-root ks-root.json`))
        const other = await lineOf('--key team.key --signing-config ks-v1.json --trusted-root our-trusted_root.json -o json')
        const message = /the new signature does not verify, and was not published/
        assertRefused(await cs(other), refusal(4, 'TLOG_UNKNOWN', message))
      },
    },
    {
      flag: 'identity-token',
      what: 'is whom the certificate is asked for',
      check: async () => {
        await good(cs(await lineOf(`--yes --identity-token ks-token ${witnessed}`)))
        const expired = await lineOf(`--yes --identity-token ${tokenOf({ exp: 1 })} ${witnessed} -o json`)
        assertRefused(await cs(expired), refusal(4, 'TOKEN_INVALID', /it has expired/))
      },
    },
    {
      flag: 'yes',
      what: 'agrees to what signing without a key makes known',
      check: async () => {
        const line = await lineOf(`--identity-token ks-token ${witnessed} -o json`)
        assertRefused(await cs(line), usage(/no terminal: WARNING: this identity .*; --yes answers yes/))
        await good(cs(`${line} --yes`))
      },
    },
    {
      flag: 'oidc-provider',
      what: 'takes the token from one place alone',
      check: async () => {
        const line = await lineOf(`--yes ${witnessed} --oidc-provider envvar`)
        await good(cs(line, { environment: { SIGSTORE_ID_TOKEN: tokenOf() } }))
        assert.equal((await cs(`${line} -o json`)).failure?.code, 'TOKEN_UNAVAILABLE')
      },
    },
    {
      flag: 'oidc-disable-ambient-providers',
      what: 'leaves alone what the place where this runs would give',
      check: async () => {
        const environment = { SIGSTORE_ID_TOKEN: tokenOf() }
        const line = await lineOf(`--yes ${witnessed}`)
        await good(cs(line, { environment }))
        assert.match(
          (await cs(`${line} --oidc-disable-ambient-providers`, { environment })).stderr,
          /openid-configuration: no such host name$/m,
        )
      },
    },
  ]
  return [
    ...cases.map(given => ({ ...given, commands: ['promote'] })),
    {
      flag: 'output',
      commands: ['promote'],
      what: 'json is one document about all that was promoted',
      check: async () => {
        const name = await fresh()
        const { stdout } = await good(cs(`promote --key team.key --signing-config ks-none.json -o json ${name}`))
        const { image: shown, promoted } = JSON.parse(stdout)
        assert.equal(shown, name)
        assert.deepEqual(
          promoted.map(({ image, predicateType, added }: { image: string; predicateType: string; added: boolean }) => [
            image,
            predicateType,
            added,
          ]),
          [[image.digest, 'https://cyclonedx.org/bom', true]],
        )
        assert.ok(name.startsWith(rigHost))
      },
    },
  ]
}
