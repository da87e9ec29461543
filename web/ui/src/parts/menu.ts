// Arrow keys in lists of buttons: a popover menu, and a long list with one tab stop.

/** For {@attach}: an opened popover takes the focus, and the arrow keys go through its controls. */
export function menuKeys(menu: HTMLElement): () => void {
  const opened = (e: ToggleEvent) => {
    if (e.newState === 'open') stopsOf(menu)[0]?.focus();
  };
  const key = (e: KeyboardEvent) => {
    if (!(e.target instanceof HTMLSelectElement)) move(e, stopsOf(menu)); // a choice has its own use for the arrows
  };
  menu.addEventListener('toggle', opened);
  menu.addEventListener('keydown', key);
  return () => {
    menu.removeEventListener('toggle', opened);
    menu.removeEventListener('keydown', key);
  };
}

/** Without choices: whom the arrows led into one would change it with the next press. Tab leads there. */
function stopsOf(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('button:not(:disabled), a[href]')];
}

/** Moves the focus among stops by arrow keys, Home and End. */
export function move(e: KeyboardEvent, stops: readonly HTMLElement[]): void {
  const to = target(
    e.key,
    stops.findIndex((s) => s === document.activeElement),
    stops.length,
  );
  if (to === undefined) return;
  e.preventDefault();
  stops[to]?.focus();
}

/** Where a key leads from place `at` of `count`; undefined: it is none of these keys. At the ends it goes on at the other one. */
export function target(key: string, at: number, count: number): number | undefined {
  if (count === 0) return undefined;
  switch (key) {
    case 'ArrowDown':
    case 'ArrowRight':
      return (at + 1) % count;
    case 'ArrowUp':
    case 'ArrowLeft':
      return (Math.max(at, 0) - 1 + count) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
  }
  return undefined;
}
