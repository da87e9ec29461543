// Figures that tests measure: printed in one block at the end, and kept as JSON.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class Figures {
  #values = [];

  constructor(title) {
    this.title = title;
  }

  /** Notes one figure: value in unit ('ms', '%', ''), and what it should not exceed, if anything. */
  add(name, value, unit = '', limit) {
    if (!Number.isFinite(value)) return; // nothing was measured; the test that needed it has failed
    this.#values.push({ name, value: Math.round(value * 100) / 100, unit, ...(limit === undefined ? {} : { limit }) });
  }

  /** The block to print. */
  block() {
    const width = Math.max(...this.#values.map((v) => v.name.length), 0);
    const line = (v) =>
      `    ${v.name.padEnd(width)}  ${String(v.value).padStart(8)} ${v.unit}${v.limit === undefined ? '' : `  (at most ${v.limit})`}`;
    return [`  ${this.title}`, ...this.#values.map(line)].join('\n');
  }

  /** Prints the block and writes figures.json into `folder`. */
  publish(folder) {
    writeFileSync(join(folder, 'figures.json'), JSON.stringify({ title: this.title, figures: this.#values }, null, 2));
    console.log(this.block());
  }
}

/** The p-th percentile of numbers, by nearest rank. */
export function percentile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)];
}
