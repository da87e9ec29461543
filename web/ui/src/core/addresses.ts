// E-mail addresses as people type or paste them: one a line, or with commas, semicolons or spaces between them.

export interface Addresses {
  /** In lower case, each once, in order. */
  readonly good: readonly string[];
  /** The first that is no address; '' if all are. The server has the last word. */
  readonly wrong: string;
}

const form = /^[^\s@<>()[\],;:\\"]+@[^\s@<>()[\],;:\\".]+(\.[^\s@<>()[\],;:\\".]+)*$/;

export function readAddresses(typed: string): Addresses {
  const all = typed
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter(Boolean);
  return { good: [...new Set(all.filter((a) => form.test(a)))], wrong: all.find((a) => !form.test(a)) ?? '' };
}
