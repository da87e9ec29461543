// Rooms as the API describes them: who may come in, and what holds there.

import { type Level, levels, type Role, roles } from './level';
import { readRetention, type Retention } from './retention';
import type { components } from './schema';
import { countOr, fields, flagOr, isFields, list, oneOf, text, textOr, type Unchecked } from './shape';
import { type Sharing, sharings } from './signal';

type Schemas = components['schemas'];

export const accesses = ['public', 'signed-in', 'restricted'] as const;

export type AccessLevel = (typeof accesses)[number];

/** What a room's access means for the reader: may join, has to sign in, is no member, or waits in the lobby. */
export const entries = ['open', 'sign-in', 'not-member', 'knock'] as const;

export type Entry = (typeof entries)[number];

/** Who may join a room. */
export interface Access {
  readonly access: AccessLevel;
  /** E-mail addresses. */
  readonly members: readonly string[];
}

export const ceilings = ['inherit', ...levels] as const;

export type Ceiling = (typeof ceilings)[number];

export interface Room {
  readonly id: string;
  readonly name: string;
  readonly level: Level;
  readonly ceiling: Ceiling;
  readonly effectiveCeiling: Level;
  readonly effectiveLevel: Level;
  /** The organizers' choice. */
  readonly keepAudio: boolean;
  /** Whether an admin allows it. */
  readonly mayKeepAudio: boolean;
  /** Whether sound is kept as things are. */
  readonly keepsAudio: boolean;
  readonly langs: readonly string[];
  /** Only organizers read it. */
  readonly glossary: readonly string[];
  /** The room's own; only organizers read it. */
  readonly retention: Retention;
  /** The server's, which holds in every room; only organizers read it. */
  readonly retentionLimit: Retention;
  /** What holds in the room. */
  readonly effectiveRetention: Retention;
  /** Only admins read it. */
  readonly engines: Engines;
  /** Whether voices at shared microphones are told apart; only admins read it. */
  readonly voicesApart: boolean;
  readonly role: Role;
  readonly live:
    | {
        readonly meeting: string;
        readonly people: number;
        readonly sinceUnixMs: number;
        /** Nobody new comes in. */
        readonly locked: boolean;
        /** Newcomers wait until somebody lets them in. */
        readonly lobby: boolean;
      }
    | undefined;
  readonly joinUrl: string;
  /** End-to-end encrypted: without AI, and only for those who have the secret of the link. */
  readonly e2ee: boolean;
  readonly rules: Rules;
  readonly access: AccessLevel;
  readonly entry: Entry;
  /** Names the settings as they were read, for a change of them; '' where rooms are listed. */
  readonly etag: string;
}

/** How people live together in a room. */
export interface Rules {
  readonly lobby: boolean;
  /** 0: as many as the server allows. */
  readonly maxPeople: number;
  readonly share: Sharing;
  readonly shareReplaces: boolean;
  /** Who comes late and is no organizer does not read what was said before. */
  readonly latePrivate: boolean;
}

export interface CreatedRoom {
  readonly room: string;
  readonly joinUrl: string;
  readonly organizerUrl: string;
}

/** Speech engines of a room by what they are asked for; '' leaves it to the installation. */
export interface Engines {
  readonly partials: string;
  readonly finals: string;
}

export function readAccess(v: unknown): Access {
  const a = fields<Schemas['AccessBody']>(v, 'access');
  return {
    access: oneOf(a['access'], accesses, 'access'),
    members: list(a['members'], (m) => text(m, 'member'), 'members', 500),
  };
}

export function readCreated(v: unknown): CreatedRoom {
  const c = fields<Schemas['CreateRoomOutputBody']>(v, 'created room');
  return {
    room: readRoom(c['room']).id,
    joinUrl: text(c['join_url'], 'join_url'),
    organizerUrl: text(c['organizer_url'], 'organizer_url'),
  };
}

export function readRoom(v: unknown, etag = ''): Room {
  const r = fields<Schemas['RoomBody']>(v, 'room');
  const live = isFields(r['live']) ? fields<Schemas['LiveBody']>(r['live'], 'live') : undefined;
  return {
    id: text(r['id'], 'room id'),
    name: textOr(r['name'], ''),
    level: oneOf(r['level'], levels, 'level'),
    ceiling: oneOf(r['ceiling'], ceilings, 'ceiling'),
    effectiveCeiling: oneOf(r['effective_ceiling'], levels, 'effective_ceiling'),
    effectiveLevel: oneOf(r['effective_level'], levels, 'effective_level'),
    keepAudio: flagOr(r['keep_audio'], false),
    mayKeepAudio: flagOr(r['may_keep_audio'], false),
    keepsAudio: flagOr(r['keeps_audio'], false),
    langs: list(r['langs'], (l) => text(l, 'language'), 'langs'),
    glossary: list(r['glossary'] ?? [], (g) => text(g, 'term'), 'glossary'),
    retention: readRetention(r['retention']),
    retentionLimit: readRetention(r['retention_limit']),
    effectiveRetention: readRetention(r['effective_retention']),
    engines: readEngines(r['engines']),
    voicesApart: flagOr(r['voices_apart'], true),
    role: oneOf(r['role'], roles, 'role'),
    live: live
      ? {
          meeting: textOr(live['meeting'], ''),
          people: countOr(live['people'], 0),
          sinceUnixMs: countOr(live['since_unix_ms'], 0),
          locked: flagOr(live['locked'], false),
          lobby: flagOr(live['lobby'], false),
        }
      : undefined,
    joinUrl: textOr(r['join_url'], ''),
    e2ee: flagOr(r['e2ee'], false),
    rules: readRules(r['rules'] ?? {}),
    access: accesses.find((a) => a === r['access']) ?? 'public',
    entry: entries.find((e) => e === r['entry']) ?? 'open',
    etag,
  };
}

function readRules(v: unknown): Rules {
  const r = fields<Schemas['RulesBody']>(v, 'rules');
  return {
    lobby: flagOr(r['lobby'], false),
    maxPeople: countOr(r['max_people'], 0),
    share: oneOf(r['share'] ?? 'everybody', sharings, 'share'),
    shareReplaces: flagOr(r['share_replaces'], false),
    latePrivate: flagOr(r['late_private'], false),
  };
}

function readEngines(v: unknown): Engines {
  const e: Unchecked<Schemas['EnginesBody']> = isFields(v) ? v : {};
  return { partials: textOr(e['partials'], ''), finals: textOr(e['finals'], '') };
}
