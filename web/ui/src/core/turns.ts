// A transcript by speaker turn: the segments of one speaker that follow each other.

import type { Segment } from './transcripts';

export interface Turn {
  readonly spk: string;
  readonly t0: number;
  readonly segments: readonly Segment[];
}

/** A pause this long starts a new paragraph, with its own time, even if the speaker stays. */
const longestTurnMs = 60_000;

export function turnsOf(segments: readonly Segment[]): Turn[] {
  const turns: { spk: string; t0: number; segments: Segment[] }[] = [];
  for (const s of segments) {
    const last = turns.at(-1);
    if (last && last.spk === s.spk && s.t0 - last.t0 < longestTurnMs) last.segments.push(s);
    else turns.push({ spk: s.spk, t0: s.t0, segments: [s] });
  }
  return turns;
}
