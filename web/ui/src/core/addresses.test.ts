import { expect, it } from 'vitest';
import { readAddresses } from './addresses';

it.each([
  ['', [], ''],
  ['Ada@Example.org', ['ada@example.org'], ''],
  [
    'ada@example.org, bob@example.org;\ncleo@example.org  ada@example.org',
    ['ada@example.org', 'bob@example.org', 'cleo@example.org'],
    '',
  ],
  ['ada@example.org bob', ['ada@example.org'], 'bob'],
  ['Ada <ada@example.org>', [], 'ada'],
  ['ada@@example.org', [], 'ada@@example.org'],
  ['ada@example..org', [], 'ada@example..org'],
])('%j', (typed, good, wrong) => {
  expect(readAddresses(typed)).toEqual({ good, wrong });
});
