import { joinBytes } from '../../codec/bytes.ts'
import { CountersignError } from '../../codec/error.ts'
import { systemErrorCode } from '../../codec/system-error.ts'
import { quote } from '../../codec/text.ts'
import type { ProcessEnvironment } from '../../codec/world.ts'

export type ProgramResult = { readonly exitCode: number | null; readonly output: Uint8Array }

export type ProgramLimits = {
  readonly timeoutMs: number
  readonly limitBytes: number
  /** Variables that it gets beside those of ours. */
  readonly environment?: Readonly<Record<string, string>>
}

/** What finding and storing credentials touches; tests hand in their own. */
export type CredentialEffects = {
  readonly environment: ProcessEnvironment
  readonly platform: string // as `process.platform` names it
  /** Nothing when there is no such file. @throws CountersignError `FILE_UNREADABLE`, or `LIMIT_EXCEEDED` past `limitBytes` */
  readonly readFile: (path: string, limitBytes: number) => Promise<Uint8Array | undefined>
  /**
   * Puts the file there whole or not at all, durable, readable by its owner only; makes its folder (0700). A symbolic link
   * stays one: what it points to is replaced. @throws CountersignError `FILE_UNWRITABLE`
   */
  readonly replaceFile: (path: string, bytes: Uint8Array) => Promise<void>
  /**
   * Runs a program of the PATH, whose relative folders are left out, without a shell: input on its standard input, its standard output collected, standard error dropped.
   *
   * @throws CountersignError `CREDENTIALS_UNAVAILABLE` when it is missing, runs longer than `timeoutMs` or says more than `limitBytes`
   */
  readonly run: (program: string, args: readonly string[], input: Uint8Array, limits: ProgramLimits) => Promise<ProgramResult>
}

/** The effects on this machine's disk and programs. */
export function machineEffects(environment: ProcessEnvironment): CredentialEffects {
  return { environment, platform: process.platform, readFile, replaceFile, run: (...call) => run(environment, ...call) }
}

async function readFile(path: string, limitBytes: number): Promise<Uint8Array | undefined> {
  const { open } = await import('node:fs/promises')
  try {
    await using file = await open(path, 'r')
    const buffer = new Uint8Array(limitBytes + 1)
    let length = 0
    for (let read = 1; read > 0 && length < buffer.length; length += read) read = (await file.read(buffer, length)).bytesRead
    if (length > limitBytes) throw new CountersignError('LIMIT_EXCEEDED', `${quote(path)}: want at most ${limitBytes} bytes`)
    return buffer.slice(0, length)
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(cause))) return undefined
    throw new CountersignError('FILE_UNREADABLE', `${quote(path)}: cannot be read: ${codeOf(cause)}`, { cause })
  }
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const { mkdir, open, realpath, rename, rm } = await import('node:fs/promises')
  const { dirname } = await import('node:path')
  let temporary: string | undefined
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const target = await realpath(path).catch(() => path)
    temporary = `${target}.${process.pid}.${crypto.randomUUID()}.tmp`
    {
      await using file = await open(temporary, 'wx', 0o600)
      await file.writeFile(bytes)
      await file.sync() // durable before it takes the name: a crash leaves the old file or the new one
    }
    await rename(temporary, target)
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {})
    throw new CountersignError('FILE_UNWRITABLE', `${quote(path)}: cannot be written: ${codeOf(cause)}`, { cause })
  }
}

async function run(
  environment: ProcessEnvironment,
  ...[program, args, input, limits]: Parameters<CredentialEffects['run']>
): Promise<ProgramResult> {
  const { spawn } = await import('node:child_process')
  // On Windows a program of that name in the current folder must not win over the PATH.
  const { env: ours, leftOut } = await withoutRelativePath({ ...withoutOurSecrets(environment), ...limits.environment })
  const env = { ...ours, NoDefaultCurrentDirectoryInExePath: '1' }
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], shell: false, windowsHide: true, env })
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const fail = (why: string, cause?: unknown): void => {
      child.kill('SIGKILL')
      child.stdout.destroy() // what the helper started may hold it open
      child.unref()
      reject(new CountersignError('CREDENTIALS_UNAVAILABLE', `${program}: ${why}`, { cause }))
    }
    const timer = setTimeout(() => fail(`want an end within ${limits.timeoutMs} ms`), limits.timeoutMs)
    child.stdout.on('data', (chunk: Uint8Array) => {
      length += chunk.length
      if (length > limits.limitBytes) fail(`want at most ${limits.limitBytes} bytes of output`)
      else chunks.push(chunk)
    })
    child.once('error', cause =>
      fail(
        systemErrorCode(cause) === 'ENOENT'
          ? `no such program on the PATH${leftOut ? ', whose relative folders are left out' : ''}`
          : `cannot be run: ${codeOf(cause)}`,
        cause,
      ),
    )
    child.once('close', exitCode => {
      clearTimeout(timer)
      resolve({ exitCode, output: joinBytes(chunks) })
    })
    child.stdin.on('error', () => {}) // it may end without reading: its exit code tells
    child.stdin.end(input)
  })
}

/** An empty or relative folder of the PATH is where a person happens to stand: what lies there may be what they are about to verify. */
async function withoutRelativePath(env: ProcessEnvironment): Promise<{ readonly env: ProcessEnvironment; readonly leftOut: boolean }> {
  const { delimiter, isAbsolute } = await import('node:path')
  const name = Object.keys(env).find(each => (process.platform === 'win32' ? each.toUpperCase() : each) === 'PATH')
  const folders = name === undefined ? [] : env[name]!.split(delimiter)
  const kept = folders.filter(folder => isAbsolute(folder.replace(/^"/, '')))
  if (name === undefined || kept.length === folders.length) return { env, leftOut: false }
  // An empty PATH would be the current folder; without one, the system has its own.
  return { env: { ...env, [name]: kept.length === 0 ? undefined : kept.join(delimiter) }, leftOut: true }
}

function codeOf(cause: unknown): string {
  return systemErrorCode(cause) || 'unknown reason'
}

/** A helper needs its cloud's variables, not the passphrase of a signing key. */
function withoutOurSecrets(environment: CredentialEffects['environment']): CredentialEffects['environment'] {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(COSIGN|COUNTERSIGN)_/i.test(name)))
}
