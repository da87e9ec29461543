// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onSwipe } from './swipe';

describe('swiping', () => {
  let element: HTMLElement;
  let turns: number[];
  let stop: () => void;

  beforeEach(() => {
    element = document.createElement('div');
    turns = [];
    stop = onSwipe(element, (by) => turns.push(by));
  });
  afterEach(() => stop());

  function touch(type: string, x: number, y: number, fingers = 1): void {
    const point = { identifier: 1, clientX: x, clientY: y };
    const e = Object.assign(new Event(type), { touches: Array(fingers).fill(point), changedTouches: [point] });
    element.dispatchEvent(e);
  }

  function swipe(x: number, y: number, fingers = 1): void {
    touch('touchstart', 200, 200, fingers);
    touch('touchend', 200 + x, 200 + y, 0);
  }

  it('to the left goes on, to the right goes back', () => {
    swipe(-100, 10);
    swipe(100, -10);
    expect(turns).toEqual([1, -1]);
  });

  it('is neither a tap, nor scrolling, nor two fingers', () => {
    swipe(-20, 0);
    swipe(-80, 70);
    swipe(-200, 0, 2);
    expect(turns).toEqual([]);
  });

  it('is over with its end', () => {
    stop();
    swipe(-100, 0);
    expect(turns).toEqual([]);
  });
});
