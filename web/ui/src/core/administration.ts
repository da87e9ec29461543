// What only administrators read: webhooks, API tokens, audit, capacity, models. One reader for each answer, and what the pages
// compute of them.

import { levels, roles, type Level, type Role } from './level';
import type { components } from './schema';
import { count, countOr, fields, flagOr, isFields, list, oneOf, text, textOr, type Unchecked } from './shape';

type Schemas = components['schemas'];

export const hookStops = ['paused', 'failing', 'gone'] as const;
export type HookStop = (typeof hookStops)[number];

/** An address that is told what happens. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** Empty: everything. */
  readonly events: readonly string[];
  /** How many secrets sign now. */
  readonly secrets: number;
  /** Why nothing is sent; undefined: it works. */
  readonly stopped: HookStop | undefined;
  /** Since when no try has succeeded; 0: the last one did. */
  readonly failingSinceUnixMs: number;
  /** Events that were not queued because too many waited. */
  readonly dropped: number;
}

export interface Webhooks {
  readonly webhooks: readonly Webhook[];
  /** What can be chosen. */
  readonly events: readonly string[];
}

/** A secret that is shown once. */
export interface NewWebhook {
  readonly webhook: Webhook;
  readonly secret: string;
}

export const deliveryStates = ['waiting', 'delivered', 'failed'] as const;
export const failures = ['private_address', 'timeout', 'tls', 'name', 'connection', 'redirect', 'status'] as const;
export type Failure = (typeof failures)[number];

export interface Attempt {
  readonly atUnixMs: number;
  /** Of HTTP; 0: no answer. */
  readonly status: number;
  readonly tookMs: number;
  /** undefined: it was taken. */
  readonly failure: Failure | undefined;
}

export interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly createdUnixMs: number;
  readonly state: (typeof deliveryStates)[number];
  /** When it is tried next; 0: it does not wait. */
  readonly nextUnixMs: number;
  readonly attempts: readonly Attempt[];
  /** What is sent, as JSON. */
  readonly body: string;
}

export interface Deliveries {
  readonly deliveries: readonly Delivery[];
  /** What to go on with, '' at the end. */
  readonly next: string;
}

export const tokenScopes = ['read', 'admin'] as const;
export type TokenScope = (typeof tokenScopes)[number];

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly scope: TokenScope;
  readonly createdUnixMs: number;
  /** 0: never. */
  readonly expiresUnixMs: number;
  /** To the hour; 0: never. */
  readonly lastUsedUnixMs: number;
}

export interface NewToken {
  readonly token: ApiToken;
  readonly secret: string;
}

export interface AuditEntry {
  readonly atUnixMs: number;
  readonly actor: string;
  readonly role: Role;
  readonly action: string;
  readonly object: string;
  readonly reason: string;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** What to go on with, '' at the end. A page may be empty and have it. */
  readonly next: string;
}

/** What entries of the audit are wanted; '' is any. */
export interface AuditFilter {
  readonly from: string;
  readonly to: string;
  readonly action: string;
  readonly object: string;
  readonly actor: string;
}

export const anyAudit: AuditFilter = { from: '', to: '', action: '', object: '', actor: '' };

/** What recognisers have to do, and how they keep up. */
export interface Capacity {
  readonly speakers: number;
  /** About how many could speak at once; 0: not known. */
  readonly speakersLimit: number;
  readonly recognisers: number;
  readonly busy: number;
  readonly queue: number;
  /** Percent of the recognisers' time that lasting texts take. */
  readonly share: number;
  readonly behindP50Ms: number;
  readonly behindP95Ms: number;
  /** From how many texts that is. */
  readonly finals: number;
  readonly dropped: number;
  readonly shed: number;
  readonly rooms: readonly RoomLoad[];
}

export interface RoomLoad {
  readonly room: string;
  readonly name: string;
  readonly people: number;
  readonly speakers: number;
  readonly level: Level;
  readonly state: string;
  readonly lagMs: number;
}

export const modelStates = ['verified', 'damaged', 'missing', 'service'] as const;
export const modelUses = ['partials', 'finals', 'choice', 'voice'] as const;

export interface Model {
  readonly name: string;
  readonly state: (typeof modelStates)[number];
  /** Bytes; 0: not known. */
  readonly size: number;
  readonly uses: readonly (typeof modelUses)[number][];
  readonly languages: string;
  readonly licence: string;
}

export interface Models {
  readonly models: readonly Model[];
  /** False: recognisers run on other machines. */
  readonly known: boolean;
}

export function readWebhooks(v: unknown): Webhooks {
  const w = fields<Schemas['WebhookListOutputBody']>(v, 'webhooks');
  return {
    webhooks: list(w['webhooks'], readWebhook, 'webhooks', 100),
    events: list(w['events'], (e) => text(e, 'event'), 'events', 100),
  };
}

export function readWebhook(v: unknown): Webhook {
  const w = fields<Schemas['WebhookBody']>(v, 'webhook');
  return {
    id: text(w['id'], 'webhook id'),
    url: text(w['url'], 'url'),
    events: list(w['events'], (e) => text(e, 'event'), 'events', 100),
    secrets: countOr(w['secrets'], 1),
    stopped: hookStops.find((s) => s === w['stopped']),
    failingSinceUnixMs: countOr(w['failing_since_unix_ms'], 0),
    dropped: countOr(w['dropped'], 0),
  };
}

export function readNewWebhook(v: unknown): NewWebhook {
  const n = fields<Schemas['WebhookSecretBody']>(v, 'new webhook');
  return { webhook: readWebhook(n['webhook']), secret: text(n['secret'], 'secret') };
}

