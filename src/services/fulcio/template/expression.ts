/** What a template computes: text, or the truth of a comparison. */
export type TemplateValue = string | boolean

/** An expression between braces. Only `parseTemplate` makes one, so all of them are well formed. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: TemplateValue }
  | { readonly kind: 'field'; readonly name: string } // `.name`: an error where there is none
  | { readonly kind: 'index'; readonly name: string } // `index . "name"`: empty where there is none, as Go has it
  | { readonly kind: 'call'; readonly name: FunctionName; readonly operands: readonly Expression[] }

/** Functions that templates may call, and how many operands each takes at least and at most. */
export const templateFunctions = {
  eq: [2, 16],
  ne: [2, 2],
  and: [1, 16],
  or: [1, 16],
  not: [1, 1],
  printf: [1, 16],
} as const satisfies Record<string, readonly [least: number, most: number]>

export type FunctionName = keyof typeof templateFunctions

/** A part of a template. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly expression: Expression }
  | {
      readonly kind: 'if'
      readonly condition: Expression
      readonly consequent: readonly TemplatePart[]
      readonly otherwise: readonly TemplatePart[]
    }
