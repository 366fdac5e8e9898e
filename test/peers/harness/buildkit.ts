import { copyFileSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cosign3 } from './actor.ts'
import { type Command, type Ended, inside, type RunOptions, run, runOk, tool } from './command.ts'
import { generateKey, type KeyPair } from './keys.ts'
import { createPlace, type Place } from './place.ts'
import { createPrivateMachine } from './private-machine.ts'
import { type Server, startDockerRegistry, startOwnRegistry, startServer } from './server.ts'

/** A real BuildKit, as Docker's daemon has it built in, and a registry, both in a machine of their own: all that asks them is run there. */
export type BuildScene = {
  readonly place: Place
  /** Host and port of the registry, in that machine. */
  readonly registry: string
  readonly a: KeyPair
  /** Runs a command in the machine; how it ended is the test's business. */
  readonly run: (command: Command, args: readonly string[], options?: RunOptions) => Promise<Ended>
  readonly runOk: (command: Command, args: readonly string[], options?: RunOptions) => Promise<Ended>
  /** `docker buildx` with these arguments; it must succeed. */
  readonly buildx: (args: readonly string[]) => Promise<void>
  /** `docker buildx build` with these arguments, pushed to the repository NAME under the tag `v1`; gives `HOST/NAME:v1`. */
  readonly build: (name: string, args: readonly string[]) => Promise<string>
  readonly close: () => Promise<void>
}

/** Which BuildKit: the names that `scripts/peers.sh` gives the daemons. */
export type DockerDaemon = 'dockerd' | 'dockerd-26'

/**
 * Needs no rights: the daemon is root of its own machine alone. Nothing of it is left when the scene is closed.
 *
 * @param kind - which registry runs beside the daemon: docker-registry 2.8, which has no referrers API, or the one of our own
 */
export async function openBuildScene(daemon: DockerDaemon, kind: 'docker-registry' | 'countersign registry'): Promise<BuildScene> {
  const place = createPlace()
  const hides = ['/run', '/opt'].map(folder => `mount -t tmpfs none ${folder}`) // containerd writes there, wherever it is told to
  const machine = await createPrivateMachine(place, ['mount', 'net'], ['ip link set lo up', ...hides].join('\n'))
  const { within } = machine
  const servers: Server[] = []
  const started = async (starting: Promise<Server>) => {
    const server = await starting
    servers.push(server)
    return server
  }
  const close = async () => {
    await Promise.all(servers.map(server => server.stop()))
    machine.end()
    place.remove()
  }
  try {
    const { host } = await started(
      kind === 'docker-registry' ? startDockerRegistry(place, { within }) : startOwnRegistry(place, ['--deletes'], within),
    )
    const docker = await started(startDaemon(place, daemon, within))
    await started(startGitServer(place, within))
    const scene: BuildScene = {
      place,
      registry: host,
      a: await generateKey(place, cosign3, 'a'),
      run: (command, args, options) => run(place, inside(within, command), args, options),
      runOk: (command, args, options) => runOk(place, inside(within, command), args, options),
      buildx: async args => {
        const options = { env: { DOCKER_HOST: `unix://${docker.host}` }, timeoutMs: 240_000 } // a scan takes a while where much else runs
        await scene.runOk(tool('docker-buildx'), args, options)
      },
      build: async (name, args) => {
        const image = `${host}/${name}:v1`
        await scene.buildx(['build', '--push', '-t', image, ...args])
        return image
      },
      close,
    }
    return scene
  } catch (cause) {
    await close()
    throw cause
  }
}

