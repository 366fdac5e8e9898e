/**
 * Our command line for one of the client conformance suite's. Source: its `docs/cli_protocol.md`.
 *
 * @throws for a command line of another form, and for what this version cannot do
 */
export function ourCommandLine(argv: readonly string[]): readonly string[] {
  const [command = '', ...rest] = argv
  const flags = flagsOf.get(command)
  if (!flags) throw new Error(`want ${[...flagsOf.keys()].join(' or ')}, got ${JSON.stringify(command)}`)
  const values = new Map<string, string>()
  let isStatement = false
  while (rest[0]?.startsWith('--')) {
    if (command === 'sign-bundle' && rest[0] === '--in-toto' && !isStatement) {
      isStatement = rest.shift() !== undefined
      continue
    }
    const [flag = '', value] = rest.splice(0, 2)
    if (!flags.includes(flag) || value === undefined || values.has(flag))
      throw new Error(`want each of ${flags.join(', ')} once, got ${flag}`)
    values.set(flag, value)
  }
  const [artifact, ...others] = rest
  if (artifact === undefined || others.length > 0) throw new Error(`want one artifact, got ${rest.length}`)
  const given = [...values].flat()
  if (isStatement) return ['attest-blob', '--yes', '--statement', artifact, ...given] // it says itself what it is about
  const line = [...given, artifact]
  // the suite verifies attestations as it does signatures, and its runner has no terminal to be asked at
  return command === 'verify-bundle' ? ['verify-blob', '--any-predicate', ...line] : ['sign-blob', '--yes', ...line]
}

const flagsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['verify-bundle', ['--bundle', '--certificate-identity', '--certificate-oidc-issuer', '--key', '--trusted-root']],
  ['sign-bundle', ['--identity-token', '--bundle', '--trusted-root', '--signing-config']],
])
