// A Cell is a value that can be watched. It follows Svelte's store contract, so views read it as $cell, and needs no
// framework, so the core is tested without one.

export interface Readable<T> {
  get(): T;
  /** Calls run now and after each change; returns the end of the subscription. */
  subscribe(run: (value: T) => void): () => void;
}

export class Cell<T> implements Readable<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const run of [...this.#watchers]) run(value);
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  subscribe(run: (value: T) => void): () => void {
    this.#watchers.add(run);
    run(this.#value);
    return () => this.#watchers.delete(run);
  }
}
