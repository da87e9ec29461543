// Plural forms by the rules of a language.

type Forms = { readonly other: string } & { readonly [form in Intl.LDMLPluralRule]?: string };

export function plural(locale: string, n: number, forms: Forms): string {
  return forms[new Intl.PluralRules(locale).select(n)] ?? forms.other;
}
