// What of a transcript a reader has before him, and where in it he is: filters, matches, moments. Pure.

import type { Segment, Transcript } from './transcripts';
import { participantOf } from './captions';
import { nameOf } from './edits';
import { countHits } from './search';

/** What is shown; '' shows all. */
export interface Filter {
  readonly query: string;
  /** A participant, or one voice of a shared microphone. */
  readonly speaker: string;
  readonly lang: string;
}

export const everything: Filter = { query: '', speaker: '', lang: '' };

/** Whether a segment is shown. A gap has no words and no language: it is shown where neither is asked for. */
export function passes(s: Segment, f: Filter): boolean {
  if (f.speaker !== '' && f.speaker !== s.spk && f.speaker !== participantOf(s.spk)) return false;
  if (f.lang !== '' && f.lang !== s.lang) return false;
  return f.query.trim() === '' || countHits(s.text, f.query) > 0;
}

/** One match of a search: the n-th in its segment, from 0. */
export interface Hit {
  readonly seg: string;
  readonly n: number;
}

export function hitsOf(segments: readonly Segment[], query: string): Hit[] {
  return segments.flatMap((s) => Array.from({ length: countHits(s.text, query) }, (_, n) => ({ seg: s.seg, n })));
}

/** The match after or before `at`, around the end. `at` of -1 is before the first. */
export function next(count: number, at: number, by: 1 | -1): number {
  if (count === 0) return -1;
  return at < 0 && by < 0 ? count - 1 : (at + by + count) % count;
}

/** Languages in which something was said, the most frequent first. */
export function languagesOf(segments: readonly Segment[]): string[] {
  const said = new Map<string, number>();
  for (const s of segments) if (s.lang !== '') said.set(s.lang, (said.get(s.lang) ?? 0) + 1);
  return [...said.entries()].sort(([, a], [, b]) => b - a).map(([lang]) => lang);
}

/** What is said at a moment of the room clock, else what is said next, else what was said last. */
export function atMoment(segments: readonly Segment[], ms: number): Segment | undefined {
  return segments.find((s) => ms < s.t1) ?? segments.at(-1);
}

/** Segments as lines to paste elsewhere: when, who, what. */
export function asText(
  t: Transcript,
  segments: readonly Segment[],
  at: (ms: number) => string,
  named = (spk: string) => nameOf(t, spk),
): string {
  return segments
    .filter((s) => s.text !== '')
    .map((s) => {
      const name = named(s.spk);
      return `[${at(s.t0)}] ${name === '' ? '' : `${name}: `}${s.text}`;
    })
    .join('\n');
}
