// Keys of requests that must not be made twice: when an answer is lost and the person tries again, the server has to know that
// the same is meant.

/** Gives the same key for as long as the same is tried, and another one once it was done or something else is tried. */
export class Attempt {
  #what = '';
  #key = '';

  constructor(
    private readonly random: (bytes: Uint8Array<ArrayBuffer>) => void = (b) => void crypto.getRandomValues(b),
  ) {}

  keyFor(...what: readonly unknown[]): string {
    const asked = JSON.stringify(what);
    if (this.#key === '' || asked !== this.#what) {
      // Not randomUUID, which plain HTTP does not have.
      const bytes = new Uint8Array(16);
      this.random(bytes);
      this.#key = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
      this.#what = asked;
    }
    return this.#key;
  }

  done(): void {
    this.#key = '';
  }
}
