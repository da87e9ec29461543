import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Gather, gatherMs } from './gather';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('says one name, and many as a number', () => {
  const said: string[] = [];
  const gather = new Gather((first, count) => said.push(count === 1 ? first : String(count)));
  gather.add('Ada');
  vi.advanceTimersByTime(gatherMs);
  for (const name of ['Ben', 'Cid', 'Dan']) gather.add(name);
  expect(said).toEqual(['Ada']);
  vi.advanceTimersByTime(gatherMs);
  expect(said).toEqual(['Ada', '3']);
});

it('says once a second at most, however many come', () => {
  const said: number[] = [];
  const gather = new Gather((_, count) => said.push(count));
  for (let ms = 0; ms < 10_000; ms += 50) {
    gather.add(`Guest ${ms}`);
    vi.advanceTimersByTime(50);
  }
  expect(said).toHaveLength(10);
  expect(Math.min(...said)).toBeGreaterThan(15);
});

it('is silent once it was stopped', () => {
  const said: number[] = [];
  const gather = new Gather((_, count) => said.push(count));
  gather.add('Ada');
  gather.stop();
  vi.advanceTimersByTime(10 * gatherMs);
  expect(said).toEqual([]);
});
