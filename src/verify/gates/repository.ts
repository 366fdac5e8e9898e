/** Where a repository is, and what of it is meant: `https://github.com/org/app` and `refs/heads/main`. */
export type Repository = { readonly address: string; readonly ref: string | undefined }

/**
 * Takes the address of a repository apart, so that spellings of one compare equal: without `git+` in front, without `.git` or slashes at
 * the end, scheme and host in small letters. What follows an `@` in its path, or else a `#`, is the ref. Everything else stays as it is:
 * paths differ by case, and a `..` in one is a name like any other.
 *
 * @returns the whole text as address where it is none of `scheme://host/path`
 * @see SPDX 2.3 §7.7 (`git+https://host/path@ref#subpath`), BuildKit (`https://host/path.git#ref`)
 */
export function parseRepository(uri: string): Repository {
  const parts = /^(?:git\+)?([A-Za-z][A-Za-z0-9.-]*):\/\/([^/?#]+)(\/[^@#]*)(?:@([^#]*))?(?:#(.*))?$/s.exec(uri)
  if (!parts) return { address: uri, ref: undefined }
  const [, scheme = '', authority = '', path = '', ref, fragment] = parts
  const at = authority.lastIndexOf('@') + 1 // a user's name differs by case
  const host = `${authority.slice(0, at)}${authority.slice(at).toLowerCase()}`
  return { address: `${scheme.toLowerCase()}://${host}${withoutEnding(path)}`, ref: ref ?? fragment }
}

function withoutEnding(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, path.slice(0, end).endsWith('.git') ? end - '.git'.length : end)
}

/** Whether one is what somebody asked for: at the same address, and the same ref where a ref was asked for. */
export function isRepository(found: Repository, wanted: Repository): boolean {
  return found.address === wanted.address && (wanted.ref === undefined || found.ref === wanted.ref)
}
