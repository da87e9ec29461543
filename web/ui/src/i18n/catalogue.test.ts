import { describe, expect, it } from 'vitest';
import { en } from './en';
import { duration, isoDuration, position } from './format';
import { fr } from './fr';
import { Language, localeFor } from './index';

const sources = import.meta.glob<string>('../**/*.{ts,svelte}', { query: '?raw', import: 'default', eager: true });

type Entry = readonly [key: string, value: unknown];

function entries(catalogue: object, path = ''): Entry[] {
  return Object.entries(catalogue).flatMap(([key, value]: [string, unknown]): Entry[] => {
    const full = path === '' ? key : `${path}.${key}`;
    return typeof value === 'object' && value !== null ? entries(value, full) : [[full, value]];
  });
}

/** Texts as a reader gets them; functions are called with stand-ins. */
function texts(catalogue: object): [string, string][] {
  return entries(catalogue).map(([key, value]) => [
    key,
    typeof value === 'function' ? String(value(...Array<number>(value.length).fill(2))) : String(value),
  ]);
}

describe('the languages', () => {
  it('have the same keys, of the same kind', () => {
    const shape = (catalogue: object) =>
      entries(catalogue).map(([k, v]) => `${k} ${typeof v === 'function' ? `(${v.length})` : typeof v}`);
    expect(shape(fr)).toEqual(shape(en));
  });

  it('leave nothing empty, and nothing untranslated by mistake', () => {
    const same = new Set(['home.enterExample', 'home.create', 'look.fonts.atkinson']);
    const english = new Map(texts(en));
    for (const [key, text] of texts(fr)) {
      expect(text.trim(), key).not.toBe('');
      if (text === english.get(key) && /[a-z]{4} [a-z]{3}/i.test(text)) expect(same, key).toContain(key);
    }
  });

  it('are typeset in French as the French do', () => {
    for (const [key, text] of texts(fr)) {
      expect(text, key).not.toMatch(/[^\u202f\d:][;:!?»](?!\/)/);
      expect(text, key).not.toMatch(/«[^\u202f]/);
      expect(text, key).not.toContain("'");
    }
  });

  it('hold no text that nothing shows', () => {
    const shown = Object.entries(sources)
      .filter(([path]) => !/\.test\.ts$|\/(en|fr)\.ts$/.test(path))
      .map(([, text]) => text)
      .join('\n');
    // By its own name, or chosen from its group by a value: $t.level[level], names = $t.admin.states;
    const used = (key: string) =>
      new RegExp(`\\.${key}\\b`).test(shown) ||
      groupsOf(key).some((group) => new RegExp(`\\.${group}(\\[|;)`).test(shown));
    const unused = entries(en)
      .map(([key]) => key)
      .filter((key) => !used(key));
    expect(unused).toEqual([]);
  });
});

describe('the language', () => {
  it.each([
    [['fr-CA', 'en'], 'fr'],
    [['de', 'fr'], 'fr'],
    [['de'], 'en'],
    [[], 'en'],
  ] as const)('for a browser of %j is %s', (languages, locale) => {
    expect(localeFor(languages)).toBe(locale);
  });

  it('changes all texts at once', () => {
    const language = new Language('en');
    const seen: string[] = [];
    language.texts.subscribe((t) => seen.push(t.room.leave));
    language.choose('fr');
    expect(seen).toEqual(['Leave', 'Quitter']);
    expect(language.locale.get()).toBe('fr');
  });
});

describe('numbers', () => {
  it('have their plural', () => {
    expect([0, 1, 2].map(en.count.people)).toEqual(['0 people', '1 person', '2 people']);
    expect([0, 1, 2].map(fr.count.people)).toEqual(['0 personne', '1 personne', '2 personnes']);
  });

  it('of a duration are short', () => {
    expect(duration(en, 20_000)).toBe('under a minute');
    expect(duration(en, 62 * 60_000)).toBe('1 h 2 min');
  });

  it('of a position read like a clock', () => {
    expect([0, 61_500, 3_600_000, -5].map(position)).toEqual(['0:00', '1:01', '1:00:00', '0:00']);
    expect(isoDuration(61_500)).toBe('PT61S');
  });
});

/** "trouble.mic" and "trouble" of "trouble.mic.denied". */
function groupsOf(key: string): string[] {
  const parts = key.split('.');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'));
}
