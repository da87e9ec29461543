// The REST API under /api/v1: one function for each call the client makes. What comes is checked by one reader for each answer, in
// the file of its subject (me, rooms, meetings, transcripts, hits, instance, administration).

import {
  type ApiToken,
  type AuditFilter,
  type AuditPage,
  auditQuery,
  type Deliveries,
  type Models,
  type NewToken,
  type NewWebhook,
  readAudit,
  readDeliveries,
  readModels,
  readNewToken,
  readNewWebhook,
  readTokens,
  readWebhooks,
  type TokenScope,
  type Webhooks,
} from './administration';
import { readSearch, type SearchAnswer } from './hits';
import { type Instance, readInstance, readSystemStatus, type RoomCreation, type SystemStatus } from './instance';
import type { Level } from './level';
import { type Me, readMe } from './me';
import {
  type Consent,
  type KeptTrack,
  type MeetingEntry,
  type Mine,
  readConsent,
  readKeptTrack,
  readMeeting,
  readMine,
  readShares,
  type Share,
} from './meetings';
import type { Retention } from './retention';
import {
  type Access,
  type Ceiling,
  type CreatedRoom,
  type Engines,
  readAccess,
  readCreated,
  readRoom,
  type Room,
  type Rules,
} from './rooms';
import type { components, operations } from './schema';
import { countOr, fields, flagOr, isFields, list, text, textOr } from './shape';
import {
  type Edited,
  type ExportFormat,
  readEdited,
  readTranscript,
  type Transcript,
  type TranscriptEdit,
} from './transcripts';

type Schemas = components['schemas'];

/** What the operation of this ID takes. */
type Body<ID extends keyof operations> = operations[ID] extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer B } };
}
  ? B
  : never;

const base = '/api/v1';
const longestPage = 200;
/** No installation has more rooms than pages of this number hold. */
const mostPages = 100;
const problemPrefix = 'urn:souffleur:problem:';

/** An answer that is not a success. code is the stable word of the problem (RFC 9457 type), '' if there is none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** When to try again, in seconds from the answer; undefined: the server did not say. */
    readonly retryAfterS: number | undefined = undefined,
  ) {
    super(`status ${status} ${code}`);
  }
}

/** A part of a list. */
export interface Paged<T> {
  readonly entries: readonly T[];
  /** What to go on with, '' at the end. */
  readonly next: string;
}

/** How somebody comes in. */
export interface JoinRequest {
  readonly name: string;
  /** We encrypt end to end; it must be what the room is. */
  readonly e2ee?: boolean;
  /** What the page said of the AI (see notice.ts); the server refuses with "notice-needed" where it does more. */
  readonly notice?: string;
  /** Do not transcribe me, from the first packet on. */
  readonly optOut?: boolean;
  /** How many are at this microphone, 0 if that is not known; undefined: one. */
  readonly roomMic?: number | undefined;
}

export interface Joined {
  readonly token: string;
  readonly ws: string;
}

export class Api {
  readonly #fetch: typeof fetch;

  constructor(send: typeof fetch = (input, init) => fetch(input, init)) {
    this.#fetch = send;
  }

