// What a room's speech is like, as its organizers describe it for the captions.

/** Languages offered by name, the most frequent in Europe first; a room may hold others that were set elsewhere. */
export const commonLanguages = [
  'fr', 'en', 'de', 'es', 'it', 'pt', 'nl', 'pl', 'ro', 'cs', 'sv', 'da', 'fi', 'el', 'hu', 'uk', 'ar', 'tr',
] as const; // prettier-ignore

export const mostLanguages = 8;
export const mostTerms = 30;
export const longestTerm = 40;

/** The terms of a glossary as typed: one a line, or separated by commas. */
export function termsOf(typed: string): string[] {
  const terms = typed.split(/[\n,;]/u).map((term) => term.trim().replace(/\s+/gu, ' '));
  return [...new Set(terms.filter((term) => term !== ''))];
}

/** Whether a speech model recognises other languages than English badly: Whisper's two smallest do. */
export function weakModel(engine: string): boolean {
  return /^whisper-(?:tiny|base)\b/u.test(engine);
}
