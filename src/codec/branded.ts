declare const brand: unique symbol

/** A `T` that only the named parser can make, so that two things of one shape never pass for each other. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name }
