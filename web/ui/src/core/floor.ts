// Who has the floor: whom the large tile follows. It does not jump at every cough, nor while two talk at once.

/** How long somebody must speak before the large tile goes to them, unless nobody had it. */
const promoteMs = 1_500;
/** How long the large tile stays at least. */
const holdMs = 3_000;

export class Floor {
  #holder: string | undefined;
  #sinceMs = -Infinity; // when the holder got it
  readonly #began = new Map<string, number>(); // those who speak now
  readonly #last = new Map<string, number>();

  /** Takes who speaks at this moment (monotonic clock); returns who has the floor. Called a few times a second. */
  hear(speaking: ReadonlySet<string>, nowMs: number): string | undefined {
    for (const who of this.#began.keys()) if (!speaking.has(who)) this.#began.delete(who);
    for (const who of speaking) {
      if (!this.#began.has(who)) this.#began.set(who, nowMs);
      this.#last.set(who, nowMs);
    }
    const next = this.#next(nowMs);
    if (next !== undefined && next !== this.#holder) {
      this.#holder = next;
      this.#sinceMs = nowMs;
    }
    return this.#holder;
  }

  /** When somebody was last heard; -Infinity: never. */
  lastHeardMs(who: string): number {
    return this.#last.get(who) ?? -Infinity;
  }

  forget(who: string): void {
    this.#began.delete(who);
    this.#last.delete(who);
    if (this.#holder === who) this.#holder = undefined;
  }

  #next(nowMs: number): string | undefined {
    const [first] = [...this.#began].sort(([, a], [, b]) => a - b); // who has spoken longest
    if (!first) return undefined;
    if (this.#holder === undefined) return first[0];
    if (this.#began.has(this.#holder) || nowMs - this.#sinceMs < holdMs) return undefined;
    return nowMs - first[1] >= promoteMs ? first[0] : undefined;
  }
}
