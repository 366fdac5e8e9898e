import assert from 'node:assert/strict'
import { workflow, workflowLeaf } from '../../keyless/scene.ts'
import type { Case } from '../setup.ts'
import { fails, passes, root, signed, strict, verifiers } from './setup.ts'

const [identity, issuer] = [`--certificate-identity ${workflow.identity}`, `--certificate-oidc-issuer ${workflow.issuer}`]

/** Flags that say who must have signed. */
export function identityCases(): readonly Case[] {
  const cases: readonly Omit<Case, 'commands'>[] = [
    {
      flag: 'certificate-identity',
      what: 'is whom the certificate must be for, exactly',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer}`
        await passes(`${line} ${identity}`)
        const wanted =
          /want identity "https:\/\/github\.com\/org\/app", got "https:\/\/github\.com\/org\/app\/\.github\/workflows\/build\.yml@/
        await fails(`${line} --certificate-identity https://github.com/org/app`, 'IDENTITY_MISMATCH', wanted)
        await fails(line, 'USAGE', /^--certificate-identity or --certificate-identity-regexp is required for verification in keyless mode/)
        await fails(`${line} ${identity} --key team.pub`, 'USAGE', /^exactly one of: key reference \(--key\), or certificate identity/)
      },
    },
    {
      flag: 'certificate-identity-regexp',
      what: 'is a pattern, found anywhere in the identity',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer}`
        await passes(`${line} --certificate-identity-regexp ^https://github\\.com/org/`)
        await passes(`${line} --certificate-identity-regexp workflows/build`)
        await fails(`${line} --certificate-identity-regexp ^workflows/build`, 'IDENTITY_MISMATCH', /want identity matching "\^workflows/)
        await fails(
          `${line} --certificate-identity-regexp (`,
          'PATTERN_MALFORMED',
          /^--certificate-identity-regexp: want a pattern of RE2, got "\("/,
        )
        await fails(`${line} --certificate-identity-regexp . ${identity}`, 'USAGE', /--certificate-identity-regexp, got both/)
      },
    },
    {
      flag: 'certificate-oidc-issuer',
      what: 'is who must have vouched for the identity, exactly',
      check: async command => {
        const line = `${await signed(command)} ${root} ${identity}`
        await passes(`${line} ${issuer}`)
        const wanted = /want issuer "https:\/\/token\.actions", got "https:\/\/token\.actions\.githubusercontent\.com"/
        await fails(`${line} --certificate-oidc-issuer https://token.actions`, 'IDENTITY_MISMATCH', wanted)
        await fails(
          line,
          'USAGE',
          /^--certificate-oidc-issuer or --certificate-oidc-issuer-regexp is required for verification in keyless mode$/,
        )
      },
    },
    {
      flag: 'certificate-oidc-issuer-regexp',
      what: 'is a pattern; beside the exact issuer both must hold',
      check: async command => {
        const line = `${await signed(command)} ${root} ${identity}`
        await passes(`${line} --certificate-oidc-issuer-regexp githubusercontent`)
        await passes(`${line} ${issuer} --certificate-oidc-issuer-regexp githubusercontent`)
        await fails(`${line} --certificate-oidc-issuer-regexp ^gitlab`, 'IDENTITY_MISMATCH', /want issuer matching "\^gitlab", got/)
        await fails(
          `${line} ${issuer} --certificate-oidc-issuer-regexp ^gitlab`,
          'IDENTITY_MISMATCH',
          /want issuer ".*" matching "\^gitlab", got/,
        )
        await fails(
          `${line} --certificate-oidc-issuer https://other.test --certificate-oidc-issuer-regexp github`,
          'IDENTITY_MISMATCH',
          /issuer/,
        )
        await fails(
          `${line} --certificate-oidc-issuer-regexp [`,
          'PATTERN_MALFORMED',
          /^--certificate-oidc-issuer-regexp: want a pattern of RE2/,
        )
      },
    },
    ...(
      [
        { flag: 'certificate-github-workflow-trigger', name: 'github-workflow-trigger' },
        { flag: 'certificate-github-workflow-sha', name: 'github-workflow-sha' },
        { flag: 'certificate-github-workflow-name', name: 'github-workflow-name' },
        { flag: 'certificate-github-workflow-repository', name: 'github-workflow-repository' },
        { flag: 'certificate-github-workflow-ref', name: 'github-workflow-ref' },
      ] as const
    ).map(({ flag, name }) => ({
      flag,
      what: 'is what the certificate must state, exactly',
      check: async (command: string) => {
        const line = `${await signed(command)} ${strict}`
        const stated = workflowLeaf.fulcio[name]
        await passes(`${line} --${flag} ${stated}`)
        const wanted = new RegExp(`want ${name} "${stated.slice(0, -1)}", got "${stated}"$`)
        await fails(`${line} --${flag} ${stated.slice(0, -1)}`, 'IDENTITY_MISMATCH', wanted)
        const silent = `${await signed(command, { leaf: { fulcio: { issuer: workflow.issuer } } })} ${strict}`
        await fails(`${silent} --${flag} ${stated}`, 'IDENTITY_MISMATCH', new RegExp(`want ${name} "${stated}", got none$`))
      },
    })),
    {
      flag: 'repository',
      what: 'is the repository that was built, in place of an identity',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer}`
        await passes(`${line} --repository ${workflow.repository}`)
        await fails(`${line} --repository https://github.com/org/ap`, 'IDENTITY_MISMATCH', /want repository ".*\/ap", got ".*\/app"$/)
        await fails(`${line} --repository ${workflow.repository}/`, 'USAGE', /^--repository: want https:\/\/HOST\/PATH without a slash/)
        await fails(`${await signed(command)} ${root} --repository ${workflow.repository}`, 'USAGE', /^--certificate-oidc-issuer or /)
      },
    },
    {
      flag: 'workflow',
      what: 'is the workflow that built it, in the repository or in full',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer} --repository ${workflow.repository}`
        await passes(`${line} --workflow ${workflow.path}`)
        await passes(`${line} --workflow ${workflow.repository}/${workflow.path}`)
        await fails(`${line} --workflow .github/workflows/build`, 'IDENTITY_MISMATCH', /want workflow "\.github\/workflows\/build", got/)
        await fails(`${line} --workflow build.yml`, 'IDENTITY_MISMATCH', /want workflow "build\.yml", got/)
        await fails(`${line} --workflow ${workflow.path}@refs/heads/main`, 'USAGE', /^--workflow: .* without @REF \(see --ref\)/)
      },
    },
    {
      flag: 'ref',
      what: 'is the git reference that was built',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer} --repository ${workflow.repository}`
        await passes(`${line} --ref ${workflow.ref}`)
        await fails(`${line} --ref main`, 'IDENTITY_MISMATCH', /want ref "main", got "refs\/heads\/main"$/)
      },
    },
    {
      flag: 'trigger',
      what: 'is what started the build',
      check: async command => {
        const line = `${await signed(command)} ${root} ${issuer} --repository ${workflow.repository}`
        await passes(`${line} --trigger push`)
        await fails(`${line} --trigger pull_request`, 'IDENTITY_MISMATCH', /want trigger "pull_request", got "push"$/)
      },
    },
  ]
  assert.equal(new Set(cases.map(({ flag }) => flag)).size, cases.length)
  return cases.map(given => ({ ...given, commands: verifiers }))
}
