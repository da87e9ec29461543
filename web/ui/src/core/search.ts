// Search in transcripts: without regard to case and accents, so that "reunion" finds « Réunion ».

import type { Mark } from './hits';

export interface Piece {
  readonly text: string;
  readonly hit: boolean;
}

export function fold(s: string): string {
  return s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** The text in pieces, those that match the query marked. An empty query matches nothing. */
export function pieces(text: string, query: string): Piece[] {
  const wanted = fold(query.trim());
  if (wanted === '') return [{ text, hit: false }];
  const { folded, places } = foldedWithPlaces(text);
  const out: Piece[] = [];
  let done = 0;
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
    const from = places[at] ?? text.length;
    const to = places[at + wanted.length] ?? text.length;
    if (from > done) out.push({ text: text.slice(done, from), hit: false });
    out.push({ text: text.slice(from, to), hit: true });
    done = to;
  }
  if (done < text.length || out.length === 0) out.push({ text: text.slice(done), hit: false });
  return out;
}

/** The text in pieces, those in the marks marked. Marks count code points and come by rising place. */
export function markedPieces(text: string, marks: readonly Mark[]): Piece[] {
  const points = Array.from(text);
  const out: Piece[] = [];
  let done = 0;
  const take = (to: number, hit: boolean) => {
    const part = points.slice(done, to).join('');
    if (part !== '') out.push({ text: part, hit });
    done = Math.max(done, to);
  };
  for (const m of marks) {
    take(m.from, false);
    take(m.to, true);
  }
  take(points.length, false);
  return out;
}

export function countHits(text: string, query: string): number {
  return pieces(text, query).filter((p) => p.hit).length;
}

/** The folded text, and for each of its units the place in the original it came from. */
function foldedWithPlaces(text: string): { folded: string; places: number[] } {
  let folded = '';
  const places: number[] = [];
  let at = 0;
  for (const point of text) {
    const f = fold(point);
    folded += f;
    for (let i = 0; i < f.length; i++) places.push(at);
    at += point.length;
  }
  places.push(text.length);
  return { folded, places };
}
