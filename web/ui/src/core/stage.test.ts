import { describe, expect, it } from 'vitest';
import type { Peer } from './signal';
import { mainOf, newestFirst, TileOrder, type Cast } from './stage';

const peer = (participant: string): Peer => ({
  participant,
  name: participant,
  role: 'participant',
  order: 0,
  sources: [],
  opt_out: false,
  captioner: false,
  present: true,
});

describe('the large picture', () => {
  const cast = (change: Partial<Cast> = {}): Cast => ({
    people: ['me', 'ada', 'ben'].map(peer),
    me: 'me',
    sharing: [],
    mode: 'grid',
    pinned: undefined,
    speaker: undefined,
    ...change,
  });

  it('is none in a grid', () => {
    expect(mainOf(cast({ speaker: 'ada' }))).toBeUndefined();
  });

  it('is who speaks, and somebody else before anybody did', () => {
    expect(mainOf(cast({ mode: 'speaker', speaker: 'ben' }))).toEqual({ participant: 'ben', source: 'camera' });
    expect(mainOf(cast({ mode: 'speaker' }))).toMatchObject({ participant: 'ada' });
    expect(mainOf(cast({ mode: 'speaker', speaker: 'gone' }))).toMatchObject({ participant: 'ada' });
  });

  it('is not oneself', () => {
    expect(mainOf(cast({ mode: 'speaker', speaker: 'me' }))).toMatchObject({ participant: 'ada' });
    expect(mainOf(cast({ mode: 'speaker', people: [peer('me')] }))).toBeUndefined();
  });

  it('is a shared screen, the newest one', () => {
    expect(mainOf(cast({ sharing: ['ben', 'ada'] }))).toEqual({ participant: 'ben', source: 'screen' });
  });

  it('is what is pinned, as long as it is there', () => {
    const pinned = { participant: 'ada', source: 'camera' } as const;
    expect(mainOf(cast({ pinned, sharing: ['ben'] }))).toEqual(pinned);
    expect(mainOf(cast({ pinned: { participant: 'gone', source: 'camera' } }))).toBeUndefined();
    const screen = { participant: 'ada', source: 'screen' } as const;
    expect(mainOf(cast({ pinned: screen, sharing: ['ben', 'ada'] }))).toEqual(screen);
    expect(mainOf(cast({ pinned: screen, sharing: ['ben'] }))).toEqual({ participant: 'ben', source: 'screen' });
  });
});

it('screens are listed newest first, whatever the order of the roster', () => {
  expect(newestFirst([], ['ada'])).toEqual(['ada']);
  expect(newestFirst(['ben'], ['ada', 'ben'])).toEqual(['ada', 'ben']);
  expect(newestFirst(['ada', 'ben'], ['ben'])).toEqual(['ben']);
});

describe('the order of tiles', () => {
  const perPage = 4;
  const crowd = Array.from({ length: 10 }, (_, i) => `p${i}`);
  const silent = { speaker: undefined, lastHeardMs: () => -Infinity };
  const speaks = (speaker: string, heard: Record<string, number> = {}) => ({
    speaker,
    lastHeardMs: (p: string) => heard[p] ?? -Infinity,
  });

  it('is as people came', () => {
    expect(new TileOrder().take(crowd, 'p1', perPage, silent)).toEqual(crowd);
  });

  it('has oneself on the first page', () => {
    const order = new TileOrder().take(crowd, 'p7', perPage, silent);
    expect(order.slice(0, perPage)).toEqual(['p0', 'p1', 'p2', 'p7']);
    expect(order[7]).toBe('p3');
  });

  it('does not move for who speaks on the first page', () => {
    const tiles = new TileOrder();
    expect(tiles.take(crowd, 'p0', perPage, speaks('p3'))).toEqual(crowd);
  });

  it('swaps who speaks behind with who was silent longest, and nobody else moves', () => {
    const tiles = new TileOrder();
    const order = tiles.take(crowd, 'p0', perPage, speaks('p8', { p1: 50, p2: 20, p3: 90 }));
    expect(order).toEqual(['p0', 'p1', 'p8', 'p3', 'p4', 'p5', 'p6', 'p7', 'p2', 'p9']);
  });

  it('keeps who was moved when he falls silent', () => {
    const tiles = new TileOrder();
    const order = tiles.take(crowd, 'p0', perPage, speaks('p8'));
    expect(tiles.take(crowd, 'p0', perPage, silent)).toEqual(order);
    expect(order.slice(0, perPage)).toContain('p8');
  });

  it('never gives away the own place', () => {
    const tiles = new TileOrder();
    for (const who of crowd.slice(1)) {
      const order = tiles.take(crowd, 'p0', 1, speaks(who));
      expect(order[0]).toBe('p0');
    }
  });

  it('appends who joins and closes up after who leaves', () => {
    const tiles = new TileOrder();
    tiles.take(crowd, 'p0', perPage, speaks('p8'));
    const order = tiles.take([...crowd.filter((p) => p !== 'p1'), 'new'], 'p0', perPage, silent);
    expect(order.at(-1)).toBe('new');
    expect(order).toHaveLength(10);
    expect(order).not.toContain('p1');
  });

  it('has everybody exactly once, whatever happens', () => {
    const tiles = new TileOrder();
    let here: string[] = [];
    for (let i = 0; i < 500; i++) {
      const who = `p${(i * 7919) % 40}`;
      here = here.includes(who) && i % 3 === 0 ? here.filter((p) => p !== who) : [...new Set([...here, who])];
      const spotlight = speaks(here[(i * 31) % Math.max(1, here.length)] ?? '', { [who]: i });
      const order = tiles.take(here, here[i % 5], 1 + (i % 12), spotlight);
      expect([...order].sort()).toEqual([...here].sort());
    }
  });
});
