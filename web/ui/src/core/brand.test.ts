// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { brandOf } from './brand';

function page(head: string): ParentNode {
  return new DOMParser().parseFromString(`<html><head>${head}</head></html>`, 'text/html');
}

it('takes what the server wrote into the page', () => {
  const head = '<meta name="application-name" content="Visio"><meta name="souffleur-logo" content="/theme/logo.svg">';
  expect(brandOf(page(head))).toEqual({ name: 'Visio', logo: '/theme/logo.svg' });
});

it.each([
  ['nothing', ''],
  ['a logo from elsewhere', '<meta name="souffleur-logo" content="https://example.org/logo.svg">'],
])('is our own with %s', (_, head) => {
  expect(brandOf(page(head))).toEqual({ name: 'Souffleur', logo: '' });
});
