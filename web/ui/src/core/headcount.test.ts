import { expect, it } from 'vitest';
import { headcount } from './headcount';

it.each([
  ['', 0],
  [' ', 0],
  ['2', 2],
  [' 40 ', 40],
  ['1', undefined],
  ['41', undefined],
  ['-3', undefined],
  ['2.5', undefined],
  ['1e1', undefined],
  ['many', undefined],
])('%j is %s', (typed, n) => {
  expect(headcount(typed)).toBe(n);
});
