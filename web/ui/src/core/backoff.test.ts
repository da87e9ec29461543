import { expect, it } from 'vitest';
import { afterGone, delayMs, firstDelayMs, longestDelayMs } from './backoff';

it('waits longer with each try, up to a bound that never ends the trying', () => {
  const delays = Array.from({ length: 20 }, (_, attempt) => delayMs(attempt, 0.999));
  expect(delays).toEqual([...delays].sort((a, b) => a - b));
  expect(delays[0]).toBeLessThanOrEqual(firstDelayMs);
  expect(delays.at(-1)).toBeLessThanOrEqual(longestDelayMs);
  expect(delayMs(5_000, 0.5)).toBeLessThanOrEqual(longestDelayMs);
});

it('spreads those who lost the server at the same moment', () => {
  expect(delayMs(6, 0)).toBe(longestDelayMs / 2);
  expect(delayMs(6, 0.999)).toBeGreaterThan(0.99 * longestDelayMs);
});

it('tries several times within the 60 s that a place is kept', () => {
  let passedMs = 0;
  let tries = 0;
  while (passedMs < 60_000) passedMs += delayMs(tries++, 0.999);
  expect(tries).toBeGreaterThanOrEqual(7);
});

it.each([
  ['shutdown', 'resume'],
  ['expired', 'rejoin'],
  ['bad_token', 'rejoin'],
  ['ended', 'stop'],
  ['replaced', 'stop'],
  ['flood', 'stop'],
  ['', 'stop'],
] as const)('after %s: %s', (code, then) => {
  expect(afterGone(code)).toBe(then);
});
