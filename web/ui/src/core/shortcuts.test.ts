// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { isLetter, shortcutOf, shortcuts, type Press } from './shortcuts';

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  target: document.body,
  ...more,
});

it('gives each key one meaning', () => {
  expect(new Set(shortcuts.map((s) => s.key)).size).toBe(shortcuts.length);
  expect(new Set(shortcuts.map((s) => s.id)).size).toBe(shortcuts.length);
});

it.each(shortcuts)('knows $key', ({ id, key }) => {
  expect(shortcutOf(press(key), true)).toBe(id);
  expect(shortcutOf(press(key.toUpperCase().replace('PAGE', 'Page')), true)).toBe(key.length === 1 ? id : undefined);
});

it.each(shortcuts)('switches $key off with the letters if it is one', ({ id, key }) => {
  expect(shortcutOf(press(key), false)).toBe(isLetter(key) ? undefined : id);
});

it.each(['ctrlKey', 'metaKey', 'altKey', 'repeat'] as const)('leaves the browser what comes with %s', (held) => {
  for (const { key } of shortcuts) expect(shortcutOf(press(key, { [held]: true }), true)).toBeUndefined();
});

it.each(['input', 'textarea', 'select', 'dialog'])('does not act while somebody writes in a %s', (tag) => {
  const target = document.createElement(tag);
  for (const { key } of shortcuts) expect(shortcutOf(press(key, { target }), true)).toBeUndefined();
});

it('does not turn pages of people while a panel scrolls', () => {
  const target = document.createElement('aside');
  expect(shortcutOf(press('PageDown', { target }), true)).toBeUndefined();
  expect(shortcutOf(press('m', { target }), true)).toBe('mic');
});
