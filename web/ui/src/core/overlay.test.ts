import { describe, expect, it } from 'vitest';
import type { Shown } from './captions';
import { blocks, breakLines, cut, LineBook, Scroll, scrollEveryMs, type Line } from './overlay';
import type { Caption } from './signal';

function caption(change: Partial<Caption> = {}): Caption {
  const c = { seg: 's1', rev: 1, spk: 'p1', t0: 0, t1: 1000, lang: 'en', text: '', stable: 0, final: false };
  return { ...c, ...change };
}
const said = (lines: readonly Line[]) => lines.map((l) => l.solid + l.tail);

describe('cut', () => {
  it.each([
    ['plain letters', 'hello', 2, 'he', 'llo'],
    ['beyond the Basic Multilingual Plane', '🌻🌻a', 2, '🌻🌻', 'a'],
    ['nothing stable', 'abc', 0, '', 'abc'],
    ['more than there is', 'abc', 9, 'abc', ''],
  ])('%s: counts code points', (_, text, stable, solid, tail) => {
    expect(cut(text, stable)).toEqual({ solid, tail });
  });
});

describe('breakLines', () => {
  const text = 'the quick brown fox jumps over the lazy dog again';

  it('fills lines up to the limit', () => {
    expect(said(breakLines(caption({ text }), 20))).toEqual([
      'the quick brown fox',
      'jumps over the lazy',
      'dog again',
    ]);
  });

  it('never moves a full line while text is added', () => {
    let before: Line[] = [];
    for (let n = 1; n <= text.length; n++) {
      const lines = breakLines(caption({ text: text.slice(0, n) }), 20, before);
      const full = said(before).slice(0, -1);
      expect(said(lines).slice(0, full.length)).toEqual(full);
      before = lines;
    }
  });

  it('swaps a changed word in place, without breaking the lines anew', () => {
    const before = breakLines(caption({ text }), 20);
    const after = breakLines(caption({ text: text.replace('quick', 'quicker'), final: true }), 20, before);
    expect(said(after)).toEqual(['the quicker brown fox', 'jumps over the lazy', 'dog again']);
  });

  it('breaks anew where a kept line would become far too long', () => {
    const before = breakLines(caption({ text }), 20);
    const after = breakLines(caption({ text: text.replace('quick', 'extraordinarily quick') }), 20, before);
    expect(Math.max(...said(after).map((l) => l.length))).toBeLessThanOrEqual(26);
    expect(said(after).join(' ')).toContain('extraordinarily quick');
  });

  it('divides each line into what is stable and what may change', () => {
    const lines = breakLines(caption({ text: 'one two three four', stable: 9 }), 8);
    expect(lines.map((l) => [l.solid, l.tail])).toEqual([
      ['one two', ''],
      ['t', 'hree'],
      ['', 'four'],
    ]);
  });

  it('has no tail in a final', () => {
    expect(breakLines(caption({ text, final: true }), 20).every((l) => l.tail === '')).toBe(true);
  });

  it('cuts what has no spaces to the length of a line', () => {
    expect(said(breakLines(caption({ text: '今日はとてもいい天気です' }), 5))).toEqual([
      '今日はとて',
      'もいい天気',
      'です',
    ]);
  });

  it('gives no lines for no text', () => {
    expect(breakLines(caption({ text: '  ' }), 20)).toEqual([]);
  });
});

describe('blocks', () => {
  const everybody = () => true;
  const shown = (spk: string, seg: string, sinceMs: number, changedMs = sinceMs): Shown => ({
    caption: caption({ seg, spk, t0: sinceMs, text: seg }),
    sinceMs,
    changedMs,
  });

  it('shows the two who spoke last, in the order they began', () => {
    const list = [shown('a', '1', 0, 50), shown('b', '2', 10, 20), shown('c', '3', 30, 40)];
    expect(blocks(list, everybody).map((b) => b.speaker)).toEqual(['a', 'c']);
  });

  it('does not swap two who talk at once', () => {
    const first = [shown('a', '1', 0, 50), shown('b', '2', 10, 60)];
    const then = [shown('a', '1', 0, 70), shown('b', '2', 10, 60)];
    expect(blocks(first, everybody).map((b) => b.speaker)).toEqual(blocks(then, everybody).map((b) => b.speaker));
  });

  it('holds back a caption of somebody the roster does not know yet', () => {
    expect(blocks([shown('p9/voice-1', '1', 0)], (p) => p !== 'p9')).toEqual([]);
  });

  it('heads the captions of one speaker once', () => {
    const list = [shown('a', '1', 0), shown('a', '2', 10), shown('a', '3', 20), shown('a', '4', 30)];
    const [block, ...others] = blocks(list, everybody);
    expect(others).toEqual([]);
    expect(block?.captions.map((c) => c.seg)).toEqual(['2', '3', '4']);
  });
});

