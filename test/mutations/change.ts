/** One thing done to a value. `kind` says what, in words that classes of mutants are named by. */
export type Change<T> = { readonly kind: string; readonly value: T }