/** Its images are content of its containerd, as on new installations: the other way to keep them has no place for attestations. */
function startDaemon(place: Place, daemon: DockerDaemon, within: readonly string[]): Promise<Server> {
  const bin = place.path('docker-bin')
  mkdirSync(bin)
  symlinkSync(realpathSync(tool('containerd')[0]), join(bin, 'containerd'))
  writeFileSync(join(bin, 'runc'), runcWithoutRights, { mode: 0o755 })
  const settings = {
    'data-root': place.path('docker'),
    'exec-root': place.path('docker-exec'),
    pidfile: place.path('docker.pid'),
    hosts: [`unix://${place.path('docker.sock')}`],
    features: { 'containerd-snapshotter': true },
    'storage-driver': 'native', // overlays need rights on some kernels
    bip: '10.9.0.1/24', // the bridge of its containers, in a network that has nothing else in it
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    'userland-proxy': false,
  }
  writeFileSync(place.path('docker.json'), JSON.stringify(settings))
  const command = inside(within, tool(daemon))
  return startServer(place, command, ['--config-file', place.path('docker.json')], /API listen on ([^\s"]+)/, {
    PATH: `${bin}:${place.env['PATH']}`,
  })
}

/** Who has no rights makes no control groups and owns no group of terminals: both are taken out, as Docker's own rootless mode does. */
const runcWithoutRights = `#!/bin/sh
for word; do
  [ "\${before-}" != --bundle ] || sed -i 's/,"gid=5"//; s/"cgroupsPath":"[^"]*",//' "$word/config.json"
  before=$word
done
exec '${realpathSync(tool('runc')[0])}' "$@"
`

/** Serves each repository in the place: `git://127.0.0.1/NAME`. */
function startGitServer(place: Place, within: readonly string[]): Promise<Server> {
  const args = ['-c', 'safe.directory=*', 'daemon', '--verbose', '--listen=127.0.0.1', '--export-all', `--base-path=${place.folder}`]
  return startServer(place, inside(within, ['git']), args, /\] (Ready) to rumble/)
}

/** A folder of the place to build from: busybox and a text, so that each has an image of its own, by a Dockerfile of these lines. */
export function writeContext(place: Place, name: string, lines: readonly string[] = copied): string {
  const folder = place.path(name)
  mkdirSync(folder)
  copyFileSync(tool('busybox')[0], join(folder, 'busybox'))
  writeFileSync(join(folder, 'name.txt'), `${name}\n`)
  writeFileSync(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
  return folder
}

const copied = ['FROM scratch', 'COPY busybox /bin/busybox', 'COPY name.txt /name.txt', 'ENTRYPOINT ["/bin/busybox"]']

/** The same folder as a repository that the scene serves, its only commit on `main`; gives the commit. */
export async function commitContext({ place }: BuildScene, name: string): Promise<string> {
  const git = async (...args: readonly string[]) =>
    (await runOk(place, ['git'], ['-C', place.path(name), '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args])).stdout.trim()
  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '--all')
  await git('commit', '--quiet', '--message=one')
  return await git('rev-parse', 'HEAD')
}

/**
 * Builds a scanner that BuildKit can run for an SBOM: Syft in a container of its own, by the protocol of BuildKit's own one.
 *
 * @see github.com/moby/buildkit docs/attestations/sbom-protocol.md
 */
export async function buildScanner(scene: BuildScene): Promise<string> {
  const folder = writeContext(scene.place, 'scanner', [
    'FROM scratch',
    'COPY busybox /bin/busybox',
    'COPY syft /bin/syft',
    'COPY scan.sh /scan.sh',
    'ENV TMPDIR=/tmp HOME=/tmp SYFT_CHECK_FOR_APP_UPDATE=false',
    'WORKDIR /tmp',
    'ENTRYPOINT ["/bin/busybox", "sh", "/scan.sh"]',
  ])
  cpSync(realpathSync(tool('syft')[0]), join(folder, 'syft'))
  writeFileSync(join(folder, 'scan.sh'), scanScript)
  const output = 'type=image,name=scanner:v1,compression=uncompressed' // kept by the daemon alone
  await scene.buildx(['build', '--provenance=false', '--output', output, folder])
  return 'scanner:v1'
}

/** One document for the image and one for each other thing that was asked to be looked at. BuildKit adds what they are about. */
const scanScript = `set -eu
scan() {
  printf '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":'
  /bin/syft scan "dir:$1" --quiet --output spdx-json
  printf '}'
}
for source in "$BUILDKIT_SCAN_SOURCE" \${BUILDKIT_SCAN_SOURCE_EXTRAS:+"$BUILDKIT_SCAN_SOURCE_EXTRAS"/*}; do
  [ ! -e "$source" ] || scan "$source" >"$BUILDKIT_SCAN_DESTINATION/$(/bin/busybox basename "$source").spdx.json"
done
`