  async me(): Promise<Me> {
    return readMe(await this.#call('GET', '/me'));
  }

  async redeemLink(secret: string): Promise<{ admin: boolean; room: string }> {
    const body: Body<'redeem-link'> = { token: secret };
    const answer = fields<Schemas['LinkOutputBody']>(await this.#call('POST', '/session/link', body), 'link');
    return { admin: flagOr(answer['admin'], false), room: textOr(answer['room'], '') };
  }

  /** Returns where to go on to, so that the sign-in ends at the identity provider, too; '' if there is nothing to end. */
  async signOut(): Promise<string> {
    const url = textOr(
      fields<Schemas['SignOutOutputBody']>(await this.#call('DELETE', '/session'), 'sign-out').url,
      '',
    );
    return /^https?:\/\//.test(url) ? url : '';
  }

  /** Sent again with the same key, it gives the room that was made the first time. */
  async createRoom(name: string, e2ee = false, key = ''): Promise<CreatedRoom> {
    const body: Body<'create-room'> = { name, e2ee };
    return readCreated((await this.#ask('POST', '/rooms', body, keyed(key))).value);
  }

  /** All rooms, for choices among them. */
  async rooms(): Promise<Room[]> {
    const all: Room[] = [];
    let next = '';
    for (let page = 0; page < mostPages; page++) {
      const entries = await this.roomPage(next, longestPage);
      all.push(...entries.entries);
      if (entries.next === '') break;
      next = entries.next;
    }
    return all;
  }

  /** The newest rooms, or those that follow another page. */
  async roomPage(after = '', limit = 50): Promise<Paged<Room>> {
    const said = await this.#call('GET', `/rooms?${paging(after, limit)}`);
    const answer = fields<Schemas['ListRoomsOutputBody']>(said, 'rooms');
    return { entries: list(answer['rooms'], (r) => readRoom(r), 'rooms'), next: textOr(answer['next'], '') };
  }

  async room(room: string): Promise<Room> {
    const { value, etag } = await this.#ask('GET', `/rooms/${part(room)}`);
    return readRoom(value, etag);
  }

  async deleteRoom(room: string): Promise<void> {
    await this.#call('DELETE', `/rooms/${part(room)}`);
  }

  async organize(room: string, secret: string): Promise<void> {
    const body: Body<'organize-room'> = { secret };
    await this.#call('POST', `/rooms/${part(room)}/organize`, body);
  }

  /** Makes a new organizer link; the one before stops working. */
  async organizerLink(room: string): Promise<string> {
    const said = await this.#call('POST', `/rooms/${part(room)}/organizer-link`);
    const answer = fields<Schemas['OrganizerLinkOutputBody']>(said, 'organizer link');
    return text(answer['organizer_url'], 'organizer_url');
  }

  async setLevel(room: string, level: Level): Promise<void> {
    const body: Body<'set-ai-level'> = { level };
    await this.#call('PUT', `/rooms/${part(room)}/ai`, body);
  }

  async setKeepAudio(room: string, keep: boolean): Promise<void> {
    const body: Body<'set-keep-audio'> = { keep };
    await this.#call('PUT', `/rooms/${part(room)}/audio`, body);
  }

  async setE2EE(room: string, on: boolean): Promise<void> {
    const body: Body<'set-e2ee'> = { on };
    await this.#call('PUT', `/rooms/${part(room)}/e2ee`, body);
  }

  // With the ETag of what somebody had before them when they chose, the following are refused with "changed-meanwhile" if
  // somebody else was first.

  /** Tells recognisers what is spoken in the room; the list of languages may be empty: any. */
  async describeSpeech(
    room: string,
    speech: { langs: readonly string[]; glossary: readonly string[] },
    etag = '',
  ): Promise<void> {
    const body: Body<'change-room'> = speech;
    await this.#ask('PATCH', `/rooms/${part(room)}`, body, ifMatch(etag));
  }

  /** Returns the name of the settings as they are then, for a further change of them. */
  async setRules(room: string, rules: Rules, etag = ''): Promise<string> {
    const { lobby, maxPeople, share, shareReplaces, latePrivate } = rules;
    const body: Body<'change-room'> = {
      rules: {
        lobby,
        max_people: maxPeople,
        share,
        share_replaces: shareReplaces,
        late_private: latePrivate,
      },
    };
    return (await this.#ask('PATCH', `/rooms/${part(room)}`, body, ifMatch(etag))).etag;
  }

  async setCeiling(room: string, ceiling: Ceiling): Promise<void> {
    const body: Body<'set-ai-ceiling'> = { ceiling };
    await this.#call('PUT', `/rooms/${part(room)}/ceiling`, body);
  }

  async setEngines(room: string, engines: Engines): Promise<void> {
    const body: Body<'set-engines'> = engines;
    await this.#call('PUT', `/rooms/${part(room)}/engines`, body);
  }

  /** Says whether voices at shared microphones are told apart in a room. */
  async setVoices(room: string, apart: boolean): Promise<void> {
    const body: Body<'set-voices'> = { apart };
    await this.#call('PUT', `/rooms/${part(room)}/voices`, body);
  }

  async setRetention(room: string, retention: Retention, etag = ''): Promise<void> {
    await this.#ask('PUT', `/rooms/${part(room)}/retention`, writtenRetention(retention), ifMatch(etag));
  }

  async endMeeting(room: string): Promise<void> {
    await this.#call('POST', `/rooms/${part(room)}/end`);
  }

  async join(room: string, entry: JoinRequest): Promise<Joined> {
    const { name, e2ee = false, notice = '', optOut = false, roomMic } = entry;
    const several = roomMic === undefined ? {} : { room_mic: true, headcount: roomMic };
    const body: Body<'join-room'> = { name, e2ee, notice, opt_out: optOut, ...several };
    const said = await this.#call('POST', `/rooms/${part(room)}/join`, body);
    const answer = fields<Schemas['JoinOutputBody']>(said, 'join');
    return { token: text(answer['token'], 'token'), ws: textOr(answer['ws'], `${base}/signal`) };
  }

  /** The newest meetings, or those that follow another page. */
  async meetings(after = '', limit = 50): Promise<Paged<MeetingEntry>> {
    const said = await this.#call('GET', `/meetings?${paging(after, limit)}`);
    const answer = fields<Schemas['ListMeetingsOutputBody']>(said, 'meetings');
    return { entries: list(answer['meetings'], readMeeting, 'meetings'), next: textOr(answer['next'], '') };
  }

  async meeting(id: string): Promise<MeetingEntry> {
    return readMeeting(await this.#call('GET', `/meetings/${part(id)}`));
  }

  /** What each participant of a meeting knew of the AI, by time. */
  async consents(id: string): Promise<Consent[]> {
    const m = fields<Schemas['MeetingBody']>(await this.#call('GET', `/meetings/${part(id)}`), 'meeting');
    return list(m['consents'], readConsent, 'consents');
  }

  async transcript(id: string, reason = ''): Promise<Transcript> {
    const { value, etag } = await this.#ask('GET', `/meetings/${part(id)}/transcript${withReason(reason)}`);
    return readTranscript(value, etag);
  }

  /** Changes the version that etag names; 412 "edited-meanwhile" if it is not the newest any more. */
  async editTranscript(id: string, etag: string, edit: TranscriptEdit, reason = ''): Promise<Edited> {
    const path = `/meetings/${part(id)}/transcript${withReason(reason)}`;
    const body: Body<'edit-transcript'> = edit;
    const answer = await this.#ask('PATCH', path, body, { 'if-match': etag });
    return readEdited(answer.value, answer.etag);
  }

  /** Makes an ended meeting of a transcript that was exported as JSON; once, however often it is sent with one key. */
  async importMeeting(room: string, file: Blob, key = ''): Promise<MeetingEntry> {
    return readMeeting((await this.#ask('POST', `/rooms/${part(room)}/meetings`, file, keyed(key))).value);
  }

  /** Finds what was said: from the newest meeting, or after the one where the last answer ended, or in one meeting. */
  async search(query: string, where: { after?: string; meeting?: string } = {}): Promise<SearchAnswer> {
    return readSearch(await this.#call('GET', `/search?${new URLSearchParams({ q: query, ...where })}`));
  }

  async deleteMeeting(id: string, reason = ''): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}${withReason(reason)}`);
  }

  async keptAudio(id: string, reason = ''): Promise<KeptTrack[]> {
    const said = await this.#call('GET', `/meetings/${part(id)}/audio${withReason(reason)}`);
    const answer = fields<Schemas['ListAudioOutputBody']>(said, 'audio');
    return list(answer['tracks'], readKeptTrack, 'tracks');
  }

  /** Address of the sound of a track, for an audio element. */
  audioUrl(id: string, track: string, reason: string): string {
    return `${base}/meetings/${part(id)}/audio/${part(track)}${withReason(reason)}`;
  }

  /** Keeps a meeting beyond its room's retention, or no longer. */
  async keepMeeting(id: string, kept: boolean): Promise<MeetingEntry> {
    const body: Body<'keep-meeting'> = { kept };
    return readMeeting(await this.#call('PUT', `/meetings/${part(id)}/kept`, body));
  }

  /** Deletes what one participant said, and their name. */
  async forgetParticipant(id: string, participant: string, reason = ''): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}/people/${part(participant)}${withReason(reason)}`);
  }

  async mine(id: string): Promise<Mine> {
    return readMine(await this.#call('GET', `/meetings/${part(id)}/mine`));
  }

  /** Deletes what I said. */
  async forgetMine(id: string): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}/mine`);
  }

  /** Address of a download: an ordinary link, so that the browser names and saves the file. */
  exportUrl(id: string, format: ExportFormat, lang: string, reason: string): string {
    const query = new URLSearchParams({ format, lang, ...(reason === '' ? {} : { reason }) });
    return `${base}/meetings/${part(id)}/export?${query}`;
  }

  /** What is asked below the minutes of a meeting. What comes is read by minutes.ts, which only the page of a meeting loads. */
  async minutes(
    id: string,
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    below: '' | '/job',
    reason: string,
    body?: unknown,
    etag?: string,
  ): Promise<Answer> {
    const path = `/meetings/${part(id)}/minutes${below}${withReason(reason)}`;
    return this.#ask(method, path, body, etag === undefined ? {} : { 'if-match': etag });
  }

  /** Address of a download of minutes. */
  minutesUrl(id: string, format: string, lang: string, reason: string): string {
    const query = new URLSearchParams({ format, lang, ...(reason === '' ? {} : { reason }) });
    return `${base}/meetings/${part(id)}/minutes/export?${query}`;
  }

  /** Who writes minutes here. */
  async summarizer(): Promise<Summarizer> {
    const s = fields<Schemas['SummarizerOutputBody']>(await this.#call('GET', '/summarizer'), 'summarizer');
    return {
      host: textOr(s['host'], ''),
      model: textOr(s['model'], ''),
      fault: textOr(s['fault'], ''),
      checkedUnixMs: countOr(s['checked_unix_ms'], 0),
    };
  }

  async instance(): Promise<Instance> {
    return readInstance(await this.#call('GET', '/instance'));
  }

  async setInstance(change: {
    ceiling?: Level;
    room_creation?: RoomCreation;
    keep_audio?: boolean;
    voices_apart?: boolean;
    retention?: Retention;
  }): Promise<void> {
    const { retention, ...rest } = change;
    const body: Body<'change-instance'> = retention ? { ...rest, retention: writtenRetention(retention) } : rest;
    await this.#call('PATCH', '/instance', body);
  }

  async status(): Promise<SystemStatus> {
    return readSystemStatus(await this.#call('GET', '/status'));
  }

  async access(room: string): Promise<Access> {
    return readAccess(await this.#call('GET', `/rooms/${part(room)}/access`));
  }

  async setAccess(room: string, access: Access, etag = ''): Promise<void> {
    const body: Body<'set-access'> = access;
    await this.#ask('PUT', `/rooms/${part(room)}/access`, body, ifMatch(etag));
  }

  async shares(meeting: string): Promise<Share[]> {
    return readShares(await this.#call('GET', `/meetings/${part(meeting)}/shares`));
  }

  /** Lets people read a meeting; returns everybody who may. */
  async share(meeting: string, addresses: readonly string[]): Promise<Share[]> {
    const body: Body<'share-meeting'> = { addresses };
    return readShares(await this.#call('POST', `/meetings/${part(meeting)}/shares`, body));
  }

  async withdraw(meeting: string, share: string): Promise<Share[]> {
    return readShares(await this.#call('DELETE', `/meetings/${part(meeting)}/shares/${part(share)}`));
  }

  async webhooks(): Promise<Webhooks> {
    return readWebhooks(await this.#call('GET', '/webhooks'));
  }

  async createWebhook(url: string, events: readonly string[]): Promise<NewWebhook> {
    const body: Body<'create-webhook'> = { url, events };
    return readNewWebhook(await this.#call('POST', '/webhooks', body));
  }

  async setWebhook(id: string, change: { url?: string; events?: readonly string[]; active?: boolean }): Promise<void> {
    const body: Body<'change-webhook'> = change;
    await this.#call('PATCH', `/webhooks/${part(id)}`, body);
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.#call('DELETE', `/webhooks/${part(id)}`);
  }

  /** Makes a new secret; for a day the one before signs, too. */
  async rotateWebhook(id: string): Promise<NewWebhook> {
    return readNewWebhook(await this.#call('POST', `/webhooks/${part(id)}/secret`));
  }

  async testWebhook(id: string): Promise<void> {
    await this.#call('POST', `/webhooks/${part(id)}/test`);
  }

  async deliveries(id: string, after = ''): Promise<Deliveries> {
    const query = after === '' ? '' : `?${new URLSearchParams({ after })}`;
    return readDeliveries(await this.#call('GET', `/webhooks/${part(id)}/deliveries${query}`));
  }

  async replay(id: string, delivery: string): Promise<void> {
    await this.#call('POST', `/webhooks/${part(id)}/deliveries/${part(delivery)}/replay`);
  }

  async tokens(): Promise<ApiToken[]> {
    return readTokens(await this.#call('GET', '/tokens'));
  }

  /** days: how long it works; 0: until it is revoked. */
  async createToken(name: string, scope: TokenScope, days: number): Promise<NewToken> {
    const body: Body<'create-token'> = { name, scope, days };
    return readNewToken(await this.#call('POST', '/tokens', body));
  }

  async revokeToken(id: string): Promise<void> {
    await this.#call('DELETE', `/tokens/${part(id)}`);
  }

  async audit(filter: AuditFilter, after = ''): Promise<AuditPage> {
    return readAudit(await this.#call('GET', `/audit${auditQuery(filter, after)}`));
  }

  async models(): Promise<Models> {
    return readModels(await this.#call('GET', '/models'));
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    return (await this.#ask(method, path, body)).value;
  }

  /** Sends a question; a body that is a file goes as it is. */
  async #ask(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...more };
    const content = body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body), headers };
    const answer = await this.#send(base + path, { method, credentials: 'same-origin', ...content });
    const said = await answer.text();
    if (!answer.ok) throw readProblem(answer.status, said, readRetryAfter(answer.headers.get('retry-after')));
    const value: unknown = said === '' ? undefined : JSON.parse(said);
    return { value, etag: answer.headers.get('etag') ?? '' };
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch {
      throw new ApiError(0, 'network', '');
    }
  }
}

/** Who writes minutes. */
export interface Summarizer {
  /** Of the language model; '' if there is none. */
  readonly host: string;
  readonly model: string;
  /** Why the language model could not be used when it was asked last: a code; '' if it could. */
  readonly fault: string;
  /** 0: no worker that writes minutes ever ran. */
  readonly checkedUnixMs: number;
}

export interface Answer {
  readonly value: unknown;
  readonly etag: string;
}

function part(id: string): string {
  return encodeURIComponent(id);
}

function writtenRetention(r: Retention): Schemas['RetentionBody'] {
  return { audio_days: r.audioDays, text_days: r.textDays, minutes_days: r.minutesDays };
}

function paging(after: string, limit: number): URLSearchParams {
  return new URLSearchParams({ limit: String(limit), ...(after === '' ? {} : { after }) });
}

function keyed(key: string): Record<string, string> {
  return key === '' ? {} : { 'idempotency-key': key };
}

function ifMatch(etag: string): Record<string, string> {
  return etag === '' ? {} : { 'if-match': etag };
}

/** Whether a change was refused because somebody else was first. */
export function isOutdated(reason: unknown): boolean {
  return reason instanceof ApiError && reason.code === 'changed-meanwhile';
}

function withReason(reason: string): string {
  return reason === '' ? '' : `?${new URLSearchParams({ reason })}`;
}

function readProblem(status: number, said: string, retryAfterS: number | undefined): ApiError {
  try {
    const p: unknown = JSON.parse(said);
    if (!isFields(p)) return new ApiError(status, '', '', retryAfterS);
    const type = textOr(p['type'], '');
    const code = type.startsWith(problemPrefix) ? type.slice(problemPrefix.length) : '';
    return new ApiError(status, code, textOr(p['detail'], ''), retryAfterS);
  } catch {
    return new ApiError(status, '', '', retryAfterS);
  }
}

/** Reads a Retry-After header in its form of seconds. */
function readRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
