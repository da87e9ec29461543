import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Reactions, shownMs } from './reactions';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('shows the newest of each person for a while', () => {
  const r = new Reactions();
  r.show('ada', '👍', 0);
  vi.advanceTimersByTime(2_000);
  r.show('ben', '🎉', 2_000);
  r.show('ada', '👏', 2_000);
  expect([...r.shown.get()]).toEqual([
    ['ben', '🎉'],
    ['ada', '👏'],
  ]);
  vi.advanceTimersByTime(shownMs - 100);
  expect(r.shown.get().size).toBe(2);
  vi.advanceTimersByTime(100);
  expect(r.shown.get().size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

it('is bounded, however many people there are', () => {
  const r = new Reactions();
  for (let n = 0; n < 2_000; n++) r.show(`p${n}`, '👍', 0);
  expect(r.shown.get().size).toBe(500);
  r.stop();
  expect([r.shown.get().size, vi.getTimerCount()]).toEqual([0, 0]);
});

it('sends no more than the server takes', () => {
  const r = new Reactions();
  expect([0, 10, 20, 30].map((ms) => r.allow(ms))).toEqual([true, true, true, false]);
  expect(r.allow(3_100)).toBe(true);
});
