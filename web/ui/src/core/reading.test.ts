import { describe, expect, it } from 'vitest';
import { readTranscript } from './transcripts';
import { asText, atMoment, everything, hitsOf, languagesOf, next, passes } from './reading';

const said = (seg: string, spk: string, t0: number, lang: string, text: string, quality = 'full') => ({
  seg,
  spk,
  t0,
  t1: t0 + 2_000,
  lang,
  text,
  quality,
});

const transcript = readTranscript(
  {
    people: [
      { participant: 'p1', name: 'Anna', order: 0 },
      { participant: 'p2', name: 'Bob', order: 1 },
    ],
    names: [{ spk: 'p2', name: 'Robert' }],
    segments: [
      said('a', 'p1', 1_000, 'fr', 'La réunion, une autre réunion.'),
      said('b', 'p2', 4_000, 'en', 'Reunion it is.'),
      said('g', 'p2', 7_000, '', '', 'gap'),
      said('c', 'p2/voice-2', 10_000, 'fr', 'Non.'),
    ],
    final: true,
  },
  '"1.0"',
);
const { segments } = transcript;
const shown = (f: Partial<typeof everything>) =>
  segments.filter((s) => passes(s, { ...everything, ...f })).map((s) => s.seg);

describe('what is shown', () => {
  it.each([
    [{}, ['a', 'b', 'g', 'c']],
    [{ query: 'REUNION' }, ['a', 'b']],
    [{ speaker: 'p2' }, ['b', 'g', 'c']],
    [{ speaker: 'p2/voice-2' }, ['c']],
    [{ lang: 'fr' }, ['a', 'c']],
    [{ query: 'reunion', lang: 'fr', speaker: 'p1' }, ['a']],
    [{ query: 'absent' }, []],
  ])('with %o is %o', (filter, segs) => {
    expect(shown(filter)).toEqual(segs);
  });

  it('has languages, the most frequent first', () => {
    expect(languagesOf(segments)).toEqual(['fr', 'en']);
  });
});

describe('matches', () => {
  it('are counted one by one', () => {
    expect(hitsOf(segments, 'réunion')).toEqual([
      { seg: 'a', n: 0 },
      { seg: 'a', n: 1 },
      { seg: 'b', n: 0 },
    ]);
    expect(hitsOf(segments, ' ')).toEqual([]);
  });

  it.each([
    [3, -1, 1, 0],
    [3, -1, -1, 2],
    [3, 2, 1, 0],
    [3, 0, -1, 2],
    [0, -1, 1, -1],
  ] as const)('of %d, from %d by %d is %d', (count, at, by, then) => {
    expect(next(count, at, by)).toBe(then);
  });
});

describe('a moment', () => {
  it.each([
    [0, 'a'],
    [2_999, 'a'],
    [3_000, 'b'],
    [11_000, 'c'],
    [99_000, 'c'],
  ])('%d ms is in segment %s', (ms, seg) => {
    expect(atMoment(segments, ms)?.seg).toBe(seg);
  });

  it('of nothing is nowhere', () => {
    expect(atMoment([], 5)).toBeUndefined();
  });
});

it('is copied as lines with time and name', () => {
  expect(asText(transcript, segments, (ms) => `${ms / 1000}`)).toBe(
    '[1] Anna: La réunion, une autre réunion.\n[4] Robert: Reunion it is.\n[10] Robert (2): Non.',
  );
});
