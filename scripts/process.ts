import { spawn } from 'node:child_process'

/** The repository's root folder, without a slash at its end. */
export const root: string = new URL('..', import.meta.url).pathname.replace(/\/$/, '')

/** Bun of this machine's kind, as `npm ci` brought it. */
export const bun: string = `${root}/node_modules/@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}/bin/bun`

/** How a child process ended, and what it printed. */
export type Ended = { readonly code: number; readonly output: string }

/**
 * Runs a command to its end; a death by signal is code 128. Its input is empty.
 *
 * @param options.show - pass what it prints on, as it comes
 */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly show?: boolean } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd ?? root, env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const)
      from.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (options.show) to.write(chunk)
      })
    child.on('error', reject)
    child.on('close', code => resolve({ code: code ?? 128, output: Buffer.concat(chunks).toString('utf8') }))
  })
}

/** Runs a command that must succeed, and gives what it printed. */
export async function runOrDie(command: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<string> {
  const ended = await run(command, args, options)
  if (ended.code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${ended.code}\n${ended.output}`)
  return ended.output
}
