import { describe, expect, it } from 'vitest';
import { countHits, markedPieces, pieces } from './search';
import { turnsOf } from './turns';

describe('search', () => {
  it.each([
    ['La Réunion de l’été', 'reunion', ['La ', '*Réunion', ' de l’été']],
    ['Straße', 'STRASSE', ['Straße']],
    ['aaa', 'a', ['*a', '*a', '*a']],
    ['🌻 sun 🌻', 'SUN', ['🌻 ', '*sun', ' 🌻']],
    ['e\u0301te\u0301', 'ete', ['*e\u0301te\u0301']],
    ['nothing here', 'xyz', ['nothing here']],
    ['all', '  ', ['all']],
  ])('marks in "%s" what matches "%s"', (text, query, marked) => {
    expect(pieces(text, query).map((p) => (p.hit ? '*' : '') + p.text)).toEqual(marked);
  });

  it.each([
    ['🌻 Les réunions.', [{ from: 6, to: 14 }], ['🌻 Les ', '*réunions', '.']],
    [
      'un un',
      [
        { from: 0, to: 2 },
        { from: 3, to: 5 },
      ],
      ['*un', ' ', '*un'],
    ],
    ['nothing', [], ['nothing']],
    [
      'short',
      [
        { from: 2, to: 99 },
        { from: 1, to: 3 },
      ],
      ['sh', '*ort'],
    ],
    ['', [], []],
  ])('marks in "%s" what the server found', (text, marks, marked) => {
    expect(markedPieces(text, marks).map((p) => (p.hit ? '*' : '') + p.text)).toEqual(marked);
  });

  it('counts matches', () => {
    expect(countHits('one on one', 'one')).toBe(2);
  });
});

describe('turns', () => {
  const said = (spk: string, t0: number) => ({
    seg: `${spk}${t0}`,
    spk,
    track: 't1',
    t0,
    t1: t0 + 1000,
    lang: 'en',
    text: '',
    gap: false,
    original: undefined,
  });

  it('join what one speaker says in a row', () => {
    const turns = turnsOf([said('a', 0), said('a', 2000), said('b', 4000), said('a', 6000)]);
    expect(turns.map((t) => [t.spk, t.segments.length])).toEqual([
      ['a', 2],
      ['b', 1],
      ['a', 1],
    ]);
  });

  it('are broken in a long speech, so that each paragraph has a time', () => {
    expect(turnsOf([said('a', 0), said('a', 59_000), said('a', 61_000)]).map((t) => t.t0)).toEqual([0, 61_000]);
  });
});
