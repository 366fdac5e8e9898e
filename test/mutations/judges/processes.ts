import { rmSync, writeFileSync } from 'node:fs'
import type { BundleCase } from '../../conformance/bundle-cases.ts'
import { ourCommandLine } from '../../conformance/bundle-protocol.ts'
import { type Command, countersign, run, tool } from '../../peers/harness/command.ts'
import type { Place } from '../../peers/harness/place.ts'
import { type ArtifactForm, accepted, digestOf, type Judge, type Judgement } from '../judge.ts'

/** Runs a program over a bundle in a file of its own. A refusal is exit status 1 with words; anything else, as a crash, is no answer. */
function programJudge(
  place: Place,
  name: Judge['name'],
  command: () => Command,
  args: (one: BundleCase, path: string, artifact: ArtifactForm, bundle: Uint8Array) => readonly string[],
): Judge {
  let count = 0
  return {
    name,
    judge: async (one, bundle, artifact): Promise<Judgement> => {
      const path = place.path(`${name.replace(' ', '-')}-${count++}.json`)
      writeFileSync(path, bundle)
      const { code, stdout, stderr } = await run(place, command(), args(one, path, artifact, bundle))
      rmSync(path)
      if (code === 0) return accepted
      const said = `${stdout}${stderr}`.replace(/^Flag --\S+ has been deprecated.*\n/gm, '').trim()
      if (code !== 1 || said === '') throw new Error(`${name}: ${one.name}: exit status ${code}: ${said}`)
      return { outcome: 'refused', reason: said.replace(/^Error: /, '').split('\n')[0]! }
    },
  }
}

/** The verifier of the reference library, as a program. It never looks anything up: trust is the case's file. */
export function sigstoreGoJudge(place: Place): Judge {
  return programJudge(
    place,
    'sigstore-go',
    () => tool('sigstore-go'),
    (one, path, artifact) => [
      `-trustedrootJSONpath=${one.trustedRoot}`,
      ...('key' in one.signer
        ? [`-publicKey=${one.signer.key}`, '-requireCTlog=false'] // no certificate, so nothing that such a log could hold
        : [`-expectedSAN=${one.signer.identity}`, `-expectedIssuer=${one.signer.issuer}`]),
      artifact === 'file' ? `-artifact=${one.artifact}` : `-artifact-digest=${digestOf(one)}`,
      path,
    ],
  )
}

/** cosign 3, called as its own adapter to the conformance suite calls it: timestamps count where the bundle carries any. */
export function cosignJudge(place: Place): Judge {
  return programJudge(
    place,
    'cosign 3',
    () => tool('cosign-3'),
    (one, path, artifact, bundle) => [
      'verify-blob',
      '--new-bundle-format', // without it what does not parse is taken for a bundle of cosign 2's, and nothing is said of it
      `--bundle=${path}`,
      `--trusted-root=${one.trustedRoot}`,
      ...(/"signed_?timestamp"/i.test(new TextDecoder().decode(bundle)) ? ['--use-signed-timestamps'] : []),
      ...('key' in one.signer
        ? [`--key=${one.signer.key}`]
        : [`--certificate-identity=${one.signer.identity}`, `--certificate-oidc-issuer=${one.signer.issuer}`]),
      artifact === 'file' ? one.artifact : `sha256:${digestOf(one)}`,
    ],
  )
}

/** The command under test, by the protocol of the conformance suite. */
export function commandJudge(place: Place): Judge {
  return programJudge(place, 'countersign', countersign, (one, path, artifact) =>
    ourCommandLine([
      'verify-bundle',
      ...['--bundle', path, '--trusted-root', one.trustedRoot],
      ...('key' in one.signer
        ? ['--key', one.signer.key]
        : ['--certificate-identity', one.signer.identity, '--certificate-oidc-issuer', one.signer.issuer]),
      artifact === 'file' ? one.artifact : `sha256:${digestOf(one)}`,
    ]),
  )
}
