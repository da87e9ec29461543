// Checks of foreign JSON. A reader takes an unknown value and returns it typed, or throws ShapeError; every message and
// every REST answer has one.

export class ShapeError extends Error {}

type Fields = { readonly [name: string]: unknown };

export function isFields(v: unknown): v is Fields {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

/** The fields of a T that came from elsewhere: their names are known, their values have yet to be checked. */
export type Unchecked<T> = { readonly [name in keyof T]?: unknown };

export function fields<T = Fields>(v: unknown, what: string): Unchecked<T>;
export function fields(v: unknown, what: string): Fields {
  if (!isFields(v)) throw new ShapeError(`${what} is not an object`);
  return v;
}

export function text(v: unknown, what: string): string {
  if (typeof v !== 'string') throw new ShapeError(`${what} is not a text`);
  return v;
}

export function textOr(v: unknown, fallback: string): string {
  return typeof v === 'string' ? v : fallback;
}

export function count(v: unknown, what: string): number {
  if (typeof v !== 'number' || !Number.isSafeInteger(v)) throw new ShapeError(`${what} is not a whole number`);
  return v;
}

export function countOr(v: unknown, fallback: number): number {
  return typeof v === 'number' && Number.isSafeInteger(v) ? v : fallback;
}

export function flag(v: unknown, what: string): boolean {
  if (typeof v !== 'boolean') throw new ShapeError(`${what} is not true or false`);
  return v;
}

export function flagOr(v: unknown, fallback: boolean): boolean {
  return typeof v === 'boolean' ? v : fallback;
}

export function oneOf<T extends string>(v: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((a) => a === v);
  if (found === undefined) throw new ShapeError(`${what} is none of ${allowed.join(', ')}`);
  return found;
}

/** A list of at most `most` entries. Go writes an empty list as null: both are read as empty. */
export function list<T>(v: unknown, read: (entry: unknown) => T, what: string, most = 10_000): T[] {
  if (v === null || v === undefined) return [];
  if (!Array.isArray(v)) throw new ShapeError(`${what} is not a list`);
  if (v.length > most) throw new ShapeError(`${what} has more than ${most} entries`);
  return v.map(read);
}
