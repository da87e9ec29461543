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

/** The lines of captions on screen as they stood last, so that what is full never re-wraps. One for an overlay. */
export class LineBook {
  readonly #lines = new Map<string, readonly Line[]>();
  #most = 0;

  /** Breaks the captions of all blocks, and forgets those that are gone. Another width breaks everything anew. */
  lay(captions: readonly Caption[], most: number): ReadonlyMap<string, readonly Line[]> {
    if (most !== this.#most) this.#lines.clear();
    this.#most = most;
    const now = new Set(captions.map((c) => c.seg));
    for (const seg of this.#lines.keys()) if (!now.has(seg)) this.#lines.delete(seg);
    for (const c of captions) this.#lines.set(c.seg, breakLines(c, most, this.#lines.get(c.seg)));
    return new Map(this.#lines);
  }
}

/** A block moves up by one line at most this often: faster than people read two lines, nobody follows. */
export const scrollEveryMs = 2_000;
/** But when so many lines wait below (a burst after a pause), the oldest are passed over at once. */
const mostBehind = 3;

/** One line of a block: of which caption, and the how manieth. */
interface Row {
  readonly seg: string;
  readonly line: number;
}

/** Which line of a block stands at its top. It only moves down the text, and calmly. One for each speaker on screen. */
export class Scroll {
  #top: Row | undefined;
  #movedMs = -Infinity;

  /**
   * The index of the row at the top, of which `most` are seen, and when to ask again (undefined: when rows have changed). Rows
   * that left the screen no longer count; lines that are there are never passed by in less than scrollEveryMs.
   */
  take(
    rows: readonly Row[],
    most: number,
    nowMs: number,
  ): { readonly top: number; readonly againMs: number | undefined } {
    const wanted = Math.max(0, rows.length - most);
    let at = this.#place(rows);
    if (wanted - at > mostBehind) {
      at = wanted - mostBehind;
      this.#movedMs = nowMs;
    } else if (wanted > at && nowMs - this.#movedMs >= scrollEveryMs) {
      at++;
      this.#movedMs = nowMs;
    }
    this.#top = rows[at];
    return { top: at, againMs: wanted > at ? this.#movedMs + scrollEveryMs : undefined };
  }

  #place(rows: readonly Row[]): number {
    const top = this.#top;
    if (!top) return Math.max(0, rows.length - 1 - mostBehind); // a block that is new has nothing to keep
    const same = rows.findIndex((r) => r.seg === top.seg && r.line === top.line);
    if (same >= 0) return same;
    // The caption of that line is shorter by now, or has left: what follows it stands at the top.
    const last = rows.findLastIndex((r) => r.seg === top.seg);
    return last >= 0 ? last : 0;
  }
}
