// Reactions on screen: the newest of each person, for a few seconds. Nothing of them is kept.

import { Cell } from './cell';
import type { Emoji } from './signal';

export const shownMs = 5_000;
/** As many as a room has people; more are not shown. */
const mostShown = 500;
/** Ours: a few at once, then one a second, as the server allows. */
const burst = 3;
const everyMs = 1_000;

interface Shown {
  readonly emoji: Emoji;
  readonly untilMs: number;
}

export class Reactions {
  /** By participant. */
  readonly shown = new Cell<ReadonlyMap<string, Emoji>>(new Map());
  #all = new Map<string, Shown>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sentMs: number[] = [];

  /** Takes somebody's reaction at a moment of the clock of performance.now. */
  show(participant: string, emoji: Emoji, nowMs: number): void {
    if (!this.#all.has(participant) && this.#all.size >= mostShown) return;
    this.#all.delete(participant); // so that the oldest stay first
    this.#all.set(participant, { emoji, untilMs: nowMs + shownMs });
    this.#publish();
    this.#timer ??= setTimeout(() => this.#expire(nowMs + shownMs), shownMs);
  }

  /** Whether one of ours may be sent now; counts it if so. */
  allow(nowMs: number): boolean {
    this.#sentMs = this.#sentMs.filter((ms) => nowMs - ms < burst * everyMs);
    if (this.#sentMs.length >= burst) return false;
    this.#sentMs.push(nowMs);
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#all.clear();
    this.#publish();
  }

  #expire(nowMs: number): void {
    this.#timer = undefined;
    for (const [who, { untilMs }] of this.#all) if (untilMs <= nowMs) this.#all.delete(who);
    this.#publish();
    const [next] = this.#all.values();
    if (next) this.#timer = setTimeout(() => this.#expire(next.untilMs), next.untilMs - nowMs);
  }

  #publish(): void {
    this.shown.set(new Map([...this.#all].map(([who, { emoji }]) => [who, emoji])));
  }
}
