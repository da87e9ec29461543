// The keys of a meeting: the handler and the help dialog read this one list.

export const shortcuts = [
  { id: 'mic', key: 'm' },
  { id: 'camera', key: 'v' },
  { id: 'captions', key: 'c' },
  { id: 'hand', key: 'h' },
  { id: 'react', key: 'e' },
  { id: 'people', key: 'p' },
  { id: 'chat', key: 't' },
  { id: 'transcript', key: 'r' },
  { id: 'help', key: '?' },
  { id: 'back', key: 'PageUp' },
  { id: 'forward', key: 'PageDown' },
] as const;

export type Shortcut = (typeof shortcuts)[number]['id'];

/** What of a key press counts; a KeyboardEvent has it. */
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly repeat: boolean;
  readonly target: EventTarget | null;
}

/** Where somebody writes, or chooses by letters. */
const writing = 'input, select, textarea, [contenteditable], dialog';
/** What scrolls keeps the keys that turn pages. */
const scrolling = '[role="log"], aside';

/**
 * What a key press asks for. Single characters count only if `letters`: people who dictate, or whose hand slips, switch
 * them off (WCAG 2.1.4).
 */
export function shortcutOf(press: Press, letters: boolean): Shortcut | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey || press.repeat) return undefined;
  const pressed = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const found = shortcuts.find((s) => s.key === pressed);
  if (!found || (isLetter(found.key) && !letters)) return undefined;
  const target = press.target instanceof Element ? press.target : undefined;
  if (target?.closest(writing) || (!isLetter(found.key) && target?.closest(scrolling))) return undefined;
  return found.id;
}

export function isLetter(key: string): boolean {
  return key.length === 1;
}

/** For aria-keyshortcuts. */
export function keyOf(id: Shortcut): string {
  return shortcuts.find((s) => s.id === id)?.key ?? '';
}
