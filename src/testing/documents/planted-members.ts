import type { Json } from '../../codec/json.ts'

/** A document with these members in every object of it, each a number, which none of them may be. */
export function withPlanted(document: Json, names: Iterable<string>): Json {
  const planted = Object.fromEntries([...names].map(name => [name, 17]))
  const plant = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(plant)
    if (typeof value !== 'object' || value === null) return value
    return { ...Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plant(member)])), ...planted }
  }
  return plant(document)
}
