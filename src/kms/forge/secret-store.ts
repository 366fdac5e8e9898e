/** Names under which cosign keeps a key pair in a forge. */
export const secretNames = { password: 'COSIGN_PASSWORD', privateKey: 'COSIGN_PRIVATE_KEY', publicKey: 'COSIGN_PUBLIC_KEY' } as const

export type SecretName = (typeof secretNames)[keyof typeof secretNames]

/** Where a project, group, repository or organization of a forge keeps secrets for its pipelines. */
export type SecretStore = {
  readonly name: string // `project a/b on gitlab.com`
  readonly kind: 'project variable' | 'group variable' | 'github actions secret'
  readonly has: (name: SecretName) => Promise<boolean>
  /**
   * Writes one secret. A throw of kind `unavailable` leaves unknown whether it landed.
   *
   * @param exists - whether there is one to replace, as `has` said
   * @returns what a person should know of how it was stored
   */
  readonly put: (name: SecretName, value: Uint8Array, exists: boolean) => Promise<{ readonly note?: string }>
}