describe('the book of lines', () => {
  it('keeps what is full, and forgets captions that left', () => {
    const book = new LineBook();
    const text = 'the quick brown fox jumps';
    expect(said(book.lay([caption({ text })], 12).get('s1') ?? [])).toEqual(['the quick', 'brown fox', 'jumps']);
    const changed = caption({ text: text.replace('quick', 'quickest'), rev: 2 });
    expect(said(book.lay([changed], 12).get('s1') ?? [])[0]).toBe('the quickest');
    expect([...book.lay([caption({ seg: 's2', text })], 12).keys()]).toEqual(['s2']);
  });

  it('breaks anew for another width', () => {
    const book = new LineBook();
    book.lay([caption({ text: 'one two three four' })], 8);
    expect(said(book.lay([caption({ text: 'one two three four' })], 40).get('s1') ?? [])).toEqual([
      'one two three four',
    ]);
  });
});

describe('scrolling', () => {
  const rows = (n: number, seg = 'a') => Array.from({ length: n }, (_, line) => ({ seg, line }));

  it('shows the beginning until there are more lines than fit', () => {
    const scroll = new Scroll();
    expect(scroll.take(rows(1), 2, 0)).toEqual({ top: 0, againMs: undefined });
    expect(scroll.take(rows(2), 2, 100)).toEqual({ top: 0, againMs: undefined });
    expect(scroll.take(rows(3), 2, 200)).toEqual({ top: 1, againMs: undefined });
  });

  it('moves one line at most every 2 s, however fast somebody talks', () => {
    const scroll = new Scroll();
    const moves: number[] = [];
    let top = 0;
    for (let ms = 0; ms <= 20_000; ms += 100) {
      const now = scroll.take(rows(2 + Math.floor(ms / 1_800)), 2, ms).top; // a line each 1.8 s
      if (now !== top) moves.push(ms);
      expect(now - top).toBeLessThanOrEqual(1);
      top = now;
    }
    expect(moves.length).toBeGreaterThan(5);
    moves.slice(1).forEach((ms, i) => expect(ms - (moves[i] ?? 0)).toBeGreaterThanOrEqual(scrollEveryMs));
  });

  it('says when it wants to move on', () => {
    const scroll = new Scroll();
    scroll.take(rows(3), 2, 0);
    expect(scroll.take(rows(4), 2, 500)).toEqual({ top: 1, againMs: 2_000 });
    expect(scroll.take(rows(4), 2, 2_000)).toEqual({ top: 2, againMs: undefined });
  });

  it('passes over what nobody could read any more in a burst', () => {
    const scroll = new Scroll();
    scroll.take(rows(2), 2, 0);
    expect(scroll.take(rows(30), 2, 10).top).toBe(25);
  });

  it('stays with its line while captions before it leave', () => {
    const scroll = new Scroll();
    scroll.take([...rows(2), ...rows(2, 'b')], 3, 0);
    expect(scroll.take([...rows(2), ...rows(2, 'b')], 3, 5_000).top).toBe(1);
    expect(scroll.take(rows(2, 'b'), 3, 5_100).top).toBe(0);
  });

  it('does not go back when a final is shorter than its partial', () => {
    const scroll = new Scroll();
    scroll.take(rows(5), 2, 0);
    const { top } = scroll.take(rows(5), 2, 9_000);
    expect(scroll.take(rows(4), 2, 9_100).top).toBe(Math.min(top, 3));
  });
});
