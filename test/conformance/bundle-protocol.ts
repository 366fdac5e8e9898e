/**
 * Our command line for one of the client conformance suite's. Source: its `docs/cli_protocol.md`.
 *
 * @throws for a command line of another form, and for what this version cannot do
 */
export function ourCommandLine(argv: readonly string[]): readonly string[] {
  const [command = '', ...rest] = argv
  if (command !== 'verify-bundle') throw new Error(`want verify-bundle, got ${JSON.stringify(command)}`)
  const values = new Map<string, string>()
  while (rest[0]?.startsWith('--')) {
    const [flag = '', value] = rest.splice(0, 2)
    if (!flags.includes(flag) || value === undefined || values.has(flag))
      throw new Error(`want each of ${flags.join(', ')} once, got ${flag}`)
    values.set(flag, value)
  }
  const [artifact, ...others] = rest
  if (artifact === undefined || others.length > 0) throw new Error(`want one artifact, got ${rest.length}`)
  return ['verify-blob', '--any-predicate', ...[...values].flat(), artifact] // the suite verifies attestations as it does signatures
}

const flags = ['--bundle', '--certificate-identity', '--certificate-oidc-issuer', '--key', '--trusted-root']
