import type { Json } from '../../codec/json.ts'

/** A document with these members in every object of it, each with this value: what is looked at anywhere is then found there, too. */
export function withPlanted(document: Json, names: Iterable<string>, value: Json): Json {
  const planted = Object.fromEntries([...names].map(name => [name, value]))
  const plant = (into: Json): Json => {
    if (Array.isArray(into)) return into.map(plant)
    if (typeof into !== 'object' || into === null) return into
    return { ...Object.fromEntries(Object.entries(into).map(([name, member]) => [name, plant(member)])), ...planted }
  }
  return plant(document)
}
