import { type Command, defineCommand } from '../command.ts'
import { loginFlags, registryDoctorFlags, registryServerFlags } from '../flags/registries.ts'

/** Logging in to a registry, serving one, and examining one. */
export const registryCommands: readonly Command[] = [
  defineCommand({
    name: 'login',
    group: 'Registries',
    summary: 'Store the credentials for a registry',
    description: 'They go to the docker config, or to the credential helper it names.',
    examples: [
      { what: 'log in, the password kept out of the process list', line: 'login registry.example.com -u robot --password-stdin < token' },
    ],
    arguments: { name: 'SERVER', min: 1, max: 1 },
    flags: loginFlags,
    exits: 'cosign',
    load: async () => (await import('../commands/registries/login.ts')).login,
  }),
  defineCommand({
    name: 'registry',
    group: 'Registries',
    summary: 'Serve a small OCI registry',
    description: 'For tests and demonstrations: no authentication, no TLS. Serves until it is interrupted.',
    examples: [
      { what: 'a registry in memory on a free port', line: 'registry --listen 127.0.0.1:0' },
      { what: 'one that keeps its content', line: 'registry --listen 127.0.0.1:0 --dir ./registry' },
    ],
    arguments: { name: '', min: 0, max: 0 },
    flags: registryServerFlags,
    exits: 'own',
    endless: true,
    load: async () => (await import('../commands/registries/registry.ts')).serveRegistry,
  }),
  defineCommand({
    name: 'registry doctor',
    group: 'Registries',
    summary: 'Find out what a registry supports, and what you may do there',
    description:
      'Nothing is written without --write. Each finding is good, limited, bad or unknown; the command fails when one is bad,\n' +
      'that is, when images cannot be verified or signed there. Signatures are looked for where COSIGN_REPOSITORY says.',
    examples: [
      { what: 'what can be seen without writing', line: 'registry doctor IMAGE' },
      { what: 'also what only writing shows, as JSON', line: 'registry doctor --write --output json IMAGE' },
    ],
    arguments: { name: 'IMAGE', min: 1, max: 1 },
    flags: registryDoctorFlags,
    exits: 'own',
    load: async () => (await import('../commands/registries/doctor.ts')).examine,
  }),
]
