/**
 * Tests of the unit suite that cannot run on Bun 1.4.5, each with the reason, by `file: outer > inner`.
 * `npm run test:bun` fails when one of them passes or no longer exists.
 */
export const cannotRunOnBun: ReadonlyMap<string, string> = new Map<string, string>([])