export function readDeliveries(v: unknown): Deliveries {
  const d = fields<Schemas['DeliveriesOutputBody']>(v, 'deliveries');
  return { deliveries: list(d['deliveries'], readDelivery, 'deliveries', 200), next: textOr(d['next'], '') };
}

export function readDelivery(v: unknown): Delivery {
  const d = fields<Schemas['DeliveryBody']>(v, 'delivery');
  return {
    id: text(d['id'], 'delivery id'),
    event: text(d['event'], 'event'),
    createdUnixMs: count(d['created_unix_ms'], 'created_unix_ms'),
    state: oneOf(d['state'], deliveryStates, 'state'),
    nextUnixMs: countOr(d['next_unix_ms'], 0),
    attempts: list(d['attempts'], readAttempt, 'attempts', 100),
    body: JSON.stringify(d['body'] ?? {}, null, 1),
  };
}

function readAttempt(v: unknown): Attempt {
  const a = fields<Schemas['AttemptBody']>(v, 'attempt');
  return {
    atUnixMs: count(a['at_unix_ms'], 'at_unix_ms'),
    status: countOr(a['status'], 0),
    tookMs: countOr(a['took_ms'], 0),
    failure: failures.find((f) => f === a['failure']),
  };
}

export function readTokens(v: unknown): ApiToken[] {
  return list(fields<Schemas['TokenListOutputBody']>(v, 'tokens')['tokens'], readToken, 'tokens', 1000);
}

function readToken(v: unknown): ApiToken {
  const t = fields<Schemas['TokenBody']>(v, 'token');
  return {
    id: text(t['id'], 'token id'),
    name: textOr(t['name'], ''),
    scope: oneOf(t['scope'], tokenScopes, 'scope'),
    createdUnixMs: countOr(t['created_unix_ms'], 0),
    expiresUnixMs: countOr(t['expires_unix_ms'], 0),
    lastUsedUnixMs: countOr(t['last_used_unix_ms'], 0),
  };
}

export function readNewToken(v: unknown): NewToken {
  const n = fields<Schemas['TokenSecretBody']>(v, 'new token');
  return { token: readToken(n['token']), secret: text(n['secret'], 'secret') };
}

export function readAudit(v: unknown): AuditPage {
  const a = fields<Schemas['AuditOutputBody']>(v, 'audit');
  return { entries: list(a['entries'], readEntry, 'entries', 1000), next: textOr(a['next'], '') };
}

function readEntry(v: unknown): AuditEntry {
  const e = fields<Schemas['AuditBody']>(v, 'audit entry');
  return {
    atUnixMs: count(e['at_unix_ms'], 'at_unix_ms'),
    actor: textOr(e['actor'], ''),
    role: oneOf(e['role'], roles, 'role'),
    action: text(e['action'], 'action'),
    object: textOr(e['object'], ''),
    reason: textOr(e['reason'], ''),
  };
}

/** The query of a page of the audit, with its "?"; '' for the newest of all. */
export function auditQuery(filter: AuditFilter, after: string): string {
  const wanted = Object.entries({ ...filter, after }).map(([name, value]): [string, string] => [name, value.trim()]);
  const query = new URLSearchParams(wanted.filter(([, value]) => value !== '')).toString();
  return query === '' ? '' : `?${query}`;
}

export function readCapacity(v: unknown): Capacity {
  const c: Unchecked<Schemas['Capacity']> = isFields(v) ? v : {};
  return {
    speakers: countOr(c['speakers'], 0),
    speakersLimit: countOr(c['speakers_limit'], 0),
    recognisers: countOr(c['recognisers'], 0),
    busy: countOr(c['busy'], 0),
    queue: countOr(c['queue'], 0),
    share: countOr(c['share'], 0),
    behindP50Ms: countOr(c['behind_p50_ms'], 0),
    behindP95Ms: countOr(c['behind_p95_ms'], 0),
    finals: countOr(c['finals'], 0),
    dropped: countOr(c['dropped'], 0),
    shed: countOr(c['shed'], 0),
    rooms: list(c['rooms'], readRoomLoad, 'rooms', 1000),
  };
}

function readRoomLoad(v: unknown): RoomLoad {
  const r = fields<Schemas['RoomLoad']>(v, 'room load');
  return {
    room: text(r['room'], 'room'),
    name: textOr(r['name'], ''),
    people: countOr(r['people'], 0),
    speakers: countOr(r['speakers'], 0),
    level: oneOf(r['level'], levels, 'level'),
    state: textOr(r['state'], ''),
    lagMs: countOr(r['lag_ms'], 0),
  };
}

export function readModels(v: unknown): Models {
  const m = fields<Schemas['ModelsOutputBody']>(v, 'models');
  return { models: list(m['models'], readModel, 'models', 1000), known: flagOr(m['known'], false) };
}

function readModel(v: unknown): Model {
  const m = fields<Schemas['InstalledModel']>(v, 'model');
  return {
    name: text(m['name'], 'model'),
    state: oneOf(m['state'], modelStates, 'state'),
    size: countOr(m['size'], 0),
    uses: list(m['uses'], (u) => oneOf(u, modelUses, 'use'), 'uses', 10),
    languages: textOr(m['languages'], ''),
    licence: textOr(m['licence'], ''),
  };
}

/** Whether a room is meant by what somebody typed: all words are in its name or its code, whatever case and accents. */
export function isMeant(room: { readonly id: string; readonly name: string }, typed: string): boolean {
  const there = folded(`${room.name} ${room.id}`);
  return folded(typed)
    .split(/\s+/)
    .every((word) => there.includes(word));
}

function folded(s: string): string {
  return s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
