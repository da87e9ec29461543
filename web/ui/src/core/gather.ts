// Names that come close together are said as one sentence: "Ada joined", "5 people joined".

/** How long names are gathered, from the first one on. */
export const gatherMs = 1_000;

export class Gather {
  readonly #say: (first: string, count: number) => void;
  readonly #waitMs: number;
  #first = '';
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** say gets the first name and how many came. */
  constructor(say: (first: string, count: number) => void, waitMs = gatherMs) {
    this.#say = say;
    this.#waitMs = waitMs;
  }

  add(name: string): void {
    if (this.#count === 0) {
      this.#first = name;
      this.#timer = setTimeout(() => this.#tell(), this.#waitMs);
    }
    this.#count++;
  }

  /** Nothing is said any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#count = 0;
  }

  #tell(): void {
    const count = this.#count;
    this.#count = 0;
    this.#say(this.#first, count);
  }
}
