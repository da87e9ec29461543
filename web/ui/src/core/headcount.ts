// How many people share a microphone, as somebody typed it.

export const fewest = 2;
export const most = 40;

/** 0 for nothing typed: they do not know. Undefined: that is no number of people. */
export function headcount(typed: string): number | undefined {
  const text = typed.trim();
  if (text === '') return 0;
  const n = Number(text);
  return /^\d+$/.test(text) && n >= fewest && n <= most ? n : undefined;
}
