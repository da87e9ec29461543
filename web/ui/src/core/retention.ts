// How long what was said is kept, and when it is deleted by itself.

import { countOr, flagOr, isFields } from './shape';

/** Days after the end of a meeting; 0: until somebody deletes it, or, of a room, as the server. */
export interface Retention {
  readonly audioDays: number;
  readonly textDays: number;
  readonly minutesDays: number;
}

export const retentionParts = ['text', 'minutes', 'audio'] as const;
export type RetentionPart = (typeof retentionParts)[number];

/** The longest time that can be set. */
export const mostDays = 36_500;

export interface Deletion {
  /** 0: not by itself. */
  readonly textUnixMs: number;
  readonly audioUnixMs: number;
  readonly minutesUnixMs: number;
  /** The transcript goes within a week. */
  readonly soon: boolean;
  /** An organizer may keep it: only the room's own retention would delete it. */
  readonly canKeep: boolean;
}

export function daysOf(r: Retention, part: RetentionPart): number {
  return { text: r.textDays, minutes: r.minutesDays, audio: r.audioDays }[part];
}

/** The retention with one part set to what a person typed; undefined if that is no number of days. Nothing typed is 0. */
export function withDays(r: Retention, part: RetentionPart, typed: string): Retention | undefined {
  const days = typed.trim() === '' ? 0 : Number(typed);
  if (!Number.isInteger(days) || days < 0 || days > mostDays) return undefined;
  return { ...r, [`${part}Days`]: days };
}

export function readRetention(v: unknown): Retention {
  const r = isFields(v) ? v : {};
  return {
    audioDays: countOr(r['audio_days'], 0),
    textDays: countOr(r['text_days'], 0),
    minutesDays: countOr(r['minutes_days'], 0),
  };
}

export function readDeletion(v: unknown): Deletion | undefined {
  if (!isFields(v)) return undefined;
  return {
    textUnixMs: countOr(v['text_unix_ms'], 0),
    audioUnixMs: countOr(v['audio_unix_ms'], 0),
    minutesUnixMs: countOr(v['minutes_unix_ms'], 0),
    soon: flagOr(v['soon'], false),
    canKeep: flagOr(v['can_keep'], false),
  };
}
