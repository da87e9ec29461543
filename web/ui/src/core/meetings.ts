// Meetings that are kept: what is told of them, who shares them, what of somebody is in them.

import { type Level, levels } from './level';
import { type Deletion, readDeletion } from './retention';
import type { components } from './schema';
import { count, countOr, fields, flagOr, list, oneOf, text, textOr } from './shape';

type Schemas = components['schemas'];

/** Lets whoever signs in with an address read a meeting. */
export interface Share {
  readonly id: string;
  readonly address: string;
  readonly atUnixMs: number;
}

export interface MeetingEntry {
  readonly id: string;
  readonly room: string;
  readonly roomName: string;
  readonly beganUnixMs: number;
  /** 0 while it goes on. */
  readonly endedUnixMs: number;
  readonly people: readonly string[];
  readonly final: boolean;
  /** An organizer keeps it beyond the room's retention. */
  readonly kept: boolean;
  /** When it is deleted by itself; undefined if it is not. */
  readonly deletion: Deletion | undefined;
  /** It was shared with the reader, who may not change or delete it. */
  readonly shared: boolean;
  /** How far its minutes are; 'none' if there are none. */
  readonly minutes: string;
}

/** What somebody who took part in a meeting may know of it. */
export interface Mine {
  readonly roomName: string;
  readonly name: string;
  readonly beganUnixMs: number;
  readonly endedUnixMs: number;
  readonly deletable: boolean;
}

/** What was kept of one track as sound. Its time is the room clock. */
export interface KeptTrack {
  readonly track: string;
  /** '' if it is not known any more. */
  readonly participant: string;
  /** Of the first sound, ms. */
  readonly fromMs: number;
  /** The end, ms. */
  readonly toMs: number;
}

export function readShares(v: unknown): Share[] {
  return list(fields<Schemas['SharesOutputBody']>(v, 'shares')['shares'], readShare, 'shares', 200);
}

function readShare(v: unknown): Share {
  const s = fields<Schemas['ShareBody']>(v, 'share');
  return {
    id: text(s['id'], 'id'),
    address: text(s['address'], 'address'),
    atUnixMs: count(s['at_unix_ms'], 'at_unix_ms'),
  };
}

export function readMeeting(v: unknown): MeetingEntry {
  const m = fields<Schemas['MeetingBody']>(v, 'meeting');
  return {
    id: text(m['id'], 'meeting id'),
    room: textOr(m['room'], ''),
    roomName: textOr(m['room_name'], ''),
    beganUnixMs: count(m['began_unix_ms'], 'began_unix_ms'),
    endedUnixMs: countOr(m['ended_unix_ms'], 0),
    people: list(m['people'], (p) => text(p, 'name'), 'people'),
    final: flagOr(m['final'], false),
    kept: flagOr(m['kept'], false),
    deletion: readDeletion(m['deletion']),
    shared: flagOr(m['shared'], false),
    minutes: textOr(m['minutes'], 'none'),
  };
}

export function readMine(v: unknown): Mine {
  const m = fields<Schemas['MineOutputBody']>(v, 'mine');
  return {
    roomName: textOr(m['room_name'], ''),
    name: textOr(m['name'], ''),
    beganUnixMs: count(m['began_unix_ms'], 'began_unix_ms'),
    endedUnixMs: countOr(m['ended_unix_ms'], 0),
    deletable: flagOr(m['deletable'], false),
  };
}

export function readKeptTrack(v: unknown): KeptTrack {
  const k = fields<Schemas['AudioBody']>(v, 'kept track');
  return {
    track: text(k['track'], 'track'),
    participant: textOr(k['participant'], ''),
    fromMs: count(k['from_ms'], 'from_ms'),
    toMs: count(k['to_ms'], 'to_ms'),
  };
}

/** What one participant knew of the AI: by the notice before joining, or told in the meeting. */
export interface Consent {
  readonly participant: string;
  /** Version of the text; '' if told in the meeting. */
  readonly notice: string;
  readonly level: Level;
  readonly sound: boolean;
  readonly atUnixMs: number;
  readonly told: boolean;
}

export function readConsent(v: unknown): Consent {
  const c = fields<Schemas['ConsentBody']>(v, 'consent');
  return {
    participant: text(c['participant'], 'participant'),
    notice: textOr(c['notice'], ''),
    level: oneOf(c['level'], levels, 'level'),
    sound: flagOr(c['sound'], false),
    atUnixMs: count(c['at_unix_ms'], 'at_unix_ms'),
    told: flagOr(c['told'], false),
  };
}
