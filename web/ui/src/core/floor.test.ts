import { describe, expect, it } from 'vitest';
import { Floor } from './floor';

/** Hears each line of the score for its time, in steps of 400 ms; returns who has the floor at the end of each. */
function play(...score: readonly (readonly [who: string, ms: number])[]): (string | undefined)[] {
  const floor = new Floor();
  let now = 0;
  return score.map(([who, ms]) => {
    let holder: string | undefined;
    for (const end = now + ms; now < end; now += 400) holder = floor.hear(new Set(who.split(' ').filter(Boolean)), now);
    return holder;
  });
}

describe('the floor', () => {
  it('goes to the first who speaks, at once', () => {
    expect(play(['', 4_000], ['ada', 400])).toEqual([undefined, 'ada']);
  });

  it('stays with who spoke last', () => {
    expect(play(['ada', 4_000], ['', 60_000])).toEqual(['ada', 'ada']);
  });

  it('follows who speaks for a while', () => {
    expect(play(['ada', 4_000], ['ben', 2_000])).toEqual(['ada', 'ben']);
  });

  it('does not follow a cough', () => {
    expect(play(['ada', 4_000], ['ben', 800], ['ada', 2_000], ['ben', 800])).toEqual(['ada', 'ada', 'ada', 'ada']);
  });

  it('is held for some seconds', () => {
    expect(play(['ada', 400], ['ben', 2_000], ['ben', 2_000])).toEqual(['ada', 'ada', 'ben']);
  });

  it('stays while its holder speaks, whoever interrupts', () => {
    expect(play(['ada', 4_000], ['ada ben', 10_000], ['ben', 400])).toEqual(['ada', 'ada', 'ben']);
  });

  it('is free when its holder has left', () => {
    const floor = new Floor();
    floor.hear(new Set(['ada']), 0);
    floor.forget('ada');
    expect(floor.hear(new Set(), 400)).toBeUndefined();
    expect(floor.hear(new Set(['ben']), 800)).toBe('ben');
    expect(floor.lastHeardMs('ada')).toBe(-Infinity);
    expect(floor.lastHeardMs('ben')).toBe(800);
  });
});
