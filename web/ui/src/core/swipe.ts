// Swiping sideways over an element, with one finger.

/** A shorter way is no swipe. */
const farPx = 60;

/** Calls turned with 1 for a swipe to the left (on to what follows) and -1 for one to the right. Returns the end. */
export function onSwipe(element: HTMLElement, turned: (by: -1 | 1) => void): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  let from: Touch | undefined;
  const begin = (e: TouchEvent) => (from = e.touches.length === 1 ? e.touches[0] : undefined);
  const end = (e: TouchEvent) => {
    const to = e.changedTouches[0];
    if (!from || !to || to.identifier !== from.identifier) return;
    const [x, y] = [to.clientX - from.clientX, to.clientY - from.clientY];
    from = undefined;
    if (Math.abs(x) >= farPx && Math.abs(x) > 2 * Math.abs(y)) turned(x < 0 ? 1 : -1);
  };
  element.addEventListener('touchstart', begin, { signal, passive: true });
  element.addEventListener('touchend', end, { signal });
  element.addEventListener('touchcancel', () => (from = undefined), { signal });
  return () => listening.abort();
}
