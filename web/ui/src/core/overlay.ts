// From captions to what the overlay draws: blocks by speaker and lines that do not move once they are full. Pure.

import { participantOf, type Shown } from './captions';
import type { Caption } from './signal';

/** At most this many speakers at once; more cannot be read. */
export const mostSpeakers = 2;
/** Captions of one speaker kept in a block: the running one and what led to it. */
const mostCaptions = 3;
/** Characters by which a swapped word may overfill a line that is already shown, before it is broken again. */
const slackPoints = 6;

export interface Block {
  readonly speaker: string;
  readonly participant: string;
  readonly captions: readonly Caption[];
}

/**
 * The blocks to draw: the speakers who spoke last, in the order they began, so that blocks do not change places.
 * A caption of a participant not yet in the roster waits.
 */
export function blocks(shown: readonly Shown[], known: (participant: string) => boolean): Block[] {
  const bySpeaker = new Map<string, Shown[]>();
  for (const s of shown) {
    if (!known(participantOf(s.caption.spk))) continue;
    bySpeaker.set(s.caption.spk, [...(bySpeaker.get(s.caption.spk) ?? []), s]);
  }
  const latest = (of: readonly Shown[]) => Math.max(...of.map((s) => s.changedMs));
  const first = (of: readonly Shown[]) => Math.min(...of.map((s) => s.sinceMs));
  return [...bySpeaker.entries()]
    .sort(([, a], [, b]) => latest(b) - latest(a))
    .slice(0, mostSpeakers)
    .sort(([, a], [, b]) => first(a) - first(b))
    .map(([speaker, of]) => ({
      speaker,
      participant: participantOf(speaker),
      captions: of
        .map((s) => s.caption)
        .sort((a, b) => a.t0 - b.t0)
        .slice(-mostCaptions),
    }));
}

/** Cuts text after `stable` Unicode code points (not UTF-16 units). */
export function cut(said: string, stable: number): { solid: string; tail: string } {
  const points = Array.from(said);
  return { solid: points.slice(0, stable).join(''), tail: points.slice(stable).join('') };
}

export interface Line {
  /** How many words stand on the line: what breakLines wants back to keep the break. */
  readonly words: number;
  readonly solid: string;
  readonly tail: string;
}

interface Word {
  readonly from: number; // code points
  readonly to: number;
}

/**
 * Breaks a caption into lines of at most `most` code points. `before` are the lines of the previous revision: each line
 * that was full keeps its number of words, so that a changed word is swapped in place and nothing shown re-wraps.
 */
export function breakLines(c: Caption, most: number, before: readonly Line[] = []): Line[] {
  const points = Array.from(c.text);
  const words = wordsOf(points, most);
  const lines: Line[] = [];
  for (let at = 0; at < words.length;) {
    const kept = lines.length < before.length - 1 ? before[lines.length]?.words : undefined;
    const taken = keeps(words, at, kept, most) ?? fill(words, at, most);
    lines.push(lineOf(points, words.slice(at, at + taken), c.final ? points.length : c.stable));
    at += taken;
  }
  return lines;
}

function keeps(words: readonly Word[], at: number, kept: number | undefined, most: number): number | undefined {
  if (kept === undefined || kept < 1 || at + kept >= words.length) return undefined;
  return width(words, at, kept) <= most + slackPoints ? kept : undefined;
}

function fill(words: readonly Word[], at: number, most: number): number {
  let taken = 1;
  while (at + taken < words.length && width(words, at, taken + 1) <= most) taken++;
  return taken;
}

function width(words: readonly Word[], at: number, taken: number): number {
  return (words[at + taken - 1]?.to ?? 0) - (words[at]?.from ?? 0);
}

function lineOf(points: readonly string[], words: readonly Word[], stable: number): Line {
  const from = words[0]?.from ?? 0;
  const to = words.at(-1)?.to ?? from;
  const edge = Math.min(Math.max(stable, from), to);
  return { words: words.length, solid: points.slice(from, edge).join(''), tail: points.slice(edge, to).join('') };
}

/** Words by white space; a run longer than a line (or a script without spaces) is cut to the line's length. */
function wordsOf(points: readonly string[], most: number): Word[] {
  const words: Word[] = [];
  let from = -1;
  points.forEach((p, i) => {
    const space = /\s/.test(p);
    if (!space && from < 0) from = i;
    if (from >= 0 && (space || i - from >= most)) {
      words.push({ from, to: i });
      from = space ? -1 : i;
    }
  });
  if (from >= 0) words.push({ from, to: points.length });
  return words;
}
