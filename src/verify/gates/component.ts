import { CountersignError } from '../../codec/error.ts'
import { quote } from '../../codec/text.ts'
import type { Component } from '../../formats/predicates/predicate.ts'
import { isPackage, type Purl, parsePurl } from '../../formats/purl.ts'
import { forEachComponent } from './attested-predicate.ts'
import type { Gate } from './gate.ts'
import { listed } from './listed.ts'

/** A component that somebody asks for: by its name, exactly, or as a package, in any version unless one is told. */
export type WantedComponent = { readonly text: string; readonly purl: Purl | undefined }

/**
 * What somebody asks for by text: a package URL, or else a name.
 *
 * @throws CountersignError `USAGE` for what begins like a package URL and is none
 */
export function parseWantedComponent(text: string, what: string): WantedComponent {
  const purl = parsePurl(text)
  if (text === '' || (!purl && text.startsWith('pkg:')))
    throw new CountersignError('USAGE', `${what}: want a name or a package URL such as pkg:npm/left-pad@1.3.0, got ${quote(text)}`)
  return { text, purl }
}

/**
 * Step `component`: an SBOM lists every one of these.
 *
 * `check` throws CountersignError `COMPONENT_MISSING`, and what reading the SBOM throws.
 *
 * @param wanted - at least one
 */
export function componentGate(wanted: readonly WantedComponent[]): Gate {
  return {
    step: 'component',
    wanted: wanted.map(({ text }) => quote(text)).join(', '),
    check: ({ statement }) => {
      const missing = new Set(wanted)
      const wantsPackages = wanted.some(({ purl }) => purl)
      const count = forEachComponent(statement, component => {
        if (missing.size === 0) return // the rest is read all the same: it must be an SBOM to its end
        const found = wantsPackages && component.purl !== undefined ? parsePurl(component.purl) : undefined
        for (const each of missing)
          if (each.purl ? found && isPackage(found, each.purl) : each.text === component.name) missing.delete(each)
      })
      if (missing.size === 0) return `among ${count} components`
      throw new CountersignError('COMPONENT_MISSING', `not among ${count} components: ${listed([...missing], ({ text }) => quote(text))}`)
    },
  }
}

/** A component as messages name it. */
export function describeComponent({ name, version, purl }: Component): string {
  return quote(purl ?? (version === undefined ? name : `${name} ${version}`))
}
