import { join } from 'node:path'
import { CountersignError } from '../../../codec/error.ts'
import { quote } from '../../../codec/text.ts'
import { createFolder, type NewStack, stackFiles } from '../../../services/stack/folder.ts'
import type { RemoteKeys } from '../../../services/stack/keys/remote-keys.ts'
import type { CommandFunction } from '../../command.ts'
import type { CommandContext } from '../../context.ts'
import type { stackInitFlags } from '../../flags/sigstore/stack.ts'
import { readRemoteKeys, remoteKeyLoader } from './remote-keys.ts'

/** `stack init`: keys, certificates and configuration of a new stack. */
export const initStack: CommandFunction<typeof stackInitFlags> = async (context, { data, key, operator, rootKeys, signWith, url }) => {
  const configText = stackConfigText(url, operator, signWith, readRemoteKeys(key))
  const passphrase = await context.prompts.passphrase({ confirm: true })
  try {
    await makeStack(context, { folder: data, rootFolder: rootKeys, configText, passphrase })
  } finally {
    passphrase.fill(0)
  }
  context.stderr(
    `Made ${data}. Its configuration is ${join(data, stackFiles.config)}.\n` +
      `Keep ${rootKeys} somewhere else: the stack runs without it, and it is needed when certificates are renewed.\n` +
      `Next: countersign stack up --data ${data}\n`,
  )
  return 0
}

/** The first text of `stack.yaml`. @throws CountersignError `USAGE` */
export function stackConfigText(url: string, operator: string, signWith: string, keys: RemoteKeys = {}): string {
  const parsed = URL.parse(url)
  if (!parsed || parsed.origin !== url) throw new CountersignError('USAGE', `--url: want scheme, host and port alone, got ${quote(url)}`)
  return `# A private Sigstore: countersign stack up --data FOLDER. All that can be told is in docs/stack.schema.json.
version: 1

# By which clients reach it. It is in certificates, logs and tokens, and stays.
url: ${url}

# Who runs it, in certificates and in the signing config.
operator: ${operator === '' ? parsed.hostname : operator}

# Where it listens. Unless told, at url where that is on loopback, else at 127.0.0.1:7070, for a proxy with TLS before it.
# An address that others reach needs TLS here: PEM files beside this one.
# listen:
#   address: 0.0.0.0:443
#   certificate: tls.pem
#   key: tls.key

# Prometheus metrics, at an address of their own.
# metrics: 127.0.0.1:2112

# Whose tokens get certificates, as in Fulcio's own configuration file.
# fulcio:
#   oidc-issuers:
#     https://token.actions.githubusercontent.com:
#       client-id: sigstore
#       type: github-workflow

rekor:
  # Which log clients are told to use. v1 is understood by cosign 2 as well.
  sign-with: ${signWith}

# An OIDC issuer of its own. Users sign in with a password.
issuer:
  token-minutes: 10
  users: []

# Keys that stay in a KMS or an HSM: authority, ct-log, rekor-v1, rekor-v2, timestamps. The others are files in keys/.
${keysText(keys)}`
}

function keysText(keys: RemoteKeys): string {
  const lines = Object.entries(keys).map(([name, reference]) => `  ${name}: ${JSON.stringify(reference)}\n`)
  return lines.length === 0 ? '# keys:\n#   authority: hashivault://authority\n' : `keys:\n${lines.join('')}`
}

/** Makes a stack for trying things out, with an empty passphrase unless one is set. */
export async function createDevelopmentStack(context: CommandContext, folder: string, url: string, passphrase: Uint8Array): Promise<void> {
  const configText = stackConfigText(url, '', 'v1')
  await makeStack(context, { folder, rootFolder: join(folder, 'root-keys'), configText, passphrase })
}

async function makeStack(context: CommandContext, parts: Omit<NewStack, 'loadKey' | 'tufFolder'>): Promise<void> {
  const { files, world, deriveKey } = context
  const tufFolder = files.folder(join(parts.folder, stackFiles.tuf))
  await createFolder({ ...parts, tufFolder, loadKey: remoteKeyLoader(context) }, world, deriveKey)
}
