// The installation: its settings and how it does.

import { type Capacity, readCapacity } from './administration';
import { type Level, levels } from './level';
import { readRetention, type Retention } from './retention';
import type { components } from './schema';
import { countOr, fields, flagOr, isFields, list, oneOf, text, textOr, type Unchecked } from './shape';

type Schemas = components['schemas'];

export const roomCreations = ['anyone', 'signed-in', 'admin'] as const;

export type RoomCreation = (typeof roomCreations)[number];

export interface Instance {
  readonly ceiling: Level;
  readonly roomCreation: RoomCreation;
  /** Whether organizers may keep sound. */
  readonly keepAudio: boolean;
  /** How long things are kept at most, in every room. */
  readonly retention: Retention;
  /** Speech engines that may be chosen for rooms. */
  readonly engines: readonly string[];
  /** Whether voices at shared microphones are told apart, where the room does not say otherwise. */
  readonly voicesApart: boolean;
}

export interface Part {
  readonly state: string;
  readonly message: string;
  readonly engine: string;
  readonly workers: number | undefined;
  readonly lagMs: number | undefined;
}

export interface SystemStatus {
  readonly asr: Part;
  readonly bus: Part;
  readonly storage: Part;
  /** Of the embedded servers; undefined where there are none. */
  readonly disk: Part | undefined;
  readonly roomsLive: number;
  readonly people: number;
  readonly load: LoadStatus;
  readonly capacity: Capacity;
}

export const loadStates = ['normal', 'thumbnails', 'audio', 'refusing'] as const;

export const loadCauses = ['cpu', 'late', 'uplink', 'socket'] as const;

/** How loaded the machine is, and what it gives up because of that. */
export interface LoadStatus {
  readonly state: (typeof loadStates)[number];
  /** Of state; 0: nothing is watched. */
  readonly sinceUnixMs: number;
  /** What ran short; undefined in normal. */
  readonly cause: (typeof loadCauses)[number] | undefined;
  /** Percent of the processor time that the process could get. */
  readonly cpu: number;
  readonly lateMs: number;
  readonly egressKbps: number;
}

export function readInstance(v: unknown): Instance {
  const i = fields<Schemas['InstanceOutputBody']>(v, 'instance');
  return {
    ceiling: oneOf(i['ceiling'], levels, 'ceiling'),
    roomCreation: oneOf(i['room_creation'], roomCreations, 'room_creation'),
    keepAudio: flagOr(i['keep_audio'], false),
    retention: readRetention(i['retention']),
    engines: list(i['engines'] ?? [], (e) => text(e, 'engine'), 'engines'),
    voicesApart: flagOr(i['voices_apart'], true),
  };
}

export function readSystemStatus(v: unknown): SystemStatus {
  const s = fields<Schemas['SystemStatus']>(v, 'status');
  return {
    asr: readPart(s['asr']),
    bus: readPart(s['bus']),
    storage: readPart(s['storage']),
    disk: isFields(s['disk']) ? readPart(s['disk']) : undefined,
    roomsLive: countOr(s['rooms_live'], 0),
    people: countOr(s['people'], 0),
    load: readLoad(s['load']),
    capacity: readCapacity(s['capacity']),
  };
}

function readLoad(v: unknown): LoadStatus {
  const l: Unchecked<Schemas['LoadStatus']> = isFields(v) ? v : {};
  return {
    state: loadStates.find((s) => s === l['state']) ?? 'normal',
    sinceUnixMs: countOr(l['since_unix_ms'], 0),
    cause: loadCauses.find((c) => c === l['cause']),
    cpu: countOr(l['cpu'], 0),
    lateMs: countOr(l['late_ms'], 0),
    egressKbps: countOr(l['egress_kbps'], 0),
  };
}

function readPart(v: unknown): Part {
  const p: Unchecked<Schemas['PartStatus']> = isFields(v) ? v : {};
  const workers = p['workers'];
  const lag = p['lag_ms'];
  return {
    state: textOr(p['state'], ''),
    message: textOr(p['message'], ''),
    engine: textOr(p['engine'], ''),
    workers: typeof workers === 'number' ? workers : undefined,
    lagMs: typeof lag === 'number' ? lag : undefined,
  };
}
