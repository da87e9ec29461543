import { expect, it } from 'vitest';
import { themeOf } from './theme';

it.each([
  ['system', false, false, 'light'],
  ['system', true, false, 'dark'],
  ['light', true, false, 'light'],
  ['dark', false, false, 'dark'],
  ['light', false, true, 'dark'],
] as const)('of the choice %s, on a dark system: %s, in a meeting: %s, is %s', (choice, system, meeting, theme) => {
  expect(themeOf(choice, system, meeting)).toBe(theme);
});
