// The language of the interface: chosen by the reader or by the browser, switched without a reload. It is never the
// language of the speech.

import { Cell, type Readable } from '../core/cell';
import { en } from './en';
import { fr } from './fr';

type Widened<T> = T extends string
  ? string
  : T extends (...values: infer V) => string
    ? (...values: V) => string
    : { readonly [K in keyof T]: Widened<T[K]> };

/** What every language must have: the keys and values of the English texts. */
export type Catalogue = Widened<typeof en>;

export const locales = ['en', 'fr'] as const;
export type Locale = (typeof locales)[number];
export const localeNames: Record<Locale, string> = { en: 'English', fr: 'Français' };

const catalogues: Record<Locale, Catalogue> = { en, fr };

/** The first of the browser's languages that we have. */
export function localeFor(languages: readonly string[]): Locale {
  for (const l of languages) {
    const found = locales.find((known) => l.toLowerCase().split('-')[0] === known);
    if (found) return found;
  }
  return 'en';
}

export class Language {
  readonly locale: Cell<Locale>;
  readonly #texts: Cell<Catalogue>;

  constructor(first: Locale) {
    this.locale = new Cell(first);
    this.#texts = new Cell(catalogues[first]);
  }

  get texts(): Readable<Catalogue> {
    return this.#texts;
  }

  choose(locale: Locale): void {
    this.#texts.set(catalogues[locale]);
    this.locale.set(locale);
  }
}
