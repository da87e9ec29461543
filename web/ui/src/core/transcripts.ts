// Transcripts as the API gives them, and what is changed in them.

import type { components } from './schema';
import { count, countOr, fields, flagOr, isFields, list, text, textOr } from './shape';

type Schemas = components['schemas'];

export interface Speaker {
  readonly participant: string;
  readonly name: string;
  readonly order: number;
  /** Name and words were deleted. */
  readonly forgotten: boolean;
}

export interface Segment {
  readonly seg: string;
  readonly spk: string;
  /** The track it was heard on. */
  readonly track: string;
  /** Room clock, ms. */
  readonly t0: number;
  readonly t1: number;
  readonly lang: string;
  readonly text: string;
  /** Sound was lost here; there is no text. */
  readonly gap: boolean;
  /** What was recognised, if somebody corrected it. */
  readonly original: Original | undefined;
  /** Who was taken for its speaker, if somebody gave it to another voice. */
  readonly assigned?: Assigned | undefined;
}

export interface Assigned {
  readonly spk: string;
  /** Who said who it is; '' if they were not in the meeting. */
  readonly byName: string;
  readonly atUnixMs: number;
}

export interface Original {
  readonly text: string;
  /** Who corrected it last; '' if they were not in the meeting. */
  readonly byName: string;
  readonly atUnixMs: number;
}

/** A name that somebody gave to a speaker; it goes before the one they joined with. */
export interface GivenName {
  readonly spk: string;
  readonly name: string;
}

export interface Transcript {
  readonly people: readonly Speaker[];
  readonly names: readonly GivenName[];
  readonly segments: readonly Segment[];
  readonly final: boolean;
  /** Stored pieces that do not open any more: what stood there is missing. */
  readonly damaged: number;
  /** Names this version, for edits; '' until the transcript is final. */
  readonly etag: string;
}

/** What an edit changes: texts of segments, their speakers, and names of speakers; null goes back to what was recognised. */
export interface TranscriptEdit {
  readonly segments?: readonly { readonly seg: string; readonly text: string | null }[];
  readonly names?: readonly { readonly spk: string; readonly name: string | null }[];
  readonly speakers?: readonly { readonly seg: string; readonly spk: string | null }[];
}

/** What an edit made: the segments it named, and all names given. */
export interface Edited {
  readonly etag: string;
  readonly names: readonly GivenName[];
  readonly segments: readonly Segment[];
}

export const exportFormats = ['docx', 'txt', 'md', 'vtt', 'srt', 'json', 'rttm'] as const;

export type ExportFormat = (typeof exportFormats)[number];

export function readTranscript(v: unknown, etag = ''): Transcript {
  const t = fields<Schemas['TranscriptOutputBody']>(v, 'transcript');
  return {
    people: list(t['people'], readSpeaker, 'people'),
    names: list(t['names'], readName, 'names'),
    segments: list(t['segments'], readSegment, 'segments', 100_000),
    final: flagOr(t['final'], false),
    damaged: countOr(t['damaged'], 0),
    etag,
  };
}

export function readEdited(v: unknown, etag: string): Edited {
  const e = fields<Schemas['EditTranscriptOutputBody']>(v, 'edit');
  return {
    etag,
    names: list(e['names'], readName, 'names'),
    segments: list(e['segments'], readSegment, 'segments'),
  };
}

function readName(v: unknown): GivenName {
  const n = fields<Schemas['NameBody']>(v, 'name');
  return { spk: text(n['spk'], 'spk'), name: text(n['name'], 'name') };
}

function readSpeaker(v: unknown): Speaker {
  const p = fields<Schemas['SpeakerBody']>(v, 'person');
  return {
    participant: text(p['participant'], 'participant'),
    name: textOr(p['name'], ''),
    order: countOr(p['order'], 0),
    forgotten: flagOr(p['forgotten'], false),
  };
}

function readSegment(v: unknown): Segment {
  const s = fields<Schemas['SegmentBody']>(v, 'segment');
  return {
    seg: text(s['seg'], 'seg'),
    spk: text(s['spk'], 'spk'),
    track: textOr(s['track'], ''),
    t0: count(s['t0'], 't0'),
    t1: count(s['t1'], 't1'),
    lang: textOr(s['lang'], ''),
    text: text(s['text'], 'text'),
    gap: s['quality'] === 'gap',
    original: isFields(s['original']) ? readOriginal(s['original']) : undefined,
    assigned: isFields(s['assigned']) ? readAssigned(s['assigned']) : undefined,
  };
}

function readAssigned(v: unknown): Assigned {
  const a = fields<Schemas['AssignedBody']>(v, 'assigned');
  return {
    spk: text(a['spk'], 'assigned speaker'),
    byName: textOr(a['by_name'], ''),
    atUnixMs: count(a['at_unix_ms'], 'at_unix_ms'),
  };
}

function readOriginal(v: unknown): Original {
  const o = fields<Schemas['OriginalBody']>(v, 'original');
  return {
    text: text(o['text'], 'original text'),
    byName: textOr(o['by_name'], ''),
    atUnixMs: count(o['at_unix_ms'], 'at_unix_ms'),
  };
}
