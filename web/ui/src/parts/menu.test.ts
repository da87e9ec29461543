import { expect, it } from 'vitest';
import { target } from './menu';

it.each([
  ['ArrowDown', 0, 1],
  ['ArrowDown', 2, 0],
  ['ArrowRight', -1, 0],
  ['ArrowUp', 0, 2],
  ['ArrowUp', -1, 2],
  ['ArrowLeft', 1, 0],
  ['Home', 2, 0],
  ['End', 0, 2],
  ['x', 0, undefined],
] as const)('%s leads from %i of three to %s', (key, at, to) => {
  expect(target(key, at, 3)).toBe(to);
});

it('leads nowhere in an empty list', () => {
  expect(target('ArrowDown', -1, 0)).toBeUndefined();
});
