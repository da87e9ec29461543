// What a search finds.

import type { components } from './schema';
import { count, countOr, fields, flagOr, isFields, list, text, textOr } from './shape';

type Schemas = components['schemas'];

/** Code points of a text, [from, to). */
export interface Mark {
  readonly from: number;
  readonly to: number;
}

/** A segment that was found. */
export interface Hit {
  readonly seg: string;
  /** Of the speaker, '' if unknown. */
  readonly name: string;
  /** Room clock, ms. */
  readonly t0: number;
  readonly lang: string;
  readonly text: string;
  readonly marks: readonly Mark[];
}

/** A meeting in which something was found. */
export interface Found {
  readonly meeting: string;
  readonly room: string;
  readonly roomName: string;
  readonly beganUnixMs: number;
  /** Segments that match; hits are the first of them. */
  readonly matches: number;
  readonly hits: readonly Hit[];
}

export interface SearchAnswer {
  readonly meetings: readonly Found[];
  readonly totalMeetings: number;
  readonly totalSegments: number;
  /** Whether the totals are exact; else they are the most there can be. */
  readonly exact: boolean;
  /** What to go on with, '' at the end. */
  readonly next: string;
  /** How far the index is, while it is being made. */
  readonly indexing: { readonly done: number; readonly of: number } | undefined;
}

export function readSearch(v: unknown): SearchAnswer {
  const s = fields<Schemas['SearchOutputBody']>(v, 'search');
  const indexing = isFields(s['indexing']) ? fields<Schemas['IndexingBody']>(s['indexing'], 'indexing') : undefined;
  return {
    meetings: list(s['meetings'], readFound, 'meetings', 50),
    totalMeetings: count(s['total_meetings'], 'total_meetings'),
    totalSegments: count(s['total_segments'], 'total_segments'),
    exact: flagOr(s['exact'], true),
    next: textOr(s['next'], ''),
    indexing: indexing ? { done: countOr(indexing['done'], 0), of: countOr(indexing['of'], 0) } : undefined,
  };
}

function readFound(v: unknown): Found {
  const f = fields<Schemas['FoundBody']>(v, 'found meeting');
  return {
    meeting: text(f['meeting'], 'meeting'),
    room: textOr(f['room'], ''),
    roomName: textOr(f['room_name'], ''),
    beganUnixMs: count(f['began_unix_ms'], 'began_unix_ms'),
    matches: count(f['matches'], 'matches'),
    hits: list(f['segments'], readHit, 'segments', 200),
  };
}

function readHit(v: unknown): Hit {
  const h = fields<Schemas['HitBody']>(v, 'found segment');
  return {
    seg: text(h['seg'], 'seg'),
    name: textOr(h['name'], ''),
    t0: count(h['t0'], 't0'),
    lang: textOr(h['lang'], ''),
    text: text(h['text'], 'text'),
    marks: list(h['marks'], readMark, 'marks', 1000),
  };
}

function readMark(v: unknown): Mark {
  const m = fields<Schemas['MarkBody']>(v, 'mark');
  return { from: count(m['from'], 'from'), to: count(m['to'], 'to') };
}
